package registrytest

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"path"
	"strings"
	"sync"

	ggcr "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

type blobKey struct {
	repo   string
	digest v1.Hash
}

// blobStore keeps each repository's blobs apart, as a registry with access control
// does; ggcr's own store has one set for all.
type blobStore struct {
	mu    sync.Mutex
	blobs map[blobKey][]byte
}

func (s *blobStore) get(repo string, digest v1.Hash) ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// ggcr cuts the repository of an upload's URL one element too late.
	b, ok := s.blobs[blobKey{strings.TrimSuffix(repo, "/blobs"), digest}]
	return b, ok
}

func (s *blobStore) has(repo string, digest v1.Hash) bool {
	_, ok := s.get(repo, digest)
	return ok
}

func (s *blobStore) put(repo string, digest v1.Hash, b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.blobs[blobKey{strings.TrimSuffix(repo, "/blobs"), digest}] = b
}

func (s *blobStore) remove(repo string, digest v1.Hash) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.blobs, blobKey{repo, digest})
}

// Get implements ggcr's BlobHandler.
func (s *blobStore) Get(_ context.Context, repo string, h v1.Hash) (io.ReadCloser, error) {
	b, ok := s.get(repo, h)
	if !ok {
		return nil, ggcr.ErrNotFound
	}
	return io.NopCloser(bytes.NewReader(b)), nil
}

// Stat implements ggcr's BlobStatHandler.
func (s *blobStore) Stat(_ context.Context, repo string, h v1.Hash) (int64, error) {
	b, ok := s.get(repo, h)
	if !ok {
		return 0, ggcr.ErrNotFound
	}
	return int64(len(b)), nil
}

// Put implements ggcr's BlobPutHandler. The reader checks the digest.
func (s *blobStore) Put(_ context.Context, repo string, h v1.Hash, rc io.ReadCloser) error {
	defer rc.Close()
	b, err := io.ReadAll(rc)
	if err != nil {
		return err
	}
	s.put(repo, h, b)
	return nil
}

// startUpload mounts a blob, or opens an upload session.
func (r *Registry) startUpload(w http.ResponseWriter, req *http.Request) {
	repo, q := repository(req.URL.Path), req.URL.Query()
	if mount, from := q.Get("mount"), q.Get("from"); mount != "" && from != "" && !r.opts.MountRefused {
		h, err := v1.NewHash(mount)
		if b, ok := r.blobs.get(from, h); err == nil && ok && r.mayPull(req, from) {
			r.blobs.put(repo, h, b)
			w.Header().Set("Docker-Content-Digest", mount)
			w.Header().Set("Location", "/v2/"+repo+"/blobs/"+mount)
			w.WriteHeader(http.StatusCreated)
			return
		}
	}
	id := rand.Text()
	r.mu.Lock()
	r.sessions[id] = true
	r.mu.Unlock()
	location := "/v2/" + repo + "/blobs/uploads/" + id + "?_state=secret%2F" + rand.Text()
	if r.opts.AbsoluteLocation {
		location = r.url() + location
	}
	w.Header().Set("Location", location)
	w.Header().Set("Range", "0-0")
	w.WriteHeader(http.StatusAccepted)
}

// patchUpload takes a part of a blob. The session's state goes on in the answer.
func (r *Registry) patchUpload(w http.ResponseWriter, req *http.Request) {
	r.handler.ServeHTTP(stateful{w, req.URL.RawQuery}, req)
}

type stateful struct {
	http.ResponseWriter
	query string
}

func (w stateful) WriteHeader(status int) {
	if location := w.Header().Get("Location"); location != "" {
		w.Header().Set("Location", location+"?"+w.query)
	}
	w.ResponseWriter.WriteHeader(status)
}

// finishUpload takes a blob in one PUT. A session ends with its first PUT, however
// that goes.
func (r *Registry) finishUpload(w http.ResponseWriter, req *http.Request) {
	id := path.Base(req.URL.Path)
	r.mu.Lock()
	known := r.sessions[id]
	delete(r.sessions, id)
	r.mu.Unlock()
	if !known || !strings.HasPrefix(req.URL.Query().Get("_state"), "secret/") {
		problem(w, http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN", "upload session unknown")
		return
	}
	r.handler.ServeHTTP(w, req)
}

// putManifest refuses a manifest whose blobs are not there, in the words of the
// distribution project's registry.
func (r *Registry) putManifest(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		problem(w, http.StatusBadRequest, "MANIFEST_INVALID", err.Error())
		return
	}
	var m putting
	if err := json.Unmarshal(body, &m); err != nil {
		problem(w, http.StatusBadRequest, "MANIFEST_INVALID", err.Error())
		return
	}
	if m.Subject != nil && r.opts.NoArtifacts {
		problem(w, http.StatusBadRequest, "MANIFEST_INVALID", "unknown field: subject")
		return
	}
	repo := repository(req.URL.Path)
	for _, d := range append(m.Layers, m.Config) {
		if d.Digest != (v1.Hash{}) && len(d.URLs) == 0 && !r.blobs.has(repo, d.Digest) {
			problem(w, http.StatusBadRequest, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry")
			return
		}
	}
	req.Body = io.NopCloser(bytes.NewReader(body))
	r.handler.ServeHTTP(r.referring(w, repo, req.Header.Get("Content-Type"), body, m), req)
}
