package gobuild

import (
	"bytes"
	"debug/elf"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/event"
)

const tiny = `
-- go.mod --
module example.com/tiny

go 1.25
-- main.go --
package main

var a, b, c string

func main() { println(a, b, c) }
-- main_extra.go --
//go:build extra

package main

func init() { println("with the tag") }
-- dep/dep.go --
package dep
-- x/server/main.go --
package main

func main() { println("x") }
-- y/server/main.go --
package main

import _ "example.com/tiny/dep"

func main() { println("y") }
`

func TestCompile(t *testing.T) {
	dir := write(t, tiny)
	events := &recorder{}
	// CGO_ENABLED and GOAMD64 of the environment don't count.
	c := New(Options{Env: testEnv("CGO_ENABLED=1", "GOAMD64=v3"), Dirs: newDirs(t), Events: events})
	b := buildOne(t, c, build.GoSettings{Dir: dir, Jobs: 1}, ".")

	content, err := io.ReadAll(b.File)
	if err != nil || int64(len(content)) != b.Size || !strings.HasPrefix(string(content), elf.ELFMAG) {
		t.Errorf("the file holds %d bytes (%v), Size is %d", len(content), err, b.Size)
	}
	f, err := elf.NewFile(b.File)
	if err != nil {
		t.Fatal(err)
	}
	if f.Section(".symtab") != nil || f.Section(".debug_info") != nil {
		t.Error("the binary is not stripped")
	}
	if id := goBuildID(f); !isContentID(id) || !strings.Contains(b.Key, id) {
		t.Errorf("Key is %q, the build ID %q", b.Key, id)
	}
	for key, want := range map[string]string{"CGO_ENABLED": "0", "-trimpath": "true", "GOOS": "linux", "vcs": ""} {
		if got := setting(b, key); got != want {
			t.Errorf("built with %s=%q, want %q", key, got, want)
		}
	}
	if runtime.GOARCH == "amd64" && setting(b, "GOAMD64") != "v1" {
		t.Errorf("built with GOAMD64=%s", setting(b, "GOAMD64"))
	}
	subject := "example.com/tiny (linux/" + runtime.GOARCH + ")"
	want := []event.Event{
		{Kind: event.Started, Stage: event.Compile, Subject: subject},
		{Kind: event.Finished, Stage: event.Compile, Subject: subject},
	}
	if diff := cmp.Diff(want, events.events[2:]); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// A package that didn't change is not linked again, whatever directory it is asked
// for from; one that changed is, and the earlier binary's bytes stay.
func TestCompileAgain(t *testing.T) {
	dir := write(t, tiny)
	events := &recorder{}
	c := New(Options{Env: testEnv(), Dirs: newDirs(t), Events: events})
	first := buildOne(t, c, build.GoSettings{Dir: dir}, ".")
	again := buildOne(t, c, build.GoSettings{Dir: filepath.Join(dir, "dep"), Jobs: 1}, "example.com/tiny")
	if !sameFile(t, first.File, again.File) || first.Key != again.Key {
		t.Errorf("linked again: keys %s and %s", first.Key, again.Key)
	}
	finished := events.of(event.Finished)
	if last := finished[len(finished)-1]; last.Stage != event.Compile || last.Text != "cached" {
		t.Errorf("last event is %+v", last)
	}
	if !long() { // see also TestFastPath
		return
	}
	changed := "package main\n\nfunc main() { println(\"changed\") }\n"
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(changed), 0o644); err != nil {
		t.Fatal(err)
	}
	other := buildOne(t, c, build.GoSettings{Dir: dir}, ".")
	if sameFile(t, first.File, other.File) || first.Key == other.Key {
		t.Error("not linked again after a change")
	}
	key, err := j(first).check(first.File)
	if err != nil || key.Key != first.Key {
		t.Errorf("the open file changed: %v, %v", key.Key, err)
	}
}

// j is a job that a binary came from.
func j(b build.Binary) *job {
	return &job{Unit: build.Unit{Package: build.Package{ImportPath: b.Info.Path}, Platform: native}}
}

func sameFile(t *testing.T, a, b *os.File) bool {
	t.Helper()
	ai, errA := a.Stat()
	bi, errB := b.Stat()
	if errA != nil || errB != nil {
		t.Fatal(errA, errB)
	}
	return os.SameFile(ai, bi)
}

func TestCompileSameNames(t *testing.T) {
	dir := write(t, tiny)
	dirs := newDirs(t)
	c := New(Options{Env: testEnv(), Dirs: dirs})
	s := build.GoSettings{Dir: dir}
	patterns := []string{"./x/server", "./y/server", "."}
	if !long() {
		patterns = patterns[:2]
	}
	pkgs := load(t, c, s, patterns...)
	bins := compile(t, c, s, pkgs...)
	for i, b := range bins {
		if b.Err != nil || b.Info.Path != pkgs[i].ImportPath {
			t.Errorf("%s: %+v", pkgs[i].ImportPath, b)
		}
	}
	// One go command for the first server and the root, one for the second.
	if len(dirs.keys) != 2 || dirs.keys[0] == dirs.keys[1] {
		t.Errorf("build directories: %q", dirs.keys)
	}
	if !long() {
		return
	}
	// The same unit twice has the same directory, one after the other.
	twice := compile(t, c, s, pkgs[0], pkgs[0])
	if twice[0].Err != nil || twice[1].Err != nil || !sameFile(t, twice[0].File, twice[1].File) {
		t.Errorf("twice the same: %+v", twice)
	}
}

func TestCompileFailsForSome(t *testing.T) {
	dir := sample(t, "broken")
	events := &recorder{}
	c := New(Options{Env: testEnv(), Dirs: newDirs(t), Events: events})
	s := build.GoSettings{Dir: dir}
	pkgs := load(t, c, s, "./typeerror", "./noparse", "./ok")
	bins := compile(t, c, s, pkgs...)
	var failed *CompileError
	if !errors.As(bins[0].Err, &failed) {
		t.Fatalf("typeerror: %v, want a CompileError", bins[0].Err)
	}
	if failed.ImportPath != "example.com/broken/typeerror" || failed.ExitCode != 1 || !strings.Contains(failed.Output, "main.go:5:14:") {
		t.Errorf("typeerror: %+v", failed)
	}
	var loadErr *LoadError
	if !errors.As(bins[1].Err, &loadErr) {
		t.Errorf("noparse: %v, want the LoadError", bins[1].Err)
	}
	if bins[2].Err != nil || bins[2].Info.Path != "example.com/broken/ok" {
		t.Errorf("ok: %+v", bins[2])
	}
	reported := 0
	for _, e := range events.of(event.Output) {
		if strings.Contains(e.Text, "main.go:5:14:") {
			reported++
		}
	}
	if reported != 1 {
		t.Errorf("the compiler's error was reported %d times: %+v", reported, events.events)
	}
	if f := events.of(event.Failed); len(f) != 1 || !strings.Contains(f[0].Subject, "typeerror") {
		t.Errorf("failed: %+v", f)
	}
}

// The binary of an earlier run never stands in for one that doesn't compile now.
func TestCompileNeverStale(t *testing.T) {
	dir := write(t, tiny)
	c := New(Options{Env: testEnv(), Dirs: newDirs(t)})
	s := build.GoSettings{Dir: dir}
	patterns := []string{".", "./x/server"}
	if !long() {
		patterns = patterns[:1]
	}
	pkgs := load(t, c, s, patterns...)
	compile(t, c, s, pkgs...)
	broken := "package main\n\nfunc main() { undefined() }\n"
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(broken), 0o644); err != nil {
		t.Fatal(err)
	}
	bins := compile(t, c, s, pkgs...)
	if bins[0].Err == nil || bins[0].File != nil {
		t.Errorf("the one that is broken: %+v", bins[0])
	}
	for _, b := range bins[1:] {
		if b.Err != nil {
			t.Errorf("one that isn't: %v", b.Err)
		}
	}
}

func TestCompileSamples(t *testing.T) {
	c := New(Options{Env: testEnv(), Dirs: newDirs(t)})
	samples := map[string][]string{"vendored": {"."}}
	if long() {
		samples["server"] = []string{"./cmd/migrate"}
		samples["workspace"] = []string{"./worker/cmd/worker", "./api/..."}
	}
	for name, patterns := range samples {
		s := build.GoSettings{Dir: sample(t, name)}
		for i, b := range compile(t, c, s, load(t, c, s, patterns...)...) {
			if b.Err != nil {
				t.Errorf("%s, package %d: %v", name, i, b.Err)
			}
		}
	}
	if !long() {
		return
	}
	// Without the workspace, the module's replace directive leads to the same.
	c = New(Options{Env: testEnv("GOWORK=off"), Dirs: newDirs(t)})
	buildOne(t, c, build.GoSettings{Dir: filepath.Join(sample(t, "workspace"), "worker")}, "./cmd/worker")
}

func TestCompileVariant(t *testing.T) {
	dir := write(t, tiny)
	c := New(Options{Env: testEnv("GOARM=5"), Dirs: newDirs(t)})
	p := v1.Platform{OS: "linux", Architecture: "arm", Variant: "v6"}
	s := build.GoSettings{Dir: dir}
	pkgs, err := c.Load(t.Context(), s, p, []string{"."})
	if err != nil {
		t.Fatal(err)
	}
	b := compileUnits(t, c, build.Unit{Package: pkgs[0], Platform: p, Go: s})[0]
	if b.Err != nil {
		t.Fatal(b.Err)
	}
	if setting(b, "GOARM") != "6" {
		t.Errorf("built with GOARM=%s, want 6", setting(b, "GOARM"))
	}
}

// What GOFLAGS and the settings say together, as the go command understands it.
func TestCompileFlags(t *testing.T) {
	dir := write(t, tiny+`
-- goenv --
GOFLAGS='-ldflags=-X main.a=value-of-file' -tags=extra
`)
	for name, tt := range map[string]struct {
		long   bool
		env    []string
		s      build.GoSettings
		want   []string // in the binary
		absent []string
		tags   string
	}{
		"joined, the last wins": {
			env:  []string{`GOFLAGS='-ldflags=-X main.a=value-one -X main.b=value-two' -tags=extra`},
			s:    build.GoSettings{Ldflags: []string{"-X main.b=value-three", "-X 'main.c=value four'"}, Tags: []string{"more,extra"}},
			want: []string{"value-one", "value-three", "value four", "with the tag"}, absent: []string{"value-two"},
			tags: "extra,more",
		},
		"a pattern adds to the plain ones": {
			long: true,
			env:  []string{`GOFLAGS='-ldflags=all=-X main.a=value-one -X main.b=value-two'`},
			s:    build.GoSettings{Ldflags: []string{"-X main.b=value-three", "./...=-X main.c=value-four"}},
			want: []string{"value-three", "value-four"}, absent: []string{"value-two", "with the tag"},
		},
		"a pattern of another package": {
			long: true,
			s:    build.GoSettings{Ldflags: []string{"-X main.a=value-one", "example.com/other=-X main.a=value-two"}},
			want: []string{"value-one"}, absent: []string{"value-two"},
		},
		"from the GOENV file": {
			env:  []string{"GOENV=" + filepath.Join(dir, "goenv")},
			s:    build.GoSettings{Ldflags: []string{"-X main.b=value-two"}},
			want: []string{"value-of-file", "value-two", "with the tag"}, tags: "extra",
		},
		"the build environment's GOFLAGS": {
			long: true,
			env:  []string{`GOFLAGS='-ldflags=-X main.a=value-one'`},
			s:    build.GoSettings{BuildEnv: []string{`GOFLAGS='-ldflags=-X main.a=value-two'`}},
			want: []string{"value-two"}, absent: []string{"value-one"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if tt.long {
				onlyLong(t)
			}
			t.Parallel()
			c := New(Options{Env: testEnv(tt.env...), Dirs: newDirs(t)})
			tt.s.Dir = dir
			b := buildOne(t, c, tt.s, ".")
			content, err := io.ReadAll(b.File)
			if err != nil {
				t.Fatal(err)
			}
			has := func(s string) bool { return bytes.Contains(content, []byte(s)) }
			for _, s := range tt.want {
				if !has(s) {
					t.Errorf("%q is not in the binary", s)
				}
			}
			if i := slices.IndexFunc(tt.absent, has); i >= 0 {
				t.Errorf("%q is in the binary", tt.absent[i])
			}
			if f, err := elf.NewFile(b.File); err != nil || f.Section(".symtab") != nil {
				t.Errorf("the binary is not stripped (%v)", err)
			}
			if got := setting(b, "-tags"); got != tt.tags {
				t.Errorf("built with -tags=%s, want %s", got, tt.tags)
			}
		})
	}
}

func TestCompileGcflags(t *testing.T) {
	dir := write(t, tiny)
	const bad = "-nosuchflag"
	for name, tt := range map[string]struct {
		long    bool
		goflags string
		gcflags []string
		fails   bool
	}{
		"for the package":    {true, "", []string{bad}, true},
		"for a dependency":   {false, "-gcflags=example.com/tiny/dep=" + bad, []string{"-N"}, true},
		"for another":        {true, "", []string{"example.com/tiny/x/...=" + bad}, false},
		"joined":             {true, "-gcflags=" + bad, []string{"-N"}, true},
		"a later one counts": {false, "-gcflags=./y/...=" + bad, []string{"-N"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if tt.long {
				onlyLong(t)
			}
			t.Parallel()
			c := New(Options{Env: testEnv("GOFLAGS=" + tt.goflags), Dirs: newDirs(t)})
			s := build.GoSettings{Dir: dir, Gcflags: tt.gcflags}
			b := compile(t, c, s, load(t, c, s, "./y/server")...)[0]
			var failed *CompileError
			if got := errors.As(b.Err, &failed); got != tt.fails || !got && b.Err != nil {
				t.Fatalf("Err = %v", b.Err)
			}
			if tt.fails && !strings.Contains(failed.Output, bad) {
				t.Errorf("output is %q", failed.Output)
			}
		})
	}
}

func TestCompileWithoutTrimpath(t *testing.T) {
	c := New(Options{Env: testEnv("GOFLAGS=-trimpath=false"), Dirs: newDirs(t)})
	b := buildOne(t, c, build.GoSettings{Dir: write(t, tiny)}, ".")
	if got := setting(b, "-trimpath"); got == "true" {
		t.Error("-trimpath=false of GOFLAGS was ignored")
	}
}

// A build ID that the user chose doesn't stand for the content.
func TestCompileChosenBuildID(t *testing.T) {
	c := New(Options{Env: testEnv(), Dirs: newDirs(t)})
	b := buildOne(t, c, build.GoSettings{Dir: write(t, tiny), Ldflags: []string{"-buildid=mine"}}, ".")
	if !strings.HasPrefix(b.Key, "sha256:") {
		t.Errorf("Key = %q, want a hash of the content", b.Key)
	}
}

func TestCompileErrors(t *testing.T) {
	dir := write(t, tiny)
	pkg := build.Package{ImportPath: "example.com/tiny", Name: "tiny"}
	c := New(Options{Env: testEnv(), Dirs: newDirs(t)})
	bins := compileUnits(t, c,
		build.Unit{Package: pkg, Platform: v1.Platform{OS: "windows", Architecture: "amd64"}, Go: build.GoSettings{Dir: dir}},
		build.Unit{Package: pkg, Platform: native, Go: build.GoSettings{Dir: dir, BuildEnv: []string{"GOOS=darwin"}}},
		build.Unit{Package: pkg, Platform: native, Go: build.GoSettings{Dir: dir}},
		// Not a command: the go command succeeds and writes nothing.
		build.Unit{Package: build.Package{ImportPath: "example.com/tiny/dep", Name: "dep"}, Platform: native, Go: build.GoSettings{Dir: dir}},
	)
	for i, want := range []error{&UnsupportedOSError{}, &BuildEnvError{}, nil, &PlatformError{}} {
		if !sameType(bins[i].Err, want) {
			t.Errorf("unit %d: %v, want %T", i, bins[i].Err, want)
		}
	}
	c = New(Options{Env: testEnv("PATH="), Dirs: newDirs(t)})
	_, err := c.Compile(t.Context(), []build.Unit{{Package: pkg, Platform: native, Go: build.GoSettings{Dir: dir}}})
	if !sameType(err, &NoGoError{}) {
		t.Errorf("without go: %v, want a NoGoError", err)
	}
}
