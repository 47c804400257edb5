package gobuild

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/imgo-build/imgo/pkg/build"
)

// The go command takes a binary for up to date because of the build ID in it,
// whatever became of the other bytes.
func TestDamagedBinariesAreLinkedAgain(t *testing.T) {
	dirs := newDirs(t)
	c := New(Options{Env: testEnv(), Dirs: dirs})
	s := build.GoSettings{Dir: write(t, tiny)}
	want := content(t, buildOne(t, c, s, "."))
	path := onlyBinary(t, dirs)
	for name, damage := range map[string]func(t *testing.T, path string){
		"bytes":     damage, // the short form
		"size":      func(t *testing.T, path string) { check(t, os.Truncate(path, 100_000)) },
		"no record": func(t *testing.T, path string) { check(t, os.Remove(record(path))) },
		"no file": func(t *testing.T, path string) {
			check(t, os.Remove(path))
			check(t, os.Mkdir(path, 0o755))
		},
	} {
		t.Run(name, func(t *testing.T) {
			if name != "bytes" {
				onlyLong(t)
			}
			damage(t, path)
			again := buildOne(t, c, s, ".")
			if !bytes.Equal(content(t, again), want) {
				t.Error("what was damaged was handed out")
			}
		})
	}
}

// A cache that was restored has other inodes and times, but the same bytes.
func TestRestoredBinaryIsNotLinkedAgain(t *testing.T) {
	dirs := newDirs(t)
	c := New(Options{Env: testEnv(), Dirs: dirs})
	s := build.GoSettings{Dir: write(t, tiny)}
	first := buildOne(t, c, s, ".")
	path := onlyBinary(t, dirs)
	check(t, os.WriteFile(path+".copy", content(t, first), 0o755))
	check(t, os.Rename(path+".copy", path))
	restored, err := os.Stat(path)
	check(t, err)
	again := buildOne(t, c, s, ".")
	now, err := again.File.Stat()
	check(t, err)
	if !os.SameFile(restored, now) {
		t.Error("it was linked again")
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func content(t *testing.T, b build.Binary) []byte {
	t.Helper()
	data, err := io.ReadAll(io.NewSectionReader(b.File, 0, b.Size))
	check(t, err)
	return data
}

// onlyBinary is the path of the only binary that was built in dirs.
func onlyBinary(t *testing.T, d *tempDirs) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(d.root, "*", "bin", "[^.]*"))
	if err != nil || len(found) != 1 {
		t.Fatalf("binaries: %q, %v", found, err)
	}
	return found[0]
}

// record is where the record of the binary at path lies.
func record(path string) string {
	return filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".json")
}
