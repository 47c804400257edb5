package base

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"hash"
	"io"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/imgo-build/imgo/pkg/image"
	"github.com/imgo-build/imgo/pkg/layer"
	"github.com/imgo-build/imgo/pkg/publish"
)

// pulledImage is an image of a registry whose manifest and config are at hand.
type pulledImage struct {
	ctx       context.Context // bounds the reading of layers, for which v1.Layer has no parameter
	source    *Source
	from      places // where the manifest was, and thus the layers should be
	raw       []byte
	manifest  *v1.Manifest
	config    []byte
	mediaType types.MediaType
}

func newPulled(p *pulledImage) (v1.Image, error) {
	extended, err := partial.CompressedToImage(p)
	return &lazyImage{Image: extended, pulled: p}, err
}

func (p *pulledImage) RawManifest() ([]byte, error)        { return bytes.Clone(p.raw), nil }
func (p *pulledImage) RawConfigFile() ([]byte, error)      { return bytes.Clone(p.config), nil }
func (p *pulledImage) MediaType() (types.MediaType, error) { return p.mediaType, nil }
func (p *pulledImage) LayerByDigest(h v1.Hash) (partial.CompressedLayer, error) {
	if h == p.manifest.Config.Digest {
		return partial.ConfigLayer(p)
	}
	for i, d := range p.manifest.Layers {
		if d.Digest == h {
			return p.layer(i)
		}
	}
	return nil, fmt.Errorf("base %s has no layer %s", p.from[0].Name(), h)
}

// lazyImage returns layers that keep [image.Sourced], which the extension of
// package partial would hide.
type lazyImage struct {
	v1.Image
	pulled *pulledImage
}

func (i *lazyImage) Layers() ([]v1.Layer, error) {
	out := make([]v1.Layer, len(i.pulled.manifest.Layers))
	for n := range out {
		l, err := i.pulled.layer(n)
		if err != nil {
			return nil, err
		}
		out[n] = l
	}
	return out, nil
}

func (i *lazyImage) LayerByDigest(h v1.Hash) (v1.Layer, error) {
	l, err := i.pulled.LayerByDigest(h)
	if err != nil {
		return nil, err
	}
	return l.(v1.Layer), nil
}

func (i *lazyImage) LayerByDiffID(h v1.Hash) (v1.Layer, error) {
	digest, err := partial.DiffIDToBlob(i, h)
	if err != nil {
		return nil, err
	}
	return i.LayerByDigest(digest)
}

// pulledLayer is a layer of a registry that is read when somebody has to.
type pulledLayer struct {
	v1.Layer // blob, extended
	repo     name.Repository
}

var _ image.Sourced = (*pulledLayer)(nil)

// Source implements [image.Sourced].
func (l *pulledLayer) Source() (name.Repository, bool) { return l.repo, true }

func (p *pulledImage) layer(i int) (*pulledLayer, error) {
	b := &blob{ctx: p.ctx, source: p.source, from: p.from, desc: p.manifest.Layers[i]}
	config, err := partial.ConfigFile(p)
	if err == nil && i < len(config.RootFS.DiffIDs) {
		b.diffID = config.RootFS.DiffIDs[i]
	}
	extended, err := partial.CompressedToLayer(b)
	return &pulledLayer{Layer: extended, repo: p.from[0]}, err
}

// blob is a layer's bytes as the registry has them.
type blob struct {
	ctx    context.Context
	source *Source
	from   places
	desc   v1.Descriptor
	diffID v1.Hash
}

func (b *blob) Digest() (v1.Hash, error)            { return b.desc.Digest, nil }
func (b *blob) Size() (int64, error)                { return b.desc.Size, nil }
func (b *blob) MediaType() (types.MediaType, error) { return b.desc.MediaType, nil }
func (b *blob) DiffID() (v1.Hash, error)            { return b.diffID, nil }

// Compressed opens the blob: from the cache, or else from the registry, on whose way
// it goes into the cache.
func (b *blob) Compressed() (io.ReadCloser, error) {
	if rc, err := b.source.opts.Cache.Open(b.desc.Digest); err == nil {
		return rc, nil
	}
	var c *session
	body, _, err := ask(b.ctx, b.source, b.from, func(asked *session) (io.ReadCloser, error) {
		c = asked
		return c.blob(b.ctx, b.desc.Digest)
	})
	if err != nil {
		return nil, err
	}
	h, err := v1.Hasher(b.desc.Digest.Algorithm)
	if err != nil {
		body.Close()
		return nil, err
	}
	r := &keeping{body: body, hash: h, desc: b.desc, classify: func(err error) error {
		return c.classify("layer "+b.desc.Digest.String(), err)
	}}
	if p, err := b.source.opts.Cache.Stage(b.ctx); err == nil {
		r.pending = p
	}
	return r, nil
}

// keeping reads a blob, checks it, and commits it to the cache once it turned out
// right. Where the cache can't take it, the reading goes on.
type keeping struct {
	body     io.ReadCloser
	hash     hash.Hash
	size     int64
	desc     v1.Descriptor
	pending  layer.Pending // nil where the blob is not kept
	classify func(error) error
}

func (k *keeping) Read(p []byte) (int, error) {
	n, err := k.body.Read(p)
	k.hash.Write(p[:n])
	k.size += int64(n)
	if k.size > k.desc.Size {
		return 0, &publish.DigestError{What: "layer", Want: k.desc.Digest, Size: k.size}
	}
	if k.pending != nil {
		if _, werr := k.pending.Write(p[:n]); werr != nil {
			k.drop()
		}
	}
	switch err {
	case nil:
		return n, nil
	case io.EOF:
		return n, k.finish()
	default:
		return n, k.classify(err)
	}
}

// finish returns io.EOF where all bytes were right.
func (k *keeping) finish() error {
	if k.size != k.desc.Size {
		return &publish.DigestError{What: "layer", Want: k.desc.Digest, Size: k.size}
	}
	got := v1.Hash{Algorithm: k.desc.Digest.Algorithm, Hex: hex.EncodeToString(k.hash.Sum(nil))}
	if got != k.desc.Digest {
		return &publish.DigestError{What: "layer", Want: k.desc.Digest, Got: got}
	}
	if k.pending != nil {
		_ = k.pending.Commit(k.desc.Digest)
		k.drop()
	}
	return io.EOF
}

func (k *keeping) drop() {
	if k.pending != nil {
		k.pending.Discard()
		k.pending = nil
	}
}

func (k *keeping) Close() error {
	k.drop()
	return k.body.Close()
}
