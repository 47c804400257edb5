package main

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

func TestWriteLayoutForPlatforms(t *testing.T) {
	dir := t.TempDir()
	if err := writeLayout(dir, 3000, "amd64", "arm64"); err != nil {
		t.Fatal(err)
	}
	outer, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(outer); err != nil {
		t.Error(err)
	}
	manifest, err := outer.IndexManifest()
	if err != nil || len(manifest.Manifests) != 1 {
		t.Fatalf("%v, %v: want one image", manifest, err)
	}
	inner, err := outer.ImageIndex(manifest.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err = inner.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	var platforms []string
	for _, d := range manifest.Manifests {
		platforms = append(platforms, d.Platform.String())
	}
	if diff := cmp.Diff([]string{"linux/amd64", "linux/arm64"}, platforms); diff != "" {
		t.Error(diff)
	}
}

func TestImageSize(t *testing.T) {
	dir := t.TempDir()
	blobs := filepath.Join(dir, "blobs", "sha256")
	if err := os.MkdirAll(blobs, 0o755); err != nil {
		t.Fatal(err)
	}
	layer, diffID, err := writeLayer(blobs, func(tw *tar.Writer) error {
		if err := tw.WriteHeader(&tar.Header{Name: "x", Size: 5000}); err != nil {
			return err
		}
		_, err := tw.Write(make([]byte, 5000))
		return err
	}, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if err := writeImages(dir, layer, diffID, []string{"amd64"}); err != nil {
		t.Fatal(err)
	}
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	descriptors, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	m := descriptors.Manifests[0]
	image, err := index.Image(m.Digest)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := image.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{host: serveLayout(t, blobs, m.Digest)}
	got, err := b.imageSize(context.Background(), "r")
	want := imageSize{stored: layer.Size + manifest.Config.Size, unpacked: 512 + 5120 + 1024}
	if err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	if _, err := b.imageSize(context.Background(), "other"); err == nil || !strings.Contains(err.Error(), "measuring other: ") {
		t.Errorf("of an image that isn't there: %v", err)
	}
}

// serveLayout is a registry with one image, in the repository r.
func serveLayout(t *testing.T, blobs string, latest v1.Hash) (host string) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v2/r/manifests/latest", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, filepath.Join(blobs, latest.Hex))
	})
	mux.HandleFunc("GET /v2/r/blobs/{digest}", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, filepath.Join(blobs, strings.TrimPrefix(r.PathValue("digest"), "sha256:")))
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func TestStandIn(t *testing.T) {
	from := t.TempDir()
	for _, name := range []string{"dir/a", "dir/skip/b", "c"} {
		path := filepath.Join(from, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var names strings.Builder
	tw := tar.NewWriter(&names)
	s := standIn{name: "x", files: []string{from + "/dir", from + "/[c]"}, skip: []string{from + "/dir/skip"}}
	if err := s.write(tw); err != nil {
		t.Fatal(err)
	}
	for want, has := range map[string]bool{"dir/a": true, "dir/skip/b": false, "/c": true} {
		if got := strings.Contains(names.String(), want); got != has {
			t.Errorf("%s: %t", want, got)
		}
	}
	s.files = []string{from + "/missing*"}
	if err := s.write(tw); err == nil {
		t.Error("a pattern without files is no error")
	}
}
