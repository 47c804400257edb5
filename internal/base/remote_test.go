package base

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/imgo-build/imgo/pkg/event"
	"github.com/imgo-build/imgo/pkg/image"
	"github.com/imgo-build/imgo/pkg/publish"
)

func TestResolvesATagOnceForAllPlatforms(t *testing.T) {
	r := newRegistry(t)
	index := newIndex(t, "linux/amd64", "linux/arm64", "linux/arm/v6")
	ref := r.push(t, "library/base:1", index)
	s := newSource(t, newStore())

	wants := []string{"linux/amd64", "linux/arm64", "linux/arm/v7"}
	var wg sync.WaitGroup
	for _, p := range wants {
		wg.Go(func() {
			b, err := s.Base(t.Context(), ref, platform(p))
			if err != nil {
				t.Error(err)
				return
			}
			if b.Name != ref || b.Index != must(index.Digest()) || b.Digest != must(b.Image.Digest()) {
				t.Errorf("%s: %+v", p, b)
			}
			if _, err := index.Image(b.Digest); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	log := r.requests()
	for part, want := range map[string]int{"/v2/library/base/manifests/1": 1, "manifests/sha256": 3, "blobs/": 3, "GET /v2/": len(log)} {
		if got := count(log, part); got != want {
			t.Errorf("%d requests with %q, want %d: %q", got, part, want, log)
		}
	}
	if len(log) != 8 { // a ping, the index, three manifests and configs
		t.Errorf("%d requests: %q", len(log), log)
	}
	if platforms, err := s.Platforms(t.Context(), ref); err != nil || fmt.Sprint(platforms) != "[linux/amd64 linux/arm64 linux/arm/v6]" {
		t.Errorf("platforms %v, %v", platforms, err)
	}
	if log := r.requests(); len(log) != 0 {
		t.Errorf("asked again: %q", log)
	}
}

func TestDigestNeedsNoRequestWhenCached(t *testing.T) {
	r := newRegistry(t)
	index := newIndex(t, "linux/amd64")
	tagged := r.push(t, "base:1", index)
	pinned := r.host + "/base:1@" + must(index.Digest()).String()
	store := newStore()
	first := mustBase(t, newSource(t, store), tagged, "linux/amd64")
	r.requests()

	again := mustBase(t, newSource(t, store), pinned, "linux/amd64")
	if log := r.requests(); len(log) != 0 {
		t.Errorf("requests: %q", log)
	}
	if again.Name != first.Name || again.Digest != first.Digest || again.Index != first.Index {
		t.Errorf("pinned %+v, tagged %+v", again, first)
	}
	if store.staged != 0 {
		t.Errorf("%d blobs are left staged", store.staged)
	}

	for h := range store.blobs { // a cache that lies is not believed
		store.blobs[h] = []byte("{}")
	}
	mustBase(t, newSource(t, store), pinned, "linux/amd64")
	if log := r.requests(); len(log) != 4 {
		t.Errorf("requests with a damaged cache: %q", log)
	}
	broken := newStore()
	broken.broken = true
	mustBase(t, newSource(t, broken), pinned, "linux/amd64")
}

func TestSingleImage(t *testing.T) {
	r := newRegistry(t)
	img := newImage(t, "linux/arm64")
	ref := r.push(t, "single:1", img)
	s := newSource(t, newStore())
	b := mustBase(t, s, ref, "linux/arm64")
	if b.Index != (v1.Hash{}) || b.Digest != must(img.Digest()) {
		t.Errorf("%+v", b)
	}
	_, err := s.Base(t.Context(), ref, platform("linux/amd64"))
	missing, ok := errors.AsType[*PlatformMissingError](err)
	if !ok || cmp.Diff(&PlatformMissingError{Ref: ref, Want: "linux/amd64", Have: []string{"linux/arm64"}}, missing) != "" {
		t.Errorf("%#v", err)
	}
	if got, err := s.Platforms(t.Context(), ref); err != nil || len(got) != 1 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestPlatforms(t *testing.T) {
	r := newRegistry(t)
	ref := r.push(t, "base:1", newIndex(t, "windows/amd64", "linux/amd64", "linux/arm/v5", "linux/arm/v6", "linux/amd64/v2"))
	s := newSource(t, newStore())
	index := must(s.resolve(t.Context(), must(s.parse(ref))))
	for want, nearest := range map[string]string{
		"linux/amd64": "linux/amd64", "linux/amd64/v3": "linux/amd64/v2", "linux/arm/v7": "linux/arm/v6", "linux/arm/v5": "linux/arm/v5",
	} {
		b := mustBase(t, s, ref, want)
		candidates := must(index.candidates(t.Context()))
		i := slices.IndexFunc(candidates, func(c candidate) bool { return c.digest == b.Digest })
		if got := image.PlatformString(candidates[i].platform); got != nearest {
			t.Errorf("%s is built on %s, want %s", want, got, nearest)
		}
	}
	_, err := s.Base(t.Context(), ref, platform("linux/s390x"))
	missing, ok := errors.AsType[*PlatformMissingError](err)
	if !ok || strings.Join(missing.Have, " ") != "windows/amd64 linux/amd64 linux/arm/v5 linux/arm/v6 linux/amd64/v2" {
		t.Errorf("%v", err)
	}
	windows := r.push(t, "base:win", newIndex(t, "windows/amd64"))
	if _, err := s.Platforms(t.Context(), windows); err == nil {
		t.Error("an index without Linux has platforms")
	}
}

func TestEntriesWithoutPlatform(t *testing.T) {
	r := newRegistry(t)
	bare := mutate.AppendManifests(empty.Index,
		mutate.IndexAddendum{Add: newImage(t, "linux/arm64")},
		mutate.IndexAddendum{Add: newImage(t, "linux/amd64")},
		mutate.IndexAddendum{Add: newImage(t, "linux/amd64"), Descriptor: v1.Descriptor{ArtifactType: "application/spdx+json"}})
	ref := r.push(t, "bare:1", bare)
	b := mustBase(t, newSource(t, newStore()), ref, "linux/amd64")
	if want := must(bare.IndexManifest()).Manifests[1].Digest; b.Digest != want {
		t.Errorf("chose %s, want %s", b.Digest, want)
	}
}

func TestUnusableBases(t *testing.T) {
	r := newRegistry(t)
	amd64 := platform("linux/amd64")
	nested := mutate.AppendManifests(empty.Index,
		mutate.IndexAddendum{Add: newImage(t, "linux/amd64"), Descriptor: v1.Descriptor{Platform: &amd64}},
		mutate.IndexAddendum{Add: newIndex(t, "linux/amd64"), Descriptor: v1.Descriptor{Platform: &amd64}})
	lying := mutate.AppendManifests(empty.Index,
		mutate.IndexAddendum{Add: newImage(t, "linux/arm64"), Descriptor: v1.Descriptor{Platform: &amd64}})
	config := must(newImage(t, "linux/amd64").ConfigFile())
	config.RootFS.DiffIDs = config.RootFS.DiffIDs[:1]
	chart := mutate.ConfigMediaType(newImage(t, "linux/amd64"), "application/vnd.cncf.helm.config.v1+json")
	r.answer(func(w http.ResponseWriter, req *http.Request) bool {
		html := strings.HasSuffix(req.URL.Path, "/bad/manifests/html")
		if html {
			fmt.Fprint(w, "<html>")
		}
		return html
	})
	foreign := must(mutate.ConfigFile(empty.Image, &v1.ConfigFile{OS: "linux", Architecture: "amd64"}))
	for name, c := range map[string]struct {
		ref  string
		want string
	}{
		"nested index":       {r.push(t, "bad:nested", nested), "holds another index"},
		"lying index":        {r.push(t, "bad:lying", lying), "whose config says linux/arm64"},
		"no platform":        {r.push(t, "bad:noplatform", newImage(t, "")), "names no platform"},
		"layers disagree":    {r.push(t, "bad:diffids", must(mutate.ConfigFile(newImage(t, "linux/amd64"), config))), "names 1 layers and its manifest 2"},
		"chart":              {r.push(t, "bad:chart", chart), "not a container image"},
		"no rootfs":          {r.push(t, "bad:rootfs", foreign), "rootfs is of type"},
		"schema 1":           {r.push(t, "bad:schema1", raw{`{"schemaVersion":1,"fsLayers":[]}`, types.DockerManifestSchema1}), "outdated schema 1"},
		"both at once":       {r.push(t, "bad:both", raw{`{"schemaVersion":2,"manifests":[],"layers":[],"config":{}}`, types.OCIImageIndex}), "at once"},
		"an index of images": {r.push(t, "bad:type", raw{`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","layers":[],"config":{}}`, types.OCIManifestSchema1}), "not what its type"},
		"something else":     {r.push(t, "bad:else", raw{`{"schemaVersion":2,"mediaType":"text/x"}`, "text/x"}), `of type "text/x"`},
		"not JSON":           {r.host + "/bad:html", "malformed"},
	} {
		_, err := newSource(t, newStore()).Base(t.Context(), c.ref, amd64)
		be, ok := errors.AsType[*image.BaseError](err)
		if !ok || be.Name != c.ref || !strings.Contains(be.Reason, c.want) {
			t.Errorf("%s: got %v, want a BaseError with %q", name, err, c.want)
		}
	}
}

func TestLayers(t *testing.T) {
	r := newRegistry(t)
	ref := r.push(t, "base:1", newImage(t, "linux/amd64"))
	store := newStore()
	b := mustBase(t, newSource(t, store), ref, "linux/amd64")
	layers := must(b.Image.Layers())
	for _, l := range layers {
		repo, ok := l.(image.Sourced).Source()
		if !ok || repo.Name() != strings.TrimSuffix(ref, ":1") {
			t.Errorf("source %v, %t", repo, ok)
		}
		if store.has(must(l.Digest())) {
			t.Error("a layer was read")
		}
	}
	onTop, err := image.Assemble(image.Parts{Base: b.Image, BaseName: b.Name, BaseDigest: b.Digest, Platform: platform("linux/amd64")})
	if err != nil {
		t.Fatal(err)
	}
	r.requests()
	if err := errors.Join(validate.Image(b.Image), validate.Image(onTop)); err != nil {
		t.Error(err)
	}
	if log := r.requests(); len(log) != len(layers) {
		t.Errorf("layers were read more than once: %q", log)
	}
	if store.staged != 0 {
		t.Errorf("%d blobs are left staged", store.staged)
	}

	one := must(mustBase(t, newSource(t, newStore()), ref, "linux/amd64").Image.Layers())[0]
	rc := must(one.Compressed()) // closed before its end
	if err := rc.Close(); err != nil {
		t.Error(err)
	}
}

func TestDamage(t *testing.T) {
	r := newRegistry(t)
	img := newImage(t, "linux/amd64")
	ref := r.push(t, "base:1", img)
	pinned := r.host + "/base@" + must(img.Digest()).String()
	l := must(img.Layers())[0]
	for name, c := range map[string]struct {
		path string
		body func(string) string
		what string
	}{
		"manifest":     {"/manifests/sha256", func(string) string { return `{"schemaVersion":2}` }, "manifest"},
		"config":       {"/blobs/" + must(img.ConfigName()).String(), func(string) string { return "{}" }, "config"},
		"layer":        {"/blobs/" + must(l.Digest()).String(), func(s string) string { return "x" + s[1:] }, "layer"},
		"short layer":  {"/blobs/" + must(l.Digest()).String(), func(s string) string { return s[1:] }, "layer"},
		"longer layer": {"/blobs/" + must(l.Digest()).String(), func(s string) string { return s + "x" }, "layer"},
	} {
		good := string(must(io.ReadAll(must(l.Compressed()))))
		r.answer(func(w http.ResponseWriter, req *http.Request) bool {
			if !strings.Contains(req.URL.Path, c.path) {
				return false
			}
			fmt.Fprint(w, c.body(good))
			return true
		})
		store := newStore()
		b, err := newSource(t, store).Base(t.Context(), pinned, platform("linux/amd64"))
		if err == nil {
			var rc io.ReadCloser
			if rc, err = must(b.Image.Layers())[0].Compressed(); err == nil {
				_, err = io.Copy(io.Discard, rc)
				rc.Close()
			}
		}
		de, ok := errors.AsType[*publish.DigestError](err)
		if !ok || de.What != c.what {
			t.Errorf("%s: %v", name, err)
		}
		if store.has(must(l.Digest())) || store.staged != 0 {
			t.Errorf("%s: the cache has it", name)
		}
	}
	r.answer(nil)
	mustBase(t, newSource(t, newStore()), ref, "linux/amd64")
}

func TestRegistryErrors(t *testing.T) {
	r := newRegistry(t)
	ref := r.push(t, "base:1", newImage(t, "linux/amd64"))
	_, err := newSource(t, newStore()).Base(t.Context(), r.host+"/base:2", platform("linux/amd64"))
	if e, ok := errors.AsType[*publish.NotFoundError](err); !ok || e.Reference != r.host+"/base:2" {
		t.Errorf("missing tag: %v", err)
	}
	r.answer(func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"errors":[{"code":"UNAUTHORIZED","message":"who are you"}]}`)
		return true
	})
	_, err = newSource(t, newStore()).Base(t.Context(), ref, platform("linux/amd64"))
	if e, ok := errors.AsType[*publish.AuthError](err); !ok || !e.Anonymous || e.Detail != "who are you" {
		t.Errorf("without credentials: %v", err)
	}
	r.answer(func(w http.ResponseWriter, req *http.Request) bool {
		if strings.Contains(req.URL.Path, "manifests") {
			w.WriteHeader(http.StatusNotImplemented)
		}
		return true
	})
	_, err = newSource(t, newStore()).Base(t.Context(), ref, platform("linux/amd64"))
	if e, ok := errors.AsType[*publish.RegistryError](err); !ok || e.Status != http.StatusNotImplemented {
		t.Errorf("nonsense: %v", err)
	}
	r.answer(func(w http.ResponseWriter, req *http.Request) bool {
		if strings.Contains(req.URL.Path, "manifests") {
			_, _ = io.CopyN(w, zeros{}, maxMetadata+1)
		}
		return true
	})
	_, err = newSource(t, newStore()).Base(t.Context(), ref, platform("linux/amd64"))
	if e, ok := errors.AsType[*publish.RegistryError](err); !ok || !strings.Contains(e.Detail, "larger than") {
		t.Errorf("endless manifest: %v", err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// roundTripper is a network of its own.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func TestNetworkErrors(t *testing.T) {
	for name, c := range map[string]struct {
		host string
		err  error
		ok   func(error) bool
	}{
		"unknown host": {"nowhere.example", &net.OpError{Op: "dial", Err: &net.DNSError{Name: "nowhere.example", IsNotFound: true}}, isA[*publish.UnknownHostError]},
		"refused":      {"example.com", &net.OpError{Op: "dial", Err: errors.New("connection refused")}, isA[*publish.UnreachableError]},
		"plain HTTP":   {"10.1.2.3:5000", &net.OpError{Op: "dial", Err: errors.New("connection refused")}, isA[*publish.PlainHTTPError]},
		"not TLS":      {"example.com", http.ErrSchemeMismatch, isA[*publish.PlainHTTPError]},
		"certificate":  {"example.com", &tls.CertificateVerificationError{Err: errors.New("expired")}, isA[*publish.CertificateError]},
		"cancelled":    {"example.com", context.Canceled, func(err error) bool { return errors.Is(err, context.Canceled) }},
	} {
		s := New(Options{Cache: newStore(), Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
			if req.URL.Scheme == "http" {
				t.Errorf("%s: %s was sent", name, req.URL)
			}
			return nil, c.err
		})})
		_, err := s.Base(t.Context(), c.host+"/base:1", platform("linux/amd64"))
		if !c.ok(err) {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil || strings.Contains(err.Error(), "https://") || !strings.HasPrefix(err.Error(), "resolving base "+c.host) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func isA[E error](err error) bool { _, ok := errors.AsType[E](err); return ok }

func TestEvents(t *testing.T) {
	r := newRegistry(t)
	ref := r.push(t, "base:1", newImage(t, "linux/amd64"))
	var got []event.Event
	s := New(Options{Cache: newStore(), Events: event.Func(func(e event.Event) { got = append(got, e) })})
	_ = mustBase(t, s, ref, "linux/amd64")
	_, _ = s.Base(t.Context(), ref, platform("linux/arm64"))
	var kinds []event.Kind
	for _, e := range got {
		kinds = append(kinds, e.Kind)
	}
	if diff := cmp.Diff([]event.Kind{event.Started, event.Finished, event.Started, event.Failed}, kinds); diff != "" {
		t.Error(diff)
	}
	if got[0].Subject != ref+" (linux/amd64)" || got[0].Stage != event.Base || !strings.HasPrefix(got[1].Text, "sha256:") {
		t.Errorf("%+v", got)
	}
}

func TestTagWithDigestOfAnotherRepositoryIsPulledByDigest(t *testing.T) {
	r := newRegistry(t)
	img := newImage(t, "linux/amd64")
	r.push(t, "base:1", newImage(t, "linux/amd64"))
	r.push(t, "base:old", img)
	b := mustBase(t, newSource(t, newStore()), r.host+"/base:1@"+must(img.Digest()).String(), "linux/amd64")
	if b.Digest != must(img.Digest()) || b.Name != r.host+"/base:1" {
		t.Errorf("%+v", b)
	}
	if _, err := name.ParseReference(b.Name); err != nil {
		t.Error(err)
	}
}

func TestLongPausesAreReported(t *testing.T) {
	r := newRegistry(t)
	ref := r.push(t, "x:latest", newImage(t, "linux/amd64"))
	asked := 0
	r.answer(func(w http.ResponseWriter, req *http.Request) bool {
		if asked++; asked > 1 {
			return false
		}
		w.Header().Set("Retry-After", "60")
		w.WriteHeader(http.StatusTooManyRequests)
		return true
	})
	ctx, cancel := context.WithCancel(t.Context())
	var warnings []string
	s := New(Options{Cache: newStore(), Events: event.Func(func(e event.Event) {
		if e.Kind == event.Warning {
			warnings = append(warnings, e.Text)
			cancel() // which ends the pause
		}
	})})
	defer s.Close()
	if _, err := s.Base(ctx, ref, platform("linux/amd64")); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if want := "waiting 60s before asking " + r.host + " again"; len(warnings) != 1 || warnings[0] != want {
		t.Errorf("warnings %q, want %q", warnings, want)
	}
}

// Nobody needs what a registry says to a ping, but it is read.
func TestEndlessAnswerToPing(t *testing.T) {
	r := newRegistry(t)
	ref := r.push(t, "x:latest", newImage(t, "linux/amd64"))
	r.answer(func(w http.ResponseWriter, req *http.Request) bool {
		if req.URL.Path != "/v2/" {
			return false
		}
		_, _ = io.Copy(w, zeros{})
		return true
	})
	mustBase(t, newSource(t, newStore()), ref, "linux/amd64")
}
