package engine

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/imgo-build/imgo/pkg/event"
	"github.com/imgo-build/imgo/pkg/image"
	"github.com/imgo-build/imgo/pkg/publish"
)

func layerOf(text string) v1.Layer { return static.NewLayer([]byte(text), types.OCIUncompressedLayer) }

func imageOf(t testing.TB, arch string, layers ...v1.Layer) v1.Image {
	t.Helper()
	img, err := mutate.AppendLayers(mutate.MediaType(empty.Image, types.OCIManifestSchema1), layers...)
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", arch
	if img, err = mutate.ConfigFile(img, config); err != nil {
		t.Fatal(err)
	}
	return img
}

func indexOf(images ...v1.Image) v1.ImageIndex {
	idx := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, img := range images {
		config, _ := img.ConfigFile()
		idx = mutate.AppendManifests(idx, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: config.Platform()}})
	}
	return idx
}

func configOf(t testing.TB, img v1.Image) string {
	t.Helper()
	h, err := img.ConfigName()
	if err != nil {
		t.Fatal(err)
	}
	return h.String()
}

func digestOf(t testing.TB, a interface{ Digest() (v1.Hash, error) }) v1.Hash {
	t.Helper()
	h, err := a.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// recorded collects events.
type recorded struct {
	mu     sync.Mutex
	events []event.Event
}

func (r *recorded) Emit(e event.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

// ends lists how steps ended, with the bytes that each had to move.
func (r *recorded) ends() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []string
	for _, e := range r.events {
		switch e.Kind {
		case event.Finished:
			out = append(out, fmt.Sprintf("%s %s: %s", e.Stage, e.Subject, e.Text))
		case event.Failed:
			out = append(out, fmt.Sprintf("%s %s failed", e.Stage, e.Subject))
		case event.Warning:
			out = append(out, "warning: "+e.Text)
		}
	}
	return out
}

// paired fails the test where a step did not end exactly once.
func (r *recorded) paired(t testing.TB) {
	t.Helper()
	open := map[string]int{}
	for _, e := range r.events {
		key := string(e.Stage) + " " + e.Subject
		switch e.Kind {
		case event.Started:
			open[key]++
		case event.Finished, event.Failed:
			open[key]--
		case event.Advanced:
			if open[key] != 1 || e.Current > e.Total {
				t.Errorf("odd event %+v", e)
			}
		}
	}
	for key, n := range open {
		if n != 0 {
			t.Errorf("%s: %d ends are missing", key, n)
		}
	}
}

const testName = "example.com/app/server:v1"

func open(t testing.TB, o Options, names ...string) publish.Publisher {
	t.Helper()
	if len(names) == 0 {
		names = []string{testName}
	}
	for _, n := range names {
		tag, err := name.NewTag(n)
		if err != nil {
			t.Fatal(err)
		}
		o.Tags = append(o.Tags, tag)
	}
	if o.Platform.OS == "" {
		o.Platform = v1.Platform{OS: "linux", Architecture: "amd64"}
	}
	p, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// load puts and tags an artifact.
func load(t testing.TB, o Options, a image.Artifact, names ...string) error {
	t.Helper()
	p := open(t, o, names...)
	if err := p.(publish.Preparer).Prepare(t.Context(), nil); err != nil {
		return err
	}
	if err := p.Put(t.Context(), a); err != nil {
		return err
	}
	if err := p.Tag(t.Context(), a); err != nil {
		return err
	}
	return p.Close()
}

func mustLoad(t testing.TB, o Options, a image.Artifact, names ...string) {
	t.Helper()
	if err := load(t, o, a, names...); err != nil {
		t.Fatal(err)
	}
}

// tempSocket is a path that is short enough for a unix socket.
func tempSocket(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "e")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "s")
}

func write(t testing.TB, path, content string, mode os.FileMode) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func sorted(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}

// endless is a layer whose bytes never end; begun is called when they are read.
type endless struct {
	v1.Layer
	begun func()
}

func (l endless) Compressed() (io.ReadCloser, error) {
	return io.NopCloser(readerFunc(func(p []byte) (int, error) {
		l.begun()
		return len(p), nil
	})), nil
}

func (l endless) Size() (int64, error) { return 1 << 40, nil }

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// broken is a layer that has other bytes than it says.
type broken struct{ v1.Layer }

func (broken) Compressed() (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader("other")), nil
}

func reply(w http.ResponseWriter, status int, body string) {
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}
