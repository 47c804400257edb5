package main

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// writeLayout writes an OCI layout with an image of one layer, whose size is about
// the given one on disk and in memory: random bytes. Images for several architectures
// share the layer and stand in an index.
func writeLayout(dir string, size int64, archs ...string) error {
	blobs := filepath.Join(dir, "blobs", "sha256")
	if err := os.MkdirAll(blobs, 0o755); err != nil {
		return err
	}
	layer, diffID, err := writeLayer(blobs, func(tw *tar.Writer) error {
		if err := tw.WriteHeader(&tar.Header{Name: "random", Mode: 0o644, Size: size}); err != nil {
			return err
		}
		_, err := io.CopyN(tw, randomBytes(), size)
		return err
	}, gzip.NoCompression)
	if err != nil {
		return err
	}
	return writeImages(dir, layer, diffID, archs)
}

// writeImages completes a layout whose layer is in place.
func writeImages(dir string, layer v1.Descriptor, diffID v1.Hash, archs []string) error {
	blobs := filepath.Join(dir, "blobs", "sha256")
	var manifests []v1.Descriptor
	for _, arch := range archs {
		config, err := writeJSON(blobs, types.OCIConfigJSON, v1.ConfigFile{
			OS: "linux", Architecture: arch,
			RootFS: v1.RootFS{Type: "layers", DiffIDs: []v1.Hash{diffID}},
		})
		if err != nil {
			return err
		}
		manifest, err := writeJSON(blobs, types.OCIManifestSchema1, v1.Manifest{
			SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Config: config, Layers: []v1.Descriptor{layer},
		})
		if err != nil {
			return err
		}
		manifest.Platform = &v1.Platform{OS: "linux", Architecture: arch}
		manifests = append(manifests, manifest)
	}
	index := v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: manifests}
	if len(manifests) > 1 {
		nested, err := writeJSON(blobs, types.OCIImageIndex, index)
		if err != nil {
			return err
		}
		index.Manifests = []v1.Descriptor{nested}
	}
	data, err := json.Marshal(index)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "index.json"), data, 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "oci-layout"), []byte(`{"imageLayoutVersion":"1.0.0"}`), 0o644)
}

// writeLayer streams what fill writes to a blob.
func writeLayer(blobs string, fill func(*tar.Writer) error, level int) (blob v1.Descriptor, diffID v1.Hash, err error) {
	f, err := os.CreateTemp(blobs, "layer-")
	if err != nil {
		return blob, diffID, err
	}
	defer f.Close()
	compressed, plain := sha256.New(), sha256.New()
	gz, err := gzip.NewWriterLevel(io.MultiWriter(f, compressed), level)
	if err != nil {
		return blob, diffID, err
	}
	tw := tar.NewWriter(io.MultiWriter(gz, plain))
	if err := fill(tw); err != nil {
		return blob, diffID, err
	}
	if err := tw.Close(); err != nil {
		return blob, diffID, err
	}
	if err := gz.Close(); err != nil {
		return blob, diffID, err
	}
	written, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return blob, diffID, err
	}
	blob = v1.Descriptor{MediaType: types.OCILayer, Size: written, Digest: sha256Hash(compressed.Sum(nil))}
	return blob, sha256Hash(plain.Sum(nil)), os.Rename(f.Name(), filepath.Join(blobs, blob.Digest.Hex))
}

func writeJSON(blobs string, mediaType types.MediaType, v any) (v1.Descriptor, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return v1.Descriptor{}, err
	}
	sum := sha256.Sum256(data)
	d := v1.Descriptor{MediaType: mediaType, Size: int64(len(data)), Digest: sha256Hash(sum[:])}
	return d, os.WriteFile(filepath.Join(blobs, d.Digest.Hex), data, 0o644)
}

func sha256Hash(sum []byte) v1.Hash {
	return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum)}
}

// randomBytes never end, are the same each time, and don't compress.
func randomBytes() io.Reader {
	return rand.NewChaCha8([32]byte{})
}
