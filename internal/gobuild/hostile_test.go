//go:build unix

package gobuild

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/pkg/build"
)

const hostile = `
-- go.mod --
module example.com/hostile

go 1.25

tool example.com/hostile/tool
-- go.env --
GOFLAGS=-toolexec=./trap
-- .config/go/env --
GOFLAGS=-toolexec=./trap
-- tool/main.go --
package main

func main() { panic("run") }
-- main.go --
package main

//go:generate ./trap

func main() {}
-- newer/go.mod --
module example.com/hostile/newer

go 1.98.0

toolchain go1.99.0
-- newer/main.go --
package main

func main() {}
`

// Nothing in a stranger's repository is run by loading and building it, even where
// the current directory is in PATH. What its configuration file may say is for others
// to check.
func TestHostileRepositoryRunsNothing(t *testing.T) {
	dir := write(t, hostile)
	ran := t.TempDir()
	for _, name := range []string{
		"trap", "go", "git", "gcc", "cc", "asm", "compile", "link", "gopackagesdriver", "go1.98.0", "go1.99.0",
	} {
		for _, at := range []string{dir, filepath.Join(dir, "newer")} {
			check(t, os.WriteFile(filepath.Join(at, name), []byte("#!/bin/sh\ntouch '"+filepath.Join(ran, name)+"'\n"), 0o755))
		}
	}
	if err := exec.Command(filepath.Join(dir, "trap")).Run(); err != nil || os.Remove(filepath.Join(ran, "trap")) != nil {
		t.Fatalf("the traps don't work: %v", err)
	}
	t.Chdir(dir)
	path := os.Getenv("PATH")
	t.Setenv("PATH", path+":.")
	env := testEnv("PATH=.:"+path, "GOTOOLCHAIN=auto")
	c := New(Options{Env: env, Dirs: newDirs(t)})
	s := build.GoSettings{Dir: dir}
	buildOne(t, c, s, ".")

	// A toolchain that isn't there can't be had, which stops the go command.
	s.Dir = filepath.Join(dir, "newer")
	t.Chdir(s.Dir)
	if pkgs, err := c.Load(t.Context(), s, v1.Platform{OS: "linux", Architecture: "amd64"}, nil); err == nil {
		t.Errorf("loaded %+v with a toolchain that isn't there", pkgs)
	}
	entries, err := os.ReadDir(ran)
	check(t, err)
	for _, e := range entries {
		t.Errorf("%s of the repository ran", e.Name())
	}
}
