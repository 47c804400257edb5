package image

import (
	"errors"
	"fmt"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// A form is what the bytes of a layer are, apart from what they are called.
type form int

const (
	plain form = iota
	gzipped
	zstandard
)

// layerForm tells the media types of layers that images may have.
func layerForm(t types.MediaType) (f form, known bool) {
	switch t {
	case types.OCIUncompressedLayer, types.DockerUncompressedLayer:
		return plain, true
	case types.OCILayer, types.DockerLayer:
		return gzipped, true
	case types.OCILayerZStd, dockerZstd:
		return zstandard, true
	}
	return 0, false
}

// layer returns what the vocabulary calls a layer of the form, and false where it
// has no word for it.
func (m MediaTypes) layer(f form) (types.MediaType, bool) {
	names := map[form]types.MediaType{
		plain: types.OCIUncompressedLayer, gzipped: types.OCILayer, zstandard: types.OCILayerZStd,
	}
	if m == Docker {
		names = map[form]types.MediaType{plain: types.DockerUncompressedLayer, gzipped: types.DockerLayer}
	}
	t, ok := names[f]
	return t, ok
}

// stackedLayer is a layer in its place, with what config and manifest say of it.
type stackedLayer struct {
	v1.Layer
	digest, diffID v1.Hash
	size           int64
	mediaType      types.MediaType
}

// stackLayers lists all layers of the image, the base's first, in the media types
// asked for.
func stackLayers(p *Parts, b *base) ([]stackedLayer, error) {
	var out []stackedLayer
	for i, l := range b.layers {
		d := b.manifest.Layers[i]
		s := stackedLayer{Layer: l, digest: d.Digest, diffID: b.config.RootFS.DiffIDs[i], size: d.Size}
		if err := s.retype(d.MediaType, p.MediaTypes); err != nil {
			return nil, &BaseError{Name: b.name, Reason: fmt.Sprintf("layer %d (%s): %v", i+1, d.Digest, err), OnlyOCI: errors.Is(err, errZstd)}
		}
		out = append(out, s)
	}
	for _, a := range p.Layers {
		s, err := stackOwn(a, p.MediaTypes)
		if err != nil {
			return nil, fmt.Errorf("adding layer %q: %w", a.History, err)
		}
		out = append(out, s)
	}
	return out, nil
}

func stackOwn(a Addition, m MediaTypes) (s stackedLayer, err error) {
	s.Layer = a.Layer
	if s.digest, err = a.Layer.Digest(); err != nil {
		return s, err
	}
	if s.diffID, err = a.Layer.DiffID(); err != nil {
		return s, err
	}
	if s.size, err = a.Layer.Size(); err != nil {
		return s, err
	}
	mediaType, err := a.Layer.MediaType()
	if err != nil {
		return s, err
	}
	return s, s.retype(mediaType, m)
}

var errZstd = errors.New("it is compressed with zstd, which Docker's media types don't have")

// retype gives the layer, which calls itself have, its name in a vocabulary.
func (s *stackedLayer) retype(have types.MediaType, m MediaTypes) error {
	f, known := layerForm(have)
	if !known {
		return fmt.Errorf("media type %q is not a layer's", have)
	}
	want, ok := m.layer(f)
	if !ok {
		return errZstd
	}
	s.mediaType = want
	// The layer itself may know a type other than its manifest's, or none.
	if own, err := s.Layer.MediaType(); err != nil || own != want {
		s.Layer = &retypedLayer{Layer: s.Layer, mediaType: want}
	}
	return nil
}

// retypedLayer is a layer under another media type.
type retypedLayer struct {
	v1.Layer
	mediaType types.MediaType
}

func (l *retypedLayer) MediaType() (types.MediaType, error) { return l.mediaType, nil }

// Source implements [Sourced].
func (l *retypedLayer) Source() (name.Repository, bool) {
	if s, ok := l.Layer.(Sourced); ok {
		return s.Source()
	}
	return name.Repository{}, false
}
