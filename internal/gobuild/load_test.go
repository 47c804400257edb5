package gobuild

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/event"
)

const manyPackages = `
-- go.mod --
module example.com/m/v2

go 1.25
-- main.go --
package main

func main() {}
-- lib/lib.go --
package lib
-- cmd/one/main.go --
package main

func main() {}
-- cmd/two/v3/main.go --
package main

func main() {}
-- cmd/gopkg.v2/main.go --
package main

func main() {}
-- cmd/v0/main.go --
package main

func main() {}
-- cmd/tagged/main.go --
//go:build tagged

package main

func main() {}
-- empty/README --
nothing to see
-- broken/parse/main.go --
package main

import "fmt
-- broken/mixed/a.go --
package main
-- broken/mixed/b.go --
package mixed
-- broken/lib/lib.go --
package lib

import "fmt
`

// row is what tests compare of a package.
type row struct{ Pattern, ImportPath, Name, Err string }

func rows(pkgs []build.Package) []row {
	var got []row
	for _, p := range pkgs {
		r := row{Pattern: p.Pattern, ImportPath: p.ImportPath, Name: p.Name}
		var load *LoadError
		var notMain *NotMainError
		switch {
		case p.Err == nil:
		case errors.As(p.Err, &load):
			r.Err = "load"
		case errors.As(p.Err, &notMain):
			r.Err = "not main"
		default:
			r.Err = p.Err.Error()
		}
		got = append(got, r)
	}
	return got
}

func TestLoad(t *testing.T) {
	dir := write(t, manyPackages)
	const m = "example.com/m/v2"
	root := row{"./...", m, "m", ""}
	for name, tt := range map[string]struct {
		dir      string
		tags     []string
		patterns []string
		want     []row
	}{
		"no pattern": {"", nil, nil, []row{{".", m, "m", ""}}},
		"kinds of names, in order, once each": {
			"", nil,
			[]string{"./cmd/two/v3", m + "/cmd/one", dir, "./cmd/one", ".", "cmd/gofmt"},
			[]row{
				{"./cmd/two/v3", m + "/cmd/two/v3", "two", ""},
				{m + "/cmd/one", m + "/cmd/one", "one", ""},
				{dir, m, "m", ""},
				{"cmd/gofmt", "cmd/gofmt", "gofmt", ""},
			},
		},
		"from a subdirectory": {
			"cmd", nil, []string{"../", "./one"},
			[]row{{"../", m, "m", ""}, {"./one", m + "/cmd/one", "one", ""}},
		},
		"wildcards": {
			"", nil, []string{"./cmd/...", m + "/...one"},
			[]row{
				{"./cmd/...", m + "/cmd/gopkg.v2", "gopkg.v2", ""},
				{"./cmd/...", m + "/cmd/one", "one", ""},
				{"./cmd/...", m + "/cmd/two/v3", "two", ""},
				{"./cmd/...", m + "/cmd/v0", "v0", ""},
			},
		},
		"wildcard after a name": {
			"", nil, []string{"./cmd/v0", "./cmd/v0/...", "./cmd/tw..."},
			[]row{{"./cmd/v0", m + "/cmd/v0", "v0", ""}, {"./cmd/tw...", m + "/cmd/two/v3", "two", ""}},
		},
		"build tags": {"", []string{"other tagged"}, []string{"./cmd/tagged"}, []row{{"./cmd/tagged", m + "/cmd/tagged", "tagged", ""}}},
		"excluded by build tags": {
			"", nil, []string{"./cmd/tagged", "./cmd/one"},
			[]row{{"./cmd/tagged", m + "/cmd/tagged", "tagged", "load"}, {"./cmd/one", m + "/cmd/one", "one", ""}},
		},
		"library": {
			"", nil, []string{"./lib", "./cmd/one"},
			[]row{{"./lib", m + "/lib", "lib", "not main"}, {"./cmd/one", m + "/cmd/one", "one", ""}},
		},
		"errors among others": {
			"", nil, []string{"./cmd/one", "./missing", "./broken/parse", "./empty", "../outside", "example.com/none", "cmd/one", "./cmd/v0"},
			[]row{
				{"./cmd/one", m + "/cmd/one", "one", ""},
				{"./missing", "./missing", "missing", "load"},
				{"./broken/parse", m + "/broken/parse", "parse", "load"},
				{"./empty", "./empty", "empty", "load"},
				{"../outside", "../outside", "outside", "load"},
				{"example.com/none", "example.com/none", "none", "load"},
				{"cmd/one", "cmd/one", "one", "load"},
				{"./cmd/v0", m + "/cmd/v0", "v0", ""},
			},
		},
		"errors under a wildcard": {
			"", nil, []string{"./broken/...", "./empty/...", "."},
			[]row{
				{"./broken/...", m + "/broken/mixed", "mixed", "load"},
				{"./broken/...", m + "/broken/parse", "parse", "load"},
				{"./empty/...", "", "", "load"},
				{".", m, "m", ""},
			},
		},
		"wildcard of everything": {
			"", nil, []string{"./..."},
			[]row{
				root,
				{"./...", m + "/broken/mixed", "mixed", "load"},
				{"./...", m + "/broken/parse", "parse", "load"},
				{"./...", m + "/cmd/gopkg.v2", "gopkg.v2", ""},
				{"./...", m + "/cmd/one", "one", ""},
				{"./...", m + "/cmd/two/v3", "two", ""},
				{"./...", m + "/cmd/v0", "v0", ""},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := New(Options{Env: testEnv()})
			s := build.GoSettings{Dir: filepath.Join(dir, tt.dir), Tags: tt.tags}
			if diff := cmp.Diff(tt.want, rows(load(t, c, s, tt.patterns...))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestLoadKeepsTheGoCommandsWords(t *testing.T) {
	dir := write(t, manyPackages)
	c := New(Options{Env: testEnv()})
	pkgs := load(t, c, build.GoSettings{Dir: dir}, "./broken/parse", "cmd/one", "cmd/none", "./missing")
	var errs []*LoadError
	for _, p := range pkgs {
		var e *LoadError
		if !errors.As(p.Err, &e) {
			t.Fatalf("%s: %v, want a LoadError", p.Pattern, p.Err)
		}
		errs = append(errs, e)
	}
	if want := []string{filepath.FromSlash("broken/parse/main.go:3:8: string literal not terminated")}; !cmp.Equal(errs[0].Errors, want) {
		t.Errorf("errors are %q, want %q", errs[0].Errors, want)
	}
	if !errs[1].LacksDot || errs[2].LacksDot || errs[3].LacksDot {
		t.Errorf("LacksDot is %v, %v, %v, want it for cmd/one only", errs[1].LacksDot, errs[2].LacksDot, errs[3].LacksDot)
	}
	if m := pkgs[0].Module; m == nil || *m != (build.Module{Path: "example.com/m/v2", Dir: dir}) {
		t.Errorf("module is %+v", m)
	}
}

func TestLoadThroughSymlink(t *testing.T) {
	dir := write(t, manyPackages)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	c := New(Options{Env: testEnv()})
	got := load(t, c, build.GoSettings{Dir: link}, "./cmd/v0", "./cmd/one", "./missing")
	want := []row{
		{"./cmd/v0", "example.com/m/v2/cmd/v0", "v0", ""},
		{"./cmd/one", "example.com/m/v2/cmd/one", "one", ""},
		{"./missing", "./missing", "missing", "load"},
	}
	if diff := cmp.Diff(want, rows(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLoadSamples(t *testing.T) {
	c := New(Options{Env: testEnv()})
	for name, want := range map[string][]row{
		"server": {
			{"./...", "example.com/server/cmd/migrate", "migrate", ""},
			{"./...", "example.com/server/cmd/server", "server", ""},
		},
		"vendored": {{"./...", "example.com/vendored", "vendored", ""}},
	} {
		got := load(t, c, build.GoSettings{Dir: sample(t, name)}, "./...")
		if diff := cmp.Diff(want, rows(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	got := load(t, c, build.GoSettings{Dir: sample(t, "workspace")}, "./worker/...", "example.com/api/cmd/api")
	want := []row{
		{"./worker/...", "example.com/worker/cmd/worker", "worker", ""},
		{"example.com/api/cmd/api", "example.com/api/cmd/api", "api", ""},
	}
	if diff := cmp.Diff(want, rows(got)); diff != "" {
		t.Errorf("workspace (-want +got):\n%s", diff)
	}
}

// Tags of the GOENV file and of the settings both decide which files count, and
// -modfile, which go/packages can't take from GOFLAGS, works.
func TestLoadGoflags(t *testing.T) {
	dir := write(t, `
-- env --
GOFLAGS=-tags=fromfile -modfile=other.mod
-- go.mod --
module example.com/wrong
-- other.mod --
module example.com/m

go 1.25
-- main.go --
//go:build fromfile && fromsettings

package main

func main() {}
`)
	c := New(Options{Env: testEnv("GOENV=" + filepath.Join(dir, "env"))})
	got := load(t, c, build.GoSettings{Dir: dir, Tags: []string{"fromsettings"}}, ".")
	if diff := cmp.Diff([]row{{".", "example.com/m", "m", ""}}, rows(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLoadErrors(t *testing.T) {
	good := write(t, manyPackages)
	noModule := write(t, "-- main.go --\npackage main\n")
	future := write(t, "-- go.mod --\nmodule m\n\ngo 1.999\n-- main.go --\npackage main\n")
	badMod := write(t, "-- go.mod --\nmodule m\n\nnonsense\n-- main.go --\npackage main\n")
	for name, tt := range map[string]struct {
		dir     string
		env     string
		s       build.GoSettings
		p       v1.Platform
		pattern string
		want    error
	}{
		"no go command":      {good, "PATH=" + noModule, build.GoSettings{}, native, ".", &NoGoError{}},
		"no module":          {noModule, "", build.GoSettings{}, native, ".", &NoModuleError{}},
		"no module, ./...":   {noModule, "", build.GoSettings{}, native, "./...", &NoModuleError{}},
		"no main":            {good, "", build.GoSettings{}, native, "./lib/...", &NoMainError{}},
		"file":               {good, "", build.GoSettings{}, native, "cmd/one/main.go", &GoFilesError{}},
		"future go":          {future, "", build.GoSettings{}, native, ".", &GoVersionError{}},
		"broken go.mod":      {badMod, "", build.GoSettings{}, native, ".", &LoadError{}},
		"unknown GOFLAGS":    {good, "GOFLAGS=-nosuch", build.GoSettings{}, native, ".", &LoadError{}},
		"unbalanced GOFLAGS": {good, "GOFLAGS='-ldflags=-s", build.GoSettings{}, native, ".", &FlagError{}},
		"build mode":         {good, "GOFLAGS=-buildmode=plugin", build.GoSettings{}, native, ".", &BuildModeError{}},
		"ldflags":            {good, "", build.GoSettings{Ldflags: []string{"X"}}, native, ".", &FlagError{}},
		"gcflags":            {good, "", build.GoSettings{Gcflags: []string{"-N '"}}, native, ".", &FlagError{}},
		"build env":          {good, "", build.GoSettings{BuildEnv: []string{"GOARCH=vax"}}, native, ".", &BuildEnvError{}},
		"OS":                 {good, "", build.GoSettings{}, v1.Platform{OS: "plan9"}, ".", &UnsupportedOSError{}},
		"missing directory":  {filepath.Join(good, "none"), "", build.GoSettings{}, native, ".", os.ErrNotExist},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			events := &recorder{}
			env := testEnv()
			if tt.env != "" {
				env = testEnv(tt.env)
			}
			tt.s.Dir = tt.dir
			pkgs, err := New(Options{Env: env, Events: events}).Load(t.Context(), tt.s, tt.p, []string{tt.pattern})
			if !sameType(err, tt.want) || pkgs != nil {
				t.Fatalf("Load = %v, %v, want %T", pkgs, err, tt.want)
			}
			if strings.Contains(err.Error(), "stderr:") {
				t.Errorf("go/packages' wrapping shows: %v", err)
			}
			failed := events.of(event.Failed)
			if len(failed) != 1 || failed[0].Stage != event.Load || strings.Contains(failed[0].Text, "\n") {
				t.Errorf("events are %+v", events.events)
			}
		})
	}
}

// sameType reports whether err is target or has target's type in its tree.
func sameType(err, target error) bool {
	if errors.Is(err, target) {
		return true
	}
	for ; err != nil; err = errors.Unwrap(err) {
		if cmp.Equal(typeName(err), typeName(target)) {
			return true
		}
	}
	return false
}

func TestGoVersionError(t *testing.T) {
	dir := write(t, "-- go.mod --\nmodule m\n\ngo 1.999\n-- main.go --\npackage main\n")
	_, err := New(Options{Env: testEnv()}).Load(t.Context(), build.GoSettings{Dir: dir}, native, nil)
	var e *GoVersionError
	if !errors.As(err, &e) || e.Required != "1.999" || !strings.HasPrefix(e.Running, "1.") {
		t.Errorf("Load = %#v, want a GoVersionError for 1.999", err)
	}
}

func TestLoadCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := New(Options{Env: testEnv()}).Load(ctx, build.GoSettings{Dir: write(t, manyPackages)}, native, []string{".", "./..."})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Load = %v, want context.Canceled", err)
	}
}

// goNames are the names that the go command gives: to what it builds, or in the short form
// what it says that it would.
func goNames(t *testing.T, dir string, patterns []string) (names []string) {
	t.Helper()
	out := t.TempDir()
	args := []string{"list", "-f", "{{.Target}}"}
	if long() {
		args = []string{"build", "-o", out + string(filepath.Separator)}
	}
	cmd := exec.Command("go", append(args, patterns...)...)
	cmd.Dir, cmd.Env = dir, testEnv("GOOS=linux", "GOARCH="+runtime.GOARCH, "CGO_ENABLED=0", "GOBIN="+out)
	said, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", args[0], err, said)
	}
	if !long() {
		for path := range strings.Lines(string(said)) {
			names = append(names, filepath.Base(strings.TrimSpace(path)))
		}
		return names
	}
	made, err := os.ReadDir(out)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range made {
		names = append(names, e.Name())
	}
	return names
}

// The names are those that the go command gives.
func TestCommandNames(t *testing.T) {
	dir := write(t, manyPackages)
	patterns := []string{".", "./cmd/one", "./cmd/two/v3", "./cmd/gopkg.v2", "./cmd/v0"}
	want := map[string]bool{}
	for _, name := range goNames(t, dir, patterns) {
		want[name] = true
	}
	got := map[string]bool{}
	for _, p := range load(t, New(Options{Env: testEnv()}), build.GoSettings{Dir: dir}, patterns...) {
		got[p.Name] = true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("names (-go build +Load):\n%s", diff)
	}
	for importPath, want := range map[string]string{
		"example.com/m/v10": "m", "example.com/v2": "example.com", "v2": "v2",
		"example.com/v1": "v1", "example.com/v02": "v02", "gopkg.in/cmd.v3": "cmd.v3",
	} {
		if got := commandName(importPath); got != want {
			t.Errorf("commandName(%q) = %q, want %q", importPath, got, want)
		}
	}
}
