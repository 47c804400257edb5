//go:build unix

package engine

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/pkg/publish"
)

// programs is a directory of shell scripts that stand for engines' programs. Each

// notes its arguments in the file log; $D is the directory.

type programs struct {
	t   testing.TB
	dir string
}

func newPrograms(t testing.TB) *programs { return &programs{t, t.TempDir()} }

func (p *programs) add(name, script string) {
	p.t.Helper()
	head := fmt.Sprintf("#!/bin/sh\nD=%s\necho \"%s $*\" >>$D/log\n", p.dir, name)
	write(p.t, filepath.Join(p.dir, "bin", name), head+script, 0o755)
}

func (p *programs) env(more ...string) []string {
	return append([]string{"PATH=" + filepath.Join(p.dir, "bin") + ":/usr/bin:/bin", "TMPDIR=" + p.dir}, more...)
}

func (p *programs) file(name, content string) {
	write(p.t, filepath.Join(p.dir, name), content, 0o644)
}

// log returns what ran since the last call.

func (p *programs) log() []string {
	path := filepath.Join(p.dir, "log")
	raw, _ := os.ReadFile(path)
	os.Remove(path)
	return strings.Split(strings.TrimSpace(string(raw)), "\n")
}

// entries lists the tar in a file that a program kept its input in: blobs by their

// digests.

func (p *programs) entries(name string) []string {
	p.t.Helper()
	f, err := os.Open(filepath.Join(p.dir, name))
	if err != nil {
		p.t.Fatal(err)
	}
	defer f.Close()
	var out []string
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if err == io.EOF {
			return out
		}
		if err != nil {
			p.t.Fatal(err)
		}
		out = append(out, strings.Replace(h.Name, "blobs/sha256/", "sha256:", 1))
	}
}

// parts are the digests of an image's manifest, config and layers.

func parts(t testing.TB, img v1.Image) (out []string) {
	t.Helper()
	m, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	out = []string{digestOf(t, img).String(), m.Config.Digest.String()}
	for _, d := range m.Layers {
		out = append(out, d.Digest.String())
	}
	return out
}

// metadata are the entries of every stream that are no blobs.

var metadata = []string{"oci-layout", "index.json", "manifest.json"}

// A podman that can't use the blobs of its storage gets them all.

func TestProgramErrors(t *testing.T) {
	for name, c := range map[string]struct {
		script string
		kind   Problem
		reason string
	}{
		"complaint": {`echo "Getting signatures" >&2; printf 'Error: no space\n * on device\n' >&2; exit 125`, Refused, "podman failed: Error: no space * on device"},
		"silence":   {`exit 125`, Refused, "podman failed: exit status 125"},
		"killed":    {`kill -9 $$`, Refused, "podman failed: signal: killed"},
		"denied":    {`echo "Error: open /x: permission denied" >&2; exit 1`, Denied, "podman failed: Error: open /x: permission denied"},
		"machine":   {`echo "Cannot connect to Podman. Please verify" >&2; exit 125`, Unreachable, "podman failed: Cannot connect to Podman. Please verify"},
		"endless":   {`head -c 100000 /dev/zero | tr '\0' x >&2; exit 2`, Refused, "podman failed: " + strings.Repeat("x", 400) + "…"},
		"no JSON":   {`echo hello`, Refused, "podman images answered something that is no JSON of images"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPrograms(t)
			p.add("podman", "[ $2 = exists ] && exit 1\n"+c.script)
			err := load(t, Options{Kind: Podman, Env: p.env()}, imageOf(t, "amd64", layerOf("a")))
			e, ok := errors.AsType[*EngineError](err)
			if !ok || e.Kind != c.kind || e.Reason != c.reason {
				t.Errorf("%v (%+v), want %s: %s", err, e, c.kind, c.reason)
			}
		})
	}
}

func TestMissingPrograms(t *testing.T) {
	p := newPrograms(t)
	for kind, program := range map[string]string{Podman: "podman", Containerd: "ctr", Kind: "kind"} {
		err := load(t, Options{Kind: kind, Env: []string{"PATH=" + p.dir + ":relative"}}, imageOf(t, "amd64"))
		if e, ok := errors.AsType[*EngineError](err); !ok || e.Kind != Missing || e.Engine != kind || e.Where != program {
			t.Errorf("%s: %+v", kind, err)
		}
	}
}

// fakeCtr keeps the digests of blobs in content and those of images in refs.

// ctrState gives a fake ctr an empty store.

// Blobs that are collected while the rest is imported are sent again.

// A cancelled load ends the program and the children that it left behind.

func TestProgramCancelled(t *testing.T) {
	p := newPrograms(t)
	p.file("images", "[]")
	p.add("podman", fakePodmanSlow)
	ctx, cancel := context.WithCancel(t.Context())
	pub := open(t, Options{Kind: Podman, Env: p.env()})
	put := make(chan error)
	go func() { put <- pub.Put(ctx, imageOf(t, "amd64", endless{layerOf("a"), func() {}})) }()
	pids := p.await("pids", 2)
	cancel()
	if err := <-put; !errors.Is(err, context.Canceled) {
		t.Errorf("Put = %v", err)
	}
	for _, pid := range pids {
		if !gone(pid) {
			t.Errorf("process %d lives", pid)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(p.dir, "imgo-*")); len(left) > 0 {
		t.Errorf("files are left: %s", left)
	}
}

const fakePodmanSlow = `[ $1 = images ] && exec cat $D/images
[ $1 = load ] || exit 1
sh -c 'trap "" TERM; echo $$ >>'$D'/pids; exec sleep 60' &
echo $$ >>$D/pids
exec sleep 60
`

// await waits for a file with n numbers.

func (p *programs) await(name string, n int) (out []int) {
	p.t.Helper()
	for range 500 {
		raw, _ := os.ReadFile(filepath.Join(p.dir, name))
		if fields := strings.Fields(string(raw)); len(fields) == n {
			for _, f := range fields {
				k, err := strconv.Atoi(f)
				if err != nil {
					p.t.Fatal(err)
				}
				out = append(out, k)
			}
			return out
		}
		time.Sleep(10 * time.Millisecond)
	}
	p.t.Fatal("the program does not start")
	return nil
}

// gone reports whether a process has ended, be it unnoticed by its parent.

func gone(pid int) bool {
	for range 100 {
		if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			return true
		}
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err == nil && strings.Contains(string(stat), ") Z ") {
			return true
		}
		time.Sleep(10 * time.Millisecond)
	}
	return false
}

// A layer that can't be read ends the program before it sees the end of its input.

func TestProgramFedBadly(t *testing.T) {
	p := newPrograms(t)
	p.file("images", "[]")
	p.add("podman", `case $1 in images) cat $D/images;; load) cat >/dev/null; >$D/complete;; *) exit 1;; esac`)
	err := load(t, Options{Kind: Podman, Env: p.env()}, imageOf(t, "amd64", broken{layerOf("something")}))
	if _, ok := errors.AsType[*publish.DigestError](err); !ok {
		t.Errorf("Put = %v, want a DigestError", err)
	}
	if exists(filepath.Join(p.dir, "complete")) {
		t.Error("podman took the part for the whole")
	}
}

// What docker's own program alone can reach is reached through it.

func TestDialStdio(t *testing.T) {
	d := &fakeDocker{}
	o := startDocker(t, d)
	p := newPrograms(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	socket := strings.TrimPrefix(o.Env[0], "DOCKER_HOST=unix://")
	p.add("docker", "[ \"$DOCKER_HOST $*\" = 'ssh://me@far system dial-stdio' ] || exit 1\nTEST_RELAY="+socket+" exec "+self+"\n")
	img := imageOf(t, "amd64", layerOf("a"))
	mustLoad(t, Options{Kind: Docker, Env: p.env("DOCKER_HOST=ssh://me@far")}, img)
	if got := d.tags()[testName]; got != configOf(t, img) {
		t.Errorf("the name is at %q", got)
	}
	if log := p.log(); len(log) != 1 {
		t.Errorf("it took %d connections, want 1", len(log))
	}

	p.add("docker", `echo "Permission denied (publickey)." >&2; exit 255`)
	err = load(t, Options{Kind: Docker, Env: p.env("DOCKER_HOST=ssh://me@far")}, img)
	if e, ok := errors.AsType[*EngineError](err); !ok || e.Kind != Denied || e.Reason != "docker failed: Permission denied (publickey)." {
		t.Errorf("%+v", err)
	}
}

// TestMain lets the test binary stand for docker system dial-stdio.

func TestMain(m *testing.M) {
	if socket := os.Getenv("TEST_RELAY"); socket != "" {
		conn, err := net.Dial("unix", socket)
		if err != nil {
			os.Exit(1)
		}
		go func() { _, _ = io.Copy(conn, os.Stdin); os.Exit(0) }()
		_, _ = io.Copy(os.Stdout, conn)
		os.Exit(0)
	}
	os.Exit(m.Run())
}
