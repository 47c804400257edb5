package gobuild

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/tools/txtar"

	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/event"
)

// native is the platform that is cheapest to build for here.
var native = v1.Platform{OS: "linux", Architecture: runtime.GOARCH}

// testEnv is this machine's environment without its settings of the go command, and
// without a network. What tests compile is so small that more than one processor
// costs more than it brings.
func testEnv(extra ...string) []string {
	env := append(os.Environ(), "GOENV=off", "GOFLAGS=", "GOPROXY=off", "GOWORK=", "GOTOOLCHAIN=local", "GOMAXPROCS=1")
	return append(env, extra...)
}

// long reports whether tests have the time for all that they know. Where they don't, each
// still has a short form, so that go test ./... stays something to do while one waits.
func long() bool { return os.Getenv("IMGO_TEST_LONG") != "" } // which make test sets

// onlyLong skips a part of a test that isn't in its short form.
func onlyLong(t *testing.T) {
	t.Helper()
	if !long() {
		t.Skip("make test runs this one")
	}
}

// write makes the files of a txtar archive in a fresh directory.
func write(t *testing.T, archive string) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range txtar.Parse([]byte(archive)).Files {
		path := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// sample is a module of testdata/mod.
func sample(t *testing.T, name string) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", "..", "testdata", "mod", name))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// tempDirs is Dirs in a temporary directory, within one process.
type tempDirs struct {
	root string
	mu   sync.Mutex
	held map[string]*sync.Mutex
	keys []string
}

func newDirs(t *testing.T) *tempDirs {
	return &tempDirs{root: t.TempDir(), held: map[string]*sync.Mutex{}}
}

func (d *tempDirs) Dir(_ context.Context, key string) (Dir, error) {
	sum := sha256.Sum256([]byte(key))
	name := hex.EncodeToString(sum[:8])
	d.mu.Lock()
	if d.held[name] == nil {
		d.held[name] = &sync.Mutex{}
	}
	mu := d.held[name]
	d.keys = append(d.keys, key)
	d.mu.Unlock()
	mu.Lock()
	dir := &tempDir{path: filepath.Join(d.root, name), mu: mu}
	for _, p := range []string{dir.Path(), dir.Tmp()} {
		if err := os.MkdirAll(p, 0o755); err != nil {
			return nil, err
		}
	}
	var err error
	dir.lock, err = os.OpenFile(filepath.Join(dir.path, "lock"), os.O_RDWR|os.O_CREATE, 0o644)
	return dir, err
}

func (d *tempDirs) Open(key, name string) (*os.File, error) {
	sum := sha256.Sum256([]byte(key))
	return os.Open(filepath.Join(d.root, hex.EncodeToString(sum[:8]), "bin", name))
}

type tempDir struct {
	path string
	lock *os.File
	mu   *sync.Mutex
}

func (d *tempDir) Path() string   { return filepath.Join(d.path, "bin") }
func (d *tempDir) Tmp() string    { return filepath.Join(d.path, "tmp") }
func (d *tempDir) Lock() *os.File { return d.lock }
func (d *tempDir) Release() error {
	defer d.mu.Unlock()
	d.lock.Close()
	return os.RemoveAll(d.Tmp())
}

// recorder keeps events.
type recorder struct {
	mu        sync.Mutex
	events    []event.Event
	explained []string
}

func (r *recorder) Emit(e event.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.Kind == event.Explained {
		r.explained = append(r.explained, e.Text)
		return
	}
	r.events = append(r.events, e)
}

// of returns the events of a kind.
func (r *recorder) of(kind event.Kind) []event.Event {
	var found []event.Event
	for _, e := range r.events {
		if e.Kind == kind {
			found = append(found, e)
		}
	}
	return found
}

// load resolves patterns for the native platform, and fails the test on an error.
func load(t *testing.T, c *Compiler, s build.GoSettings, patterns ...string) []build.Package {
	t.Helper()
	pkgs, err := c.Load(t.Context(), s, native, patterns)
	if err != nil {
		t.Fatalf("Load(%s): %v", strings.Join(patterns, " "), err)
	}
	return pkgs
}

// compile compiles packages for the native platform and closes the files with the
// test.
func compile(t *testing.T, c *Compiler, s build.GoSettings, pkgs ...build.Package) []build.Binary {
	t.Helper()
	var units []build.Unit
	for _, p := range pkgs {
		units = append(units, build.Unit{Package: p, Platform: native, Go: s})
	}
	return compileUnits(t, c, units...)
}

func compileUnits(t *testing.T, c *Compiler, units ...build.Unit) []build.Binary {
	t.Helper()
	bins, err := c.Compile(t.Context(), units)
	if err != nil {
		t.Fatalf("Compile: %v", err)
	}
	c.Wait()
	t.Cleanup(func() {
		for _, b := range bins {
			if b.File != nil {
				b.File.Close()
			}
		}
	})
	return bins
}

// buildOne loads and compiles one package, which must succeed.
func buildOne(t *testing.T, c *Compiler, s build.GoSettings, pattern string) build.Binary {
	t.Helper()
	b := compile(t, c, s, load(t, c, s, pattern)...)[0]
	if b.Err != nil {
		if failed, ok := b.Err.(*CompileError); ok {
			t.Log(failed.Output)
		}
		t.Fatalf("compiling %s: %v", pattern, b.Err)
	}
	return b
}

// setting is an entry of a binary's build information.
func setting(b build.Binary, key string) string {
	for _, s := range b.Info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}

func typeName(v any) string { return fmt.Sprintf("%T", v) }
