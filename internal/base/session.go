package base

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/imgo-build/imgo/pkg/publish"
)

// maxMetadata bounds manifests and configs, which are held in memory. Registries
// accept manifests of up to 4 MiB.
const maxMetadata = 8 << 20

// accepted are the types of manifests that are asked for. Schema 1 is among them so
// that a registry doesn't convert what can't be used.
const accepted = string(types.OCIImageIndex + ", " + types.DockerManifestList + ", " +
	types.OCIManifestSchema1 + ", " + types.DockerManifestSchema2 + ", " +
	types.DockerManifestSchema1Signed + ", " + types.DockerManifestSchema1)

// session is an authenticated connection to a repository (OCI distribution
// specification), made when the first request needs it.
type session struct {
	repo      name.Repository
	anonymous bool
	client    *http.Client
}

func (s *Source) session(ctx context.Context, repo name.Repository) (*session, error) {
	found, _, err := s.sessions.Do(ctx, repo.Name(), func() (*session, error) {
		auth, err := authn.Resolve(ctx, s.opts.Keychain, repo)
		if err != nil {
			return nil, fmt.Errorf("looking up credentials for %s: %w", repo.RegistryStr(), err)
		}
		c := &session{repo: repo, anonymous: auth == authn.Anonymous}
		rt, err := transport.NewWithContext(ctx, repo.Registry, auth, s.transport, []string{repo.Scope(transport.PullScope)})
		if err != nil {
			return nil, c.classify(repo.Name(), err)
		}
		c.client = &http.Client{Transport: rt}
		return c, nil
	})
	return found, err
}

// manifest fetches the manifest that a tag or digest names in the repository and
// returns it with the type that the registry gives it. The bytes are not checked.
func (c *session) manifest(ctx context.Context, identifier string) ([]byte, types.MediaType, error) {
	var ref name.Reference = c.repo.Tag(identifier)
	if strings.Contains(identifier, ":") {
		ref = c.repo.Digest(identifier)
	}
	body, header, err := c.get(ctx, "manifests/"+identifier, ref.Name())
	if err != nil {
		return nil, "", err
	}
	defer body.Close()
	raw, err := c.readAll(body, ref.Name())
	contentType, _, _ := strings.Cut(header.Get("Content-Type"), ";")
	return raw, types.MediaType(contentType), err
}

// blob opens a blob. The bytes are not checked.
func (c *session) blob(ctx context.Context, digest v1.Hash) (io.ReadCloser, error) {
	body, _, err := c.get(ctx, "blobs/"+digest.String(), c.repo.Digest(digest.String()).Name())
	return body, err
}

func (c *session) get(ctx context.Context, path, what string) (io.ReadCloser, http.Header, error) {
	url := fmt.Sprintf("%s://%s/v2/%s/%s", c.repo.Scheme(), c.repo.RegistryStr(), c.repo.RepositoryStr(), path)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, nil, err
	}
	if strings.HasPrefix(path, "manifests/") {
		req.Header.Set("Accept", accepted)
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return nil, nil, c.classify(what, err)
	}
	if err := transport.CheckError(resp, http.StatusOK); err != nil {
		resp.Body.Close()
		return nil, nil, c.classify(what, err)
	}
	return resp.Body, resp.Header, nil
}

// readAll reads metadata, which is small or not what it should be.
func (c *session) readAll(r io.Reader, what string) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxMetadata+1))
	if err != nil {
		return nil, c.classify(what, err)
	}
	if len(raw) > maxMetadata {
		return nil, &publish.RegistryError{
			Registry: c.repo.RegistryStr(), Status: http.StatusOK,
			Detail: fmt.Sprintf("%s is larger than %d MiB", what, maxMetadata>>20),
		}
	}
	return raw, nil
}

// verify reports whether raw has the digest that it was asked for by.
func verify(what string, raw []byte, want v1.Hash) error {
	h, err := v1.Hasher(want.Algorithm)
	if err != nil {
		return err
	}
	h.Write(raw)
	got := v1.Hash{Algorithm: want.Algorithm, Hex: fmt.Sprintf("%x", h.Sum(nil))}
	if got != want {
		return &publish.DigestError{What: what, Want: want, Got: got}
	}
	return nil
}

// readCached reads a blob of up to limit bytes from the cache, and nothing where
// anything is wrong with it there.
func (s *Source) readCached(digest v1.Hash, limit int64) ([]byte, bool) {
	rc, err := s.opts.Cache.Open(digest)
	if err != nil {
		return nil, false
	}
	defer rc.Close()
	raw, err := io.ReadAll(io.LimitReader(rc, limit+1))
	if err != nil || verify("", raw, digest) != nil {
		return nil, false
	}
	return raw, true
}

// writeCached keeps a small blob for the next run. A cache that can't be written is
// no reason to fail here: everything needed is at hand.
func (s *Source) writeCached(ctx context.Context, digest v1.Hash, raw []byte) {
	p, err := s.opts.Cache.Stage(ctx)
	if err != nil {
		return
	}
	defer p.Discard()
	if _, err := io.Copy(p, bytes.NewReader(raw)); err == nil {
		_ = p.Commit(digest)
	}
}
