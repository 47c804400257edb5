package base

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"

	"github.com/imgo-build/imgo/pkg/image"
	"github.com/imgo-build/imgo/pkg/layer"
	"github.com/imgo-build/imgo/pkg/publish"
)

// compressed returns an image of a docker-archive with layers that are compressed
// as those that imgo makes, once for all runs. Readers of such archives compress the
// layers themselves, each time and each in its own way, so that an image built on
// them would not have the same digest everywhere.
func (s *Source) compressed(ctx context.Context, img v1.Image) (v1.Image, error) {
	layers, err := img.Layers()
	if err != nil {
		return nil, err
	}
	m, err := img.Manifest()
	if err != nil {
		return nil, err
	}
	m = m.DeepCopy()
	if len(m.Layers) != len(layers) {
		return nil, fmt.Errorf("compressing its layers: there are %d, and %d in its manifest", len(layers), len(m.Layers))
	}
	layers = slices.Clone(layers)
	for i, l := range layers {
		gz, err := s.compress(ctx, l)
		if err != nil {
			return nil, fmt.Errorf("compressing layer %d: %w", i+1, err)
		}
		d, err := partial.Descriptor(gz)
		if err != nil {
			return nil, err
		}
		layers[i], m.Layers[i] = gz, *d
	}
	raw, err := json.Marshal(m)
	return &recompressed{Image: img, raw: raw, layers: layers}, err
}

func (s *Source) compress(ctx context.Context, l v1.Layer) (v1.Layer, error) {
	diffID, err := l.DiffID()
	if err != nil {
		return nil, err
	}
	h, err := v1.Hasher(diffID.Algorithm)
	if err != nil {
		return nil, err
	}
	rc, err := l.Uncompressed()
	if err != nil {
		return nil, err
	}
	defer rc.Close()
	// The key is only as true as the archive's word for the diff ID, so nothing may
	// be remembered under it before the bytes have shown that it is.
	opts := layer.Options{Key: "base " + diffID.String(), Events: s.opts.Events, Subject: "base layer " + image.ShortDigest(diffID)}
	return layer.FromTar(ctx, s.opts.Cache, opts, &checked{rc, h, diffID})
}

// checked reads bytes that end in an error where they are not those of a diff ID.
type checked struct {
	r    io.Reader
	hash hash.Hash
	want v1.Hash
}

func (c *checked) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.hash.Write(p[:n])
	if err == io.EOF {
		if got := hex.EncodeToString(c.hash.Sum(nil)); got != c.want.Hex {
			return n, &publish.DigestError{What: "layer", Want: c.want, Got: v1.Hash{Algorithm: c.want.Algorithm, Hex: got}}
		}
	}
	return n, err
}

// recompressed is an image with other layers in its manifest.
type recompressed struct {
	v1.Image
	raw    []byte
	layers []v1.Layer
}

func (r *recompressed) RawManifest() ([]byte, error)    { return r.raw, nil }
func (r *recompressed) Manifest() (*v1.Manifest, error) { return partial.Manifest(r) }
func (r *recompressed) Digest() (v1.Hash, error)        { return partial.Digest(r) }
func (r *recompressed) Size() (int64, error)            { return int64(len(r.raw)), nil }
func (r *recompressed) Layers() ([]v1.Layer, error)     { return r.layers, nil }

func (r *recompressed) LayerByDigest(h v1.Hash) (v1.Layer, error) {
	return r.find(h, v1.Layer.Digest)
}

func (r *recompressed) LayerByDiffID(h v1.Hash) (v1.Layer, error) {
	return r.find(h, v1.Layer.DiffID)
}

func (r *recompressed) find(h v1.Hash, key func(v1.Layer) (v1.Hash, error)) (v1.Layer, error) {
	for _, l := range r.layers {
		if got, err := key(l); err == nil && got == h {
			return l, nil
		}
	}
	return r.Image.LayerByDigest(h)
}
