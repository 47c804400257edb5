package gobuild

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/imgo-build/imgo/pkg/build"
)

func TestCompileVCS(t *testing.T) {
	dir := write(t, tiny)
	for _, args := range [][]string{
		{"init", "-q"}, {"add", "."},
		{"-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-q", "-m", "first"},
	} {
		cmd := exec.Command("git", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_SYSTEM="+os.DevNull)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	// What git would run, if it did as the repository says.
	ran := filepath.Join(t.TempDir(), "ran")
	script := filepath.Join(dir, ".git", "trap")
	check(t, os.MkdirAll(filepath.Join(dir, ".git", "hooks"), 0o755))
	for _, path := range []string{script, filepath.Join(dir, ".git", "hooks", "post-index-change")} {
		check(t, os.WriteFile(path, []byte("#!/bin/sh\ntouch "+ran+"\n"), 0o755))
	}
	config, err := os.OpenFile(filepath.Join(dir, ".git", "config"), os.O_APPEND|os.O_WRONLY, 0)
	check(t, err)
	_, err = config.WriteString("[core]\n\tfsmonitor = " + filepath.ToSlash(script) + "\n")
	check(t, err)
	check(t, config.Close())
	c := New(Options{Env: testEnv("GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=core.fsmonitor", "GIT_CONFIG_VALUE_0="+script), Dirs: newDirs(t)})
	if long() {
		plain := buildOne(t, c, build.GoSettings{Dir: dir}, ".")
		if got := setting(plain, "vcs.revision"); got != "" || plain.Info.Main.Version != "(devel)" {
			t.Errorf("stamped by default: %s, %s", got, plain.Info.Main.Version)
		}
	}
	// git writes the index anew, after which it would run a hook.
	check(t, os.Chtimes(filepath.Join(dir, "main.go"), time.Unix(1, 0), time.Unix(1, 0)))
	stamped := buildOne(t, c, build.GoSettings{Dir: dir, VCS: true}, ".")
	if got := setting(stamped, "vcs.revision"); len(got) != 40 {
		t.Errorf("vcs.revision is %q", got)
	}
	if _, err := os.Stat(ran); err == nil {
		t.Error("git ran a program of the repository's")
	}
}

func TestGitEnv(t *testing.T) {
	off := func(first int) environ {
		var out environ
		for i, s := range []string{"core.fsmonitor=false", "core.virtualFilesystem=", "core.hooksPath=" + os.DevNull, "filter.x.clean="} {
			key, value, _ := strings.Cut(s, "=")
			n := strconv.Itoa(first + i)
			out = append(out, "GIT_CONFIG_KEY_"+n+"="+key, "GIT_CONFIG_VALUE_"+n+"="+value)
		}
		return append(out, "GIT_CONFIG_COUNT="+strconv.Itoa(first+4))
	}
	for count, want := range map[string]environ{"": off(0), "0": off(0), "3": off(3), "x": nil, "-1": nil} {
		got := gitEnv(environ{"GIT_CONFIG_COUNT=" + count}, [][2]string{{"filter.x.clean", ""}})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("count %q (-want +got):\n%s", count, diff)
		}
	}
}
