package gobuild

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/imgo-build/imgo/internal/fastpath"
	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/layer/layertest"
)

// distribution is this machine's Go behind a go command that writes down what it is
// asked.
type distribution struct {
	t       *testing.T
	bin     string
	log     string
	version string
}

func newDistribution(t *testing.T) *distribution {
	t.Helper()
	real, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	root, err := exec.Command(real, "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	version, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(root)), "VERSION"))
	if err != nil {
		t.Fatal(err)
	}
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	d := &distribution{t: t, bin: filepath.Join(dir, "bin"), log: filepath.Join(dir, "log"), version: string(version)}
	if err := os.Mkdir(d.bin, 0o755); err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf("#!/bin/sh\necho \"$1\" >>'%s'\nexec '%s' \"$@\"\n", d.log, real)
	for path, content := range map[string]string{"bin/go": script, "VERSION": string(version)} {
		if err := os.WriteFile(filepath.Join(dir, path), []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

// asked returns the commands that were given since the last call, each once.
func (d *distribution) asked() string {
	d.t.Helper()
	raw, err := os.ReadFile(d.log)
	if err != nil && !os.IsNotExist(err) {
		d.t.Fatal(err)
	}
	_ = os.Remove(d.log)
	var names []string
	for _, name := range []string{"list", "build"} {
		if strings.Contains("\n"+string(raw), "\n"+name+"\n") {
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}

func (d *distribution) env(extra ...string) []string {
	return testEnv(append([]string{"PATH=" + d.bin + string(filepath.ListSeparator) + os.Getenv("PATH"), "GOROOT="}, extra...)...)
}

const remembering = `
-- go.mod --
module example.com/small

go 1.25
-- main.go --
package main

import "example.com/small/dep"

func main() { println(dep.Word, dep.Text) }
-- dep/dep.go --
package dep

import _ "embed"

const Word = "one"

//go:embed text.txt
var Text string
-- dep/text.txt --
text
-- other/other.go --
package other

var X = 1
`

func TestFastPath(t *testing.T) {
	d := newDistribution(t)
	t.Setenv("PATH", d.bin+string(filepath.ListSeparator)+os.Getenv("PATH")) // where go/packages finds it
	dir := write(t, remembering)
	results, dirs := &layertest.Memory{}, newDirs(t)
	file := func(name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }
	put := func(name, content string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(file(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file(name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	edit := func(name, from, to string) {
		t.Helper()
		raw, err := os.ReadFile(file(name))
		if err != nil || !strings.Contains(string(raw), from) {
			t.Fatalf("%s: %v, without %q", name, err, from)
		}
		put(name, strings.Replace(string(raw), from, to, 1))
	}
	var last build.Binary
	all := long()
	const (
		always = false
		long   = true
	)
	steps := []struct {
		long  bool // not part of the short form
		name  string
		do    func()
		want  string // commands of the go command
		other bool   // the binary is another than the last time
	}{
		{always, "first", func() {}, "list build", true},
		{always, "unchanged", func() {}, "", false},
		{always, "touched", func() { touch(t, file("dep/dep.go")) }, "", false},
		{long, "a constant", func() { edit("dep/dep.go", `"one"`, `"two"`) }, "build", true},
		{long, "unchanged after that", func() {}, "", false},
		{long, "an embedded file", func() { put("dep/text.txt", "TEXT\n") }, "build", true},
		{always, "same size and time", func() {
			info, err := os.Stat(file("dep/text.txt"))
			if err != nil {
				t.Fatal(err)
			}
			put("dep/text.txt", "Text\n")
			if err := os.Chtimes(file("dep/text.txt"), info.ModTime(), info.ModTime()); err != nil {
				t.Fatal(err)
			}
		}, "build", true},
		{always, "what nobody reads", func() { put("dep/README", "x"); edit("other/other.go", "1", "2") }, "", false},
		{always, "a new file", func() { put("dep/more.go", "package dep\n\nfunc init() { println(3) }\n") }, "list build", true},
		{long, "another import", func() { edit("dep/more.go", "package dep\n", "package dep\n\nimport _ \"example.com/small/other\"\n") }, "list build", true},
		{long, "in the new import", func() { put("other/other.go", "package other\n\nvar X = 1\n\nfunc init() { println(4) }\n") }, "build", true},
		{long, "go.mod", func() { edit("go.mod", "go 1.25", "go 1.25.0") }, "list build", true},
		{long, "another name of the main package", func() { put("zero.go", "package main\n") }, "list build", true},
		{always, "unchanged at the end", func() {}, "", false},
	}
	for _, s := range steps {
		if s.long && !all {
			continue
		}
		s.do()
		events := &recorder{}
		c := New(Options{Env: d.env(), Dirs: dirs, Events: events, Results: results, Now: time.Now})
		b := buildOne(t, c, build.GoSettings{Dir: dir}, ".")
		if got := d.asked(); got != s.want {
			t.Errorf("%s: the go command was asked for %q, want %q: %v", s.name, got, s.want, events.explained)
		}
		if other := b.Key != last.Key; other != s.other {
			t.Errorf("%s: another binary: %v, want %v", s.name, other, s.other)
		}
		if b.Info.Path != "example.com/small" || b.Info.GoVersion == "" || b.Size == 0 {
			t.Errorf("%s: the binary is %+v", s.name, b)
		}
		last = b
	}
	// A checkout elsewhere, where all stamps differ.
	elsewhere := write(t, "")
	if err := os.CopyFS(elsewhere, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	c := New(Options{Env: d.env(), Dirs: dirs, Results: results, Now: time.Now})
	pkg := load(t, c, build.GoSettings{Dir: elsewhere}, ".")[0]
	if want := (build.Package{
		ImportPath: "example.com/small", Name: "small", Dir: elsewhere, Pattern: ".",
		Module: &build.Module{Path: "example.com/small", Dir: elsewhere},
	}); !cmp.Equal(pkg, want) {
		t.Errorf("elsewhere the package is %s", cmp.Diff(want, pkg))
	}
	if b := buildOne(t, c, build.GoSettings{Dir: elsewhere}, "."); b.Key != last.Key {
		t.Error("another binary elsewhere")
	}
	if got := d.asked(); got != "" {
		t.Errorf("elsewhere the go command was asked for %q", got)
	}
	// A binary that is not as it was is made again.
	c = New(Options{Env: d.env(), Dirs: dirs, Results: results, Now: time.Now})
	damage(t, last.File.Name())
	if b := buildOne(t, c, build.GoSettings{Dir: dir}, "."); b.Key != last.Key || d.asked() != "build" {
		t.Error("a damaged binary was taken over")
	}
}

func touch(t *testing.T, path string) {
	t.Helper()
	if err := os.Chtimes(path, time.Unix(1e9, 0), time.Unix(1e9, 0)); err != nil {
		t.Fatal(err)
	}
}

// damage changes bytes in the middle of a file, and leaves its size and time as they were.
func damage(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("oops"), info.Size()/2); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
}

// Where effects are not known, nothing is remembered, and the user can learn why.
func TestNotRemembered(t *testing.T) {
	d := newDistribution(t)
	dir := write(t, remembering)
	shim := t.TempDir()
	if err := os.WriteFile(filepath.Join(shim, "go"), []byte("#!/bin/sh\nexec go \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		env  []string
		s    build.GoSettings
		want string // in the reason; empty for none
	}{
		{name: "plain"},
		{name: "harmless", env: []string{"GOFLAGS=-mod=readonly -p=3 -ldflags=-X=main.v=1 -tags=x"}},
		{name: "cgo", s: build.GoSettings{BuildEnv: []string{"CGO_ENABLED=1"}}, want: "cgo is on"},
		{name: "overlay", env: []string{"GOFLAGS=-overlay=x.json"}, want: "-overlay"},
		{name: "program", env: []string{"GOFLAGS=-toolexec=x"}, want: "-toolexec"},
		{name: "another go.mod", env: []string{"GOFLAGS=-modfile=x.mod"}, want: "-modfile"},
		{name: "profile", env: []string{"GOFLAGS=-pgo=x"}, want: "-pgo"},
		{name: "linker", s: build.GoSettings{Ldflags: []string{"-linkmode=external"}}, want: "a linker that is not Go's"},
		{name: "linker's flags", s: build.GoSettings{Ldflags: []string{"-extldflags=-static"}}, want: "a linker that is not Go's"},
		{name: "linker's program", s: build.GoSettings{Ldflags: []string{"-extld=gcc"}}, want: "-ldflags has -extld, whose effects are not known"},
		{name: "linker by variable", env: []string{"GO_EXTLINK_ENABLED=1"}, want: "GO_EXTLINK_ENABLED"},
		{name: "compiler", s: build.GoSettings{Gcflags: []string{"-importcfg=x"}}, want: "whose effects are not known"},
		{name: "GOPATH", env: []string{"GO111MODULE=off"}, want: "GOPATH"},
		{name: "another GOROOT", env: []string{"GOROOT=/elsewhere"}, want: "GOROOT"},
		{name: "shim", env: []string{"PATH=" + shim}, want: "a program that chooses one"},
		{name: "no module", s: build.GoSettings{Dir: t.TempDir()}, want: "no go.mod"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := New(Options{Env: d.env(tt.env...), Results: &layertest.Memory{}, Now: time.Now})
			if tt.s.Dir == "" {
				tt.s.Dir = dir
			}
			chain, err := c.toolchain(tt.s, native)
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.memo(chain)
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("not remembered: %v", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("the reason is %v, want %q in it", err, tt.want)
			}
		})
	}
}

// What the go command reads apart from files is part of the keys, and nothing else is.
func TestMemoKeys(t *testing.T) {
	d := newDistribution(t)
	dir := write(t, remembering+`
-- env --
GOPRIVATE=x
`)
	key := func(s build.GoSettings, env ...string) string {
		t.Helper()
		s.Dir = dir
		c := New(Options{Env: d.env(env...), Results: &layertest.Memory{}, Now: time.Now})
		chain, err := c.toolchain(s, native)
		if err != nil {
			t.Fatal(err)
		}
		m, err := c.memo(chain)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(m.keys(question{what: "x"}), " ")
	}
	plain := key(build.GoSettings{})
	for _, env := range []string{"GOCACHE=/x", "GOTMPDIR=/x", "LANG=de", "GOOGLE_APPLICATION_CREDENTIALS=x", "CC=x"} {
		if key(build.GoSettings{}, env) != plain {
			t.Errorf("%s makes a difference", env)
		}
	}
	for _, env := range []string{
		"GOEXPERIMENT=x", "GOFLAGS=-tags=x", "GOFLAGS=-mod=mod", "GODEBUG=x=1", "GOPROXY=x", "GOSUMDB=x", "GOMODCACHE=/x", "GOTOOLCHAIN=auto",
		"GOENV=" + filepath.Join(dir, "env"), "CGO_CFLAGS=x", "CGO_ENABLED=0",
	} {
		if key(build.GoSettings{}, env) == plain {
			t.Errorf("%s makes no difference", env)
		}
	}
	for _, s := range []build.GoSettings{
		{Ldflags: []string{"-X=main.v=1"}}, {Gcflags: []string{"-N"}}, {Tags: []string{"x"}}, {BuildEnv: []string{"GOAMD64=v1"}}, {VCS: true},
	} {
		if key(s) == plain {
			t.Errorf("%+v makes no difference", s)
		}
	}
	for _, place := range []struct{ dir, use string }{{dir, "."}, {filepath.Dir(dir), "./" + filepath.Base(dir)}} {
		work := filepath.Join(place.dir, "go.work")
		if err := os.WriteFile(work, []byte("go 1.25\n\nuse "+place.use+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		if key(build.GoSettings{}) == plain {
			t.Errorf("a go.work in %s makes no difference", place.dir)
		}
		if key(build.GoSettings{}, "GOWORK=off") == plain {
			t.Error("GOWORK=off makes no difference")
		}
		if err := os.Remove(work); err != nil {
			t.Fatal(err)
		}
	}
}

// A record is found elsewhere only if what it is about means the same there.
func TestMemoPlaces(t *testing.T) {
	d := newDistribution(t)
	memoOf := func(dir string, env ...string) (*memo, error) {
		t.Helper()
		c := New(Options{Env: d.env(env...), Results: &layertest.Memory{}, Now: time.Now})
		chain, err := c.toolchain(build.GoSettings{Dir: dir}, native)
		if err != nil {
			t.Fatal(err)
		}
		return c.memo(chain)
	}
	keys := func(dir string, patterns ...string) int {
		t.Helper()
		m, err := memoOf(dir)
		if err != nil {
			t.Fatal(err)
		}
		return len(m.keys(loadQuestion(patterns)))
	}
	dir := write(t, remembering)
	lib := write(t, "-- go.mod --\nmodule example.com/lib\n-- sub/x.go --\npackage sub\n")
	if got := keys(dir, "./cmd", "./..."); got != 2 {
		t.Errorf("%d keys, want one for here and one for anywhere", got)
	}
	for _, pattern := range []string{filepath.Join(dir, "cmd"), "../other/cmd", "./x/../../y"} {
		if got := keys(dir, pattern); got != 1 {
			t.Errorf("%s: %d keys, want one for here", pattern, got)
		}
	}
	mod := "module example.com/small\n\ngo 1.25\n\nrequire example.com/small/lib v1.0.0\n\nreplace example.com/small/lib => " + lib + "\n"
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte(mod), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := keys(dir, "./cmd"); got != 1 {
		t.Errorf("with an absolute replacement: %d keys, want one for here", got)
	}
	m, err := memoOf(dir, "GOMODCACHE="+filepath.Dir(lib))
	if err != nil {
		t.Fatal(err)
	}
	if m.immutable(filepath.Join(lib, "sub")) || !m.immutable(filepath.Join(filepath.Dir(lib), "example.com", "other@v1.0.0")) {
		t.Error("only what the user replaced in the module cache may change")
	}
	// A package of the replacement's own path would be in two modules.
	found := false
	for _, in := range m.packageInputs(fastpath.Package, "example.com/small/lib", filepath.Join(dir, "lib"), dir) {
		found = found || in.Kind == fastpath.Headers && in.Path == m.site.rel(lib)
	}
	if !found {
		t.Error("the root of the replacement is not looked at for a package of its path")
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(d.bin), "go.env"), []byte("# x\nGOPROXY=off\nGOWORK=/x/go.work\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := memoOf(dir); err == nil || !strings.Contains(err.Error(), "sets GOWORK") {
		t.Errorf("a go.env with GOWORK: %v", err)
	}
}
