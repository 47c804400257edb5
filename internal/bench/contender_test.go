package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func testBench(t *testing.T) (*bench, *workload) {
	t.Helper()
	b := &bench{work: t.TempDir(), host: "127.0.0.1:5", imgo: "/imgo", ko: "/ko", runs: 2, results: newResults()}
	return b, &workload{name: "w", module: t.TempDir(), main: "cmd/w", leaf: "internal/leaf"}
}

func TestCommandsForOnePackage(t *testing.T) {
	b, w := testBench(t)
	all := b.commands(job{w: w, host: b.host})
	want := []string{
		"go build -trimpath -ldflags -s -w -buildvcs=false -o " + b.work + "/out/go/w/amd64/ ./cmd/w",
		"/imgo push ./cmd/w --platform linux/amd64 -t 127.0.0.1:5/imgo/w",
		"/ko build --platform linux/amd64 ./cmd/w --bare",
		"/ko build --platform linux/amd64 ./cmd/w --bare",
	}
	var got []string
	for _, commands := range all {
		got = append(got, strings.Join(commands[0].args, " "))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if slices.Contains(all[ko][0].env, "KOCACHE="+b.koCache()) || !slices.Contains(all[koCached][0].env, "KOCACHE="+b.koCache()) {
		t.Errorf("KOCACHE: %v, %v", all[ko][0].env, all[koCached][0].env)
	}
}

func TestCommandsForPlatforms(t *testing.T) {
	b, w := testBench(t)
	platforms := []string{"linux/amd64", "linux/arm64"}
	all := b.commands(job{w: w, platforms: platforms})
	if len(all[goBuild]) != 2 || all[ko] != nil || all[koCached] != nil {
		t.Errorf("to a tarball: %v", all)
	}
	if env := all[goBuild][1].env; !slices.Contains(env, "GOARCH=arm64") {
		t.Errorf("the second go build has %v", env)
	}
	all = b.commands(job{w: w, platforms: platforms, host: b.host})
	if len(all[ko]) != 1 || !slices.Contains(all[ko][0].env, "KO_DEFAULTBASEIMAGE="+b.koPlatforms()) {
		t.Errorf("to a registry: %v", all[ko])
	}
}

func TestCommandsForSeveralPackages(t *testing.T) {
	b, w := testBench(t)
	all := b.commands(job{w: w, packages: []string{"./a", "./b"}, host: b.host})
	if args := all[imgo][0].args; !slices.Contains(args, "--repo") || slices.Contains(args, "-t") {
		t.Errorf("imgo: %v", args)
	}
	if args := all[ko][0].args; !slices.Contains(args, "--base-import-paths") || slices.Contains(args, "--bare") {
		t.Errorf("ko: %v", args)
	}
	if len(all[goBuild]) != 1 {
		t.Errorf("go build: %v", all[goBuild])
	}
}

func TestFirstContendersForgetAndPushElsewhere(t *testing.T) {
	b, w := testBench(t)
	b.env = os.Environ()
	if err := generateHello(w.module, "w"); err != nil {
		t.Fatal(err)
	}
	path, err := exec.LookPath("true")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", filepath.Join(b.work, "path")) // its go does nothing
	if err := os.Mkdir(filepath.Join(b.work, "path"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(path, filepath.Join(b.work, "path", "go")); err != nil {
		t.Fatal(err)
	}
	all, err := b.firstContenders(context.Background(), job{w: w, host: b.host})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(b.imgoCache(), 0o755); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for range 2 {
		commands, err := all[imgo]()
		if err != nil {
			t.Fatal(err)
		}
		seen[commands[0].args[len(commands[0].args)-1]] = true
	}
	if len(seen) != 2 {
		t.Errorf("pushed to %v, want two repositories", seen)
	}
	if _, err := os.Stat(b.imgoCache()); !os.IsNotExist(err) {
		t.Errorf("imgo's cache is still there: %v", err)
	}
}

func TestAlternate(t *testing.T) {
	b, _ := testBench(t)
	path, err := exec.LookPath("true")
	if err != nil {
		t.Fatal(err)
	}
	prepared := 0
	run := always([]command{{args: []string{path}}, {args: []string{path}}}, func() error { prepared++; return nil })
	all, err := b.alternate(context.Background(), []contender{run, always(nil, nil)}, true)
	if err != nil {
		t.Fatal(err)
	}
	if prepared != 3 || len(all[0]) != 2 || all[0].wall() == 0 || len(all[1]) != 0 {
		t.Errorf("prepared %d times, measured %d and %d", prepared, len(all[0]), len(all[1]))
	}
}

func TestMeasurementsAdd(t *testing.T) {
	got := measurement{wall: 1, cpu: 2, own: 30, largest: 40, output: "a"}.and(measurement{wall: 10, cpu: 20, own: 3, largest: 400, output: "b"})
	want := measurement{wall: 11, cpu: 22, own: 30, largest: 400, output: "ab"}
	if got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestCountExecs(t *testing.T) {
	got := countExecs(`10 execve("/imgo", ["imgo"...], 0x7f /* 9 vars */) = 0
11 execve("/bin/go", ["go"...], 0x7f /* 9 vars */ <unfinished ...>
12 execve("/x/go", ["go"...], 0x7f /* 9 vars */) = -1 ENOENT (No such file or directory)
11 <... execve resumed>)             = 0
12 --- SIGCHLD {si_status=0} ---
13 execve("/x/compile", ["compile"...], 0x7f <unfinished ...>
`)
	if got != 2 {
		t.Errorf("%d, want 2", got)
	}
}
