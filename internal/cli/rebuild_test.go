package cli

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/imgo-build/imgo/internal/attest"
	"github.com/imgo-build/imgo/internal/attest/provenance"
	"github.com/imgo-build/imgo/internal/configfile"
	"github.com/imgo-build/imgo/internal/gobuild"
	"github.com/imgo-build/imgo/internal/rebuild"
	"github.com/imgo-build/imgo/pkg/imgo"
	"github.com/imgo-build/imgo/pkg/publish"
)

// What stands in the way of a rebuild is no wrong usage, and advice for whoever wrote the
// settings is none for whoever repeats them.
func TestHintsOfRebuilds(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string // part of the hint; empty for none
	}{
		{&rebuild.RefusedError{What: "source"}, "--source DIR"},
		{&rebuild.RefusedError{What: "go.ldflags"}, ""},
		{&rebuild.SourceError{Local: true}, "git fetch there"},
		{&rebuild.SourceError{}, "--source DIR"},
		{&rebuild.ToolchainError{Want: "go1.26.1"}, "go install golang.org/dl/go1.26.1@latest && go1.26.1 download"},
		{&rebuild.OtherImgoError{Version: "v1.2.3"}, "go install github.com/imgo-build/imgo/cmd/imgo@v1.2.3"},
		{&rebuild.OtherImgoError{Version: "devel"}, "with the imgo that built it"},
		{&rebuild.NoProgramError{Name: "git"}, "install git"},
		{&provenance.OtherBuildError{}, "only what imgo built"},
		{&gobuild.CompileError{}, "in no commit"},
		{&publish.AuthError{Registry: "r.example", Anonymous: true}, "imgo login r.example"},
		{&configfile.Error{Hint: "write it otherwise"}, ""},
		{&gobuild.BuildModeError{}, ""},
	} {
		err := fmt.Errorf("verifying x: %w", &imgo.RebuildError{Err: c.err})
		if got := hint(err); !strings.Contains(got, c.want) || (got == "") != (c.want == "") {
			t.Errorf("%T: %q", c.err, got)
		}
		if isUsage(err) {
			t.Errorf("%T is wrong usage", c.err)
		}
	}
}

func TestRebuildFlags(t *testing.T) {
	a := &app{Process: Process{Dir: t.TempDir()}}
	trust := attest.Trust{Require: []attest.Kind{attest.Signature}}
	f := rebuildFlags{wanted: true, source: "/clone"}
	if err := f.resolve(a, &trust); err != nil || len(trust.Require) != 2 || f.source == "" {
		t.Errorf("%v, %v, %s", err, trust.Require, f.source)
	}
	if err := f.resolve(a, &trust); err != nil || len(trust.Require) != 2 {
		t.Errorf("%v, %v", err, trust.Require)
	}
	alone := rebuildFlags{source: "x"}
	if err := alone.resolve(a, &trust); err == nil || !isUsage(err) {
		t.Errorf("--source without --rebuild: %v", err)
	}
}

func TestRebuildText(t *testing.T) {
	if got := rebuildText(nil); got != "" {
		t.Errorf("without a rebuild: %q", got)
	}
	r := &imgo.Rebuild{
		Same: true, Digest: "sha256:a", Rebuilt: "sha256:a", Toolchain: "go1.26.1",
		Source:  imgo.RebuildSource{Repository: "https://example.com/acme/m", Commit: "0123"},
		Imgo:    imgo.RebuildImgo{Recorded: "v1.0.0", Used: "v1.1.0"},
		Omitted: []imgo.RebuildOmission{{What: "go.env.CC", Why: "a path of the machine"}},
		Notes:   []string{"the commit has submodules, which are not fetched"},
	}
	const facts = `  source    commit 0123 of https://example.com/acme/m
  go        go1.26.1
  imgo      v1.1.0 (it was built by v1.0.0, which assembles images in the same way)
  omitted   go.env.CC (a path of the machine) is not in the provenance: the outcome may differ for it
  note      the commit has submodules, which are not fetched
`
	if diff := cmp.Diff("\nrebuilt: same digest\n"+facts, rebuildText(r)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	r.Same, r.Rebuilt = false, "sha256:b"
	r.Comparison = &imgo.Comparison{Old: imgo.Compared{Reference: "x"}, New: imgo.Compared{Reference: "rebuilt"}}
	text := rebuildText(r)
	if !strings.HasPrefix(text, "\nrebuilt: ANOTHER digest, sha256:b\n"+facts+"\n- image ") {
		t.Errorf("another digest: %s", text)
	}
	err := rebuildFailure(&imgo.Verification{Report: attest.Report{Reference: "x"}, Rebuild: r})
	if want := "x is not what its provenance says: built again, it is sha256:b"; err == nil || err.Error() != want {
		t.Error(err)
	}
}
