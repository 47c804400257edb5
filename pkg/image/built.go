package image

import (
	"bytes"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// built is an assembled image. Its bytes are fixed when it is made.
type built struct {
	mediaType   types.MediaType
	digest      v1.Hash
	configName  v1.Hash
	rawManifest []byte
	rawConfig   []byte
	layers      []stackedLayer
}

func newBuilt(m *v1.Manifest, rawConfig []byte, layers []stackedLayer) (*built, error) {
	raw, err := encode(m)
	if err != nil {
		return nil, fmt.Errorf("encoding the manifest: %w", err)
	}
	digest, _, err := v1.SHA256(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("hashing the manifest: %w", err)
	}
	return &built{
		mediaType:   m.MediaType,
		digest:      digest,
		configName:  m.Config.Digest,
		rawManifest: raw,
		rawConfig:   rawConfig,
		layers:      layers,
	}, nil
}

func (i *built) MediaType() (types.MediaType, error) { return i.mediaType, nil }
func (i *built) Size() (int64, error)                { return int64(len(i.rawManifest)), nil }
func (i *built) Digest() (v1.Hash, error)            { return i.digest, nil }
func (i *built) ConfigName() (v1.Hash, error)        { return i.configName, nil }
func (i *built) RawManifest() ([]byte, error)        { return bytes.Clone(i.rawManifest), nil }
func (i *built) RawConfigFile() ([]byte, error)      { return bytes.Clone(i.rawConfig), nil }
func (i *built) Manifest() (*v1.Manifest, error)     { return partial.Manifest(i) }
func (i *built) ConfigFile() (*v1.ConfigFile, error) { return partial.ConfigFile(i) }
func (i *built) LayerByDiffID(h v1.Hash) (v1.Layer, error) {
	return i.find(h, func(l stackedLayer) v1.Hash { return l.diffID })
}

// LayerByDigest finds the config too, as consumers expect that treat it as a blob
// like the others.
func (i *built) LayerByDigest(h v1.Hash) (v1.Layer, error) {
	if h == i.configName {
		return partial.ConfigLayer(i)
	}
	return i.find(h, func(l stackedLayer) v1.Hash { return l.digest })
}

func (i *built) find(h v1.Hash, key func(stackedLayer) v1.Hash) (v1.Layer, error) {
	for _, l := range i.layers {
		if key(l) == h {
			return l.Layer, nil
		}
	}
	return nil, fmt.Errorf("image %s has no layer %s", i.digest, h)
}

func (i *built) Layers() ([]v1.Layer, error) {
	out := make([]v1.Layer, len(i.layers))
	for n, l := range i.layers {
		out[n] = l.Layer
	}
	return out, nil
}
