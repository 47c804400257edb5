//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// tmpfs mounts a small file system for the time of the test.
func tmpfs(t *testing.T, dir, size string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Fatalf("mounting a tmpfs: %v", err)
	}
	t.Cleanup(func() { unmount(t, dir) })
}

func unmount(t *testing.T, dir string) {
	if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
		t.Errorf("unmounting %s: %v", dir, err)
	}
}

// readOnly makes what tmpfs mounted read-only, for root too.
func readOnly(t *testing.T, dir string) {
	t.Helper()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatalf("remounting read-only: %v", err)
	}
}

// The binary of the sample server has 7 MB: the smaller disk is full before it is
// linked, the other one while it is compressed.
func TestFullCache(t *testing.T) {
	for _, size := range []string{"2m", "8m"} {
		t.Run(size, func(t *testing.T) {
			s := newSandbox(t)
			s.module("server", "mod")
			tmpfs(t, s.cache, size)
			r := s.try(suite.imgo, "build", "-C", "mod", "./cmd/server")
			checkFailure(t, r, "no space left on device", "hint: ", "full")
			if _, err := os.Stat(s.path("mod/server.tar")); err == nil {
				t.Error("there is a tarball")
			}
			checkBlobs(s)
			if left := files(t, filepath.Join(s.cache, "v1", "tmp")); len(left) > 0 {
				t.Errorf("temporary files are left in the cache: %s", left)
			}
			// With room again, the next run works.
			if err := syscall.Mount("tmpfs", s.cache, "tmpfs", syscall.MS_REMOUNT, "size=64m"); err != nil {
				t.Fatal(err)
			}
			s.imgo("build", "-C", "mod", "./cmd/server")
			checkBlobs(s)
		})
	}
}

func TestFullOutput(t *testing.T) {
	for _, kind := range []string{"tarball", "layout"} {
		t.Run(kind, func(t *testing.T) {
			s := newSandbox(t)
			s.module("server", "mod")
			out := s.path("out")
			tmpfs(t, out, "1m")
			old := s.write(filepath.Join(out, "server.tar"), "the last good build", 0o644)
			want := "server.tar"
			arg := old
			if kind == "layout" {
				arg = "oci:" + filepath.Join(out, "layout")
			}
			s.imgoFails([]string{"build", "-C", "mod", "./cmd/server", "-o", arg}, "no space left on device", "hint: ", "full")
			if got := strings.Join(files(t, out), " "); got != want {
				t.Errorf("the output directory has %q, want %q", got, want)
			}
			if content, err := os.ReadFile(old); err != nil || string(content) != "the last good build" {
				t.Errorf("the existing file was changed (%v)", err)
			}
		})
	}
}

func TestReadOnlyCache(t *testing.T) {
	s := newSandbox(t)
	mod := s.module("server", "mod")
	tmpfs(t, s.cache, "64m")
	s.imgo("build", "-C", "mod", "./cmd/server")
	readOnly(t, s.cache)
	edit(s, mod, "read-only")
	os.Remove(s.path("mod/server.tar"))
	s.imgoFails([]string{"build", "-C", "mod", "./cmd/server"}, s.cache, "read-only file system", "hint: ", "IMGO_CACHE_DIR")
	if _, err := os.Stat(s.path("mod/server.tar")); err == nil {
		t.Error("there is a tarball")
	}
}

func TestReadOnlyOutput(t *testing.T) {
	s := newSandbox(t)
	s.module("server", "mod")
	out := s.path("out")
	tmpfs(t, out, "64m")
	s.imgo("build", "-C", "mod", "./cmd/server", "-o", filepath.Join(out, "server.tar"))
	before, err := os.ReadFile(filepath.Join(out, "server.tar"))
	if err != nil {
		t.Fatal(err)
	}
	readOnly(t, out)
	for _, arg := range []string{filepath.Join(out, "server.tar"), filepath.Join(out, "new.tar"), "oci:" + filepath.Join(out, "layout")} {
		s.imgoFails([]string{"build", "-C", "mod", "./cmd/server", "-o", arg, "--label", "changed=yes"}, "read-only file system", "hint: ", "-o")
	}
	if after, err := os.ReadFile(filepath.Join(out, "server.tar")); err != nil || string(after) != string(before) {
		t.Errorf("the existing tarball was changed (%v)", err)
	}
}
