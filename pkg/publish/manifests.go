package publish

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// manifestLimit is more than any registry takes.
const manifestLimit = 8 << 20

// manifestTypes is what imgo understands, for the Accept header.
const manifestTypes = string(types.OCIManifestSchema1 + ", " + types.OCIImageIndex + ", " +
	types.DockerManifestSchema2 + ", " + types.DockerManifestList)

// digestOf returns what a tag points to, or the zero hash if there is no such tag.
func (s *session) digestOf(ctx context.Context, tag string) (v1.Hash, error) {
	resp, err := s.getManifest(ctx, http.MethodHead, tag)
	if err != nil || resp == nil {
		return v1.Hash{}, err
	}
	resp.Body.Close()
	if header := resp.Header.Get("Docker-Content-Digest"); header != "" {
		h, err := v1.NewHash(header)
		if err != nil {
			return h, s.nonsense(resp, "the digest %q", oneLine(header))
		}
		return h, nil
	}
	// The header is optional: the bytes tell too.
	resp, err = s.getManifest(ctx, http.MethodGet, tag)
	if err != nil || resp == nil {
		return v1.Hash{}, err
	}
	defer resp.Body.Close()
	h, _, err := v1.SHA256(io.LimitReader(resp.Body, manifestLimit))
	return h, s.classify(err)
}

// getManifest returns nil where there is no manifest of that name, or none that may
// be read: some registries say "forbidden" of a repository that is yet to be made.
func (s *session) getManifest(ctx context.Context, method, tag string) (*http.Response, error) {
	req, err := s.request(ctx, method, "manifests/"+tag)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", manifestTypes)
	resp, err := s.do(req, http.StatusOK, http.StatusNotFound, http.StatusForbidden)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		finish(resp)
		return nil, nil
	}
	return resp, nil
}

// putManifest sends a manifest under a tag or digest.
func (s *session) putManifest(ctx context.Context, m manifest, as string) error {
	_, err := s.sendManifest(ctx, m, as)
	return err
}

// sendManifest is putManifest, and returns the header of the answer.
func (s *session) sendManifest(ctx context.Context, m manifest, as string) (http.Header, error) {
	req, err := s.request(ctx, http.MethodPut, "manifests/"+as)
	if err != nil {
		return nil, err
	}
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(m.raw)), nil }
	req.Body, _ = req.GetBody()
	req.ContentLength = int64(len(m.raw))
	req.Header.Set("Content-Type", string(m.desc.MediaType))
	// Some registries answer 200 or 202. So does a captive portal; see below.
	resp, err := s.do(req, http.StatusCreated, http.StatusOK, http.StatusAccepted)
	if err == nil {
		finish(resp)
		err = s.acknowledged(resp, m)
	}
	if err != nil {
		sep := ":"
		if strings.Contains(as, ":") {
			sep = "@"
		}
		return nil, fmt.Errorf("pushing manifest %s%s%s: %w", s.repo, sep, as, err)
	}
	return resp.Header, nil
}

// acknowledged checks that the registry has stored what it was sent.
func (s *session) acknowledged(resp *http.Response, m manifest) error {
	digest := resp.Header.Get("Docker-Content-Digest")
	if digest == "" {
		if resp.StatusCode == http.StatusCreated {
			return nil
		}
		return s.nonsense(resp, "%d without a digest to a manifest", resp.StatusCode)
	}
	if want := m.desc.Digest.String(); digest != want {
		return s.nonsense(resp, "it says that the manifest %s has the digest %s", want, oneLine(digest))
	}
	return nil
}
