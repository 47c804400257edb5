package publish

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"sync"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/imgo-build/imgo/pkg/publish/transport"
)

// upload sends one blob: POST opens a session, one PUT carries the bytes and ends
// it (OCI distribution specification, "Pushing blobs", "POST then PUT").
type upload struct {
	s        *session
	blob     blob
	retry    transport.RetryOptions
	progress *progress
	location *url.URL // an open session, or nil
}

// mount asks the registry to take the blob over from another repository. Where the registry
// declines, the session that it may offer instead is kept for run.
func (u *upload) mount(ctx context.Context, from name.Repository) (bool, error) {
	query := "?mount=" + url.QueryEscape(u.blob.digest.String()) + "&from=" + url.QueryEscape(from.RepositoryStr())
	resp, err := u.post(ctx, query, http.StatusCreated, http.StatusAccepted)
	if err != nil {
		if declined(err) {
			return false, nil
		}
		return false, err
	}
	if resp.StatusCode == http.StatusCreated {
		return true, nil
	}
	u.location, err = u.s.sessionURL(resp)
	return false, err
}

// declined reports whether a registry refused to mount in a way that says nothing
// about an ordinary upload: it doesn't know how, or the source is not ours to read.
func declined(err error) bool {
	if re, ok := errors.AsType[*RegistryError](err); ok {
		return slices.Contains([]int{http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented}, re.Status)
	}
	return isA[*AuthError](err)
}

func (u *upload) post(ctx context.Context, query string, want ...int) (*http.Response, error) {
	req, err := u.s.request(ctx, http.MethodPost, "blobs/uploads/"+query)
	if err != nil {
		return nil, err
	}
	resp, err := u.s.do(req, want...)
	if err != nil {
		return nil, err
	}
	finish(resp)
	return resp, nil
}

// run uploads the blob. A session doesn't outlive a PUT that broke, so the PUT is
// not simply sent again: each attempt begins with a session of its own.
func (u *upload) run(ctx context.Context) error {
	for failed := 1; ; failed++ {
		resp, err := u.attempt(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil { // why it was cancelled, not what broke by that
			return ctx.Err()
		}
		if failed >= u.retry.Attempts || !u.another(resp, err) {
			if src, ok := errors.AsType[*sourceError](err); ok {
				return fmt.Errorf("reading its bytes: %w", bare(src.err))
			}
			return u.s.classify(err)
		}
		if err := u.retry.Wait(ctx, u.s.repo.RegistryStr(), failed, resp); err != nil {
			return err
		}
	}
}

// another reports whether a new session may succeed where the last one failed.
func (u *upload) another(resp *http.Response, err error) bool {
	if resp != nil {
		lost := resp.StatusCode == http.StatusNotFound // the session is
		return lost || transport.TemporaryStatus(resp.StatusCode)
	}
	return !ours(err) && transport.Temporary(err)
}

// attempt returns the answer to the PUT if there was one.
func (u *upload) attempt(ctx context.Context) (*http.Response, error) {
	location := u.location
	u.location = nil
	if location == nil {
		resp, err := u.post(ctx, "", http.StatusAccepted)
		if err != nil {
			return nil, err
		}
		if location, err = u.s.sessionURL(resp); err != nil {
			return nil, err
		}
	}
	query := "digest=" + url.QueryEscape(u.blob.digest.String())
	if location.RawQuery != "" { // the registry's state, opaque: not to be re-encoded
		query = location.RawQuery + "&" + query
	}
	location.RawQuery = query
	return u.put(ctx, location)
}

func (u *upload) put(ctx context.Context, to *url.URL) (*http.Response, error) {
	body := &source{blob: u.blob, progress: u.progress}
	req, err := http.NewRequestWithContext(transport.WithoutRetry(ctx), http.MethodPut, to.String(), body.open())
	if err != nil {
		return nil, bare(err)
	}
	req.GetBody = func() (io.ReadCloser, error) { return body.open(), nil }
	req.ContentLength = u.blob.size
	if u.blob.size == 0 {
		req.Body = http.NoBody // a length of 0 would mean that it is unknown
		req.GetBody = nil
	}
	req.Header.Set("Content-Type", "application/octet-stream")
	resp, err := u.s.client.Do(req)
	if err != nil {
		if cause := body.failure(); cause != nil { // ours, not the network's
			return nil, &sourceError{cause}
		}
		return nil, err
	}
	defer finish(resp)
	if resp.StatusCode == http.StatusCreated {
		return resp, nil
	}
	_, err = u.s.check(resp, http.StatusCreated)
	return resp, err
}

// sessionURL is where an upload goes on (the Location of the answer, absolute or
// relative).
func (s *session) sessionURL(resp *http.Response) (*url.URL, error) {
	location, err := resp.Location()
	if err != nil {
		return nil, s.nonsense(resp, "an upload session without a valid Location")
	}
	return location, nil
}

// sourceError is what went wrong with where a blob comes from, rather than goes to.
type sourceError struct{ err error }

func (e *sourceError) Error() string { return e.err.Error() }
func (e *sourceError) Unwrap() error { return e.err }

// source hands out the bytes of a blob, as often as they are asked for, and
// remembers if they could not be read.
type source struct {
	blob     blob
	progress *progress

	mu  sync.Mutex
	err error
}

func (src *source) open() io.ReadCloser { return &sourceReader{src: src} }

func (src *source) fail(err error) {
	src.mu.Lock()
	defer src.mu.Unlock()
	src.err = err
}

func (src *source) failure() error {
	src.mu.Lock()
	defer src.mu.Unlock()
	return src.err
}

// sourceReader opens the blob with the first Read: a body that is not sent costs
// nothing.
type sourceReader struct {
	src *source
	rc  io.ReadCloser
	n   int64
}

func (r *sourceReader) Read(p []byte) (int, error) {
	if r.rc == nil {
		rc, err := r.src.blob.open()
		if err != nil {
			r.src.fail(err)
			return 0, err
		}
		r.rc = rc
	}
	n, err := r.rc.Read(p)
	r.n += int64(n)
	r.src.progress.at(r.n)
	if err != nil && err != io.EOF {
		r.src.fail(err)
	}
	return n, err
}

func (r *sourceReader) Close() error {
	if r.rc == nil {
		return nil
	}
	return r.rc.Close()
}
