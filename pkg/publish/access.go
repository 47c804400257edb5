package publish

import (
	"context"
	"fmt"
	"net/http"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/imgo-build/imgo/pkg/publish/transport"
)

// Access is how a repository lets itself be written to.
type Access struct {
	Plain     bool // without TLS
	Anonymous bool // without credentials
}

// CheckAccess finds out whether imgo may push to a repository, which nothing but a
// write can show: it opens an upload and cancels it (OCI distribution specification,
// "Pushing blobs"; what a registry keeps of it after that is nothing that it shows).
// The error is what the push would fail with, at the first attempt.
func (r *Registry) CheckAccess(ctx context.Context, repo name.Repository) (Access, error) {
	ctx = transport.WithoutRetry(ctx)
	s, err := r.session(ctx, repo, true, nil)
	if err != nil {
		return Access{}, err
	}
	access := Access{Anonymous: s.anonymous}
	u := upload{s: s}
	resp, err := u.post(ctx, "", http.StatusAccepted)
	if err != nil {
		return access, err
	}
	access.Plain = resp.TLS == nil
	location, err := s.sessionURL(resp)
	if err != nil {
		return access, err
	}
	// What a registry says it has elsewhere is left alone: a request that deletes goes to
	// no host but its own. The answer doesn't matter: some registries have no way to
	// cancel, and all of them forget uploads that nobody goes on with.
	if at := resp.Request.URL; location.Host != at.Host || location.Scheme != at.Scheme {
		return access, nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodDelete, location.String(), nil)
	if err != nil {
		return access, fmt.Errorf("cancelling an upload to %s: %w", repo, bare(err))
	}
	if resp, err := s.client.Do(req); err == nil {
		resp.Body.Close()
	}
	return access, nil
}
