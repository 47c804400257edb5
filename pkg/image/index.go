package image

import (
	"bytes"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Index makes an index (OCI image specification, image-index.md, or Docker's
// manifest list) of images for different platforms, in the order given. The
// platforms are those that the images' configs name. Docker's lists have no
// annotations: there, annotations are dropped.
func Index(images []v1.Image, annotations map[string]string, m MediaTypes) (v1.ImageIndex, error) {
	manifest := &v1.IndexManifest{SchemaVersion: 2, MediaType: m.index(), Manifests: make([]v1.Descriptor, len(images))}
	if m == OCI && len(annotations) > 0 {
		manifest.Annotations = annotations
	}
	seen := map[string]bool{}
	for i, img := range images {
		d, err := describe(img)
		if err != nil {
			return nil, fmt.Errorf("adding image %d to an index: %w", i+1, err)
		}
		if d.MediaType != m.manifest() {
			return nil, fmt.Errorf("adding image %d to an index: a manifest of type %q does not belong into %q", i+1, d.MediaType, m.index())
		}
		platform := PlatformString(*d.Platform)
		if seen[platform] {
			return nil, fmt.Errorf("adding image %d to an index: there is one for %s already", i+1, platform)
		}
		seen[platform] = true
		manifest.Manifests[i] = d
	}
	raw, err := encode(manifest)
	if err != nil {
		return nil, fmt.Errorf("encoding the index: %w", err)
	}
	digest, _, err := v1.SHA256(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("hashing the index: %w", err)
	}
	return &builtIndex{
		mediaType: m.index(),
		digest:    digest,
		raw:       raw,
		entries:   manifest.Manifests,
		images:    append([]v1.Image(nil), images...),
	}, nil
}

// describe returns the descriptor of an image in an index.
func describe(img v1.Image) (d v1.Descriptor, err error) {
	if d.MediaType, err = img.MediaType(); err != nil {
		return d, err
	}
	if d.Digest, err = img.Digest(); err != nil {
		return d, err
	}
	if d.Size, err = img.Size(); err != nil {
		return d, err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return d, err
	}
	if config.OS == "" || config.Architecture == "" {
		return d, fmt.Errorf("the config of %s names no platform", d.Digest)
	}
	p := Canonical(v1.Platform{OS: config.OS, Architecture: config.Architecture, Variant: config.Variant})
	d.Platform = &p
	return d, nil
}

// builtIndex is an index whose bytes are fixed when it is made.
type builtIndex struct {
	mediaType types.MediaType
	digest    v1.Hash
	raw       []byte
	entries   []v1.Descriptor
	images    []v1.Image
}

func (i *builtIndex) MediaType() (types.MediaType, error) { return i.mediaType, nil }
func (i *builtIndex) Size() (int64, error)                { return int64(len(i.raw)), nil }
func (i *builtIndex) Digest() (v1.Hash, error)            { return i.digest, nil }
func (i *builtIndex) RawManifest() ([]byte, error)        { return bytes.Clone(i.raw), nil }
func (i *builtIndex) IndexManifest() (*v1.IndexManifest, error) {
	return v1.ParseIndexManifest(bytes.NewReader(i.raw))
}

func (i *builtIndex) Image(h v1.Hash) (v1.Image, error) {
	for n, d := range i.entries {
		if d.Digest == h {
			return i.images[n], nil
		}
	}
	return nil, fmt.Errorf("index %s has no image %s", i.digest, h)
}

// ImageIndex finds nothing: indexes made here are never nested.
func (i *builtIndex) ImageIndex(h v1.Hash) (v1.ImageIndex, error) {
	return nil, fmt.Errorf("index %s has no index %s", i.digest, h)
}
