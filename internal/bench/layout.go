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
// the given one on disk and in memory: random bytes.
func writeLayout(dir string, size int64) error {
	blobs := filepath.Join(dir, "blobs", "sha256")
	if err := os.MkdirAll(blobs, 0o755); err != nil {
		return err
	}
	layer, diffID, err := writeLayer(blobs, size)
	if err != nil {
		return err
	}
	config, err := writeJSON(blobs, types.OCIConfigJSON, v1.ConfigFile{
		OS: "linux", Architecture: "amd64",
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
	index, err := json.Marshal(v1.IndexManifest{
		SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: []v1.Descriptor{manifest},
	})
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "index.json"), index, 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "oci-layout"), []byte(`{"imageLayoutVersion":"1.0.0"}`), 0o644)
}

// writeLayer streams a layer with one file of random bytes.
func writeLayer(blobs string, size int64) (blob v1.Descriptor, diffID v1.Hash, err error) {
	f, err := os.CreateTemp(blobs, "layer-")
	if err != nil {
		return blob, diffID, err
	}
	defer f.Close()
	compressed, plain := sha256.New(), sha256.New()
	gz, err := gzip.NewWriterLevel(io.MultiWriter(f, compressed), gzip.NoCompression)
	if err != nil {
		return blob, diffID, err
	}
	tw := tar.NewWriter(io.MultiWriter(gz, plain))
	if err := tw.WriteHeader(&tar.Header{Name: "random", Mode: 0o644, Size: size}); err != nil {
		return blob, diffID, err
	}
	if _, err := io.CopyN(tw, randomBytes(), size); err != nil {
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
