package publish

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/internal/rootfs"
	"github.com/imgo-build/imgo/pkg/publish/transport"
)

// BlobSize asks how many bytes a blob has; the answer is -1 where the registry has it
// and doesn't say. The error is a [*NotFoundError] where it isn't there.
func (r *Registry) BlobSize(ctx context.Context, repo name.Repository, digest v1.Hash) (int64, error) {
	size, err := r.blobSize(ctx, repo, digest)
	if err != nil {
		return 0, fmt.Errorf("asking for %s: %w", repo.Digest(digest.String()), err)
	}
	return size, nil
}

func (r *Registry) blobSize(ctx context.Context, repo name.Repository, digest v1.Hash) (int64, error) {
	s, err := r.opened(ctx, repo, false)
	if err != nil {
		return 0, err
	}
	req, err := s.request(ctx, http.MethodHead, "blobs/"+digest.String())
	if err != nil {
		return 0, err
	}
	resp, err := s.do(req, http.StatusOK, http.StatusNotFound)
	if err != nil {
		return 0, err
	}
	finish(resp)
	if resp.StatusCode == http.StatusNotFound {
		return 0, &NotFoundError{Reference: repo.Digest(digest.String()).String()}
	}
	return resp.ContentLength, nil
}

// ReadBlob has read called with the bytes of a blob, and with all of them from the start
// again where the connection broke. What read returns is returned. The bytes are what
// the registry sends: nothing is checked. The error is a [*NotFoundError] where there is
// no such blob.
func (r *Registry) ReadBlob(ctx context.Context, repo name.Repository, digest v1.Hash, read func(io.Reader) error) error {
	reading := func(err error) error { return fmt.Errorf("reading %s: %w", repo.Digest(digest.String()), err) }
	s, err := r.opened(ctx, repo, false)
	if err != nil {
		return reading(err)
	}
	for failed := 1; ; failed++ {
		body, err := s.openBlob(ctx, digest)
		if err != nil {
			return reading(err)
		}
		guarded := &rootfs.Guarded{Ctx: ctx, R: body}
		err = read(guarded)
		body.Close()
		switch broke := guarded.Err; {
		case broke == nil:
			return err
		case failed >= r.opts.Retry.Attempts || ctx.Err() != nil || !transport.Temporary(broke):
			return reading(s.classify(broke))
		}
		if err := r.opts.Retry.Wait(ctx, s.repo.RegistryStr(), failed, nil); err != nil {
			return reading(err)
		}
	}
}

func (s *session) openBlob(ctx context.Context, digest v1.Hash) (io.ReadCloser, error) {
	req, err := s.request(ctx, http.MethodGet, "blobs/"+digest.String())
	if err != nil {
		return nil, err
	}
	resp, err := s.do(req, http.StatusOK, http.StatusNotFound)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusNotFound {
		finish(resp)
		return nil, &NotFoundError{Reference: s.repo.Digest(digest.String()).String()}
	}
	return resp.Body, nil
}
