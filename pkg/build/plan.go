package build

import (
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/internal/expand"
	"github.com/imgo-build/imgo/pkg/image"
)

// appDir is where binaries lie in an image unless the user says otherwise.
const appDir = "/app"

// Plan is a request with all names settled. It does not change once made.
type Plan struct {
	Request
	Targets []Target
}

// Target is one image to be made or passed on, and its places.
type Target struct {
	Name     string         // NAME in NAME.tar and, in lower case, PREFIX/NAME
	Package  Package        // whose binary is the entrypoint
	More     []Program      // binaries beside it
	Settings Settings       // as resolved for this image
	Values   expand.Values  // what its templates see, apart from the platform
	Licenses string         // SPDX expression of the main module's licence, or empty
	VCS      *VCS           // the state of the repository, where it is to be told
	Artifact image.Artifact // what was built before and only travels
	Origin   string         // where Artifact was read from, as the user typed it
	Repos    []Destination
	Path     string // tarball or layout, absolute; empty for others
}

// Program is a binary of an image.
type Program struct {
	Package Package
	Path    string // in the image
	Go      GoSettings
	Ldflags []Text // over those of Go
	Where   string // of what asks for it, for messages
}

// VCS is what annotations tell of the repository that an image was made from.
type VCS struct {
	Revision, Version string
	Created           string // RFC 3339
}

// Destination is a repository and the tags that an image gets there.
type Destination struct {
	Repo name.Repository
	Tags []name.Tag
}

// UsageError is a request that can't be meant as it stands. Its text says what to
// type instead.
type UsageError struct{ Reason string }

func (e *UsageError) Error() string { return e.Reason }

func usagef(format string, args ...any) error {
	return &UsageError{Reason: fmt.Sprintf(format, args...)}
}

// NewPlan settles the names of targets and checks what can be checked before anything
// is built. Targets whose package has an error stay, so that they are named in their
// place among the results.
func NewPlan(req Request, targets []Target) (*Plan, error) {
	if err := req.Naming.assign(targets, req.Output.Kind == ToRegistry); err != nil {
		return nil, err
	}
	if err := assignPaths(targets, req.Output); err != nil {
		return nil, err
	}
	outputs := outputsOf(targets)
	var errs []error
	for i := range targets {
		targets[i].Settings.FilesRoot.Outputs = outputs
		errs = append(errs, targets[i].check(), targets[i].keepsPromises(req.Output.Kind))
	}
	return &Plan{Request: req, Targets: targets}, errors.Join(errs...)
}

// assignPaths gives each target its file and refuses what would overwrite itself.
func assignPaths(targets []Target, out Output) error {
	switch out.Kind {
	case ToLayout:
		for i := range targets {
			targets[i].Path = out.Path
		}
	case ToTarball:
		if out.Path != "" && len(targets) > 1 {
			return usagef("%d images can't share one file %s: leave out -o to get NAME.tar for each, or use -o oci:DIR, which holds several",
				len(targets), filepath.Base(out.Path))
		}
		for i := range targets {
			targets[i].Path = out.Path
			if out.Path == "" {
				targets[i].Path = filepath.Join(out.Dir, targets[i].Name+".tar")
			}
		}
	}
	return nil
}

// outputsOf are the files and directories that a plan writes, without links in their
// directories. They don't belong to the files of an image, or it would never be the
// same twice.
func outputsOf(targets []Target) []string {
	var out []string
	for _, t := range targets {
		if t.Path == "" {
			continue
		}
		dir, base := filepath.Split(t.Path)
		if resolved, err := filepath.EvalSymlinks(dir); err == nil {
			dir = resolved
		}
		out = append(out, filepath.Join(dir, base))
	}
	return out
}

// CheckFiles reads the files of all images and says what is wrong with them, as a run
// would.
func (p *Plan) CheckFiles(ctx context.Context) error {
	var errs []error
	for i := range p.Targets {
		t := &p.Targets[i]
		if t.Artifact != nil || t.Err() != nil {
			continue
		}
		for _, f := range fileSets(ctx, t) {
			if _, err := f.wait(); err != nil {
				errs = append(errs, &TargetError{Target: *t, Err: err})
			}
		}
	}
	return errors.Join(errs...)
}

// Err is why a target can't be built, where that is known beforehand.
func (t *Target) Err() error {
	if t.Package.Err != nil {
		return t.Package.Err
	}
	for _, p := range t.More {
		if p.Package.Err != nil {
			return p.Package.Err
		}
	}
	return nil
}

// check looks at what does not depend on the compiler.
func (t *Target) check() error {
	if t.Artifact != nil || t.Err() != nil {
		return nil
	}
	taken := map[string]string{}
	for _, p := range t.programs() {
		if other, dup := taken[p.Path]; dup {
			return usagef("%s: two binaries would lie at %s, that of %s and that of %s: give one of them another path", t.Name, p.Path, other, p.Package.ImportPath)
		}
		taken[p.Path] = p.Package.ImportPath
	}
	platforms := t.Settings.Platforms
	if len(platforms) == 0 {
		platforms = []v1.Platform{{OS: "linux", Architecture: "amd64"}} // all: any will do
	}
	var errs []error
	for _, p := range platforms {
		if _, err := t.on(p); err != nil {
			errs = append(errs, err)
			break // the same would be said of the others
		}
	}
	return errors.Join(errs...)
}

// Entrypoint is where the image's own binary lies.
func (t *Target) Entrypoint() string {
	if p := t.Settings.Config.BinaryPath; p != "" {
		return p
	}
	return path.Join(appDir, t.Package.Name)
}

// programs are all binaries of a target, the entrypoint's last, as it changes most.
func (t *Target) programs() []Program {
	return append(slices.Clone(t.More), Program{Package: t.Package, Path: t.Entrypoint(), Go: t.Settings.Go, Ldflags: t.Settings.Ldflags})
}

// Problems joins what is known to stand in the way of targets before anything runs.
func (p *Plan) Problems() error {
	var errs []error
	for _, t := range p.Targets {
		if err := t.Err(); err != nil {
			errs = append(errs, &TargetError{Target: t, Err: err})
		}
	}
	return errors.Join(errs...)
}

// sourceURL guesses where a module's source can be looked at. Only forges whose
// module paths are also web addresses are known; others yield an empty string.
func sourceURL(m *Module) string {
	if m == nil {
		return ""
	}
	parts := strings.SplitN(m.Path, "/", 4)
	forges := []string{"github.com", "gitlab.com", "bitbucket.org", "codeberg.org", "git.sr.ht"}
	if len(parts) < 3 || !slices.Contains(forges, parts[0]) {
		return ""
	}
	return "https://" + strings.Join(parts[:3], "/")
}
