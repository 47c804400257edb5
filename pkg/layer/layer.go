package layer

import (
	"errors"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Compression is how the tar of a layer is compressed.
type Compression int

// The ways to compress.
const (
	// Gzip is the default: every reader takes it.
	Gzip Compression = iota
	// Zstd takes readers less time. Docker's media types have no name for it.
	Zstd
)

// ParseCompression is the inverse of [Compression.String].
func ParseCompression(s string) (Compression, error) {
	for _, c := range []Compression{Gzip, Zstd} {
		if s == c.String() {
			return c, nil
		}
	}
	return 0, fmt.Errorf("%q is neither gzip nor zstd", s)
}

func (c Compression) String() string {
	if c == Zstd {
		return "zstd"
	}
	return "gzip"
}

// Layer is a layer whose blob is in a store. It implements [v1.Layer].
type Layer struct {
	blobs       Blobs
	facts       facts
	compression Compression
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

// MediaType is OCI's for the compression.
func (l *Layer) MediaType() (types.MediaType, error) {
	if l.compression == Zstd {
		return types.OCILayerZStd, nil
	}
	return types.OCILayer, nil
}

// Compressed reads the blob from the store.
func (l *Layer) Compressed() (io.ReadCloser, error) { return l.blobs.Open(l.facts.Digest) }

// Uncompressed reads the tar.
func (l *Layer) Uncompressed() (io.ReadCloser, error) {
	blob, err := l.Compressed()
	if err != nil {
		return nil, err
	}
	tar, err := l.compression.reader(blob)
	if err != nil {
		return nil, errors.Join(err, blob.Close())
	}
	return &uncompressed{ReadCloser: tar, blob: blob}, nil
}

func (c Compression) reader(blob io.Reader) (io.ReadCloser, error) {
	if c == Gzip {
		return gzip.NewReader(blob)
	}
	zr, err := zstd.NewReader(blob, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, err
	}
	return zr.IOReadCloser(), nil
}

type uncompressed struct {
	io.ReadCloser
	blob io.Closer
}

func (u *uncompressed) Close() error {
	return errors.Join(u.ReadCloser.Close(), u.blob.Close())
}
