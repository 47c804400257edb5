package gobuild

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/imgo-build/imgo/internal/fastpath"
	"github.com/imgo-build/imgo/internal/stamp"
	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/layer/layertest"
)

// watched is a build of the package in a directory, as far as remembering it goes: between
// begin and end is where a go command would run.
type watched struct {
	t      *testing.T
	memo   *memo
	now    func() time.Time
	began  time.Time
	before *fastpath.Snapshot
}

var watchedQuestion = question{what: "a build"}

func beginBuild(t *testing.T, d *distribution, dir string, now func() time.Time) *watched {
	t.Helper()
	c := New(Options{Env: d.env(), Results: &layertest.Memory{}, Now: now})
	chain, err := c.toolchain(build.GoSettings{Dir: dir}, native)
	if err != nil {
		t.Fatal(err)
	}
	w := &watched{t: t, now: now}
	if w.memo, err = c.memo(chain); err != nil {
		t.Fatal(err)
	}
	// Of a first build the inputs are not known beforehand, apart from the command's own.
	w.before = w.memo.recall(t.Context(), watchedQuestion, w.memo.likely(fastpath.Package, dir)...).now
	w.began = now()
	return w
}

// end returns why the build is not remembered, which packages in directories are an input of.
func (w *watched) end(dirs ...string) error {
	w.t.Helper()
	inputs := w.memo.site.inputs
	for _, dir := range dirs {
		inputs = append(inputs, fastpath.Input{Kind: fastpath.Package, Path: dir})
	}
	err := w.memo.save(w.t.Context(), watchedQuestion, inputs, w.before, w.began, []byte("outcome"))
	if known := w.memo.recall(w.t.Context(), watchedQuestion).record != nil; known == (err != nil) {
		w.t.Errorf("remembered: %v, but the reason not to is %v", known, err)
	}
	return err
}

// A directory above the module, or one that another is replaced by, gives way to another
// during a build. All files there are old, and those that were looked at before are the
// same: only the directories tell that what was compiled is not what lies there now.
func TestDirectorySwappedDuringBuild(t *testing.T) {
	if !stamp.Reliable {
		t.Skip("nothing is remembered here")
	}
	const module = "module example.com/app\n\ngo 1.25\n\nrequire example.com/lib v1.0.0\n\nreplace example.com/lib => ../../lib\n"
	tree := ""
	for _, up := range []string{"up", "other"} {
		tree += "-- " + up + "/m/go.mod --\n" + module + "-- " + up + "/m/main.go --\npackage main\n\nfunc main() {}\n" +
			"-- " + up + "/m/dep/dep.go --\npackage dep // of " + up + "\n"
	}
	for _, lib := range []string{"lib", "otherlib"} {
		tree += "-- " + lib + "/go.mod --\nmodule example.com/lib\n-- " + lib + "/lib.go --\npackage lib // " + lib + "\n"
	}
	d := newDistribution(t)
	for name, c := range map[string]struct {
		dir  string
		swap func(at func(string) string)
		want string // in the reason; empty where it is remembered
	}{
		"nothing":               {"up/m", func(func(string) string) {}, ""},
		"nothing behind a link": {"link/m", func(func(string) string) {}, ""},
		"what is beside it":     {"up/m", func(at func(string) string) { check(t, os.Rename(at("other"), at("third"))) }, ""},
		"renamed":               {"up/m", func(at func(string) string) { exchange(t, at("up"), at("other")) }, "changed meanwhile"},
		"linked":                {"link/m", func(at func(string) string) { relink(t, at("other"), at("link")) }, "changed meanwhile"},
		"renamed behind a link": {"link/m", func(at func(string) string) { exchange(t, at("up"), at("other")) }, "changed meanwhile"},
		"a link in its place": {"up/m", func(at func(string) string) {
			check(t, os.Rename(at("up"), at("away")))
			relink(t, at("other"), at("up"))
		}, "changed meanwhile"},
		"a replacement, renamed": {"up/m", func(at func(string) string) { exchange(t, at("lib"), at("otherlib")) }, "changed meanwhile"},
	} {
		root := write(t, tree)
		at := func(path string) string { return filepath.Join(root, filepath.FromSlash(path)) }
		check(t, os.Symlink(at("up"), at("link")))
		// An hour later, so that no time tells anything.
		w := beginBuild(t, d, at(c.dir), func() time.Time { return time.Now().Add(time.Hour) })
		c.swap(at)
		err := w.end(".", "dep", "../../lib")
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: the reason is %v, want %q in it", name, err, c.want)
		}
	}
}

// exchange gives each of two directories the name of the other.
func exchange(t *testing.T, a, b string) {
	t.Helper()
	check(t, os.Rename(a, a+".away"))
	check(t, os.Rename(b, a))
	check(t, os.Rename(a+".away", b))
}

// relink makes path a link to target.
func relink(t *testing.T, target, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	check(t, os.Symlink(target, path))
}

// Where the clock of the file system is ahead of the machine's, no file seems to be older
// than the build, so nothing is remembered: a write during the build would look the same.
func TestSkewedClockIsNotTrusted(t *testing.T) {
	if !stamp.Reliable {
		t.Skip("nothing is remembered here")
	}
	d := newDistribution(t)
	for ahead, want := range map[time.Duration]string{
		-time.Hour:          "", // as if all was written an hour ago
		time.Second:         "too shortly before",
		time.Hour:           "too shortly before",
		1000000 * time.Hour: "too shortly before",
	} {
		dir := write(t, remembering)
		w := beginBuild(t, d, dir, func() time.Time { return time.Now().Add(-ahead) })
		err := w.end(".", "dep")
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("ahead by %v: the reason is %v, want %q in it", ahead, err, want)
		}
	}
}

const shadowed = `
-- go.mod --
module example.com/app

go 1.25

require example.com/app/sub v1.0.0

replace example.com/app/sub => ./elsewhere
-- main.go --
package main

import "example.com/app/sub/word"

func main() { println(word.Word) }
-- elsewhere/go.mod --
module example.com/app/sub

go 1.25
-- elsewhere/word/word.go --
package word

const Word = "one"
-- sub/word/README --
not a package
`

// A directory of the main module lies where the path of a package of another leads. To
// the go command, any name that ends in .go makes it a package, one that it would never
// read included: then the import is ambiguous.
func TestShadowingDirectory(t *testing.T) {
	d := newDistribution(t)
	t.Setenv("PATH", d.bin+string(filepath.ListSeparator)+os.Getenv("PATH")) // where go/packages finds it
	dir := write(t, shadowed)
	results, dirs := &layertest.Memory{}, newDirs(t)
	run := func() (build.Binary, string) {
		t.Helper()
		c := New(Options{Env: d.env(), Dirs: dirs, Results: results, Now: func() time.Time { return time.Now().Add(time.Hour) }})
		s := build.GoSettings{Dir: dir}
		b := compile(t, c, s, load(t, c, s, ".")...)[0]
		return b, d.asked()
	}
	if b, asked := run(); b.Err != nil || asked != "list build" {
		t.Fatalf("first: %v, asked for %q", b.Err, asked)
	}
	if b, asked := run(); b.Err != nil || asked != "" {
		t.Fatalf("unchanged: %v, asked for %q", b.Err, asked)
	}
	check(t, os.WriteFile(filepath.Join(dir, "sub", "word", "_x.go"), nil, 0o644))
	b, asked := run()
	if failed, ok := errors.AsType[*CompileError](b.Err); !ok || !strings.Contains(failed.Output, "ambiguous import") {
		t.Errorf("with _x.go in a directory that shadows the package: %v, asked for %q", b.Err, asked)
	}
}
