package publish

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// OldLayer is a signature or attestation in cosign's older scheme: a layer, with
// annotations in its descriptor, of an image at a tag that is made of the subject's
// digest.
type OldLayer struct {
	MediaType   string
	Content     []byte
	Annotations map[string]string
}

// maxOldLayers is how many layers cosign reads.
const maxOldLayers = 1000

// oldTag is the subject's digest as a tag, with a suffix: "sha256-HEX.sig".
func oldTag(subject v1.Hash, suffix string) string { return fallbackTag(subject) + "." + suffix }

// AttachOld adds layers to the image at the tag sha256-HEX.SUFFIX (suffix "sig" or
// "att"), after those that are there. A layer that is there, with the same annotations,
// is not added again. Something else at the tag is left alone: a [*TagError].
func (r *Registry) AttachOld(ctx context.Context, repo name.Repository, subject v1.Hash, suffix string, add []OldLayer) error {
	tag := repo.Tag(oldTag(subject, suffix))
	s, err := r.opened(ctx, repo, true)
	if err == nil {
		err = r.attachOld(ctx, s, tag.TagStr(), add)
	}
	if err != nil {
		return fmt.Errorf("attaching to %s: %w", tag, err)
	}
	return nil
}

func (r *Registry) attachOld(ctx context.Context, s *session, tag string, add []OldLayer) error {
	var blobs []blob
	var layers []v1.Descriptor
	for _, l := range add {
		b := bytesBlob("attachment", l.Content)
		blobs = append(blobs, b)
		layers = append(layers, v1.Descriptor{
			MediaType: types.MediaType(l.MediaType), Digest: b.digest, Size: b.size, Annotations: l.Annotations,
		})
	}
	var config []byte
	return (&rewriter{
		r: r, s: s, tag: tag,
		merge: func(now *stored) (next *manifest, err error) {
			next, config, err = mergeOld(now, s.repo.Tag(tag).String(), layers)
			return next, err
		},
		write: func(ctx context.Context, m manifest) (v1.Hash, error) {
			needed := append(blobs[:len(blobs):len(blobs)], bytesBlob("config", config))
			return m.desc.Digest, r.withBlobs(ctx, s, needed, func() error {
				_, err := r.put(ctx, s, m, tag)
				return err
			})
		},
	}).run(ctx)
}

// mergeOld adds layers to the image at a tag, and returns its new manifest and config.
func mergeOld(now *stored, reference string, layers []v1.Descriptor) (*manifest, []byte, error) {
	m := v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Config: v1.Descriptor{MediaType: types.OCIConfigJSON}}
	if now != nil {
		old, err := parseOld(now, reference)
		if err != nil {
			return nil, nil, err
		}
		m = *old
	}
	before := len(m.Layers)
	for _, l := range layers {
		if !slices.ContainsFunc(m.Layers, func(d v1.Descriptor) bool { return sameLayer(d, l) }) {
			m.Layers = append(m.Layers, l)
		}
	}
	if len(m.Layers) == before {
		return nil, nil, nil
	}
	if len(m.Layers) > maxOldLayers {
		return nil, nil, fmt.Errorf("there would be %d layers; cosign reads %d at most", len(m.Layers), maxOldLayers)
	}
	// Nobody reads the config, but tools that copy images want one that fits the layers.
	file := v1.ConfigFile{RootFS: v1.RootFS{Type: "layers"}}
	for _, l := range m.Layers {
		file.RootFS.DiffIDs = append(file.RootFS.DiffIDs, l.Digest)
		file.History = append(file.History, v1.History{})
	}
	config, err := json.Marshal(file)
	if err != nil {
		return nil, nil, err
	}
	m.Config.Digest, m.Config.Size, m.Config.Data = digestOfBytes(config), int64(len(config)), nil
	next, err := rawManifestOf(m.MediaType, m)
	return &next, config, err
}

func sameLayer(a, b v1.Descriptor) bool {
	return a.MediaType == b.MediaType && a.Digest == b.Digest && maps.Equal(a.Annotations, b.Annotations)
}

func parseOld(m *stored, reference string) (*v1.Manifest, error) {
	var old v1.Manifest
	if !m.desc.MediaType.IsImage() || json.Unmarshal(m.raw, &old) != nil {
		return nil, &TagError{Reference: reference, Problem: fmt.Sprintf("it holds no image but %q", oneLine(string(m.desc.MediaType)))}
	}
	if len(old.Layers) > maxOldLayers {
		return nil, &TagError{Reference: reference, Problem: fmt.Sprintf("it holds %d layers; imgo reads %d at most", len(old.Layers), maxOldLayers)}
	}
	old.MediaType = m.desc.MediaType
	return &old, nil
}

// AttachedOld reads the layers of the image at the tag sha256-HEX.SUFFIX: none where
// there is no such tag. Their digests and sizes are checked; all of them together may
// have 64 MiB. Something else at the tag is a [*TagError], layers that can't be had an
// [*ArtifactError].
func (r *Registry) AttachedOld(ctx context.Context, repo name.Repository, subject v1.Hash, suffix string) ([]OldLayer, error) {
	tag := repo.Tag(oldTag(subject, suffix))
	layers, err := r.attachedOld(ctx, repo, tag)
	return layers, readingError(tag.String(), err)
}

func (r *Registry) attachedOld(ctx context.Context, repo name.Repository, tag name.Tag) ([]OldLayer, error) {
	s, err := r.opened(ctx, repo, false)
	if err != nil {
		return nil, err
	}
	m, err := r.readManifest(ctx, s, tag.TagStr())
	if err != nil || m == nil {
		return nil, err
	}
	old, err := parseOld(m, tag.String())
	if err != nil {
		return nil, err
	}
	return r.readLayers(ctx, s, old.Layers)
}
