package engine

import (
	"errors"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/pkg/image"
)

// candidate is an image of an artifact.
type candidate struct {
	image    v1.Image
	platform v1.Platform
}

// candidates lists the images of an artifact, without attestations, in order.
func candidates(a image.Artifact) ([]candidate, error) {
	switch a := a.(type) {
	case v1.Image:
		config, err := a.ConfigFile()
		if err != nil {
			return nil, err
		}
		return []candidate{{a, platformOf(config.Platform())}}, nil
	case v1.ImageIndex:
		return entries(a)
	}
	return nil, errors.New("it is neither an image nor an index")
}

func entries(idx v1.ImageIndex) ([]candidate, error) {
	list, err := idx.IndexManifest()
	if err != nil {
		return nil, err
	}
	var out []candidate
	for _, d := range list.Manifests {
		if p := d.Platform; p != nil && (p.OS == "unknown" || p.Architecture == "unknown") {
			continue // an attestation
		}
		var child image.Artifact
		switch {
		case d.MediaType.IsIndex():
			child, err = idx.ImageIndex(d.Digest)
		case d.MediaType.IsImage():
			child, err = idx.Image(d.Digest)
		default:
			continue
		}
		if err != nil {
			return nil, err
		}
		below, err := candidates(child)
		if err != nil {
			return nil, err
		}
		if d.Platform != nil && len(below) == 1 {
			below[0].platform = *d.Platform
		}
		out = append(out, below...)
	}
	return out, nil
}

func platformOf(p *v1.Platform) v1.Platform {
	if p == nil {
		return v1.Platform{}
	}
	return *p
}

// choice is what an engine that takes one platform gets.
type choice struct {
	candidate
	of    int  // how many there were
	right bool // it is for the wanted platform
}

// choose picks the image that comes nearest to the wanted platform from below, else
// one of the same architecture, else the first.
func choose(a image.Artifact, want v1.Platform) (choice, error) {
	all, err := candidates(a)
	if err != nil {
		return choice{}, err
	}
	if len(all) == 0 {
		return choice{}, errors.New("there is no image in it")
	}
	best, distance := choice{candidate: all[0], of: len(all)}, int(^uint(0)>>1)
	for _, c := range all {
		d, ok := image.Match(c.platform, want)
		if !ok && c.platform.OS == want.OS && c.platform.Architecture == want.Architecture {
			d, ok = 1<<20, true // another variant: the machine may well be more than its name says
		}
		if ok && d < distance {
			best.candidate, best.right, distance = c, true, d
		}
	}
	return best, nil
}

// String says what was chosen where there was a choice.
func (c choice) String() string {
	if c.of < 2 {
		return ""
	}
	return fmt.Sprintf("%s of %d platforms", image.PlatformString(c.platform), c.of)
}
