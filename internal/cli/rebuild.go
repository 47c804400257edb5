package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/imgo-build/imgo/internal/attest"
	"github.com/imgo-build/imgo/internal/attest/provenance"
	"github.com/imgo-build/imgo/internal/gobuild"
	"github.com/imgo-build/imgo/internal/rebuild"
	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/imgo"
)

// rebuildFlags are those of imgo verify that are about building again.
type rebuildFlags struct {
	wanted bool
	source string
}

func (f *rebuildFlags) register(flags *pflag.FlagSet) {
	flags.BoolVar(&f.wanted, "rebuild", false, "build the image again from the commit and the settings of its provenance, and compare the digests")
	flags.StringVar(&f.source, "source", "", "`DIR` of a clone to take the commit from, for --rebuild")
}

// resolve checks the flags. What is built from has to be verified.
func (f *rebuildFlags) resolve(a *app, trust *attest.Trust) error {
	if !f.wanted {
		if f.source != "" {
			return &build.UsageError{Reason: a.how("source") + " is where a rebuild takes the commit from: add --rebuild"}
		}
		return nil
	}
	if f.source != "" && !filepath.IsAbs(f.source) {
		f.source = filepath.Join(a.Dir, f.source)
	}
	if !slices.Contains(trust.Require, attest.Provenance) {
		trust.Require = append(trust.Require, attest.Provenance)
	}
	return nil
}

// run builds again what is verified so far.
func (f *rebuildFlags) run(ctx context.Context, c *imgo.Client, v *imgo.Verification) error {
	if !f.wanted || !v.Verified {
		return nil
	}
	if err := c.Rebuild(ctx, v, imgo.RebuildOptions{Source: f.source}); err != nil {
		return fmt.Errorf("verifying %s: %w", v.Reference, err)
	}
	return nil
}

// rebuildFailure says that a rebuild came to something else.
func rebuildFailure(v *imgo.Verification) error {
	return fmt.Errorf("%s is not what its provenance says: built again, it is %s", v.Reference, v.Rebuild.Rebuilt)
}

// rebuildText is a rebuild for people; empty where there was none.
func rebuildText(r *imgo.Rebuild) string {
	if r == nil {
		return ""
	}
	var b strings.Builder
	if r.Same {
		fmt.Fprintf(&b, "\nrebuilt: same digest\n")
	} else {
		fmt.Fprintf(&b, "\nrebuilt: ANOTHER digest, %s\n", r.Rebuilt)
	}
	place := r.Source.Repository
	if r.Source.Local != "" {
		place = r.Source.Local
	}
	fmt.Fprintf(&b, "  source    commit %s of %s\n", r.Source.Commit, oneLine(place))
	fmt.Fprintf(&b, "  go        %s\n", oneLine(r.Toolchain))
	used := r.Imgo.Used
	if used != r.Imgo.Recorded {
		used += fmt.Sprintf(" (it was built by %s, which assembles images in the same way)", r.Imgo.Recorded)
	}
	fmt.Fprintf(&b, "  imgo      %s\n", oneLine(used))
	for _, o := range r.Omitted {
		fmt.Fprintf(&b, "  omitted   %s (%s) is not in the provenance: the outcome may differ for it\n", oneLine(o.What), oneLine(o.Why))
	}
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "  note      %s\n", oneLine(n))
	}
	if r.Comparison != nil {
		fmt.Fprintf(&b, "\n%s", comparisonText(r.Comparison))
	}
	return b.String()
}

// hintRebuild is what to do where an image could not be built again. Advice for whoever
// builds with settings of his own would be wrong here.
func hintRebuild(err error) string {
	if e, ok := errors.AsType[*rebuild.RefusedError](err); ok {
		if strings.HasPrefix(e.What, "source") {
			return "a clone that has the commit can be named with --source DIR; what is in no commit can't be built again"
		}
		return ""
	}
	if e, ok := errors.AsType[*rebuild.SourceError](err); ok {
		if e.Local {
			return "--source names a clone that has the commit: git fetch there may bring it"
		}
		return "name a clone that has the commit with --source DIR; for access, git reads credentials and url.BASE.insteadOf from your configuration"
	}
	if e, ok := errors.AsType[*rebuild.ToolchainError](err); ok {
		return fmt.Sprintf("let the go command fetch it (GOPROXY, GOSUMDB), or install it: go install golang.org/dl/%s@latest && %s download", e.Want, e.Want)
	}
	if e, ok := errors.AsType[*rebuild.OtherImgoError](err); ok {
		if rebuild.Fetchable(e.Version) {
			return "verify it with that imgo: go install github.com/imgo-build/imgo/cmd/imgo@" + e.Version
		}
		return "verify it with the imgo that built it"
	}
	if e, ok := errors.AsType[*rebuild.NoProgramError](err); ok {
		return "install " + e.Name + ", and put it into PATH"
	}
	if is[*provenance.OtherBuildError](err) {
		return "only what imgo built and told the provenance of can be built again"
	}
	if is[*gobuild.LoadError](err) || is[*gobuild.CompileError](err) {
		return "what the build needed may be in no commit, such as generated files"
	}
	return hintRegistry(err)
}
