package build_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/pkg/build"
)

// verifier notes what it is asked, and says no to some.
type verifier struct {
	mu    sync.Mutex
	asked []string
	no    map[string]error // by key
}

func (v *verifier) VerifyBase(_ context.Context, ref string, _ build.Base, t build.BaseTrust) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.asked = append(v.asked, fmt.Sprintf("%s by %s", ref, t))
	return v.no[t.Key]
}

// trusting is a plan of four images: two whose bases one key has to have signed, one with
// another key, and one whose base anybody may have made.
func trusting(t *testing.T, platforms ...v1.Platform) *build.Plan {
	p := plan(t, platforms, nil, "a", "b", "c", "d")
	for i, key := range []string{"/k/one.pub", "/k/one.pub", "/k/two.pub"} {
		p.Targets[i].Settings.BaseTrust = &build.BaseTrust{Key: key}
	}
	return p
}

func TestBasesAreVerifiedOnce(t *testing.T) {
	w, v := newWorld(t), &verifier{}
	w.stages.Verifier = v
	if _, err := build.Run(t.Context(), trusting(t, amd64), w.stages); err != nil {
		t.Fatal(err)
	}
	slices.Sort(v.asked)
	if diff := cmp.Diff([]string{"scratch by the key one.pub", "scratch by the key two.pub"}, v.asked); diff != "" {
		t.Error(diff)
	}
	v.asked = nil
	if _, err := build.Run(t.Context(), trusting(t, amd64, arm64), w.stages); err != nil || len(v.asked) != 4 {
		t.Errorf("two platforms: asked %q, %v", v.asked, err)
	}
}

func TestNothingIsPublishedOnAnUnverifiedBase(t *testing.T) {
	unsigned := errors.New("nobody signed it")
	for name, v := range map[string]build.BaseVerifier{
		"unsigned":    &verifier{no: map[string]error{"/k/two.pub": unsigned}},
		"no verifier": nil,
	} {
		w := newWorld(t)
		w.stages.Verifier = v
		p := trusting(t, amd64)
		p.Targets = p.Targets[2:3]
		results, err := build.Run(t.Context(), p, w.stages)
		if err == nil || results != nil || v != nil && !errors.Is(err, unsigned) {
			t.Errorf("%s: got %v, %v", name, results, err)
		}
		if slices.ContainsFunc(w.registry.log, func(s string) bool { return !strings.HasPrefix(s, "close") }) {
			t.Errorf("%s: something was published: %q", name, w.registry.log)
		}
		if n := w.compiler.openFiles(); n != 0 {
			t.Errorf("%s: %d binaries were left open", name, n)
		}
	}
}

// What was built before has its base in it.
func TestWhatOnlyTravelsIsNotVerified(t *testing.T) {
	w, v := newWorld(t), &verifier{no: map[string]error{"/k/one.pub": errors.New("asked")}}
	w.stages.Verifier = v
	if _, err := build.Run(t.Context(), plan(t, []v1.Platform{amd64}, []string{"registry.test/a/x:v1"}, "x"), w.stages); err != nil {
		t.Fatal(err)
	}
	p := plan(t, []v1.Platform{amd64}, []string{"registry.test/a/y:v1"}, "y")
	p.Targets[0].Artifact = w.registry.got["a/x"]
	p.Targets[0].Settings.BaseTrust = &build.BaseTrust{Key: "/k/one.pub"}
	if _, err := build.Run(t.Context(), p, w.stages); err != nil || len(v.asked) != 0 {
		t.Errorf("asked %q, %v", v.asked, err)
	}
}

func TestTrustInWords(t *testing.T) {
	for want, trust := range map[string]build.BaseTrust{
		"the key base.pub":                            {Key: "/etc/base.pub"},
		"a@b.c (https://i.example)":                   {Identity: "a@b.c", Issuer: "https://i.example"},
		"an identity like .*@b (an issuer like .*/i)": {IdentityRegexp: ".*@b", IssuerRegexp: ".*/i"},
	} {
		if got := trust.String(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
