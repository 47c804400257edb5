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
	r := &root{ref: ref.remote.name, name: ref.remote.name}
	pull := ref.remote.pull
	var mediaType types.MediaType
	var err error
	if d, ok := pull.(name.Digest); ok {
		if r.digest, err = v1.NewHash(d.DigestStr()); err != nil {
			return nil, &ReferenceError{Ref: ref.text, Reason: err.Error()}
		}
		r.raw, err = s.manifest(ctx, pull.Context(), r.digest)
	} else {
		r.raw, mediaType, err = s.tagged(ctx, pull)
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
			return s.pull(ctx, r, pull.Context(), r.raw, mediaType)
		}
		return r, nil
	}
	r.image = func(ctx context.Context, digest v1.Hash) (v1.Image, error) {
		raw, err := s.manifest(ctx, pull.Context(), digest)
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
		return s.pull(ctx, r, pull.Context(), raw, mediaType)
	}
	return r, nil
}

// tagged fetches the manifest that a tag points to, and keeps it for who asks for
// its digest.
func (s *Source) tagged(ctx context.Context, tag name.Reference) ([]byte, types.MediaType, error) {
	c, err := s.session(ctx, tag.Context())
	if err != nil {
		return nil, "", err
	}
	raw, mediaType, err := c.manifest(ctx, tag)
	if err != nil {
		return nil, "", err
	}
	digest, _, err := v1.SHA256(bytes.NewReader(raw))
	if err != nil {
		return nil, "", err
	}
	s.writeCached(ctx, digest, raw)
	return raw, mediaType, nil
}

// manifest returns the manifest with a digest, from the cache or the registry.
func (s *Source) manifest(ctx context.Context, repo name.Repository, digest v1.Hash) ([]byte, error) {
	return s.metadatum(ctx, "manifest", repo, digest, func(c *session) ([]byte, error) {
		raw, _, err := c.manifest(ctx, repo.Digest(digest.String()))
		return raw, err
	})
}

// config returns the config with a digest, from the cache or the registry.
func (s *Source) config(ctx context.Context, repo name.Repository, digest v1.Hash) ([]byte, error) {
	return s.metadatum(ctx, "config", repo, digest, func(c *session) ([]byte, error) {
		body, err := c.blob(ctx, digest)
		if err != nil {
			return nil, err
		}
		defer body.Close()
		return c.readAll(body, "config "+digest.String())
	})
}

func (s *Source) metadatum(ctx context.Context, what string, repo name.Repository, digest v1.Hash, fetch func(*session) ([]byte, error)) ([]byte, error) {
	raw, _, err := s.metadata.Do(ctx, repo.Name()+"@"+digest.String(), func() ([]byte, error) {
		if raw, ok := s.readCached(digest); ok {
			return raw, nil
		}
		c, err := s.session(ctx, repo)
		if err != nil {
			return nil, err
		}
		raw, err := fetch(c)
		if err != nil {
			return nil, err
		}
		if err := verify(what, raw, digest); err != nil {
			return nil, fmt.Errorf("reading from %s: %w", repo.Name(), err)
		}
		s.writeCached(ctx, digest, raw)
		return raw, nil
	})
	return raw, err
}

// pull makes an image of a manifest: its config is fetched, its layers are not.
func (s *Source) pull(ctx context.Context, r *root, repo name.Repository, raw []byte, mediaType types.MediaType) (v1.Image, error) {
	m, err := v1.ParseManifest(bytes.NewReader(raw))
	if err != nil {
		return nil, r.unusable("its manifest is malformed: %v", err)
	}
	if !m.Config.MediaType.IsConfig() {
		return nil, r.unusable("it is not a container image: its config is of type %q", m.Config.MediaType)
	}
	config, err := s.config(ctx, repo, m.Config.Digest)
	if err != nil {
		return nil, err
	}
	return newPulled(&pulledImage{
		ctx: ctx, source: s, repo: repo,
		raw: raw, manifest: m, config: config, mediaType: mediaType,
	})
}
