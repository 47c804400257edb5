package attest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/imgo-build/imgo/pkg/image"
)

// subject is an index, or an image in one or by itself.
type subject struct {
	v1.Descriptor
	index    bool
	manifest []byte
}

// platform of an image in an index, empty for others.
func (s *subject) platform() string {
	if s.Platform == nil || s.index {
		return ""
	}
	return image.PlatformString(*s.Platform)
}

// deepest is how many indexes may be nested.
const deepest = 4

// subjectsIn lists what is to be signed under a digest: itself, and where it is an index
// all images and indexes in it. What each is, its bytes say: a registry's word for it could
// make signatures of the parts seem unnecessary.
func (a *Attester) subjectsIn(ctx context.Context, repo name.Repository, digest v1.Hash) ([]subject, error) {
	return a.descend(ctx, repo, v1.Descriptor{Digest: digest}, deepest)
}

func (a *Attester) descend(ctx context.Context, repo name.Repository, d v1.Descriptor, depth int) ([]subject, error) {
	raw, desc, err := a.opts.Registry.Manifest(ctx, repo, d.Digest)
	if err != nil {
		return nil, err
	}
	desc.Platform = d.Platform
	var parts struct {
		MediaType types.MediaType  `json:"mediaType"`
		Manifests *[]v1.Descriptor `json:"manifests"`
		Config    json.RawMessage  `json:"config"`
		Layers    json.RawMessage  `json:"layers"`
	}
	if err := json.Unmarshal(raw, &parts); err != nil {
		return nil, fmt.Errorf("reading the manifest %s: %w", d.Digest, err)
	}
	index := parts.Manifests != nil
	if index && (parts.Config != nil || parts.Layers != nil) || parts.MediaType != "" && parts.MediaType.IsIndex() != index {
		return nil, fmt.Errorf("%s is neither an image nor an index: it has parts of both, or another media type", d.Digest)
	}
	if !index && d.Platform != nil && d.Platform.OS == "unknown" && isTold(parts.Layers) {
		return nil, nil
	}
	out := []subject{{desc, index, raw}}
	if !index {
		return out, nil
	}
	if depth == 0 {
		return nil, fmt.Errorf("the indexes in %s are nested too deeply", d.Digest)
	}
	for _, child := range *parts.Manifests {
		below, err := a.descend(ctx, repo, child, depth-1)
		if err != nil {
			return nil, err
		}
		out = append(out, below...)
	}
	return out, nil
}

// isTold reports whether layers hold nothing but what is told of an image, as buildx keeps
// it in indexes: no image that anybody runs. An index can't make one of an image by what it
// calls its platform.
func isTold(layers json.RawMessage) bool {
	var list []v1.Descriptor
	if json.Unmarshal(layers, &list) != nil || len(list) == 0 {
		return false
	}
	return !slices.ContainsFunc(list, func(l v1.Descriptor) bool { return l.MediaType != "application/vnd.in-toto+json" })
}
