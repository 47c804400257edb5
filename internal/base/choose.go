package base

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/imgo-build/imgo/pkg/image"
)

// root is what a reference was resolved to: an image, or an index of images.
type root struct {
	ref    string // as asked for
	name   string // as recorded; empty where nobody else could look it up
	digest v1.Hash
	index  bool
	made   bool   // the manifest was made up here, so that its digest means nothing
	raw    []byte // the manifest
	// image returns an image of the tree by its manifest's digest, the root itself
	// included. Its manifest and config are at hand, its layers are read under ctx.
	image func(ctx context.Context, digest v1.Hash) (v1.Image, error)
}

// candidate is an image that a root offers.
type candidate struct {
	digest   v1.Hash
	platform v1.Platform
}

func (r *root) unusable(format string, args ...any) error {
	return &image.BaseError{Name: r.ref, Reason: fmt.Sprintf(format, args...)}
}

// candidates lists the images of a root in the order of its index. Attestations,
// which have the platform unknown/unknown, and other artifacts are left out.
func (r *root) candidates(ctx context.Context) ([]candidate, error) {
	if !r.index {
		p, err := r.configPlatform(ctx, r.digest)
		if err != nil {
			return nil, err
		}
		return []candidate{{r.digest, p}}, nil
	}
	m, err := v1.ParseIndexManifest(bytes.NewReader(r.raw))
	if err != nil {
		return nil, r.unusable("its index is malformed: %v", err)
	}
	var out []candidate
	var unusable error
	for _, d := range m.Manifests {
		switch {
		case d.MediaType.IsIndex():
			return nil, r.unusable("its index holds another index (%s), so that it's unclear which image is meant: name the inner one by digest", d.Digest)
		case !d.MediaType.IsImage() || isArtifact(d):
			continue
		case d.Platform != nil:
			out = append(out, candidate{d.Digest, *d.Platform})
			continue
		}
		p, err := r.configPlatform(ctx, d.Digest)
		if _, bad := errors.AsType[*image.BaseError](err); bad {
			unusable = err // perhaps an artifact that does not call itself one
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, candidate{d.Digest, p})
	}
	if len(out) == 0 {
		return nil, unusable
	}
	return out, nil
}

// isArtifact reports whether an entry of an index is no image to run. Some tools
// call every image an artifact of the type of its config.
func isArtifact(d v1.Descriptor) bool {
	if d.ArtifactType != "" && !types.MediaType(d.ArtifactType).IsConfig() {
		return true
	}
	return d.Platform != nil && (d.Platform.OS == "unknown" || d.Platform.Architecture == "unknown")
}

// choose returns the digest of the image that is nearest to a platform.
func (r *root) choose(ctx context.Context, want v1.Platform) (v1.Hash, error) {
	candidates, err := r.candidates(ctx)
	if err != nil {
		return v1.Hash{}, err
	}
	var best v1.Hash
	nearest := -1
	for _, c := range candidates {
		if d, ok := image.Match(c.platform, want); ok && (nearest < 0 || d < nearest) {
			best, nearest = c.digest, d
		}
	}
	if nearest < 0 {
		return v1.Hash{}, &PlatformMissingError{Ref: r.ref, Want: image.PlatformString(want), Have: names(candidates)}
	}
	return best, nil
}

// check reports whether img is usable and is for the platform that it was chosen
// for. An index is believed about the variant, which many configs lack.
func (r *root) check(img v1.Image, want v1.Platform) error {
	if err := image.CheckBase(r.ref, img); err != nil {
		return err
	}
	p, err := r.platformOf(img)
	if err != nil {
		return err
	}
	if p.OS != want.OS || p.Architecture != want.Architecture {
		return r.unusable("its index names %s for an image whose config says %s", image.PlatformString(want), image.PlatformString(p))
	}
	return nil
}

func (r *root) configPlatform(ctx context.Context, digest v1.Hash) (v1.Platform, error) {
	img, err := r.image(ctx, digest)
	if err != nil {
		return v1.Platform{}, err
	}
	if err := image.CheckBase(r.ref, img); err != nil {
		return v1.Platform{}, err
	}
	return r.platformOf(img)
}

func (r *root) platformOf(img v1.Image) (v1.Platform, error) {
	c, err := img.ConfigFile()
	if err != nil {
		return v1.Platform{}, r.unusable("its config is malformed: %v", err)
	}
	if c.OS == "" || c.Architecture == "" {
		return v1.Platform{}, r.unusable("its config names no platform")
	}
	return v1.Platform{OS: c.OS, Architecture: c.Architecture, Variant: c.Variant}, nil
}

// platforms lists the platforms that programs can be built for, each once. There is
// one at least.
func (r *root) platforms(ctx context.Context) ([]v1.Platform, error) {
	candidates, err := r.candidates(ctx)
	if err != nil {
		return nil, err
	}
	var out []v1.Platform
	for _, c := range candidates {
		p, err := image.ParsePlatform(image.PlatformString(c.platform))
		if err == nil && !slices.ContainsFunc(out, p.Equals) {
			out = append(out, p)
		}
	}
	if len(out) == 0 {
		return nil, &PlatformMissingError{Ref: r.ref, Want: "linux", Have: names(candidates)}
	}
	return out, nil
}

// names lists the platforms that there are, each once, as users write them.
func names(candidates []candidate) []string {
	var out []string
	for _, c := range candidates {
		if s := image.PlatformString(c.platform); !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
