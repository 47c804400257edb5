package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const koVersion = "v0.19.1"

func (b *bench) koCommand(j job, name string) command {
	base := b.koBase()
	if len(j.platforms) > 1 {
		base = b.koPlatforms()
	}
	c := command{dir: j.w.module, env: b.koEnv(base)}
	c.args = append([]string{b.ko, "build", "--platform", strings.Join(j.platforms, ",")}, j.packages...)
	if len(j.packages) > 1 {
		c.args = append(c.args, "--base-import-paths")
	} else {
		c.args = append(c.args, "--bare")
	}
	host := j.host
	if host == "" {
		host = "ko.bench"
		c.args = append(c.args, "--push=false", "--tarball", filepath.Join(b.tarballs(name, j.w), j.w.name+".tar"))
	}
	c.env = append(c.env, "KO_DOCKER_REPO="+host+"/"+name+"/"+j.w.name)
	return c
}

func (b *bench) koEnv(base string) []string {
	return []string{"KO_CONFIG_PATH=" + filepath.Join(b.work, "ko.yaml"), "KO_DEFAULTBASEIMAGE=" + base}
}

// koBase is a base image that ko reaches without the internet, koPlatforms one for
// two platforms.
func (b *bench) koBase() string      { return b.host + "/base" }
func (b *bench) koPlatforms() string { return b.host + "/base/platforms" }

// prepareKo writes ko's configuration and puts bases of the size of imgo's own into
// the registry, once.
func (b *bench) prepareKo(ctx context.Context) error {
	path := filepath.Join(b.work, "ko.yaml")
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	for ref, archs := range map[string][]string{b.koBase(): {"amd64"}, b.koPlatforms(): {"amd64", "arm64"}} {
		dir := filepath.Join(b.work, fmt.Sprintf("ko-base-%d", len(archs)))
		if err := writeLayout(dir, runtimeSize, archs...); err != nil {
			return err
		}
		if err := b.publish(ctx, dir, ref); err != nil {
			return err
		}
	}
	return os.WriteFile(path, []byte("defaultLdflags: [-s, -w]\n"), 0o644)
}

// runtimeSize is about what the layer takes that imgo puts below a binary without
// a base.
const runtimeSize = 190 << 10

// publish pushes an OCI layout.
func (b *bench) publish(ctx context.Context, layout, ref string) error {
	_, err := b.run(ctx, command{dir: b.work, args: []string{b.imgo, "push", "oci:" + layout, "-t", ref}})
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
