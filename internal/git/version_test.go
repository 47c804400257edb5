package git

import (
	"debug/buildinfo"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestVersion(t *testing.T) {
	root := t.TempDir()
	if real, err := filepath.EvalSymlinks(root); err == nil {
		root = real
	}
	const pseudo = "20260304040607-0123456789ab"
	for _, tt := range []struct {
		module, dir   string
		tags, history []string
		dirty         bool
		want          string
	}{
		{module: "m", want: "v0.0.0-" + pseudo},
		{module: "m/v2", want: "v2.0.0-" + pseudo},
		{module: "gopkg.in/m.v2", want: "v2.0.0-" + pseudo},
		{module: "m", tags: []string{"v1.2.0", "v1.10.0", "v2.0.0", "sub/v3.0.0", "x"}, want: "v1.10.0"},
		{module: "m", tags: []string{"v1.2.0"}, dirty: true, want: "v1.2.0+dirty"},
		{module: "m", history: []string{"v1.2.0", "v2.0.0", "v1.1.9"}, dirty: true, want: "v1.2.1-0." + pseudo + "+dirty"},
		{module: "m", history: []string{"v1.2.0-rc.1"}, want: "v1.2.0-rc.1.0." + pseudo},
		{module: "m", tags: []string{"v1.3.0+meta", "v1.4"}, history: []string{"v1.3.0+meta", "v1.4"}, want: "v1.3.1-0." + pseudo},
		{module: "m", tags: []string{"v1.3.1-0." + pseudo}, want: "v0.0.0-" + pseudo},
		{module: "m/v2", tags: []string{"v1.2.0", "v2.1.0", "v2.0.0"}, want: "v2.1.0"},
		{module: "gopkg.in/m.v2", tags: []string{"v1.2.0", "v2.1.0"}, want: "v2.1.0"},
		{module: "m/sub", dir: "sub", tags: []string{"v1.0.0"}, history: []string{"sub/v0.1.0", "v1.0.0"}, want: "v0.1.1-0." + pseudo},
		{module: "m/a/b", dir: "a/b", tags: []string{"a/b/v0.2.0"}, want: "v0.2.0"},
		{module: "m/v2", dir: "v2", tags: []string{"v2.1.0"}, want: "v2.1.0"},
		{module: "m/sub/v2", dir: "sub/v2", tags: []string{"sub/v2.1.0"}, want: "v2.1.0"},
		{module: "m", dir: "..", want: ""},
	} {
		f := &Facts{
			Root: root, Commit: "0123456789abcdef0123456789abcdef01234567", Tags: tt.tags, History: tt.history, Dirty: tt.dirty,
			CommitTime: time.Date(2026, 3, 4, 4, 6, 7, 0, time.UTC),
		}
		if got := Version(f, tt.module, filepath.Join(root, tt.dir)); got != tt.want {
			t.Errorf("%s in %q with %v and %v is %s, want %s", tt.module, tt.dir, tt.tags, tt.history, got, tt.want)
		}
	}
}

// What the go command stamps is what we say.
func TestVersionStamped(t *testing.T) {
	r := newRepository(t)
	r.write("go.mod", "module example.com/m\n\ngo 1.22\n")
	r.write("main.go", "package main\n\nfunc main() {}\n")
	r.commit("v1.2.0", "v2.0.0")
	r.write("README", "1")
	r.commit("v1.3.0+meta")
	r.write("README", "2")
	exe := filepath.Join(t.TempDir(), "exe")
	cmd := exec.Command("go", "build", "-buildvcs=true", "-ldflags=-s -w", "-o", exe, ".")
	cmd.Dir = r.dir
	cmd.Env = append(r.env, "GOENV=off", "GOFLAGS=", "GOWORK=off", "CGO_ENABLED=0", "GOPROXY=off", "GOTOOLCHAIN=local")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	info, err := buildinfo.ReadFile(exe)
	if err != nil {
		t.Fatal(err)
	}
	f := r.read(Options{History: true})
	if got := Version(f, "example.com/m", r.dir); got != info.Main.Version || !strings.HasPrefix(got, "v1.3.1-0.2026") {
		t.Errorf("Version = %s, the go command says %s", got, info.Main.Version)
	}
}

func TestChooseTag(t *testing.T) {
	for _, tt := range []struct {
		tags []string
		want string
	}{
		{nil, ""},
		{[]string{"v1.9.0", "v1.10.0", "v1.10.0-rc.2", "zzz"}, "v1.10.0"},
		{[]string{"release-10", "release-9"}, "release-10"},
		{[]string{"a", "server/v1.9.0", "server/v1.10.0"}, "server/v1.10.0"},
		{[]string{"v1.0.0+b", "v1.0.0+a"}, "v1.0.0+b"},
		{[]string{"a01", "a1b", "a1"}, "a1b"},
	} {
		if got := chooseTag(slices.Clone(tt.tags)); got != tt.want {
			t.Errorf("chooseTag(%v) = %s, want %s", tt.tags, got, tt.want)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	dir, err := os.Getwd()
	if err != nil {
		b.Fatal(err)
	}
	for name, o := range map[string]Options{"head": {}, "dirty": {Dirty: true}, "all": {Dirty: true, History: true, Remote: true}} {
		b.Run(name, func(b *testing.B) {
			o.Env, o.Dir = os.Environ(), dir
			for b.Loop() {
				if _, err := Read(b.Context(), o); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
