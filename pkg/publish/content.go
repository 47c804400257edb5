package publish

import (
	"bytes"
	"fmt"
	"io"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/imgo-build/imgo/pkg/image"
)

// content is all that an artifact consists of, without the blobs' bytes.
type content struct {
	top manifest
	// children are the manifests below the top of an index, each after those that it
	// refers to.
	children []manifest
	blobs    []blob // each once: configs and layers of the images, in order
}

// manifest is an image's or index's manifest.
type manifest struct {
	raw   []byte
	desc  v1.Descriptor // mediaType, digest, size; platform where an index names it
	index bool
	image v1.Image // nil for an index
}

// blob is a config or layer.
type blob struct {
	what   string // "config" or "layer"
	digest v1.Hash
	size   int64
	open   func() (io.ReadCloser, error)
	source *name.Repository // where it is known to be, or nil
	placed *name.Repository // another repository of the target's registry that imgo brought it to, or nil
	asked  bool             // it comes from elsewhere: the target may well have it
	novel  bool             // it was made just now: the target hardly has it, however large it is
}

// fromElsewhere marks layers that were read from a file: probably not new to the
// registry that they go to.
type fromElsewhere interface{ fromElsewhere() }

// walk lists what an artifact consists of.
func walk(a image.Artifact) (*content, error) {
	w := &walker{seen: map[v1.Hash]bool{}}
	top, err := w.artifact(a, nil)
	if err != nil {
		return nil, err
	}
	w.content.top = top
	w.content.children = w.content.children[:len(w.content.children)-1]
	return &w.content, nil
}

// images returns the image manifests, the top's too, in order.
func (c *content) images() []manifest {
	var out []manifest
	for _, m := range append(c.children[:len(c.children):len(c.children)], c.top) {
		if !m.index {
			out = append(out, m)
		}
	}
	return out
}

type walker struct {
	content content
	seen    map[v1.Hash]bool
}

func (w *walker) artifact(a image.Artifact, platform *v1.Platform) (manifest, error) {
	m, err := describe(a)
	if err != nil {
		return m, err
	}
	m.desc.Platform = platform
	if w.seen[m.desc.Digest] {
		return m, nil
	}
	w.seen[m.desc.Digest] = true
	switch a := a.(type) {
	case v1.ImageIndex:
		m.index = true
		err = w.entries(a)
	case v1.Image:
		m.image = a
		err = w.image(a, m.raw)
	default:
		err = fmt.Errorf("%s is neither an image nor an index", m.desc.Digest)
	}
	if err != nil {
		return m, err
	}
	w.content.children = append(w.content.children, m)
	return m, nil
}

func describe(a image.Artifact) (m manifest, err error) {
	if m.raw, err = a.RawManifest(); err != nil {
		return m, err
	}
	m.desc.Digest, m.desc.Size, err = v1.SHA256(bytes.NewReader(m.raw))
	if err != nil {
		return m, err
	}
	m.desc.MediaType, err = a.MediaType()
	return m, err
}

func (w *walker) entries(idx v1.ImageIndex) error {
	list, err := idx.IndexManifest()
	if err != nil {
		return err
	}
	for _, d := range list.Manifests {
		var child image.Artifact
		switch {
		case d.MediaType.IsIndex():
			child, err = idx.ImageIndex(d.Digest)
		case d.MediaType.IsImage():
			child, err = idx.Image(d.Digest)
		default:
			err = fmt.Errorf("index entry %s has the media type %q, which is neither an image's nor an index's", d.Digest, d.MediaType)
		}
		if err != nil {
			return err
		}
		m, err := w.artifact(child, d.Platform)
		if err != nil {
			return err
		}
		if m.desc.Digest != d.Digest {
			return &DigestError{What: "manifest", Want: d.Digest, Got: m.desc.Digest}
		}
	}
	return nil
}

func (w *walker) image(img v1.Image, raw []byte) error {
	m, err := v1.ParseManifest(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	if n := len(m.Layers); n > image.MaxLayers {
		return fmt.Errorf("the manifest lists %d layers; imgo takes %d at most", n, image.MaxLayers)
	}
	if !w.seen[m.Config.Digest] {
		w.seen[m.Config.Digest] = true
		w.content.blobs = append(w.content.blobs, configBlob(img, m.Config))
	}
	layers, err := img.Layers()
	if err != nil {
		return err
	}
	if len(layers) != len(m.Layers) {
		return fmt.Errorf("the manifest lists %d layers, but there are %d", len(m.Layers), len(layers))
	}
	for i, d := range m.Layers {
		if w.seen[d.Digest] || Foreign(d) {
			continue
		}
		w.seen[d.Digest] = true
		w.content.blobs = append(w.content.blobs, layerBlob(layers[i], d))
	}
	return nil
}

// Foreign reports whether a layer's bytes stay at the URLs that the descriptor
// names, as those of old Windows bases.
func Foreign(d v1.Descriptor) bool {
	switch d.MediaType {
	case types.DockerForeignLayer, types.OCIRestrictedLayer, types.OCIUncompressedRestrictedLayer:
		return true
	}
	return len(d.URLs) > 0
}

func configBlob(img v1.Image, d v1.Descriptor) blob {
	return blob{what: "config", digest: d.Digest, size: d.Size, open: func() (io.ReadCloser, error) {
		raw, err := img.RawConfigFile()
		if err != nil {
			return nil, err
		}
		return io.NopCloser(bytes.NewReader(raw)), nil
	}}
}

func layerBlob(l v1.Layer, d v1.Descriptor) blob {
	b := blob{what: "layer", digest: d.Digest, size: d.Size, open: l.Compressed}
	switch l := l.(type) {
	case image.Sourced:
		if repo, ok := l.Source(); ok {
			b.source = &repo
		}
	case *remote.MountableLayer:
		repo := l.Reference.Context()
		b.source = &repo
	case fromElsewhere:
		b.asked = true
	}
	return b
}
