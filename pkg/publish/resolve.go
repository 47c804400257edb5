package publish

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/imgo-build/imgo/pkg/publish/transport"
)

// Resolve looks up what a tag or digest stands for: media type, digest and size. The
// error is a [*NotFoundError] where it stands for nothing. The answer is the registry's
// word; [Registry.Manifest] reads what the digest promises.
func (r *Registry) Resolve(ctx context.Context, ref name.Reference) (v1.Descriptor, error) {
	desc, err := r.resolve(ctx, ref)
	if err != nil {
		return v1.Descriptor{}, fmt.Errorf("resolving %s: %w", ref, err)
	}
	return desc, nil
}

func (r *Registry) resolve(ctx context.Context, ref name.Reference) (desc v1.Descriptor, err error) {
	s, err := r.opened(ctx, ref.Context(), false)
	if err != nil {
		return desc, err
	}
	req, err := s.request(ctx, http.MethodHead, "manifests/"+ref.Identifier())
	if err != nil {
		return desc, err
	}
	req.Header.Set("Accept", manifestTypes)
	resp, err := s.do(req, http.StatusOK, http.StatusNotFound)
	if err != nil {
		return desc, err
	}
	finish(resp)
	if resp.StatusCode == http.StatusNotFound {
		return desc, &NotFoundError{Reference: ref.String()}
	}
	digest, err := v1.NewHash(resp.Header.Get("Docker-Content-Digest"))
	_, byDigest := ref.(name.Digest)
	if err == nil && resp.ContentLength > 0 && mediaTypeOf(resp.Header) != "" && (!byDigest || digest.String() == ref.Identifier()) {
		return v1.Descriptor{MediaType: mediaTypeOf(resp.Header), Digest: digest, Size: resp.ContentLength}, nil
	}
	m, err := r.readManifest(ctx, s, ref.Identifier()) // these headers are optional: the bytes tell too
	if err != nil {
		return desc, err
	}
	if m == nil {
		return desc, &NotFoundError{Reference: ref.String()}
	}
	return m.desc, nil
}

// Manifest reads the manifest of an image, index or artifact, and checks it against its
// digest. The error is a [*NotFoundError] where there is none.
func (r *Registry) Manifest(ctx context.Context, repo name.Repository, digest v1.Hash) ([]byte, v1.Descriptor, error) {
	ref := repo.Digest(digest.String())
	s, err := r.opened(ctx, repo, false)
	if err != nil {
		return nil, v1.Descriptor{}, fmt.Errorf("reading %s: %w", ref, err)
	}
	m, err := r.readManifest(ctx, s, digest.String())
	if err == nil && m == nil {
		err = &NotFoundError{Reference: ref.String()}
	}
	if err != nil {
		return nil, v1.Descriptor{}, fmt.Errorf("reading %s: %w", ref, err)
	}
	return m.raw, m.desc, nil
}

// opened is a session with repo that was opened for writing before, or a new one.
func (r *Registry) opened(ctx context.Context, repo name.Repository, push bool) (*session, error) {
	if s, ok := r.writing.Load(repo.Name()); ok {
		return s.(*session), nil
	}
	return r.session(ctx, repo, push, nil)
}

// stored is a manifest as a registry has it.
type stored struct {
	raw  []byte
	desc v1.Descriptor // media type, digest, size
}

// readManifest returns what a tag or digest stands for, or nil where that is nothing.
func (r *Registry) readManifest(ctx context.Context, s *session, as string) (*stored, error) {
	a, err := r.get(ctx, s, s.url("manifests/"+as), manifestTypes, manifestLimit, http.StatusOK, http.StatusNotFound)
	if err != nil || a.status == http.StatusNotFound {
		return nil, err
	}
	m := &stored{raw: a.body, desc: v1.Descriptor{MediaType: mediaTypeOf(a.header), Digest: digestOfBytes(a.body), Size: int64(len(a.body))}}
	if want, err := v1.NewHash(as); err == nil && want != m.desc.Digest {
		return nil, &DigestError{What: "manifest", Want: want, Got: m.desc.Digest, Registry: s.repo.RegistryStr()}
	}
	var says struct { // covered by the digest, unlike the header
		MediaType types.MediaType `json:"mediaType"`
	}
	if json.Unmarshal(a.body, &says) == nil && says.MediaType != "" {
		m.desc.MediaType = says.MediaType
	}
	return m, nil
}

func mediaTypeOf(h http.Header) types.MediaType {
	mediaType, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	return types.MediaType(strings.TrimSpace(mediaType))
}

// answer is what a GET brought.
type answer struct {
	status int
	header http.Header
	url    *url.URL // of the request
	body   []byte   // where the status is 200
}

// get reads something small whole. A connection that breaks in the middle of the answer
// is tried again like one that breaks before.
func (r *Registry) get(ctx context.Context, s *session, target, accept string, limit int64, want ...int) (*answer, error) {
	for failed := 1; ; failed++ {
		a, body, err := s.get(ctx, target, accept, limit, want...)
		if err == nil || !body {
			return a, err
		}
		if failed >= r.opts.Retry.Attempts || ctx.Err() != nil || !transport.Temporary(err) {
			return nil, s.classify(err)
		}
		if err := r.opts.Retry.Wait(ctx, s.repo.RegistryStr(), failed, nil); err != nil {
			return nil, err
		}
	}
}

// get is one attempt; body tells whether it is the answer's body that err is about.
func (s *session) get(ctx context.Context, target, accept string, limit int64, want ...int) (a *answer, body bool, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return nil, false, bare(err)
	}
	if accept != "" {
		req.Header.Set("Accept", accept)
	}
	resp, err := s.do(req, want...)
	if err != nil {
		return nil, false, err
	}
	defer finish(resp)
	a = &answer{status: resp.StatusCode, header: resp.Header, url: req.URL}
	if a.status != http.StatusOK {
		return a, false, nil
	}
	if a.body, err = io.ReadAll(io.LimitReader(resp.Body, limit+1)); err != nil {
		return nil, true, err
	}
	if int64(len(a.body)) > limit {
		return nil, false, s.nonsense(resp, "more than %d bytes", limit)
	}
	return a, false, nil
}
