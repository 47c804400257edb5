package imgo

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/internal/gobuild"
	"github.com/imgo-build/imgo/pkg/build"
)

// newDoctor is one on a machine without a go command, where 20 GB are free.
func newDoctor(t *testing.T, req build.Request) *doctor {
	t.Helper()
	dir := t.TempDir()
	c, err := New(Options{Env: []string{"TMPDIR=" + dir, "TMP=" + dir, "PATH="}, Dir: dir, CacheDir: filepath.Join(dir, "cache")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if req.Dir == "" {
		req.Dir = dir
	}
	d := &doctor{
		client: c, req: req, hostOnly: true, time: 10 * time.Second,
		free: func(string) (space, error) { return space{20 << 30, "disk"}, nil },
	}
	d.tools = func() (*gobuild.Toolchain, error) { return nil, &gobuild.NoGoError{} }
	d.selected = func() selection { return selection{} }
	return d
}

// statuses are "STATUS NAME" of checks.
func statuses(checks []Check) []string {
	var out []string
	for _, c := range checks {
		out = append(out, string(c.Status)+" "+c.Name)
	}
	return out
}

func TestDiskSpace(t *testing.T) {
	for bytes, want := range map[uint64]Status{
		20 << 30:     StatusOK,
		1 << 30:      StatusOK,
		1<<30 - 1:    StatusWarning,
		100 << 20:    StatusWarning,
		100<<20 - 1:  StatusError,
		0:            StatusError,
		^uint64(0):   StatusOK,
		1<<63 | 1000: StatusOK,
	} {
		d := newDoctor(t, build.Request{})
		d.free = func(string) (space, error) { return space{bytes, "disk"}, nil }
		got := d.disk(t.Context())
		if len(got) != 1 || got[0].Status != want || (got[0].Fix != "") != (want != StatusOK) {
			t.Errorf("%d bytes: %+v, want one check with %s", bytes, got, want)
		}
	}
}

func TestDiskPlaces(t *testing.T) {
	dir := t.TempDir()
	goCache := filepath.Join(dir, "not", "yet", "there")
	d := newDoctor(t, build.Request{Output: build.Output{Kind: build.ToTarball, Dir: dir}})
	d.tools = func() (*gobuild.Toolchain, error) { return &gobuild.Toolchain{Cache: goCache}, nil }
	d.free = func(path string) (space, error) {
		if path == dir {
			return space{50 << 20, "small"}, nil
		}
		return space{20 << 30, "large"}, nil
	}
	got := d.disk(t.Context())
	if diff := cmp.Diff([]string{"ok disk", "error disk"}, statuses(got)); diff != "" {
		t.Fatalf("(-want +got):\n%s\n%+v", diff, got)
	}
	for _, want := range []string{"only ", "GOCACHE (" + goCache + ")", "images (" + dir + ")"} {
		if !strings.Contains(got[1].Detail, want) {
			t.Errorf("%q lacks %q", got[1].Detail, want)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	if real, err := freeSpace(dir); err != nil && !errors.Is(err, errors.ErrUnsupported) || err == nil && real.bytes == 0 {
		t.Errorf("freeSpace = %+v, %v", real, err)
	}
}

func TestDiskUnwritable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	d := newDoctor(t, build.Request{Output: build.Output{Kind: build.ToTarball, Dir: file}})
	d.tools = func() (*gobuild.Toolchain, error) {
		return &gobuild.Toolchain{Cache: filepath.Join(file, "go-build")}, nil
	}
	want := []string{"error disk", "warning disk", "ok disk"}
	if diff := cmp.Diff(want, statuses(d.disk(t.Context()))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	d.tools = func() (*gobuild.Toolchain, error) { return &gobuild.Toolchain{Cache: "off"}, nil }
	if got := d.disk(t.Context()); got[0].Status != StatusError || got[0].Detail != "the go command has no directory for its cache" {
		t.Errorf("%+v", got)
	}
}

// A disk that doesn't answer is told from, in its place, and holds up nothing else.
func TestDoctorNeverHangs(t *testing.T) {
	d := newDoctor(t, build.Request{})
	forever := make(chan struct{})
	defer close(forever)
	d.free = func(string) (space, error) { <-forever; return space{}, nil }
	d.time = 100 * time.Millisecond
	var got []Check
	if err := d.run(t.Context(), func(c Check) { got = append(got, c) }); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range got {
		names = append(names, c.Name)
	}
	want := []string{"go", "git", "module", "settings", "cgo", "base", "registry", "cache", "disk"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	last := got[len(got)-1]
	if _, ok := errors.AsType[*SlowError](last.Err); !ok || last.Fix == "" {
		t.Errorf("%+v", last)
	}
}

func TestDoctorInterrupted(t *testing.T) {
	d := newDoctor(t, build.Request{})
	forever := make(chan struct{})
	defer close(forever)
	d.time = 100 * time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	d.free = func(string) (space, error) { cancel(); <-forever; return space{}, nil }
	if err := d.run(ctx, func(c Check) {
		if c.Name == "disk" {
			t.Errorf("%+v", c)
		}
	}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestEndOfLife(t *testing.T) {
	for ref, want := range map[string]Status{
		"docker.io/library/alpine:3.20":                     StatusWarning,
		"docker.io/library/alpine:3.24":                     StatusOK,
		"gcr.io/distroless/static-debian13:nonroot":         StatusOK,
		"registry.example.com/team/something-of-theirs:1.0": StatusOK,
	} {
		d := newDoctor(t, build.Request{})
		d.now = time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
		c := Check{Status: StatusOK}
		if d.endOfLife(&c, ref); c.Status != want || (c.Fix != "") != (want == StatusWarning) {
			t.Errorf("%s: %+v, want %s", ref, c, want)
		}
	}
}

func TestBaseUses(t *testing.T) {
	amd64, arm64 := v1.Platform{OS: "linux", Architecture: "amd64"}, v1.Platform{OS: "linux", Architecture: "arm64"}
	d := newDoctor(t, build.Request{
		Default: build.Settings{Base: "unused"},
		Images: []build.Image{
			{Settings: build.Settings{Base: "a", Platforms: []v1.Platform{amd64, arm64}, Bases: []build.PlatformBase{{Platform: arm64, Base: "b"}}}},
			{Settings: build.Settings{Base: "a", Platforms: []v1.Platform{amd64, arm64}}},
			{Settings: build.Settings{Base: "c", AllPlatforms: true}},
		},
	})
	var got []string
	for _, u := range d.baseUses() {
		text := u.ref
		for _, p := range u.platforms {
			text += " " + p.Architecture
		}
		if u.all {
			text += " all"
		}
		got = append(got, text)
	}
	if diff := cmp.Diff([]string{"a amd64 arm64", "b arm64", "c all"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRepositories(t *testing.T) {
	tag := func(arg string) build.TagArg {
		t.Helper()
		parsed, err := build.ParseTagArg(arg)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	own := build.Settings{Repository: "r.example/own", Tags: []build.Text{{Value: "{{.Env.NOT_SET}}"}}}
	for _, tt := range []struct {
		name    string
		req     build.Request
		targets []build.Target
		want    []string
		unknown bool
	}{
		{name: "nowhere", targets: []build.Target{{Name: "x"}}},
		{name: "configured", req: build.Request{Images: []build.Image{{Name: "x", Settings: own}}}, want: []string{"r.example/own"}},
		{
			name: "a prefix", req: build.Request{Naming: build.Naming{Prefix: "r.example/acme", Tags: []build.TagArg{tag(":v1"), tag(":{{.Version}}")}}},
			targets: []build.Target{{Name: "Server"}, {Name: "cli", Settings: own}}, want: []string{"r.example/acme/server", "r.example/acme/cli"},
		},
		{name: "a prefix without packages", req: build.Request{Naming: build.Naming{Prefix: "r.example/acme"}}, unknown: true},
		{
			name: "two names, without packages", req: build.Request{Naming: build.Naming{Tags: []build.TagArg{tag("r.example/a:1"), tag("r.example/a:2"), tag("q.example/b")}}},
			want: []string{"r.example/a", "q.example/b"},
		},
	} {
		d := newDoctor(t, tt.req)
		d.selected = func() selection { return selection{targets: tt.targets} }
		repos, unknown := d.repositories()
		var got []string
		for _, r := range repos {
			got = append(got, r.Name())
		}
		if diff := cmp.Diff(tt.want, got); diff != "" || unknown != tt.unknown {
			t.Errorf("%s: unknown %t (-want +got):\n%s", tt.name, unknown, diff)
		}
	}
}
