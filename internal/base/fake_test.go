package base

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/layer"
)

// memoryStore is a cache in memory. Its blobs are believed to be right.
type memoryStore struct {
	mu      sync.Mutex
	blobs   map[v1.Hash][]byte
	results map[string][]byte
	broken  bool // nothing can be written
	staged  int  // blobs that were neither committed nor discarded
}

func newStore() *memoryStore {
	return &memoryStore{blobs: map[v1.Hash][]byte{}, results: map[string][]byte{}}
}

func (m *memoryStore) Stage(context.Context) (layer.Pending, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.broken {
		return nil, fs.ErrPermission
	}
	m.staged++
	return &pending{store: m}, nil
}

func (m *memoryStore) Open(h v1.Hash) (io.ReadCloser, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b, ok := m.blobs[h]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return io.NopCloser(bytes.NewReader(b)), nil
}

func (m *memoryStore) Lookup(key string) ([]byte, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.results[key]
	return v, ok
}

func (m *memoryStore) Remember(key string, value []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.results[key] = value
	return nil
}

func (m *memoryStore) has(h v1.Hash) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.blobs[h] != nil
}

type pending struct {
	bytes.Buffer
	store *memoryStore
	ended bool
}

func (p *pending) Commit(h v1.Hash) error {
	sum := sha256.Sum256(p.Bytes())
	if h.Hex != hex.EncodeToString(sum[:]) {
		return errors.New("committed under a wrong digest")
	}
	p.Discard()
	p.store.mu.Lock()
	defer p.store.mu.Unlock()
	p.store.blobs[h] = bytes.Clone(p.Bytes())
	return nil
}

func (p *pending) Discard() {
	p.store.mu.Lock()
	defer p.store.mu.Unlock()
	if !p.ended {
		p.ended = true
		p.store.staged--
	}
}

// testRegistry is a registry that remembers what it was asked, and that can be made
// to answer something else.
type testRegistry struct {
	host string
	mu   sync.Mutex
	log  []string
	// instead answers requests in the registry's place where it returns true.
	instead func(http.ResponseWriter, *http.Request) bool
}

func newRegistry(t *testing.T) *testRegistry {
	r := &testRegistry{}
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.mu.Lock()
		r.log = append(r.log, req.Method+" "+req.URL.Path)
		instead := r.instead
		r.mu.Unlock()
		if instead == nil || !instead(w, req) {
			inner.ServeHTTP(w, req)
		}
	}))
	t.Cleanup(server.Close)
	r.host = strings.TrimPrefix(server.URL, "http://")
	return r
}

// requests returns what was asked since the last call.
func (r *testRegistry) requests() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.log
	r.log = nil
	return out
}

func count(requests []string, part string) int {
	return len(slices.DeleteFunc(slices.Clone(requests), func(s string) bool { return !strings.Contains(s, part) }))
}

func (r *testRegistry) answer(f func(http.ResponseWriter, *http.Request) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.instead = f
}

// push stores an image or index under repository:tag and returns the reference.
func (r *testRegistry) push(t *testing.T, ref string, a remote.Taggable) string {
	t.Helper()
	ref = r.host + "/" + ref
	tag, err := name.ParseReference(ref)
	if err != nil {
		t.Fatal(err)
	}
	switch a := a.(type) {
	case v1.ImageIndex:
		err = remote.WriteIndex(tag, a)
	case v1.Image:
		err = remote.Write(tag, a)
	default:
		err = remote.Put(tag, a)
	}
	if err != nil {
		t.Fatal(err)
	}
	r.requests()
	return ref
}

// raw is a manifest of any bytes.
type raw struct {
	bytes     string
	mediaType types.MediaType
}

func (r raw) RawManifest() ([]byte, error)        { return []byte(r.bytes), nil }
func (r raw) MediaType() (types.MediaType, error) { return r.mediaType, nil }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func platform(s string) v1.Platform { return *must(v1.ParsePlatform(s)) }

// newImage makes an image of two layers that says it is for a platform.
func newImage(t *testing.T, p string) v1.Image {
	t.Helper()
	img := must(random.Image(512, 2))
	config := must(img.ConfigFile()).DeepCopy()
	want := platform(p)
	config.OS, config.Architecture, config.Variant = want.OS, want.Architecture, want.Variant
	config.History = nil
	return must(mutate.ConfigFile(img, config))
}

// newIndex makes an index with an image and an attestation for each platform.
func newIndex(t *testing.T, platforms ...string) v1.ImageIndex {
	t.Helper()
	var out v1.ImageIndex = mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, s := range platforms {
		p := platform(s)
		out = mutate.AppendManifests(out,
			mutate.IndexAddendum{Add: newImage(t, s), Descriptor: v1.Descriptor{Platform: &p}},
			mutate.IndexAddendum{Add: must(random.Image(64, 1)), Descriptor: v1.Descriptor{
				Platform: &v1.Platform{OS: "unknown", Architecture: "unknown"},
			}})
	}
	return out
}

func newSource(t *testing.T, store layer.Store) *Source {
	s := New(Options{Cache: store})
	t.Cleanup(func() { s.Close() })
	return s
}

func mustBase(t *testing.T, s *Source, ref, p string) build.Base {
	t.Helper()
	b, err := s.Base(t.Context(), ref, platform(p))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
