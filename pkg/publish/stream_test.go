package publish_test

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/imgo-build/imgo/pkg/image"
	"github.com/imgo-build/imgo/pkg/publish"
)

func streamOf(t *testing.T, a image.Artifact, o publish.StreamOptions) []byte {
	t.Helper()
	s, err := publish.NewStream(a)
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	last := int64(-1)
	o.At = func(n int64) { last = n }
	if err := s.Write(t.Context(), &buf, o); err != nil {
		t.Fatal(err)
	}
	if size := s.Size(o); last != size && size > 0 {
		t.Errorf("progress ended at %d of %d bytes", last, size)
	}
	return buf.Bytes()
}

func open(t *testing.T, stream []byte) (*publish.Archive, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "stream.tar")
	if err := os.WriteFile(path, stream, 0o644); err != nil {
		t.Fatal(err)
	}
	a, err := publish.OpenTarball(t.Context(), path)
	if err == nil {
		t.Cleanup(func() { a.Close() })
	}
	return a, err
}

func TestStreamIsATarball(t *testing.T) {
	idx := indexOf(imageOf(t, "amd64", layerOf("base"), layerOf("top")), imageOf(t, "arm64", layerOf("base"), layerOf("arm")))
	a, err := open(t, streamOf(t, idx, publish.StreamOptions{Names: []string{"example.com/a:1", "example.com/a@sha256:0"}}))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range a.Entries() {
		names = append(names, e.Names...)
		if err := validate.Index(e.Artifact.(v1.ImageIndex), validate.Fast); err != nil {
			t.Error(err)
		}
		if got, want := digestOf(t, e.Artifact), digestOf(t, idx); got != want {
			t.Errorf("the stream has %s, want %s", got, want)
		}
	}
	if diff := cmp.Diff([]string{"example.com/a:1", "example.com/a@sha256:0"}, names); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}

// What a reader has is not in the stream, which still says that it belongs there.
func TestStreamLeavesOut(t *testing.T) {
	base, top := layerOf("base"), layerOf("top")
	img := imageOf(t, "amd64", base, top)
	has := map[v1.Hash]bool{layerDigest(t, base): true}
	stream := streamOf(t, img, publish.StreamOptions{Has: has})
	names := map[string]string{}
	for r := tar.NewReader(bytes.NewReader(stream)); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		names[h.Name] = string(content)
	}
	if _, ok := names["blobs/sha256/"+layerDigest(t, base).Hex]; ok {
		t.Error("the base's layer is in the stream")
	}
	if _, ok := names["blobs/sha256/"+layerDigest(t, top).Hex]; !ok || len(names) != 6 {
		t.Errorf("the stream has %d entries, want 6", len(names))
	}
	var docker []struct{ Layers, RepoTags []string }
	if err := json.Unmarshal([]byte(names["manifest.json"]), &docker); err != nil {
		t.Fatal(err)
	}
	if len(docker) != 1 || len(docker[0].Layers) != 2 || len(docker[0].RepoTags) != 0 {
		t.Errorf("manifest.json is %s", names["manifest.json"])
	}
	if base.opened.Load() != 0 {
		t.Error("a blob that is left out was read")
	}
}

// A stream that ends early, also between two entries, is an image to nobody.
func TestStreamCutShort(t *testing.T) {
	stream := streamOf(t, imageOf(t, "amd64", layerOf("base"), layerOf("top")), publish.StreamOptions{})
	for at := 0; at <= bytes.LastIndex(stream, []byte("index.json")); at += 512 {
		if _, err := open(t, stream[:at]); err == nil {
			t.Errorf("after %d bytes there is an image", at)
		}
	}
}
