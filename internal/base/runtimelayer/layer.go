// Package runtimelayer is the one layer of the empty base: what a static program
// expects of a system, and nothing that runs. CA roots where Go and most others look
// for them, the time zone database, the accounts root and nobody, an order of name
// lookups, and /tmp for everybody.
//
// It is generated, committed and embedded as a finished blob, so that the empty base
// needs no network and no work: the digest is a constant, and a program that does
// not use the layer does not pay for it. Its digest changes with new roots, new
// zones and a new compressor, never with the machine or toolchain that builds imgo.
package runtimelayer

//go:generate go run ./generate

import (
	"compress/gzip"
	_ "embed"
	"io"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

//go:embed runtime.tar.gz
var blob string

// Layer returns the layer.
func Layer() v1.Layer { return embedded{} }

// embedded implements [v1.Layer].
type embedded struct{}

func (embedded) Digest() (v1.Hash, error) {
	return v1.Hash{Algorithm: "sha256", Hex: digestHex}, nil
}

func (embedded) DiffID() (v1.Hash, error) {
	return v1.Hash{Algorithm: "sha256", Hex: diffIDHex}, nil
}

func (embedded) Size() (int64, error) { return size, nil }

// UncompressedSize is the number of bytes of the tar.
func (embedded) UncompressedSize() int64 { return uncompressedSize }

func (embedded) MediaType() (types.MediaType, error) { return types.OCILayer, nil }

func (embedded) Compressed() (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader(blob)), nil
}

func (embedded) Uncompressed() (io.ReadCloser, error) {
	return gzip.NewReader(strings.NewReader(blob))
}
