package base

import (
	"bytes"
	"context"
	"fmt"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/google/go-containerregistry/pkg/v1/types"
)

// remoteRoot resolves a reference to a registry. A tag costs one request for its
// manifest; a digest costs none where the cache has it.
func (s *Source) remoteRoot(ctx context.Context, ref *reference) (*root, error) {
	from, err := s.places(ref)
	if err != nil {
		return nil, err
	}
	r := &root{ref: ref.remote.name, name: ref.remote.name}
	var mediaType types.MediaType
	if d, ok := ref.remote.pull.(name.Digest); ok {
		if r.digest, err = v1.NewHash(d.DigestStr()); err != nil {
			return nil, &ReferenceError{Ref: ref.text, Reason: err.Error()}
		}
		r.raw, from, err = s.manifest(ctx, from, r.digest)
		if ref.remote.pinned && isAbsent(err) {
			err = &PinError{Name: r.name, Digest: r.digest, Err: err}
		}
	} else {
		r.raw, mediaType, from, err = s.tagged(ctx, from, ref.remote.pull.Identifier())
		if err == nil {
			r.digest, _, err = v1.SHA256(bytes.NewReader(r.raw))
		}
	}
	if err != nil {
		return nil, err
	}
	if mediaType, err = manifestType(r.raw, mediaType); err != nil {
		return nil, r.unusable("%v", err)
	}
	r.index = mediaType.IsIndex()
	if !r.index {
		// The type that a single image gets otherwise is guessed from its bytes; here
		// the registry may have said.
		r.image = func(ctx context.Context, _ v1.Hash) (v1.Image, error) {
			return s.pull(ctx, r, from, r.raw, mediaType)
		}
		return r, nil
	}
	r.image = func(ctx context.Context, digest v1.Hash) (v1.Image, error) {
		raw, from, err := s.manifest(ctx, from, digest)
		if err != nil {
			return nil, err
		}
		mediaType, err := manifestType(raw, "")
		if err != nil {
			return nil, r.unusable("%v (%s)", err, digest)
		}
		if !mediaType.IsImage() {
			return nil, r.unusable("its index calls %s an image, which is an index", digest)
		}
		return s.pull(ctx, r, from, raw, mediaType)
	}
	return r, nil
}

// tagged fetches the manifest that a tag points to, and keeps it for who asks for
// its digest.
func (s *Source) tagged(ctx context.Context, from places, tag string) ([]byte, types.MediaType, places, error) {
	var mediaType types.MediaType
	raw, from, err := ask(ctx, s, from, func(c *session) (raw []byte, err error) {
		raw, mediaType, err = c.manifest(ctx, tag)
		return raw, err
	})
	if err != nil {
		return nil, "", nil, err
	}
	digest, _, err := v1.SHA256(bytes.NewReader(raw))
	if err != nil {
		return nil, "", nil, err
	}
	s.writeCached(ctx, digest, raw)
	return raw, mediaType, from, nil
}

// manifest returns the manifest with a digest, from the cache or a registry.
func (s *Source) manifest(ctx context.Context, from places, digest v1.Hash) ([]byte, places, error) {
	return s.metadatum(ctx, "manifest", from, digest, func(c *session) ([]byte, error) {
		raw, _, err := c.manifest(ctx, digest.String())
		return raw, err
	})
}

// config returns the config with a digest, from the cache or a registry.
func (s *Source) config(ctx context.Context, from places, digest v1.Hash) ([]byte, error) {
	raw, _, err := s.metadatum(ctx, "config", from, digest, func(c *session) ([]byte, error) {
		body, err := c.blob(ctx, digest)
		if err != nil {
			return nil, err
		}
		defer body.Close()
		return c.readAll(body, "config "+digest.String())
	})
	return raw, err
}

// found is a manifest or config, and where it and what it refers to are. Where it
// comes from the cache, that is any of the places.
type found struct {
	raw  []byte
	from places
}

func (s *Source) metadatum(ctx context.Context, what string, from places, digest v1.Hash, fetch func(*session) ([]byte, error)) ([]byte, places, error) {
	original := from[len(from)-1].Name()
	f, _, err := s.metadata.Do(ctx, original+"@"+digest.String(), func() (found, error) {
		if raw, ok := s.readCached(digest, maxMetadata); ok {
			return found{raw, from}, nil
		}
		raw, from, err := ask(ctx, s, from, func(c *session) ([]byte, error) {
			raw, err := fetch(c)
			if err != nil {
				return nil, err
			}
			if err := verify(what, raw, digest); err != nil {
				return nil, fmt.Errorf("reading from %s: %w", c.repo.Name(), err)
			}
			return raw, nil
		})
		if err != nil {
			return found{}, err
		}
		s.writeCached(ctx, digest, raw)
		return found{raw, from}, nil
	})
	return f.raw, f.from, err
}

// pull makes an image of a manifest: its config is fetched, its layers are not.
func (s *Source) pull(ctx context.Context, r *root, from places, raw []byte, mediaType types.MediaType) (v1.Image, error) {
	m, err := v1.ParseManifest(bytes.NewReader(raw))
	if err != nil {
		return nil, r.unusable("its manifest is malformed: %v", err)
	}
	if !m.Config.MediaType.IsConfig() {
		return nil, r.unusable("it is not a container image: its config is of type %q", m.Config.MediaType)
	}
	config, err := s.config(ctx, from, m.Config.Digest)
	if err != nil {
		return nil, err
	}
	return newPulled(&pulledImage{
		ctx: ctx, source: s, from: from,
		raw: raw, manifest: m, config: config, mediaType: mediaType,
	})
}
