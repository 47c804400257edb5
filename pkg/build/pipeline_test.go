package build_test

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/imgo-build/imgo/internal/rootfs"
	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/event"
	"github.com/imgo-build/imgo/pkg/image"
	"github.com/imgo-build/imgo/pkg/layer/layertest"
	"github.com/imgo-build/imgo/pkg/publish"
)

var (
	amd64 = v1.Platform{OS: "linux", Architecture: "amd64"}
	arm64 = v1.Platform{OS: "linux", Architecture: "arm64"}
)

// compiler makes "binaries" that hold the package and platform as text.
type compiler struct {
	dir   string
	fail  map[string]error // by import path
	whole error            // the go command itself
	slow  bool             // goes on until it is cancelled

	mu    sync.Mutex
	files []*os.File
	calls int
}

func (c *compiler) Load(context.Context, build.GoSettings, v1.Platform, []string) ([]build.Package, error) {
	return nil, errors.New("not part of a run")
}

func (c *compiler) Wait() {}

func (c *compiler) Compile(ctx context.Context, units []build.Unit) ([]build.Binary, error) {
	if c.slow {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls++
	if c.whole != nil {
		return nil, c.whole
	}
	var out []build.Binary
	for _, u := range units {
		if err := c.fail[u.Package.ImportPath]; err != nil {
			out = append(out, build.Binary{Err: err})
			continue
		}
		text := u.Package.ImportPath + " for " + u.Platform.String()
		path := filepath.Join(c.dir, strings.NewReplacer("/", "_", " ", "_").Replace(text))
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			return nil, err
		}
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		c.files = append(c.files, f)
		out = append(out, build.Binary{File: f, Size: int64(len(text)), Key: text, Info: &debug.BuildInfo{}})
	}
	return out, nil
}

// openFiles counts the binaries that nobody has closed.
func (c *compiler) openFiles() int {
	n := 0
	for _, f := range c.files {
		if f.Close() == nil {
			n++
		}
	}
	return n
}

// bases is one base for all, or the empty base without its layer.
type bases struct {
	img v1.Image
	err error
}

func (b bases) Base(context.Context, string, v1.Platform) (build.Base, error) {
	return build.Base{Image: b.img}, b.err
}

func (b bases) Rootfs(ctx context.Context, _ build.Base) (*rootfs.Tree, error) {
	return rootfs.Read(ctx, empty.Image)
}

func (b bases) Platforms(context.Context, string) ([]v1.Platform, error) {
	return []v1.Platform{amd64, arm64}, b.err
}

// registry notes what happens to it.
type registry struct {
	mu   sync.Mutex
	log  []string
	deny map[string]bool // repositories that refuse content
	lock map[string]bool // repositories that say at once that they will
	got  map[string]image.Artifact
}

func (r *registry) note(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.log = append(r.log, fmt.Sprintf(format, args...))
}

func (r *registry) Repository(repo name.Repository, tags []name.Tag, _ publish.RepoOptions) publish.Publisher {
	return &place{r, repo.RepositoryStr(), tags}
}

type place struct {
	r    *registry
	repo string
	tags []name.Tag
}

func (p *place) Prepare(context.Context, []v1.Image) error {
	if p.r.lock[p.repo] {
		return errors.New("wrong password")
	}
	return nil
}

func (p *place) Put(_ context.Context, a image.Artifact) error {
	if p.r.deny[p.repo] {
		return errors.New("denied")
	}
	p.r.note("put %s", p.repo)
	p.r.mu.Lock()
	defer p.r.mu.Unlock()
	p.r.got[p.repo] = a
	return nil
}

func (p *place) Tag(context.Context, image.Artifact) error {
	for _, t := range p.tags {
		p.r.note("tag %s:%s", p.repo, t.TagStr())
	}
	return nil
}

func (p *place) Close() error { p.r.note("close %s", p.repo); return nil }

type world struct {
	compiler *compiler
	registry *registry
	stages   build.Stages
}

func newWorld(t *testing.T) *world {
	w := &world{
		compiler: &compiler{dir: t.TempDir(), fail: map[string]error{}},
		registry: &registry{deny: map[string]bool{}, lock: map[string]bool{}, got: map[string]image.Artifact{}},
	}
	w.stages = build.Stages{Compiler: w.compiler, Bases: bases{}, Store: &layertest.Memory{}, Registry: w.registry, Events: event.Discard}
	return w
}

func plan(t *testing.T, platforms []v1.Platform, tags []string, pkgs ...string) *build.Plan {
	t.Helper()
	req := build.Request{Output: build.Output{Kind: build.ToRegistry}, Jobs: 2}
	settings := build.Settings{Platforms: platforms, Base: "scratch"}
	for _, arg := range tags {
		tag, err := build.ParseTagArg(arg)
		if err != nil {
			t.Fatal(err)
		}
		req.Naming.Tags = append(req.Naming.Tags, tag)
	}
	if len(pkgs) > 1 {
		req.Naming.Prefix = "registry.test/acme"
	}
	var list []build.Target
	for _, p := range pkgs {
		list = append(list, build.Target{
			Name:     p,
			Package:  build.Package{ImportPath: "github.com/acme/m/" + p, Name: p, Module: &build.Module{Path: "github.com/acme/m"}},
			Settings: settings,
		})
	}
	p, err := build.NewPlan(req, list)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestOneImage(t *testing.T) {
	w := newWorld(t)
	results, err := build.Run(t.Context(), plan(t, []v1.Platform{amd64}, []string{"registry.test/a/x:v1"}, "x"), w.stages)
	if err != nil {
		t.Fatal(err)
	}
	img, ok := w.registry.got["a/x"].(v1.Image)
	if !ok {
		t.Fatalf("pushed a %T, want an image", w.registry.got["a/x"])
	}
	if err := validate.Image(img); err != nil {
		t.Error(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"/app/x"}, config.Config.Entrypoint); diff != "" {
		t.Errorf("entrypoint (-want +got):\n%s", diff)
	}
	if config.Config.User != "65534:65534" || config.Config.WorkingDir != "/" {
		t.Errorf("user %q in %q", config.Config.User, config.Config.WorkingDir)
	}
	if got := config.Config.Labels["org.opencontainers.image.source"]; got != "https://github.com/acme/m" {
		t.Errorf("source %q", got)
	}
	digest, _ := img.Digest()
	if diff := cmp.Diff([]string{"registry.test/a/x@" + digest.String()}, results[0].References); diff != "" {
		t.Errorf("references (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"put a/x", "tag a/x:v1", "close a/x"}, w.registry.log); diff != "" {
		t.Errorf("order of work (-want +got):\n%s", diff)
	}
	if n := w.compiler.openFiles(); n != 0 {
		t.Errorf("%d binaries were left open", n)
	}
}

func TestSeveralPlatformsMakeAnIndex(t *testing.T) {
	w := newWorld(t)
	p := plan(t, nil, []string{"registry.test/a/x"}, "x")
	p.Targets[0].Settings.AllPlatforms = true
	results, err := build.Run(t.Context(), p, w.stages)
	if err != nil {
		t.Fatal(err)
	}
	index, ok := w.registry.got["a/x"].(v1.ImageIndex)
	if !ok {
		t.Fatalf("pushed a %T, want an index", w.registry.got["a/x"])
	}
	if err := validate.Index(index); err != nil {
		t.Error(err)
	}
	if len(results[0].Images) != 2 || w.compiler.calls != 2 {
		t.Errorf("%d images after %d compiles, want 2 and 2", len(results[0].Images), w.compiler.calls)
	}
}

func TestResultsKeepTheOrderAndFailuresTheirName(t *testing.T) {
	w := newWorld(t)
	broken := errors.New("undefined: y")
	w.compiler.fail["github.com/acme/m/b"] = broken
	w.registry.deny["acme/d"] = true
	p := plan(t, []v1.Platform{amd64}, nil, "a", "b", "c", "d", "e")
	unknown := errors.New("no Go files")
	p.Targets[4].Package.Err = unknown

	results, err := build.Run(t.Context(), p, w.stages)
	var names []string
	for _, r := range results {
		names = append(names, fmt.Sprintf("%s %v", r.Target.Name, r.Err == nil))
	}
	if diff := cmp.Diff([]string{"a true", "b false", "c true", "d false", "e false"}, names); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
	if !errors.Is(err, broken) || !errors.Is(err, unknown) || !strings.Contains(err.Error(), "github.com/acme/m/b: undefined: y") {
		t.Errorf("error %q doesn't name what failed", err)
	}
	for _, line := range w.registry.log {
		if strings.HasPrefix(line, "tag acme/d") || strings.HasPrefix(line, "tag acme/b") {
			t.Errorf("a tag moved to what failed: %s", line)
		}
	}
	if n := w.compiler.openFiles(); n != 0 {
		t.Errorf("%d binaries were left open", n)
	}
}

func TestABaseThatFailsEndsTheRun(t *testing.T) {
	w := newWorld(t)
	gone := errors.New("no such base")
	w.stages.Bases = bases{err: gone}
	results, err := build.Run(t.Context(), plan(t, []v1.Platform{amd64}, nil, "a", "b"), w.stages)
	if !errors.Is(err, gone) || results != nil {
		t.Errorf("got %v, %v, want only %v", results, err, gone)
	}
	if slices.ContainsFunc(w.registry.log, func(s string) bool { return !strings.HasPrefix(s, "close") }) {
		t.Errorf("something was published: %q", w.registry.log)
	}
	if n := w.compiler.openFiles(); n != 0 {
		t.Errorf("%d binaries were left open", n)
	}
}

func TestCancelledRunPublishesNothing(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := build.Run(ctx, plan(t, []v1.Platform{amd64}, []string{"registry.test/a/x"}, "x"), w.stages)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	if slices.ContainsFunc(w.registry.log, func(s string) bool { return strings.HasPrefix(s, "tag") }) {
		t.Errorf("a tag moved: %q", w.registry.log)
	}
}

func TestCreatedIsExact(t *testing.T) {
	w := newWorld(t)
	p := plan(t, []v1.Platform{amd64}, []string{"registry.test/a/x"}, "x")
	p.Targets[0].Settings.Config.Created = time.Unix(1700000000, 0)
	if _, err := build.Run(t.Context(), p, w.stages); err != nil {
		t.Fatal(err)
	}
	config, err := w.registry.got["a/x"].(v1.Image).ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if !config.Created.Equal(p.Targets[0].Settings.Config.Created) {
		t.Errorf("created %v, want %v", config.Created, p.Targets[0].Settings.Config.Created)
	}
}

// podman ignores a health check in an image with OCI's media types, so one that
// comes with the base decides for Docker's, in all images of an index.
func TestABaseWithAHealthCheckMakesDockerTypes(t *testing.T) {
	config := v1.Config{Healthcheck: &v1.HealthConfig{Test: []string{"CMD", "/probe"}}}
	base, err := mutate.Config(empty.Image, config)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	w.stages.Bases = bases{img: base}
	var warnings []string
	w.stages.Events = event.Func(func(e event.Event) {
		if e.Kind == event.Warning {
			warnings = append(warnings, e.Text)
		}
	})
	if _, err := build.Run(t.Context(), plan(t, []v1.Platform{amd64, arm64}, []string{"registry.test/a/x"}, "x"), w.stages); err != nil {
		t.Fatal(err)
	}
	index := w.registry.got["a/x"].(v1.ImageIndex)
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	got := []types.MediaType{manifest.MediaType, manifest.Manifests[0].MediaType, manifest.Manifests[1].MediaType}
	want := []types.MediaType{"application/vnd.docker.distribution.manifest.list.v2+json", "application/vnd.docker.distribution.manifest.v2+json", "application/vnd.docker.distribution.manifest.v2+json"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("media types (-want +got):\n%s", diff)
	}
	if len(warnings) != 1 || !strings.Contains(warnings[0], "health check") {
		t.Errorf("warnings %q, want one that says why", warnings)
	}
}

// Nobody wants to wait for the compiler to hear of a wrong password.
func TestAPlaceThatRefusesEndsTheCompile(t *testing.T) {
	w := newWorld(t)
	w.compiler.slow = true
	w.registry.lock["a/x"] = true
	results, err := build.Run(t.Context(), plan(t, []v1.Platform{amd64}, []string{"registry.test/a/x"}, "x"), w.stages)
	if err == nil || !strings.Contains(err.Error(), "wrong password") || len(results) != 1 {
		t.Errorf("got %v, %v, want the refusal as the only result", results, err)
	}
}

// What a volume is mounted over belongs to the user that the image runs as.
func TestVolumesBelongToTheUser(t *testing.T) {
	w := newWorld(t)
	p := plan(t, []v1.Platform{amd64}, []string{"registry.test/acme/x:v1"}, "x")
	p.Targets[0].Settings.Config.Volumes = []string{"/data", "/var/lib/y"}
	p.Targets[0].Settings.Config.User = "65534:65533"
	if _, err := build.Run(t.Context(), p, w.stages); err != nil {
		t.Fatal(err)
	}
	layers, err := w.registry.got["acme/x"].(v1.Image).Layers()
	if err != nil {
		t.Fatal(err)
	}
	r, err := layers[0].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got := map[string]string{}
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got[h.Name] = fmt.Sprintf("%o %d:%d", h.Mode, h.Uid, h.Gid)
	}
	want := map[string]string{"data/": "755 65534:65533", "var/": "755 0:0", "var/lib/": "755 0:0", "var/lib/y/": "755 65534:65533"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("directories (-want +got):\n%s", diff)
	}
}
