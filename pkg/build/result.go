package build

import (
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/imgo-build/imgo/pkg/image"
	"github.com/imgo-build/imgo/pkg/publish"
)

// Result is what became of a [Target].
type Result struct {
	Target     Target
	Err        error           // why there is no image, or why it isn't where it should be
	References []string        // REPO@DIGEST for each of the target's repositories, or what a local engine calls the image
	Digest     v1.Hash         // of the image, or of the index over all platforms
	MediaType  types.MediaType // of the same
	Images     []ImageResult   // one a platform, in the order asked for
}

// ImageResult is the image of one platform.
type ImageResult struct {
	Platform v1.Platform
	Digest   v1.Hash
	Base     string // name of the base, empty for the empty base
	BaseSum  string // digest of the base's manifest, likewise
	Layers   []LayerResult
}

// LayerResult is a layer of an image, from the bottom.
type LayerResult struct {
	Digest  v1.Hash
	Size    int64  // bytes, compressed
	Created string // what made the layer, from the image's history
}

// TargetError says which target an error belongs to.
type TargetError struct {
	Target Target
	Err    error
}

// Error names the target once: many causes do it by themselves.
func (e *TargetError) Error() string {
	text, origin := e.Err.Error(), e.Target.origin()
	if origin == "" || strings.Contains(text, origin) {
		return text
	}
	return origin + ": " + text
}

// Unwrap returns the cause.
func (e *TargetError) Unwrap() error { return e.Err }

// named is a place where the image has names of its own.
type named interface{ Names() []string }

// describe fills in what a result says of its artifact.
func describe(r *Result, a image.Artifact, places []publish.Publisher) error {
	var err error
	if r.Digest, err = a.Digest(); err != nil {
		return err
	}
	if r.MediaType, err = a.MediaType(); err != nil {
		return err
	}
	for _, p := range places {
		if e, ok := p.(named); ok {
			r.References = append(r.References, e.Names()[0])
			return nil
		}
	}
	for _, d := range r.Target.Repos {
		r.References = append(r.References, d.Repo.Digest(r.Digest.String()).Name())
	}
	return nil
}

// describeImage summarises one platform's image.
func describeImage(img v1.Image, p v1.Platform, base Base) (ImageResult, error) {
	digest, err := img.Digest()
	if err != nil {
		return ImageResult{}, err
	}
	out := ImageResult{Platform: p, Digest: digest, Base: base.Name}
	if base.Name != "" {
		out.BaseSum = base.Digest.String()
	}
	manifest, err := img.Manifest()
	if err != nil {
		return ImageResult{}, err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return ImageResult{}, err
	}
	created := image.LayerHistory(config)
	for i, l := range manifest.Layers {
		lr := LayerResult{Digest: l.Digest, Size: l.Size}
		if i < len(created) {
			lr.Created = created[i]
		}
		out.Layers = append(out.Layers, lr)
	}
	return out, nil
}
