package imgo

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/imgo-build/imgo/internal/registrytest"
	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/publish"
)

// pushBase makes a tag point to an image of a day.
func pushBase(t *testing.T, c *Client, tag name.Tag, day int) {
	t.Helper()
	config, err := empty.Image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", "amd64"
	config.Created = v1.Time{Time: time.Date(2026, 1, day, 0, 0, 0, 0, time.UTC)}
	img, err := mutate.ConfigFile(empty.Image, config)
	if err != nil {
		t.Fatal(err)
	}
	p := c.registry.Repository(tag.Context(), []name.Tag{tag}, publish.RepoOptions{})
	if err := p.Put(t.Context(), img); err != nil {
		t.Fatal(err)
	}
	if err := p.Tag(t.Context(), img); err != nil {
		t.Fatal(err)
	}
}

// A base as it is before and after it is pinned, its tag moves, and its registry is gone.
func TestBaseCheck(t *testing.T) {
	reg := registrytest.New(t, registrytest.Options{})
	tag, err := name.NewTag(reg.Host + "/bases/b:1")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	amd64, arm64 := v1.Platform{OS: "linux", Architecture: "amd64"}, v1.Platform{OS: "linux", Architecture: "arm64"}
	// check is a run of its own, which knows nothing of the ones before but by the files.
	check := func(platforms ...v1.Platform) Check {
		t.Helper()
		d := newDoctor(t, build.Request{Default: build.Settings{Base: tag.String(), Platforms: platforms}})
		d.hostOnly, d.now = false, time.Date(2026, 1, 12, 0, 0, 0, 0, time.UTC)
		c, err := New(Options{Dir: dir, CacheDir: filepath.Join(dir, "cache"), Lock: filepath.Join(dir, "imgo.lock")})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		d.client = c
		found := d.bases(t.Context())
		if len(found) != 1 || found[0].Name != "base "+tag.String() {
			t.Fatalf("%+v", found)
		}
		return found[0]
	}
	expect := func(c Check, status Status, words ...string) {
		t.Helper()
		text := c.Detail
		if c.Err != nil {
			text += c.Err.Error()
		}
		for _, w := range words {
			if c.Status != status || !strings.Contains(text, w) {
				t.Errorf("%s %q, want %s with %q", c.Status, text, status, w)
			}
		}
	}
	client := newDoctor(t, build.Request{}).client

	expect(check(amd64), StatusError, "the registry has no such image")
	pushBase(t, client, tag, 2)
	expect(check(amd64), StatusOK, "has linux/amd64", "created 2026-01-02 (10 days ago)", "not pinned, at sha256:")
	expect(check(amd64, arm64), StatusError, "has no image for linux/arm64")

	locker, err := New(Options{Dir: dir, CacheDir: filepath.Join(dir, "cache"), Lock: filepath.Join(dir, "imgo.lock")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := locker.LockBases(t.Context(), []build.BaseUse{{Ref: tag.String()}}, false); err != nil {
		t.Fatal(err)
	}
	expect(check(amd64), StatusOK, "created 2026-01-02", "which its tag points to")
	pushBase(t, client, tag, 11)
	expect(check(amd64), StatusNote, "created 2026-01-02", "while its tag points to sha256:", "imgo base update")
	reg.Close()
	expect(check(amd64), StatusNote, "pinned to sha256:", "can't be found out", "no connection")
}
