package publish_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/imgo-build/imgo/internal/registrytest"
	"github.com/imgo-build/imgo/pkg/event"
	"github.com/imgo-build/imgo/pkg/image"
	"github.com/imgo-build/imgo/pkg/publish"
	"github.com/imgo-build/imgo/pkg/publish/transport"
)

// testLayer is a layer whose content is text (no tar: nobody here unpacks it) and
// that may have a source. It counts how often its bytes were asked for.
type testLayer struct {
	v1.Layer
	source *name.Repository
	opened *atomic.Int32
	fail   error
}

func layerOf(text string) testLayer {
	return testLayer{Layer: static.NewLayer([]byte(text), types.OCIUncompressedLayer), opened: new(atomic.Int32)}
}

func (l testLayer) from(repo name.Repository) testLayer {
	l.source = &repo
	return l
}

func (l testLayer) Source() (name.Repository, bool) {
	if l.source == nil {
		return name.Repository{}, false
	}
	return *l.source, true
}

func (l testLayer) Compressed() (io.ReadCloser, error) {
	l.opened.Add(1)
	if l.fail != nil {
		return nil, l.fail
	}
	return l.Layer.Compressed()
}

func imageOf(t testing.TB, platform string, layers ...testLayer) v1.Image {
	t.Helper()
	img := mutate.MediaType(empty.Image, types.OCIManifestSchema1)
	img = mutate.ConfigMediaType(img, types.OCIConfigJSON)
	for _, l := range layers {
		var err error
		if img, err = mutate.AppendLayers(img, l); err != nil {
			t.Fatal(err)
		}
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", platform
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

// memory is a layer.Results.
type memory struct{ m sync.Map }

func (m *memory) Lookup(key string) ([]byte, bool) {
	v, ok := m.m.Load(key)
	if !ok {
		return nil, false
	}
	return v.([]byte), true
}

func (m *memory) Remember(key string, value []byte) error {
	m.m.Store(key, bytes.Clone(value))
	return nil
}

// recorded collects events and pauses.
type recorded struct {
	mu     sync.Mutex
	events []event.Event
	pauses []time.Duration
}

func (r *recorded) Emit(e event.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

func (r *recorded) sleep(ctx context.Context, d time.Duration) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pauses = append(r.pauses, d)
	return ctx.Err()
}

// options are those of a process of its own: nothing shared but what is passed in.
func (r *recorded) options(reg *registrytest.Registry, results *memory) publish.Options {
	o := publish.Options{
		Transport: transport.Default(transport.Options{TLS: &tls.Config{RootCAs: pool(reg)}}),
		Retry:     transport.RetryOptions{Sleep: r.sleep, Jitter: func() float64 { return 1 }},
		Events:    r,
	}
	if results != nil {
		o.Results = results
	}
	return o
}

func push(t testing.TB, r *publish.Registry, repo name.Repository, a image.Artifact, tags ...string) error {
	t.Helper()
	return pushWith(t, r, repo, a, publish.RepoOptions{}, tags...)
}

func pushWith(t testing.TB, r *publish.Registry, repo name.Repository, a image.Artifact, opts publish.RepoOptions, tags ...string) error {
	t.Helper()
	var names []name.Tag
	for _, tag := range tags {
		names = append(names, repo.Tag(tag))
	}
	p := r.Repository(repo, names, opts)
	defer p.Close()
	if err := p.Put(t.Context(), a); err != nil {
		return err
	}
	return p.Tag(t.Context(), a)
}

func mustPush(t testing.TB, r *publish.Registry, repo name.Repository, a image.Artifact, tags ...string) {
	t.Helper()
	if err := push(t, r, repo, a, tags...); err != nil {
		t.Fatal(err)
	}
}

func repoIn(t testing.TB, reg *registrytest.Registry, path string) name.Repository {
	t.Helper()
	repo, err := name.NewRepository(reg.Host + "/" + path)
	if err != nil {
		t.Fatal(err)
	}
	return repo
}

// counts is what the registry's log must hold, no more and no less.
type counts map[string]int

func (want counts) check(t testing.TB, reg *registrytest.Registry) {
	t.Helper()
	if diff := cmp.Diff(map[string]int(want), reg.Counts()); diff != "" {
		t.Errorf("requests (-want +got):\n%s\nlog:\n%s", diff, fmt.Sprint(reg.Log()))
	}
}

// on makes a fault of requests of a kind: the n-th (1, 2, …) of the given ones.
func on(kind string, fault registrytest.Fault, which ...int) func(*http.Request) *registrytest.Fault {
	var n atomic.Int32
	return func(req *http.Request) *registrytest.Fault {
		if registrytest.Kind(req.Method, req.URL.Path) != kind {
			return nil
		}
		if i := int(n.Add(1)); len(which) > 0 && !slices.Contains(which, i) {
			return nil
		}
		f := fault
		return &f
	}
}

type login struct{ user, password string }

func (l login) Resolve(authn.Resource) (authn.Authenticator, error) {
	return &authn.Basic{Username: l.user, Password: l.password}, nil
}

func digestOf(t testing.TB, a image.Artifact) v1.Hash {
	t.Helper()
	h, err := a.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func layerDigest(t testing.TB, l v1.Layer) v1.Hash {
	t.Helper()
	h, err := l.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func descriptorJSON(t testing.TB, mediaType string, h v1.Hash, size int64) string {
	t.Helper()
	raw, err := json.Marshal(v1.IndexManifest{Manifests: []v1.Descriptor{{MediaType: types.MediaType(mediaType), Digest: h, Size: size}}})
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func rawOf(v any, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	return json.Marshal(v)
}

func hashOf(raw []byte, err error) (v1.Hash, error) {
	if err != nil {
		return v1.Hash{}, err
	}
	h, _, err := v1.SHA256(bytes.NewReader(raw))
	return h, err
}
