package layer

import (
	"errors"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/gzip"
)

// Layer is a layer whose blob is in a store. It implements [v1.Layer].
type Layer struct {
	blobs Blobs
	facts facts
}

// facts is what is known of a layer without its bytes.
type facts struct {
	Digest           v1.Hash // of the compressed bytes
	DiffID           v1.Hash // of the tar
	Size             int64   // of the compressed bytes
	UncompressedSize int64   // of the tar
}

// Digest is the hash of the compressed bytes.
func (l *Layer) Digest() (v1.Hash, error) { return l.facts.Digest, nil }

// DiffID is the hash of the tar.
func (l *Layer) DiffID() (v1.Hash, error) { return l.facts.DiffID, nil }

// Size is the number of compressed bytes.
func (l *Layer) Size() (int64, error) { return l.facts.Size, nil }

// UncompressedSize is the number of bytes of the tar.
func (l *Layer) UncompressedSize() int64 { return l.facts.UncompressedSize }

// MediaType is OCI's gzip layer.
func (l *Layer) MediaType() (types.MediaType, error) { return types.OCILayer, nil }

// Compressed reads the blob from the store.
func (l *Layer) Compressed() (io.ReadCloser, error) { return l.blobs.Open(l.facts.Digest) }

// Uncompressed reads the tar.
func (l *Layer) Uncompressed() (io.ReadCloser, error) {
	blob, err := l.Compressed()
	if err != nil {
		return nil, err
	}
	zr, err := gzip.NewReader(blob)
	if err != nil {
		return nil, errors.Join(err, blob.Close())
	}
	return &gunzip{Reader: zr, blob: blob}, nil
}

type gunzip struct {
	*gzip.Reader
	blob io.Closer
}

func (g *gunzip) Close() error {
	return errors.Join(g.Reader.Close(), g.blob.Close())
}
