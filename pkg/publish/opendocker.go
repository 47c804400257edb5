package publish

import (
	"bytes"
	"io"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/imgo-build/imgo/pkg/image"
)

// docker reads the tar as a docker-archive. ggcr makes the images; what it would
// find missing only while they are being read is checked first.
func (t *tarFile) docker(s *store) (*Archive, error) {
	items, err := t.dockerItems(s)
	if err != nil {
		return nil, err
	}
	if len(items) == 0 {
		return nil, s.problem(nil, "holds no image: its manifest.json lists nothing")
	}
	a := &Archive{}
	for _, item := range items {
		if n := len(item.Layers); n > image.MaxLayers {
			return nil, s.problem(nil, "has a manifest.json with %d layers for an image; imgo takes %d at most", n, image.MaxLayers)
		}
		if err := t.checkDocker(s, item); err != nil {
			return nil, err
		}
		img, err := t.dockerImage(s, item, len(items) == 1)
		if err != nil {
			return nil, err
		}
		a.entries = append(a.entries, Entry{Names: item.RepoTags, Artifact: img})
	}
	return a, nil
}

func (t *tarFile) checkDocker(s *store, item dockerItem) error {
	raw, err := t.metadata(s, item.Config)
	if err != nil {
		return err
	}
	config, err := v1.ParseConfigFile(bytes.NewReader(raw))
	if err != nil {
		return s.problem(err, "has an image config %s that is no JSON of one", item.Config)
	}
	if n := len(config.RootFS.DiffIDs); n != len(item.Layers) {
		return s.problem(nil, "is inconsistent: manifest.json lists %d layers of an image, its config %d", len(item.Layers), n)
	}
	for _, l := range item.Layers {
		if !t.has(l) {
			return s.problem(nil, "lacks the layer %s", l)
		}
	}
	return nil
}

func (t *tarFile) dockerImage(s *store, item dockerItem, only bool) (v1.Image, error) {
	var tag *name.Tag
	if !only {
		if len(item.RepoTags) == 0 {
			return nil, s.problem(nil, "holds several images, one of which has no name")
		}
		parsed, err := name.NewTag(item.RepoTags[0])
		if err != nil {
			return nil, s.problem(err, "names an image wrongly")
		}
		tag = &parsed
	}
	img, err := tarball.Image(func() (io.ReadCloser, error) {
		return section{io.NewSectionReader(t.r, 0, t.size)}, nil
	}, tag)
	if err == nil {
		_, err = img.Manifest()
	}
	if err != nil {
		return nil, s.problem(err, "has an image that can't be read")
	}
	return img, nil
}

// section is a part of a file that can be closed, and sought in so that a
// tar.Reader skips what isn't asked for.
type section struct{ *io.SectionReader }

func (section) Close() error { return nil }
