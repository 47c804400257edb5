package engine

import (
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/pkg/image"
	"github.com/imgo-build/imgo/pkg/publish"
)

// parcel is an artifact in the form in which an engine gets it.
type parcel struct {
	artifact v1.Hash // of what was handed to Put
	stream   *publish.Stream
	names    []string
	chosen   choice

	// Of the chosen image:
	config v1.Hash
	layers []layerID
}

// layerID is a layer by its two names.
type layerID struct {
	digest v1.Hash // of the blob
	diffID v1.Hash // of the tar
}

// pack makes a parcel of one image of the artifact, or of all where the engine takes
// several platforms.
func pack(a image.Artifact, names []string, want v1.Platform, all bool) (*parcel, error) {
	p := &parcel{names: names}
	var err error
	if p.artifact, err = a.Digest(); err != nil {
		return nil, err
	}
	if p.chosen, err = choose(a, want); err != nil {
		return nil, err
	}
	if !all {
		a = p.chosen.image
	}
	if p.stream, err = publish.NewStream(a); err != nil {
		return nil, err
	}
	return p, p.identify(p.chosen.image)
}

func (p *parcel) identify(img v1.Image) error {
	m, err := img.Manifest()
	if err != nil {
		return err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return err
	}
	p.config = m.Config.Digest
	if len(config.RootFS.DiffIDs) != len(m.Layers) {
		return fmt.Errorf("the manifest lists %d layers, the config %d", len(m.Layers), len(config.RootFS.DiffIDs))
	}
	for i, d := range m.Layers {
		p.layers = append(p.layers, layerID{digest: d.Digest, diffID: config.RootFS.DiffIDs[i]})
	}
	return nil
}

// shared counts the layers from the bottom that another image has too.
func (p *parcel) shared(diffIDs []string) int {
	n := 0
	for n < len(p.layers) && n < len(diffIDs) && p.layers[n].diffID.String() == diffIDs[n] {
		n++
	}
	return n
}

// lowest lists the blobs of the n lowest layers that are not needed further up.
func (p *parcel) lowest(n int) map[v1.Hash]bool {
	has := map[v1.Hash]bool{}
	for _, l := range p.layers[:n] {
		has[l.digest] = true
	}
	for _, l := range p.layers[n:] {
		delete(has, l.digest)
	}
	return has
}

// existing says how many of the layers are not sent.
func (p *parcel) existing(has map[v1.Hash]bool) string {
	left, all := 0, 0
	for _, b := range p.stream.Blobs() {
		if b.Layer {
			all++
			if has[b.Digest] {
				left++
			}
		}
	}
	switch {
	case left == 0:
		return ""
	case left == all && all == 1:
		return "its layer exists"
	case left == all:
		return fmt.Sprintf("all %d layers exist", all)
	}
	return fmt.Sprintf("%d of %d layers exist", left, all)
}
