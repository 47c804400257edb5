package attest

import (
	"testing"

	"github.com/imgo-build/imgo/pkg/build"
)

func TestPrepare(t *testing.T) {
	f := newFixture(t)
	target := &build.Target{}
	if err := f.Prepare(target); err != nil {
		t.Error(err)
	}
	target.Settings.Attest.Sign = f.sign
	if err := f.Prepare(target); err != nil {
		t.Error(err)
	}
	target.Settings.Attest.Sign = &build.Signing{Key: f.sign.Key + "s"}
	if err := f.Prepare(target); err == nil {
		t.Error("a key that isn't there is accepted")
	}
}
