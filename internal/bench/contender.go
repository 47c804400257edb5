package main

import (
	"path/filepath"
	"strings"
)

// The contenders, in the order in which they take turns and are listed.
const (
	goBuild = iota
	imgo
	ko
	koCached
)

// contender prepares a run, which is not measured, and returns what to run: several
// commands run in order and count as one. A nil contender sits a case out.
type contender func() ([]command, error)

// always runs the same, after before, which may be nil.
func always(commands []command, before func() error) contender {
	if commands == nil {
		return nil
	}
	return func() ([]command, error) {
		if before == nil {
			return commands, nil
		}
		return commands, before()
	}
}

// job is what the contenders are to bring to the same place.
type job struct {
	w         *workload
	packages  []string // the workload's main package where there are none
	platforms []string // linux/amd64 where there are none
	host      string   // of the registry, empty for a tarball
}

// commands has what each contender runs for a job, nil where it can't do it. All
// compile with the same flags.
func (b *bench) commands(j job) [][]command {
	if j.packages == nil {
		j.packages = []string{j.w.pattern()}
	}
	if j.platforms == nil {
		j.platforms = []string{"linux/amd64"}
	}
	all := [][]command{goBuild: b.goBuild(j), imgo: {b.imgoCommand(j)}, ko: nil, koCached: nil}
	if j.host == "" && len(j.platforms) > 1 {
		return all // ko's tarballs hold one platform
	}
	all[ko] = []command{b.koCommand(j, "ko")}
	cached := b.koCommand(j, "ko-cached")
	cached.env = append(cached.env, "KOCACHE="+b.koCache())
	all[koCached] = []command{cached}
	return all
}

// goBuild is one command for all packages, but one a platform: the go command has
// no other way.
func (b *bench) goBuild(j job) (commands []command) {
	for _, p := range j.platforms {
		_, arch, _ := strings.Cut(p, "/")
		args := []string{
			"go", "build", "-trimpath", "-ldflags", "-s -w", "-buildvcs=false",
			"-o", filepath.Join(b.binaries(j.w), arch) + "/",
		}
		commands = append(commands, command{
			dir: j.w.module, args: append(args, j.packages...), env: []string{"CGO_ENABLED=0", "GOOS=linux", "GOARCH=" + arch},
		})
	}
	return commands
}

func (b *bench) imgoCommand(j job) command {
	args := []string{b.imgo, "build"}
	if j.host != "" {
		args[1] = "push"
	}
	args = append(args, j.packages...)
	args = append(args, "--platform", strings.Join(j.platforms, ","))
	switch {
	case j.host == "":
		args = append(args, "-o", b.tarballs("imgo", j.w))
	case len(j.packages) > 1:
		args = append(args, "--repo", j.host+"/imgo/"+j.w.name)
	default:
		args = append(args, "-t", j.host+"/imgo/"+j.w.name)
	}
	return command{dir: j.w.module, args: args}
}

// tarballs is the directory for the tarballs that a contender makes of a workload.
func (b *bench) tarballs(who string, w *workload) string {
	return filepath.Join(b.work, "out", who, w.name)
}

// binaries is where go build puts those of a workload.
func (b *bench) binaries(w *workload) string { return b.tarballs("go", w) }

// imgoCache is the one that imgo uses unless a case says otherwise.
func (b *bench) imgoCache() string { return filepath.Join(b.work, "imgo-cache") }

func (b *bench) koCache() string { return filepath.Join(b.work, "ko-cache") }
