//go:build unix

package fastpath

import (
	"errors"
	"syscall"
	"testing"
)

// Opening a pipe would wait for a writer for ever.
func TestPipe(t *testing.T) {
	tr := newTree(t, map[string]string{"x/a.go": main1})
	tr.must(syscall.Mkfifo(tr.path("x/pipe.go"), 0o644))
	tr.link("x/pipe.go", "link")
	for _, in := range []Input{
		{Kind: Package, Path: "x"}, {Kind: Headers, Path: "x"}, {Kind: Tree, Path: "."}, {Kind: All, Path: "."},
		{Kind: Embed, Path: ".", Pattern: "x"}, {Kind: Embed, Path: ".", Pattern: "*/pipe.go"},
		{Kind: File, Path: "x/pipe.go"}, {Kind: Package, Path: "x/pipe.go"}, {Kind: File, Path: "link"},
	} {
		if err := tr.takeErr(in); !errors.Is(err, errIrregular) {
			t.Errorf("%v: %v", in, err)
		}
	}
}
