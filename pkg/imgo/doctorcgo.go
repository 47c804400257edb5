package imgo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/internal/gobuild"
	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/image"
)

// cgoCase is commands with the same settings.
type cgoCase struct {
	settings    *build.Settings
	importPaths []string
}

// cgo is the check of what needs a C compiler, or would need one.
func (d *doctor) cgo(ctx context.Context) []Check {
	if d.hostOnly {
		return skipped("cgo", noConfig)
	}
	var cases []cgoCase
	for _, t := range d.valid() {
		key := loadKey(&t.Settings)
		i := slices.IndexFunc(cases, func(c cgoCase) bool { return loadKey(c.settings) == key })
		if i < 0 {
			i, cases = len(cases), append(cases, cgoCase{settings: &t.Settings})
		}
		for _, pkg := range append([]build.Package{t.Package}, packagesOf(t.More)...) {
			if !slices.Contains(cases[i].importPaths, pkg.ImportPath) {
				cases[i].importPaths = append(cases[i].importPaths, pkg.ImportPath)
			}
		}
	}
	if len(cases) == 0 {
		return skipped("cgo", noPackage)
	}
	ctx, cancel := d.limit(ctx)
	defer cancel()
	var out []Check
	used := false
	for _, c := range cases {
		found, err := d.client.compiler.CheckImports(ctx, c.settings.Go, platformOf(c.settings), c.importPaths)
		if err != nil {
			out = append(out, d.slowImports(err))
			continue
		}
		for _, f := range found {
			out = append(out, importChecks(f)...)
		}
		if usesCgo(c.settings) {
			used = true
			out = append(out, d.compilers(ctx, c.settings)...)
		}
	}
	if len(out) == 0 && !used {
		out = append(out, Check{Name: "cgo", Status: StatusOK, Detail: "not used, and nothing that is imported needs it"})
	}
	return out
}

func packagesOf(programs []build.Program) []build.Package {
	var out []build.Package
	for _, p := range programs {
		out = append(out, p.Package)
	}
	return out
}

// usesCgo reports whether the build environment says so.
func usesCgo(s *build.Settings) bool {
	value := ""
	for _, kv := range s.Go.BuildEnv {
		if v, ok := strings.CutPrefix(kv, "CGO_ENABLED="); ok {
			value = v
		}
	}
	return value != "" && value != "0"
}

// slowImports is the outcome of a look at imports that failed.
func (d *doctor) slowImports(err error) Check {
	c := d.failed("cgo", err)
	if _, slow := errors.AsType[*SlowError](c.Err); slow {
		c.Status, c.Detail = StatusWarning, "listing what is imported had "+c.Err.Error()
		c.Fix = "if modules are being downloaded: go mod download does only that, and shows it"
	}
	return c
}

// importChecks are the outcomes for a command.
func importChecks(f gobuild.Imports) []Check {
	var out []Check
	if f.Err != nil {
		c := Check{Name: "cgo", Status: StatusError, Err: f.Err}
		if e, ok := errors.AsType[*gobuild.CgoError](f.Err); ok { // whose words are about a build
			c.Detail = fmt.Sprintf("%s needs cgo, without which it would be built: %s works only with it (%s)",
				f.ImportPath, e.Package, strings.Join(e.Chain, " → "))
		} else {
			c.Name = "module"
		}
		out = append(out, c)
	}
	for _, note := range f.Notes {
		out = append(out, Check{Name: "cgo", Status: StatusNote, Detail: note})
	}
	return out
}

// compilers checks the C compiler for each platform.
func (d *doctor) compilers(ctx context.Context, s *build.Settings) []Check {
	platforms := s.Platforms
	if len(platforms) == 0 {
		platforms = []v1.Platform{platformOf(s)}
	}
	var out []Check
	for _, p := range platforms {
		cc, err := d.client.compiler.CheckC(ctx, s.Go, p)
		switch e, wrong := errors.AsType[*gobuild.NoCCompilerError](err); {
		case wrong && e.Missing:
			out = append(out, Check{Name: "cgo", Status: StatusError, Err: err, Detail: fmt.Sprintf("the C compiler %q was not found", e.CC)})
		case wrong:
			out = append(out, Check{
				Name: "cgo", Status: StatusError, Err: err,
				Detail: fmt.Sprintf("the C compiler %q doesn't compile for %s: %s", e.CC, e.Platform, lastLine(e.Failure.Output)),
			})
		case err != nil:
			out = append(out, d.failed("cgo", err))
		default:
			out = append(out, Check{Name: "cgo", Status: StatusOK, Detail: fmt.Sprintf("%s compiles for %s", cc, image.PlatformString(p))})
		}
	}
	return out
}

// lastLine is where a C compiler says what is wrong.
func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	for _, l := range lines {
		if strings.Contains(l, "error") {
			return strings.TrimSpace(l)
		}
	}
	return strings.TrimSpace(lines[len(lines)-1])
}
