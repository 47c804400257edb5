package build

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/pkg/image"
)

// Request is what the user asked for, complete and checked as far as it can be
// without looking at packages. [NewPlan] turns it into a [Plan].
type Request struct {
	Patterns     []string // package patterns, as typed
	Go           GoSettings
	Platforms    []v1.Platform // in the order asked for; empty with AllPlatforms
	AllPlatforms bool          // whatever the base offers
	Base         string        // see [BaseSource]
	Config       Config
	Output       Output
	Naming       Naming
	Jobs         int // units, layers and uploads under way at once; at least 1
}

// Config is what goes into the image's config and annotations apart from what
// imgo sets by itself.
type Config struct {
	User        string
	Labels      map[string]string
	Annotations map[string]string
	Created     time.Time // the zero time stands for the epoch
	Docker      bool      // Docker's media types instead of OCI's
}

// OutputKind is the kind of place where images go.
type OutputKind string

// The kinds of output.
const (
	ToTarball  OutputKind = "tarball"
	ToLayout   OutputKind = "layout"
	ToRegistry OutputKind = "registry"
)

// Output says where images go.
type Output struct {
	Kind OutputKind
	// Path is the tarball or the layout's directory, absolute. An empty path of a
	// tarball stands for NAME.tar in Dir.
	Path string
	Dir  string // absolute
}

// Plan is a request with all names settled. It does not change once made.
type Plan struct {
	Request
	Targets []Target
}

// Target is one image to be made or passed on, and its places.
type Target struct {
	Name     string         // NAME in /app/NAME, NAME.tar and, in lower case, PREFIX/NAME
	Package  Package        // what to build; unused where Artifact is set
	Artifact image.Artifact // what was built before and only travels
	Origin   string         // where Artifact was read from, as the user typed it
	Repos    []Destination
	Path     string // tarball or layout, absolute; empty for a registry
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

// NewPlan settles the names of the packages that the request's patterns were
// resolved to. Packages with an error become targets too, so that they are named
// in their place among the results.
func NewPlan(req Request, pkgs []Package) (*Plan, error) {
	targets := make([]Target, len(pkgs))
	for i, p := range pkgs {
		targets[i] = Target{Name: p.Name, Package: p}
	}
	return plan(req, targets)
}

// NewPushPlan is [NewPlan] for artifacts that were built before.
func NewPushPlan(req Request, targets []Target) (*Plan, error) {
	return plan(req, targets)
}

func plan(req Request, targets []Target) (*Plan, error) {
	if err := req.Naming.assign(targets, req.Output.Kind == ToRegistry); err != nil {
		return nil, err
	}
	if err := assignPaths(targets, req.Output); err != nil {
		return nil, err
	}
	return &Plan{Request: req, Targets: targets}, nil
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

// Problems joins what is known to stand in the way of targets before anything runs.
func (p *Plan) Problems() error {
	var errs []error
	for _, t := range p.Targets {
		if t.Package.Err != nil {
			errs = append(errs, &TargetError{Target: t, Err: t.Package.Err})
		}
	}
	return errors.Join(errs...)
}

// units lists the compiles of a plan for one platform, and for each the index of
// its target.
func (p *Plan) units(platform v1.Platform) (units []Unit, targets []int) {
	for i, t := range p.Targets {
		if t.Artifact != nil || t.Package.Err != nil {
			continue
		}
		units = append(units, Unit{Package: t.Package, Platform: platform, Go: p.Go})
		targets = append(targets, i)
	}
	return units, targets
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

// indexAnnotations are the annotations of an index over images of the target.
func (p *Plan) indexAnnotations(t Target, b Base) map[string]string {
	out := map[string]string{"org.opencontainers.image.title": t.Name}
	if src := sourceURL(t.Package.Module); src != "" {
		out["org.opencontainers.image.source"] = src
	}
	if b.Name != "" && b.Index != (v1.Hash{}) {
		out["org.opencontainers.image.base.name"] = b.Name
		out["org.opencontainers.image.base.digest"] = b.Index.String()
	}
	maps.Copy(out, p.Config.Annotations)
	return out
}
