package environ_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/imgo-build/imgo/internal/environ"
)

func TestTheLastValueCounts(t *testing.T) {
	e := environ.Environ{"A=1", "B=", "A=2=3", "AB=4"}
	if got := e.Get("A"); got != "2=3" {
		t.Errorf("A is %q", got)
	}
	if v, ok := e.Lookup("B"); v != "" || !ok {
		t.Errorf("B is %q, %v", v, ok)
	}
	if _, ok := e.Lookup("C"); ok {
		t.Error("C is set")
	}
}

func TestProgramsOfRelativeDirectoriesAreSkipped(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	name := "tool"
	if runtime.GOOS == "windows" {
		name = "tool.exe"
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	list := string(filepath.ListSeparator)
	if path, ok := (environ.Environ{"PATH=." + list + list}).Program("tool"); ok {
		t.Errorf("found %s", path)
	}
	if path, ok := (environ.Environ{"PATH=." + list + dir}).Program("tool"); !ok || path != filepath.Join(dir, name) {
		t.Errorf("found %q, %v", path, ok)
	}
}
