package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

const koVersion = "v0.19.1"

// The contenders, in the order in which they take turns and are listed.
const (
	goBuild = iota
	imgo
	ko
	koCached
)

// contenders are the commands that bring a workload to the same place: to a
// registry, or to a tarball if host is empty. All compile with the same flags.
func (b *bench) contenders(w *workload, host string) []command {
	out := filepath.Join(b.work, "out")
	binary := command{dir: w.module, env: []string{"CGO_ENABLED=0"}, args: []string{
		"go", "build", "-trimpath", "-ldflags", "-s -w", "-buildvcs=false",
		"-o", filepath.Join(out, w.name+".bin"), w.pattern(),
	}}
	image := command{dir: w.module}
	if host == "" {
		image.args = []string{b.imgo, "build", w.pattern(), "-o", filepath.Join(out, w.name+".imgo.tar")}
	} else {
		image.args = []string{b.imgo, "push", w.pattern(), "-t", host + "/imgo/" + w.name}
	}
	cached := b.koBuild(w, host, "ko-cached")
	cached.env = append(cached.env, "KOCACHE="+filepath.Join(b.work, "ko-cache"))
	return []command{goBuild: binary, imgo: image, ko: b.koBuild(w, host, "ko"), koCached: cached}
}

func (b *bench) koBuild(w *workload, host, name string) command {
	c := command{dir: w.module, env: []string{
		"KO_CONFIG_PATH=" + filepath.Join(b.work, "ko.yaml"),
		"KO_DEFAULTBASEIMAGE=" + b.koBase(),
	}}
	c.args = []string{b.ko, "build", w.pattern(), "--bare", "--platform", "linux/amd64"}
	if host == "" {
		c.env = append(c.env, "KO_DOCKER_REPO=ko.bench/"+name+"/"+w.name)
		c.args = append(c.args, "--push=false", "--tarball", filepath.Join(b.work, "out", w.name+"."+name+".tar"))
	} else {
		c.env = append(c.env, "KO_DOCKER_REPO="+host+"/"+name+"/"+w.name)
	}
	return c
}

// koBase is a base image that ko reaches without the internet.
func (b *bench) koBase() string { return b.host + "/base" }

// prepareKo writes ko's configuration and puts a base of the size of imgo's own
// into the registry.
func (b *bench) prepareKo(ctx context.Context) error {
	config := "defaultLdflags: [-s, -w]\n"
	if err := os.WriteFile(filepath.Join(b.work, "ko.yaml"), []byte(config), 0o644); err != nil {
		return err
	}
	layout := filepath.Join(b.work, "ko-base")
	if err := writeLayout(layout, 190<<10); err != nil {
		return err
	}
	_, err := b.run(ctx, command{dir: b.work, args: []string{b.imgo, "push", "oci:" + layout, "-t", b.koBase()}})
	return err
}

// installKo builds ko, once for all runs of the bench of this user.
func (b *bench) installKo(ctx context.Context) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "imgo-bench", "ko-"+koVersion)
	path := filepath.Join(dir, "ko")
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	fmt.Fprintln(os.Stderr, "bench: building ko", koVersion)
	cmd := exec.CommandContext(ctx, "go", "install", "github.com/google/ko@"+koVersion)
	cmd.Env, cmd.Dir = append(b.env, "GOBIN="+dir), b.work
	adopt(cmd)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building ko: %w\n%s", err, out)
	}
	return path, nil
}
