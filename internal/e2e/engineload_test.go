//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/pkg/event"
	"github.com/imgo-build/imgo/pkg/image"
	"github.com/imgo-build/imgo/pkg/layer"
	"github.com/imgo-build/imgo/pkg/layer/layertest"
	pub "github.com/imgo-build/imgo/pkg/publish"
	local "github.com/imgo-build/imgo/pkg/publish/engine"
)

// loading is an engine that images are handed to directly, and how many bytes reach
// it on the way.
type loading struct {
	kind string
	env  []string
	// received is how many bytes of images the engine was sent since the last call.
	received func() int64
	// id is what a name stands for, or empty.
	id func(s *sandbox, name string) string
	// all lists the IDs of all images, the nameless included.
	all func(s *sandbox) []string
	// run runs a command in an image's root and returns its output.
	run func(s *sandbox, name string) string
	// remove removes images by name.
	remove func(s *sandbox, names ...string)
}

func loadings(t *testing.T) []*loading {
	return []*loading{dockerLoading(t), podmanLoading(t), containerdLoading(t)}
}

// dockerLoading counts what passes through a socket in front of the daemon's.
func dockerLoading(t *testing.T) *loading {
	t.Helper()
	e := docker(t)
	socket := strings.TrimPrefix(strings.TrimPrefix(e.env[0], "DOCKER_HOST="), "unix://")
	counted := filepath.Join(t.TempDir(), "docker.sock")
	n := relay(t, counted, socket)
	l := engineLoading(e)
	l.kind, l.env = local.Docker, []string{"DOCKER_HOST=unix://" + counted}
	l.received = func() int64 { return n.Swap(0) }
	return l
}

// relay passes connections on to a socket and counts what goes there.
func relay(t *testing.T, from, to string) *atomic.Int64 {
	t.Helper()
	n := new(atomic.Int64)
	listener, err := net.Listen("unix", from)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	pass := func(dst, src net.Conn, count func(int)) {
		defer dst.Close()
		buf := make([]byte, 64<<10)
		for {
			k, err := src.Read(buf)
			count(k)
			if _, werr := dst.Write(buf[:k]); err != nil || werr != nil {
				return
			}
		}
	}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("unix", to)
			if err != nil {
				client.Close()
				continue
			}
			go pass(server, client, func(k int) { n.Add(int64(k)) })
			go pass(client, server, func(int) {})
		}
	}()
	return n
}

// podmanLoading has a podman in PATH that measures its standard input.
func podmanLoading(t *testing.T) *loading {
	t.Helper()
	e := podman(t)
	l := engineLoading(e)
	path, received := measured(t, "podman", "load")
	l.kind, l.env, l.received = local.Podman, append([]string{path}, e.env...), received
	return l
}

// measured puts a program in front of the real one which counts the bytes of the
// standard input of runs with a certain argument.
func measured(t *testing.T, program, argument string) (path string, received func() int64) {
	t.Helper()
	dir := t.TempDir()
	real, err := exec.LookPath(program)
	if err != nil {
		t.Fatal(err)
	}
	count := filepath.Join(dir, "count")
	script := fmt.Sprintf(`#!/bin/bash
case " $* " in
*" %s "*) exec < <(tee >(wc -c >>%s)) ;;
esac
exec %s "$@"
`, argument, count, real)
	if err := os.WriteFile(filepath.Join(dir, program), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return "PATH=" + dir + ":" + os.Getenv("PATH"), func() (n int64) {
		time.Sleep(100 * time.Millisecond) // for wc
		raw, _ := os.ReadFile(count)
		os.Remove(count)
		for _, f := range strings.Fields(string(raw)) {
			k, err := strconv.ParseInt(f, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			n += k
		}
		return n
	}
}

// engineLoading is what docker and podman have in common.
func engineLoading(e engine) *loading {
	return &loading{
		id: func(s *sandbox, n string) string {
			r := e.try(s, "image", "inspect", "--format", "{{.Id}}", n)
			if r.code != 0 {
				return ""
			}
			return strings.TrimPrefix(strings.TrimSpace(r.stdout), "sha256:")
		},
		all: func(s *sandbox) []string {
			return strings.Fields(e.run(s, "images", "-aq", "--no-trunc"))
		},
		run: func(s *sandbox, n string) string {
			return e.run(s, "run", "--rm", "--network=host", n)
		},
		remove: func(s *sandbox, names ...string) { e.try(s, append([]string{"rmi", "-f"}, names...)...) },
	}
}

// startContainerd starts a containerd of the tests' own.
var startContainerd = sync.OnceValues(func() (socket string, err error) {
	dir := filepath.Join(suite.dir, "containerd")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	socket = filepath.Join(dir, "sock")
	_, err = startDaemon("containerd", dir, func() error {
		return exec.Command("ctr", "--address", socket, "--connect-timeout", "1s", "version").Run()
	}, "containerd", "--root", filepath.Join(dir, "root"), "--state", filepath.Join(dir, "state"), "--address", socket)
	return socket, err
})

func containerdLoading(t *testing.T) *loading {
	t.Helper()
	socket, err := startContainerd()
	if err != nil {
		t.Fatal(err)
	}
	ctr := func(s *sandbox, args ...string) result {
		return s.try("ctr", append([]string{"--address", socket, "--namespace", "imgo"}, args...)...)
	}
	path, received := measured(t, "ctr", "import")
	return &loading{
		kind:     local.Containerd,
		env:      []string{path, "CONTAINERD_ADDRESS=" + socket, "CONTAINERD_NAMESPACE=imgo"},
		received: received,
		id: func(s *sandbox, n string) string {
			for line := range strings.Lines(ctr(s, "images", "ls", "name=="+n).stdout) {
				if f := strings.Fields(line); f[0] == n {
					return strings.TrimPrefix(f[2], "sha256:")
				}
			}
			return ""
		},
		all: func(s *sandbox) []string { return strings.Fields(ctr(s, "images", "ls", "-q").stdout) },
		run: func(s *sandbox, n string) string {
			r := ctr(s, "run", "--rm", "--net-host", n, fmt.Sprint("c", rand.Uint64()))
			if r.code != 0 {
				s.t.Fatalf("ctr failed:\n%s", r)
			}
			return strings.TrimSpace(r.stdout)
		},
		remove: func(s *sandbox, names ...string) { ctr(s, append([]string{"images", "rm"}, names...)...) },
	}
}

// baseSize is the size of the base that images of a fixture stand on.
const baseSize = 4 << 20

// fixture makes images of a program on one base, which is most of what they are.
type fixture struct {
	t       *testing.T
	store   layertest.Memory
	program []byte
	base    v1.Layer
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	s, f := newSandbox(t), &fixture{t: t}
	s.vars["CGO_ENABLED"] = "0"
	dir := s.module("server", "fixture")
	s.run("go", "build", "-C", dir, "-ldflags=-s -w", "-o", s.path("echo"), "./cmd/migrate")
	var err error
	if f.program, err = os.ReadFile(s.path("echo")); err != nil {
		s.t.Fatal(err)
	}
	noise := make([]byte, baseSize)
	rand.NewChaCha8([32]byte{1}).Read(noise)
	f.base = f.layer("srv/noise", noise)
	return f
}

func (f *fixture) layer(path string, content []byte) v1.Layer {
	f.t.Helper()
	l, err := layer.New(f.t.Context(), &f.store, layer.Options{}, []layer.File{{
		Path: path, Mode: 0o755, Size: int64(len(content)),
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil },
	}})
	if err != nil {
		f.t.Fatal(err)
	}
	return l
}

// image makes an image that says something when it runs.
func (f *fixture) image(says, arch string, change func(*image.Parts)) v1.Image {
	f.t.Helper()
	top := f.layer("app/echo", append(bytes.Clone(f.program), says...))
	parts := image.Parts{
		Platform:   v1.Platform{OS: "linux", Architecture: arch},
		Layers:     []image.Addition{{Layer: f.base, History: "base"}, {Layer: top, History: "program"}},
		Entrypoint: []string{"/app/echo", says},
	}
	if change != nil {
		change(&parts)
	}
	img, err := image.Assemble(parts)
	if err != nil {
		f.t.Fatal(err)
	}
	return img
}

// topSize is the size of an image's last layer.
func topSize(t *testing.T, img v1.Image) int64 {
	t.Helper()
	m, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	return m.Layers[len(m.Layers)-1].Size
}

// open is a Publisher for an engine.
func (l *loading) open(s *sandbox, events event.Sink, names ...string) pub.Publisher {
	s.t.Helper()
	var tags []name.Tag
	for _, n := range names {
		t, err := name.NewTag(n)
		if err != nil {
			s.t.Fatal(err)
		}
		tags = append(tags, t)
	}
	env := append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.home}, l.env...)
	p, err := local.New(local.Options{Kind: l.kind, Env: env, Tags: tags, Events: events})
	if err != nil {
		s.t.Fatal(err)
	}
	return p
}

// load brings an artifact into the engine and returns how many bytes it was sent.
func (l *loading) load(s *sandbox, a image.Artifact, names ...string) int64 {
	s.t.Helper()
	l.received()
	p := l.open(s, nil, names...)
	defer p.Close()
	if err := p.(pub.Preparer).Prepare(s.t.Context(), nil); err != nil {
		s.t.Fatal(err)
	}
	if err := p.Put(s.t.Context(), a); err != nil {
		s.t.Fatal(err)
	}
	if err := p.Tag(s.t.Context(), a); err != nil {
		s.t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		s.t.Fatal(err)
	}
	return l.received()
}

// requests is how many bytes of HTTP a load may take besides the image.
const requests = 4 << 10

// Each engine gets an image, runs it, gets nothing when it comes again, and of the
// next one on the same base only what is new.
func TestLoadSendsWhatIsNew(t *testing.T) {
	f := newFixture(t)
	for _, l := range loadings(t) {
		t.Run(l.kind, func(t *testing.T) {
			s := newSandbox(t)
			names := []string{"example.com/load/echo:latest", "example.com/load/echo:v1"}
			t.Cleanup(func() { l.remove(s, append(names, "example.com/load/other:v1")...) })
			first, second := f.image("first", "amd64", nil), f.image("second", "amd64", nil)

			all := l.load(s, first, names...)
			if size := topSize(t, first) + baseSize; all < size {
				t.Errorf("the first load sent %d bytes, the layers have %d: they were not counted", all, size)
			}
			if got := l.run(s, names[0]); got != "first" {
				t.Errorf("it says %q", got)
			}
			again := l.load(s, first, names...)
			if again > requests {
				t.Errorf("loading it again sent %d bytes", again)
			}
			renamed := l.load(s, first, "example.com/load/other:v1")
			if renamed > 16<<10 {
				t.Errorf("giving it another name sent %d bytes", renamed)
			}
			if a, b := l.id(s, names[1]), l.id(s, "example.com/load/other:v1"); a == "" || a != b {
				t.Errorf("the names are at %q and %q", a, b)
			}
			changed := l.load(s, second, names...)
			if top := topSize(t, second); changed < top || changed > top+32<<10 {
				t.Errorf("the second image sent %d bytes, its own layer has %d", changed, top)
			}
			if got := l.run(s, names[1]); got != "second" {
				t.Errorf("the second image says %q", got)
			}
			t.Logf("%s: %d bytes at first, %d again, %d for another name, %d after a change (new layer: %d)",
				l.kind, all, again, renamed, changed, topSize(t, second))
		})
	}
}

// Of an index docker and podman get the platform that they run, containerd all.
func TestLoadIndex(t *testing.T) {
	f := newFixture(t)
	for _, l := range loadings(t) {
		t.Run(l.kind, func(t *testing.T) {
			s := newSandbox(t)
			const n = "example.com/load/index:v1"
			t.Cleanup(func() { l.remove(s, n) })
			idx, err := image.Index([]v1.Image{f.image("arm", "arm64", nil), f.image("intel", "amd64", nil)}, nil, image.OCI)
			if err != nil {
				t.Fatal(err)
			}
			l.load(s, idx, n)
			if got := l.run(s, n); got != "intel" {
				t.Errorf("it says %q", got)
			}
			digest, err := idx.Digest()
			if err != nil {
				t.Fatal(err)
			}
			if got := l.id(s, n); l.kind == local.Containerd && got != digest.Hex {
				t.Errorf("the name is at %s, want the index %s", got, digest)
			}
		})
	}
}

// An image for another machine can be loaded, if not run.
func TestLoadForeignPlatform(t *testing.T) {
	f := newFixture(t)
	for _, l := range loadings(t) {
		t.Run(l.kind, func(t *testing.T) {
			s := newSandbox(t)
			const n = "example.com/load/arm:v1"
			t.Cleanup(func() { l.remove(s, n) })
			l.load(s, f.image("arm", "arm64", nil), n)
			if l.id(s, n) == "" {
				t.Error("it isn't there")
			}
		})
	}
}

// What is put and never tagged goes away; what was there stays.
func TestLoadWithoutTag(t *testing.T) {
	f := newFixture(t)
	for _, l := range loadings(t) {
		t.Run(l.kind, func(t *testing.T) {
			s := newSandbox(t)
			const n = "example.com/load/untagged:v1"
			t.Cleanup(func() { l.remove(s, n) })
			l.load(s, f.image("old", "amd64", nil), n)
			before, old := l.all(s), l.id(s, n)
			p := l.open(s, nil, n)
			if err := p.Put(t.Context(), f.image("new", "amd64", nil)); err != nil {
				t.Fatal(err)
			}
			if len(l.all(s)) <= len(before) {
				t.Error("nothing was put")
			}
			if err := p.Close(); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(before, l.all(s)); diff != "" {
				t.Errorf("images before and after (-before +after):\n%s", diff)
			}
			if got := l.id(s, n); got != old {
				t.Errorf("the name moved from %s to %s", old, got)
			}
		})
	}
}

// slowLayer stops in the middle of its bytes until its context ends.
type slowLayer struct {
	v1.Layer
	ctx    context.Context
	halted func()
}

func (l *slowLayer) Compressed() (io.ReadCloser, error) {
	rc, err := l.Layer.Compressed()
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(io.LimitReader(rc, 1<<20), l, rc), rc}, nil
}

func (l *slowLayer) Read([]byte) (int, error) {
	l.halted()
	<-l.ctx.Done()
	return 0, io.EOF
}

// A load that is cancelled in the middle leaves neither an image nor a process nor a
// file, moves no name, and stands in nobody's way.
func TestLoadCancelled(t *testing.T) {
	f := newFixture(t)
	for _, l := range loadings(t) {
		t.Run(l.kind, func(t *testing.T) {
			s := newSandbox(t)
			const n = "example.com/load/cancelled:v1"
			t.Cleanup(func() { l.remove(s, n) })
			l.load(s, f.image("old", "amd64", nil), n)
			before, old := l.all(s), l.id(s, n)
			next := f.image("new", "amd64", nil)

			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			l.env = append(l.env, mark+"="+s.dir, "TMPDIR="+s.dir)
			slow := f.image("new", "amd64", func(p *image.Parts) {
				top := &p.Layers[1]
				top.Layer = &slowLayer{Layer: top.Layer, ctx: ctx, halted: func() { time.AfterFunc(200*time.Millisecond, cancel) }}
			})
			p := l.open(s, nil, n)
			if err := p.Put(ctx, slow); !errors.Is(err, context.Canceled) {
				t.Errorf("Put = %v, want that it was cancelled", err)
			}
			if err := p.Close(); err != nil {
				t.Errorf("Close = %v", err)
			}
			if left := marked(s.dir); len(left) > 0 {
				t.Errorf("processes are left:\n%s", strings.Join(left, "\n"))
			}
			if left, _ := filepath.Glob(s.path("imgo-*")); len(left) > 0 {
				t.Errorf("files are left: %s", left)
			}
			if diff := cmp.Diff(before, l.all(s)); diff != "" {
				t.Errorf("images before and after (-before +after):\n%s", diff)
			}
			if got := l.id(s, n); got != old {
				t.Errorf("the name moved from %s to %s", old, got)
			}
			l.load(s, next, n)
			if got := l.run(s, n); got != "new" {
				t.Errorf("afterwards it says %q", got)
			}
		})
	}
}

// A health check arrives where there is one: it has Docker's media types.
func TestLoadHealthcheck(t *testing.T) {
	f := newFixture(t)
	for _, l := range []*loading{dockerLoading(t), podmanLoading(t)} {
		t.Run(l.kind, func(t *testing.T) {
			s := newSandbox(t)
			const n = "example.com/load/healthy:v1"
			t.Cleanup(func() { l.remove(s, n) })
			l.load(s, f.image("healthy", "amd64", func(p *image.Parts) {
				p.MediaTypes = image.Docker
				p.Healthcheck = &image.Healthcheck{Test: []string{"CMD", "/app/echo", "probed"}}
			}), n)
			e := docker(t)
			if l.kind == local.Podman {
				e = podman(t)
			}
			if got := e.run(s, "image", "inspect", n); !strings.Contains(got, "probed") {
				t.Errorf("%s knows no health check:\n%s", l.kind, got)
			}
		})
	}
}
