package base

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/pkg/event"
	"github.com/imgo-build/imgo/pkg/image"
	"github.com/imgo-build/imgo/pkg/publish"
)

// mirrored is a registry with an image at library/base:1, its mirror, which has it
// below hub/ if told so, and a source that knows of the mirror.
type mirrored struct {
	original, mirror *testRegistry
	ref              string
	index            v1.ImageIndex
	source           *Source
	store            *memoryStore
	warnings         []string
	asked            []string // hosts for which credentials were looked up
}

func newMirrored(t *testing.T, full bool) *mirrored {
	m := &mirrored{original: newRegistry(t), mirror: newRegistry(t), index: newIndex(t, "linux/amd64"), store: newStore()}
	m.ref = m.original.push(t, "library/base:1", m.index)
	if full {
		m.mirror.push(t, "hub/library/base:1", m.index)
	}
	m.renew(t, nil)
	return m
}

func (m *mirrored) renew(t *testing.T, transport http.RoundTripper) {
	var mu sync.Mutex
	m.source = New(Options{
		Cache: m.store, Transport: transport,
		Mirrors: map[string]string{m.original.host: m.mirror.host + "/hub"},
		Keychain: keychain(func(r authn.Resource) {
			mu.Lock()
			defer mu.Unlock()
			m.asked = append(m.asked, r.RegistryStr())
		}),
		Events: event.Func(func(e event.Event) {
			if e.Kind == event.Warning {
				mu.Lock()
				defer mu.Unlock()
				m.warnings = append(m.warnings, e.Subject+": "+e.Text)
			}
		}),
	})
	t.Cleanup(func() { m.source.Close() })
}

type keychain func(authn.Resource)

func (k keychain) Resolve(r authn.Resource) (authn.Authenticator, error) {
	k(r)
	return authn.Anonymous, nil
}

// readLayer reads the first layer and returns the repository that it calls its own.
func (m *mirrored) readLayer(t *testing.T) (source string, err error) {
	t.Helper()
	b, err := m.source.Base(t.Context(), m.ref, platform("linux/amd64"))
	if err != nil {
		return "", err
	}
	if b.Name != m.ref || b.Index != must(m.index.Digest()) {
		t.Errorf("%+v", b)
	}
	l := must(b.Image.Layers())[0]
	repo, _ := l.(image.Sourced).Source()
	rc, err := l.Compressed()
	if err != nil {
		return "", err
	}
	defer rc.Close()
	_, err = io.Copy(io.Discard, rc)
	return repo.Name(), err
}

func TestMirrorIsAskedInsteadOfTheRegistry(t *testing.T) {
	m := newMirrored(t, true)
	source, err := m.readLayer(t)
	if err != nil || source != m.mirror.host+"/hub/library/base" {
		t.Errorf("source %s, %v", source, err)
	}
	if log := m.original.requests(); len(log) != 0 {
		t.Errorf("the registry itself was asked: %q", log)
	}
	if log := m.mirror.requests(); len(log) != 5 { // ping, index, manifest, config, layer
		t.Errorf("asked of the mirror: %q", log)
	}
	if !slices.Equal(m.asked, []string{m.mirror.host}) || len(m.warnings) != 0 {
		t.Errorf("credentials of %q, warnings %q", m.asked, m.warnings)
	}

	pinned := m.ref + "@" + must(m.index.Digest()).String()
	m.renew(t, nil)
	b := mustBase(t, m.source, pinned, "linux/amd64")
	repo, _ := must(b.Image.Layers())[0].(image.Sourced).Source()
	if log := append(m.mirror.requests(), m.original.requests()...); len(log) != 0 || repo.Name() != source {
		t.Errorf("from the cache: %q, source %s", log, repo)
	}
}

func TestRegistryIsAskedForWhatTheMirrorLacks(t *testing.T) {
	m := newMirrored(t, false)
	source, err := m.readLayer(t)
	if err != nil || source+":1" != m.ref {
		t.Errorf("source %s, %v", source, err)
	}
	if log := m.mirror.requests(); len(log) != 2 { // ping, index
		t.Errorf("the mirror was asked more than once: %q", log)
	}
	if len(m.warnings) != 0 {
		t.Errorf("warnings %q", m.warnings)
	}

	// A mirror that has the manifests and not the layer.
	m = newMirrored(t, true)
	m.mirror.answer(func(w http.ResponseWriter, req *http.Request) bool {
		layer := strings.Contains(req.URL.Path, "/blobs/") && !m.isConfig(req.URL.Path)
		if layer {
			w.WriteHeader(http.StatusNotFound)
		}
		return layer
	})
	if source, err = m.readLayer(t); err != nil || source != m.mirror.host+"/hub/library/base" {
		t.Errorf("source %s, %v", source, err)
	}
	if log := m.original.requests(); count(log, "/blobs/") != 1 || count(log, "/manifests/") != 0 {
		t.Errorf("asked of the registry itself: %q", log)
	}
}

func (m *mirrored) isConfig(path string) bool {
	img := must(m.index.Image(must(m.index.IndexManifest()).Manifests[0].Digest))
	return strings.Contains(path, must(img.ConfigName()).String())
}

func TestMirrorThatDoesNotAnswer(t *testing.T) {
	refused := &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	for name, fail := range map[string]func(*http.Request) (*http.Response, error){
		"refused":      func(*http.Request) (*http.Response, error) { return nil, refused },
		"unknown host": func(*http.Request) (*http.Response, error) { return nil, &net.DNSError{Name: "x", IsNotFound: true} },
		"out of order": func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusNotImplemented, Body: http.NoBody}, nil
		},
	} {
		m := newMirrored(t, true)
		tries := 0
		m.renew(t, roundTripper(func(req *http.Request) (*http.Response, error) {
			if req.URL.Host != m.mirror.host {
				return http.DefaultTransport.RoundTrip(req)
			}
			tries++
			return fail(req)
		}))
		source, err := m.readLayer(t)
		if err != nil || source+":1" != m.ref {
			t.Errorf("%s: source %s, %v", name, source, err)
		}
		once := tries
		m.store.blobs = map[v1.Hash][]byte{}
		if _, err := m.source.Base(t.Context(), m.ref+"@"+must(m.index.Digest()).String(), platform("linux/amd64")); err != nil || tries != once {
			t.Errorf("%s: tried %d times, and then %d, %v", name, once, tries, err)
		}
		if len(m.warnings) != 1 || !strings.HasPrefix(m.warnings[0], m.mirror.host+": asking "+m.original.host+" itself instead of its mirror: ") {
			t.Errorf("%s: warnings %q", name, m.warnings)
		}
	}
}

func TestNeitherMirrorNorRegistry(t *testing.T) {
	m := newMirrored(t, false)
	_, err := m.source.Base(t.Context(), m.original.host+"/none:1", platform("linux/amd64"))
	e, ok := errors.AsType[*publish.NotFoundError](err)
	if !ok || e.Reference != m.original.host+"/none:1" || !strings.Contains(err.Error(), "before that, its mirror "+m.mirror.host) {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	m.mirror.answer(func(http.ResponseWriter, *http.Request) bool { cancel(); return true })
	m.renew(t, nil)
	m.original.requests()
	if _, err := m.source.Base(ctx, m.ref, platform("linux/amd64")); !errors.Is(err, context.Canceled) || len(m.original.requests()) != 0 {
		t.Errorf("cancelled: %v", err)
	}
}

func TestNothingGoesAroundWhatAMirrorSays(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(http.ResponseWriter, *http.Request) bool
		ok     func(error) bool
	}{
		"credentials": {func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(http.StatusUnauthorized)
			return true
		}, isA[*publish.AuthError]},
		"other bytes": {func(w http.ResponseWriter, req *http.Request) bool {
			manifest := strings.Contains(req.URL.Path, "manifests/sha256:")
			if manifest {
				fmt.Fprint(w, `{"schemaVersion":2}`)
			}
			return manifest
		}, isA[*publish.DigestError]},
	} {
		m := newMirrored(t, true)
		m.mirror.answer(c.answer)
		if _, err := m.readLayer(t); !c.ok(err) {
			t.Errorf("%s: %v", name, err)
		}
		if log := m.original.requests(); len(log) != 0 {
			t.Errorf("%s: the registry itself was asked: %q", name, log)
		}
	}
}

func TestPlaces(t *testing.T) {
	for _, c := range []struct{ host, mirror, ref, want string }{
		{"docker.io", "mirror.corp/dockerhub", "alpine", "mirror.corp/dockerhub/library/alpine index.docker.io/library/alpine"},
		{"index.docker.io", "mirror.corp", "a/b:c", "mirror.corp/a/b index.docker.io/a/b"},
		{"ghcr.io", "localhost:5000/x/y/", "ghcr.io/a/b@sha256:" + strings.Repeat("a", 64), "localhost:5000/x/y/a/b ghcr.io/a/b"},
		{"ghcr.io", "mirror", "ghcr.io/a/b", "mirror/a/b ghcr.io/a/b"},
		{"ghcr.io", "mirror.corp", "quay.io/a/b", "quay.io/a/b"},
		{"ghcr.io", "ghcr.io", "ghcr.io/a/b", "ghcr.io/a/b"},
		{"ghcr.io", "", "ghcr.io/a/b", "ghcr.io/a/b"},
		{"ghcr.io", "https://mirror.corp", "ghcr.io/a/b", `base "ghcr.io/a/b": the mirror "https://mirror.corp" of ghcr.io is not HOST[/PREFIX]`},
		{"ghcr.io", "mirror.corp/UP", "ghcr.io/a/b", "is not HOST[/PREFIX]"},
		{"ghcr.io", "/x", "ghcr.io/a/b", "is not HOST[/PREFIX]"},
		{"ghcr.io", "a b/x", "ghcr.io/a/b", "is not HOST[/PREFIX]"},
	} {
		s := New(Options{Cache: newStore(), Mirrors: map[string]string{c.host: c.mirror}})
		list, err := s.places(must(s.parse(c.ref)))
		var names []string
		for _, repo := range list {
			names = append(names, repo.Name())
		}
		got := strings.Join(names, " ")
		if err != nil && isA[*ReferenceError](err) && strings.Contains(err.Error(), c.want) {
			continue
		}
		if err != nil || got != c.want {
			t.Errorf("%s through %q: %s, %v, want %s", c.ref, c.mirror, got, err, c.want)
		}
	}
	s := New(Options{Cache: newStore(), PlainHTTP: []string{"plain.corp"}, Mirrors: map[string]string{"ghcr.io": "plain.corp"}})
	list := must(s.places(must(s.parse("ghcr.io/a/b"))))
	if list[0].Scheme() != "http" || list[1].Scheme() != "https" {
		t.Errorf("%s, %s", list[0].Scheme(), list[1].Scheme())
	}
}
