package image

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// lazyLayer is a layer that is known by its descriptor only: reading it is an error.
type lazyLayer struct {
	digest, diffID v1.Hash
	mediaType      types.MediaType
	size           int64
}

// lazy makes a layer whose hashes consist of one digit each.
func lazy(digit string, mediaType types.MediaType) *lazyLayer {
	return &lazyLayer{
		digest:    v1.Hash{Algorithm: "sha256", Hex: strings.Repeat(digit, 64)},
		diffID:    v1.Hash{Algorithm: "sha256", Hex: strings.Repeat(digit, 63) + "d"},
		mediaType: mediaType,
		size:      100,
	}
}

func (l *lazyLayer) Digest() (v1.Hash, error)             { return l.digest, nil }
func (l *lazyLayer) DiffID() (v1.Hash, error)             { return l.diffID, nil }
func (l *lazyLayer) Size() (int64, error)                 { return l.size, nil }
func (l *lazyLayer) MediaType() (types.MediaType, error)  { return l.mediaType, nil }
func (l *lazyLayer) Compressed() (io.ReadCloser, error)   { return nil, errors.New("layer was read") }
func (l *lazyLayer) Uncompressed() (io.ReadCloser, error) { return nil, errors.New("layer was read") }

// sourcedLayer is a lazyLayer that lies in a repository.
type sourcedLayer struct {
	*lazyLayer
	repo name.Repository
}

func (l sourcedLayer) Source() (name.Repository, bool) { return l.repo, true }

// tarLayer is a layer with real bytes.
type tarLayer struct {
	*lazyLayer
	compressed, plain []byte
}

func newTarLayer(t *testing.T, mediaType types.MediaType, path string) tarLayer {
	t.Helper()
	var plain, compressed bytes.Buffer
	w := tar.NewWriter(&plain)
	if err := errors.Join(w.WriteHeader(&tar.Header{Name: path, Mode: 0o644, Size: 2}), second(w.Write([]byte("hi"))), w.Close()); err != nil {
		t.Fatal(err)
	}
	z := gzip.NewWriter(&compressed)
	if err := errors.Join(second(z.Write(plain.Bytes())), z.Close()); err != nil {
		t.Fatal(err)
	}
	l := tarLayer{lazyLayer: lazy("0", mediaType), compressed: compressed.Bytes(), plain: plain.Bytes()}
	l.digest, l.size, _ = v1.SHA256(bytes.NewReader(l.compressed))
	l.diffID, _, _ = v1.SHA256(bytes.NewReader(l.plain))
	return l
}

func second(_ int, err error) error { return err }

func (l tarLayer) Compressed() (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(l.compressed)), nil
}

func (l tarLayer) Uncompressed() (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(l.plain)), nil
}

// rawImage is an image of any bytes, sensible or not.
type rawImage struct {
	v1.Image         // nil: whatever is not defined below is not to be called
	manifest, config string
	mediaType        types.MediaType
	layers           []v1.Layer
}

func (i rawImage) Size() (int64, error)                { return int64(len(i.manifest)), nil }
func (i rawImage) Digest() (v1.Hash, error)            { return partial.Digest(i) }
func (i rawImage) RawManifest() ([]byte, error)        { return []byte(i.manifest), nil }
func (i rawImage) RawConfigFile() ([]byte, error)      { return []byte(i.config), nil }
func (i rawImage) MediaType() (types.MediaType, error) { return i.mediaType, nil }
func (i rawImage) Layers() ([]v1.Layer, error)         { return i.layers, nil }
func (i rawImage) Manifest() (*v1.Manifest, error)     { return partial.Manifest(i) }
func (i rawImage) ConfigFile() (*v1.ConfigFile, error) { return partial.ConfigFile(i) }

// newBase makes a base of the layers, whose config has the given members besides
// rootfs.
func newBase(t *testing.T, m MediaTypes, members string, layers ...v1.Layer) rawImage {
	t.Helper()
	manifest := v1.Manifest{SchemaVersion: 2, MediaType: m.manifest(), Config: v1.Descriptor{MediaType: m.config()}}
	var diffIDs []v1.Hash
	for _, l := range layers {
		d, _ := l.DiffID()
		diffIDs = append(diffIDs, d)
		desc, err := partial.Descriptor(l)
		if err != nil {
			t.Fatal(err)
		}
		manifest.Layers = append(manifest.Layers, *desc)
	}
	ids, _ := json.Marshal(diffIDs)
	config := fmt.Sprintf(`{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":%s}%s}`, ids, members)
	sum, size, _ := v1.SHA256(strings.NewReader(config))
	manifest.Config.Digest, manifest.Config.Size = sum, size
	raw, err := json.Marshal(manifest)
	if err != nil {
		t.Fatal(err)
	}
	return rawImage{manifest: string(raw), config: config, mediaType: m.manifest(), layers: layers}
}

func mustAssemble(t *testing.T, p Parts) v1.Image {
	t.Helper()
	img, err := Assemble(p)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func mustConfig(t *testing.T, img v1.Image) *v1.ConfigFile {
	t.Helper()
	c, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var amd64 = v1.Platform{OS: "linux", Architecture: "amd64"}
