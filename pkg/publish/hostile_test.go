package publish_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/imgo-build/imgo/internal/registrytest"
	"github.com/imgo-build/imgo/pkg/event"
	"github.com/imgo-build/imgo/pkg/publish"
	"github.com/imgo-build/imgo/pkg/publish/transport"
)

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// hostile is a registry that answers as the handler does, and a client of it.
func hostile(t *testing.T, opts publish.Options, handler http.HandlerFunc) (*publish.Registry, name.Reference) {
	t.Helper()
	srv := httptest.NewServer(handler)
	t.Cleanup(srv.Close)
	ref, err := name.ParseReference(strings.TrimPrefix(srv.URL, "http://") + "/app:latest")
	if err != nil {
		t.Fatal(err)
	}
	return publish.NewRegistry(opts), ref
}

func TestSilentRegistry(t *testing.T) {
	const short = 50 * time.Millisecond
	opts := new(recorded).options(registrytest.New(t, registrytest.Options{}), nil)
	opts.Transport = transport.Limit(opts.Transport, transport.Limits{Answer: short})
	for _, path := range []string{"/v2/", "/v2/app/manifests/latest"} {
		r, ref := hostile(t, opts, func(_ http.ResponseWriter, req *http.Request) {
			if req.URL.Path == path {
				<-req.Context().Done()
			}
		})
		_, err := r.Fetch(t.Context(), ref)
		slow, ok := errors.AsType[*publish.SlowError](err)
		if !ok || slow.Host != ref.Context().RegistryStr() || strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestEndlessAnswers(t *testing.T) {
	for path, status := range map[string]int{"/v2/": http.StatusNotFound, "/v2/app/manifests/latest": 0, "": http.StatusForbidden} {
		r, ref := hostile(t, publish.Options{}, func(w http.ResponseWriter, req *http.Request) {
			switch {
			case path == "" && req.URL.Path != "/v2/":
				w.WriteHeader(http.StatusForbidden)
				_, _ = io.Copy(w, zeros{})
			case req.URL.Path == path:
				_, _ = io.Copy(w, zeros{})
			case path != "" && req.URL.Path != "/v2/":
				w.WriteHeader(http.StatusNotFound)
			}
		})
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := r.Fetch(t.Context(), ref)
		runtime.ReadMemStats(&after)
		if n := (after.TotalAlloc - before.TotalAlloc) >> 20; n > 64 { // growing slices of up to 8 MiB
			t.Errorf("%s: %d MiB of memory", path, n)
		}
		ok := isError[*publish.RegistryError](err) && strings.Contains(err.Error(), "answered nonsense: an answer larger than 8 MiB")
		switch status {
		case http.StatusNotFound:
			ok = isError[*publish.NotFoundError](err)
		case http.StatusForbidden:
			ok = isError[*publish.AuthError](err)
		}
		if !ok {
			t.Errorf("%q: %v", path, err)
		}
	}
}

func TestLongPausesAreReported(t *testing.T) {
	fault := registrytest.Fault{Status: 429, Header: http.Header{"Retry-After": {"600"}}}
	for _, kind := range []string{"POST upload", "PUT blob"} {
		reg := registrytest.New(t, registrytest.Options{Faults: on(kind, fault, 1)})
		rec := &recorded{}
		mustPush(t, publish.NewRegistry(rec.options(reg, nil)), repoIn(t, reg, "app"), imageOf(t, "amd64"), "latest")
		var got []event.Event
		for _, e := range rec.events {
			if e.Kind == event.Warning {
				got = append(got, e)
			}
		}
		want := []event.Event{{Kind: event.Warning, Stage: event.Push, Subject: reg.Host, Text: "waiting 60s before asking " + reg.Host + " again"}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: warnings (-want +got):\n%s", kind, diff)
		}
	}
}

// manyLayers is the manifest of an image with n layers, none of which exists.
func manyLayers(n int) string {
	d := `"size":2,"digest":"sha256:` + strings.Repeat("0", 64) + `"`
	layer := `{"mediaType":"application/vnd.oci.image.layer.v1.tar",` + d + `}`
	return fmt.Sprintf(`{"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json",%s},"layers":[%s]}`,
		d, strings.TrimSuffix(strings.Repeat(layer+",", n), ","))
}

// rawManifest is an image of which nothing but the manifest may be asked.
type rawManifest struct {
	v1.Image
	text string
}

func (m rawManifest) RawManifest() ([]byte, error)        { return []byte(m.text), nil }
func (m rawManifest) MediaType() (types.MediaType, error) { return types.OCIManifestSchema1, nil }

func TestTooManyLayers(t *testing.T) {
	const want = "1001 layers"
	manifest := manyLayers(1001)
	err := put(t.Context(), publish.Tarball(filepath.Join(t.TempDir(), "x.tar"), nil, nil), rawManifest{text: manifest})
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("writing: %v", err)
	}

	h, size, err := v1.SHA256(strings.NewReader(manifest))
	if err != nil {
		t.Fatal(err)
	}
	layout := tarOf(t, tarred{"oci-layout", `{"imageLayoutVersion":"1.0.0"}`, ""},
		tarred{"index.json", descriptorJSON(t, string(types.OCIManifestSchema1), h, size), ""},
		tarred{"blobs/sha256/" + h.Hex, manifest, ""})
	docker := tarOf(t, tarred{"manifest.json", `[{"Config":"c","Layers":["l"` + strings.Repeat(`,"l"`, 1000) + `]}]`, ""})
	for _, path := range []string{layout, docker} {
		if _, err := publish.OpenTarball(t.Context(), path); !isError[*publish.ArchiveError](err) || !strings.Contains(err.Error(), want) {
			t.Errorf("opening: %v", err)
		}
	}

	for text, want := range map[string]string{
		manifest: want,
		strings.Replace(manyLayers(1), `"size":2`, `"size":99999999999`, 1): "config has 99999999999 bytes",
	} {
		r, ref := hostile(t, publish.Options{}, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", string(types.OCIManifestSchema1))
			_, _ = io.WriteString(w, text)
		})
		if _, err := r.Fetch(t.Context(), ref); !isRegistryError(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("fetching: %v", err)
		}
	}
}

// irregular makes what is no regular file; see also hostile_unix_test.go.
var irregular = map[string]func(path string) error{
	"directory": func(path string) error { return os.Mkdir(path, 0o755) },
}

// In the place of each file of a layout lies something that isn't one.
func TestLayoutOfNoRegularFiles(t *testing.T) {
	img := imageOf(t, "amd64", layerOf("a"))
	for _, file := range []string{"oci-layout", "index.json", filepath.Join("blobs", "sha256", digestOf(t, img).Hex)} {
		for kind, replace := range irregular {
			dir := filepath.Join(t.TempDir(), "oci")
			writeLayout(t, dir, img)
			path := filepath.Join(dir, file)
			if err := errors.Join(os.Remove(path), replace(path)); err != nil {
				t.Fatal(err)
			}
			_, err := publish.OpenLayout(dir)
			if ae, ok := errors.AsType[*publish.ArchiveError](err); !ok || ae.Path != path || ae.Problem != "is not a regular file" {
				t.Errorf("%s is a %s: %v", file, kind, err)
			}
			if strings.Contains(file, "blobs") {
				continue
			}
			err = put(t.Context(), publish.Layout(dir, nil, nil), imageOf(t, "arm64"))
			if !isError[*publish.NotLayoutError](err) || !strings.Contains(err.Error(), "that is not a regular file") {
				t.Errorf("writing where %s is a %s: %v", file, kind, err)
			}
		}
	}
}

func TestTarballThatIsNoRegularFile(t *testing.T) {
	for kind, make := range irregular {
		path := filepath.Join(t.TempDir(), "f.tar")
		if err := make(path); err != nil {
			t.Fatal(err)
		}
		if _, err := publish.OpenTarball(t.Context(), path); !isError[*publish.ArchiveError](err) || !strings.HasSuffix(err.Error(), "f.tar is not a regular file") {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func TestHugeIndexOfLayout(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "oci")
	writeLayout(t, dir, imageOf(t, "amd64"))
	if err := os.Truncate(filepath.Join(dir, "index.json"), 4<<20+1); err != nil {
		t.Fatal(err)
	}
	if _, err := publish.OpenLayout(dir); !isError[*publish.ArchiveError](err) || !strings.Contains(err.Error(), "is larger than 4 MiB") {
		t.Errorf("error %v", err)
	}
}
