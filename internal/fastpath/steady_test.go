package fastpath

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/imgo-build/imgo/internal/stamp"
)

func TestSteady(t *testing.T) {
	root := t.TempDir()
	put := func(name, content string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(root, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	snap := func(known *Snapshot, paths ...string) *Snapshot {
		t.Helper()
		var inputs []Input
		for _, p := range paths {
			inputs = append(inputs, Input{Kind: File, Path: p})
		}
		s, err := Take(t.Context(), root, inputs, known, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if !stamp.Reliable {
		return // nothing is ever steady
	}
	put("a", "1")
	before := snap(nil, "a")
	began := time.Now()
	put("b", "1")
	after := snap(before, "a", "b")
	if !snap(before, "a").Steady(before, began) {
		t.Error("a was the same before, and is not steady")
	}
	if after.Steady(before, began) {
		t.Error("b may have been written while work went on, and is steady")
	}
	if !after.Steady(before, began.Add(time.Second)) || !after.Steady(nil, began.Add(time.Second)) {
		t.Error("what was written long before is not steady")
	}
	put("a", "2")
	if snap(before, "a").Steady(before, began) {
		t.Error("a changed, and is steady")
	}
	if snap(before, "a").Steady(before, began.Add(time.Hour)) {
		t.Error("another a was put in its place long ago, and is steady")
	}
}
