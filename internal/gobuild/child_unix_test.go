//go:build unix

package gobuild

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/event"
)

// stubborn is a go command that starts a child which ignores interrupts and keeps
// the output open. The child prints the process IDs of both.
const stubborn = `#!/bin/sh
echo inherited >&3
echo work > "$GOTMPDIR/file"
sh -c 'trap "" INT; echo "$0 $$"; exec sleep 60' $$ &
wait
`

// fakeGo is an environment in which go is a script.
func fakeGo(t *testing.T, script string) []string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "go"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return testEnv("PATH=" + dir + string(filepath.ListSeparator) + os.Getenv("PATH"))
}

func TestCompileCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var pids []int
	events := event.Func(func(e event.Event) {
		if e.Kind != event.Output {
			return
		}
		for _, field := range strings.Fields(e.Text) {
			pid, err := strconv.Atoi(field)
			if err != nil {
				t.Errorf("output: %s", e.Text)
			}
			pids = append(pids, pid)
		}
		cancel()
	})
	dirs := newDirs(t)
	c := New(Options{Env: fakeGo(t, stubborn), Dirs: dirs, Events: events})
	c.grace = 300 * time.Millisecond
	unit := build.Unit{
		Package:  build.Package{ImportPath: "example.com/m", Name: "m"},
		Platform: native,
		Go:       build.GoSettings{Dir: t.TempDir()},
	}
	began := time.Now()
	bins, err := c.Compile(ctx, []build.Unit{unit})
	if !errors.Is(err, context.Canceled) || bins != nil {
		t.Errorf("Compile = %v, %v, want context.Canceled", bins, err)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
	if len(pids) != 2 {
		t.Fatalf("pids are %v", pids)
	}
	for _, pid := range pids {
		if !gone(pid) {
			t.Errorf("process %d lives", pid)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dirs.root, "*", "tmp")); left != nil {
		t.Errorf("work files left: %v", left)
	}
	locks, _ := filepath.Glob(filepath.Join(dirs.root, "*", "lock"))
	if len(locks) != 1 {
		t.Fatalf("locks are %v", locks)
	}
	if data, err := os.ReadFile(locks[0]); err != nil || string(data) != "inherited\n" {
		t.Errorf("the child didn't inherit the lock: %q, %v", data, err)
	}
}

// What the go command is given: the directory as the user names it, GOFLAGS without
// what is on the command line, the platform.
func TestCompileCommand(t *testing.T) {
	dir := write(t, "-- goenv --\nGOFLAGS=-tags=a -ldflags=-r\n")
	echo := "#!/bin/sh\necho \"$PWD|$GOFLAGS|$GOOS/$GOARCH$GOARM|$CGO_ENABLED\"\nshift 3\nprintf '%s\\n' \"$@\"\nexit 3\n"
	arm := v1.Platform{OS: "linux", Architecture: "arm"}
	s := build.GoSettings{Dir: dir, Jobs: 7, Tags: []string{"b"}, Ldflags: []string{"-X m.v=1"}, Gcflags: []string{"all=-N"}}
	for goflags, want := range map[string]string{
		"GOFLAGS=-mod=mod -tags=a": "-mod=mod|linux/arm7|0\n-buildvcs=false\n-trimpath\n-tags=a,b\n-ldflags=-s -w -X m.v=1",
		"GOENV=goenv":              "-trimpath|linux/arm7|0\n-buildvcs=false\n-trimpath\n-tags=a,b\n-ldflags=-s -w -r -X m.v=1",
	} {
		c := New(Options{Env: append(fakeGo(t, echo), goflags), Dirs: newDirs(t)})
		b := compileUnits(t, c, build.Unit{Package: build.Package{ImportPath: "m", Name: "m"}, Platform: arm, Go: s})[0]
		var failed *CompileError
		if !errors.As(b.Err, &failed) || failed.ExitCode != 3 {
			t.Fatalf("Err = %v", b.Err)
		}
		want = dir + "|" + want + "\n-gcflags=all=-N\n-p=7\n--\nm"
		if diff := cmp.Diff(want, failed.Output); diff != "" {
			t.Errorf("%s: the go command's view (-want +got):\n%s", goflags, diff)
		}
	}
}

// gone reports whether a process ends within some seconds. One that waits for its
// parent to take note of its end is gone.
func gone(pid int) bool {
	for range 100 {
		if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			return true
		}
		if stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err == nil && bytes.Contains(stat, []byte(") Z ")) {
			return true
		}
		time.Sleep(50 * time.Millisecond)
	}
	return false
}

// An interrupt is enough for a go command that heeds it, and its exit doesn't pass
// for a compile error.
func TestCompileInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	events := event.Func(func(e event.Event) {
		if e.Kind == event.Output {
			cancel()
		}
	})
	c := New(Options{Env: fakeGo(t, "#!/bin/sh\necho started\nexec sleep 60\n"), Dirs: newDirs(t), Events: events})
	began := time.Now()
	_, err := c.Compile(ctx, []build.Unit{{Package: build.Package{ImportPath: "m", Name: "m"}, Platform: native, Go: build.GoSettings{Dir: t.TempDir()}}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Compile = %v, want context.Canceled", err)
	}
	if took := time.Since(began); took > c.grace {
		t.Errorf("it took %v: the interrupt didn't arrive", took)
	}
}

// A go command that is killed is a failure, not a cancellation.
func TestCompileKilled(t *testing.T) {
	c := New(Options{Env: fakeGo(t, "#!/bin/sh\necho \"$GOTMPDIR\"\nkill -9 $$\n"), Dirs: newDirs(t)})
	b := compileUnits(t, c, build.Unit{Package: build.Package{ImportPath: "m", Name: "m"}, Platform: native, Go: build.GoSettings{Dir: t.TempDir()}})[0]
	var failed *CompileError
	if !errors.As(b.Err, &failed) || failed.ExitCode != -1 || failed.Reason != "signal: killed" {
		t.Errorf("Err = %#v", b.Err)
	}
	if !strings.HasSuffix(failed.Output, "tmp") {
		t.Errorf("GOTMPDIR is %q", failed.Output)
	}
}
