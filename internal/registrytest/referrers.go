package registrytest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// putting is what the registry looks at in a manifest that it gets.
type putting struct {
	Config       v1.Descriptor
	Layers       []v1.Descriptor
	ArtifactType string
	Subject      *v1.Descriptor
	Annotations  map[string]string
}

// referrer is an entry of a list that the referrers API returns. ggcr's own handler
// takes the media type of the config for the artifact's type and knows neither pages,
// filters nor the header OCI-Subject.
type referrer = v1.Descriptor

// referring returns the ResponseWriter that lists a manifest once it is accepted.
func (r *Registry) referring(w http.ResponseWriter, repo, mediaType string, body []byte, m putting) http.ResponseWriter {
	if m.Subject == nil || r.opts.NoReferrers {
		return w
	}
	digest, size, _ := v1.SHA256(bytes.NewReader(body)) // memory has no errors
	entry := referrer{
		MediaType: types.MediaType(mediaType), Digest: digest, Size: size,
		ArtifactType: m.ArtifactType, Annotations: m.Annotations,
	}
	if entry.ArtifactType == "" {
		entry.ArtifactType = string(m.Config.MediaType)
	}
	return &listing{ResponseWriter: w, r: r, repo: repo, subject: m.Subject.Digest.String(), entry: entry}
}

type listing struct {
	http.ResponseWriter
	r             *Registry
	repo, subject string
	entry         referrer
}

func (w *listing) WriteHeader(status int) {
	if status == http.StatusCreated {
		w.Header().Set("OCI-Subject", w.subject)
		key := w.repo + "@" + w.subject
		w.r.mu.Lock()
		if !slices.ContainsFunc(w.r.lists[key], func(d referrer) bool { return d.Digest == w.entry.Digest }) {
			w.r.lists[key] = append(w.r.lists[key], w.entry)
		}
		w.r.mu.Unlock()
	}
	w.ResponseWriter.WriteHeader(status)
}

// unlist drops a manifest that is being deleted from all lists.
func (r *Registry) unlist(digest string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for key, list := range r.lists {
		r.lists[key] = slices.DeleteFunc(list, func(d referrer) bool { return d.Digest.String() == digest })
	}
}

// listReferrers is the referrers API (OCI distribution specification 1.1, "Listing
// Referrers").
func (r *Registry) listReferrers(w http.ResponseWriter, req *http.Request) {
	if r.opts.NoReferrers {
		problem(w, http.StatusNotFound, "METHOD_UNKNOWN", "there is no such API")
		return
	}
	subject := path.Base(req.URL.Path)
	if _, err := v1.NewHash(subject); err != nil {
		problem(w, http.StatusBadRequest, "UNSUPPORTED", "the subject is no digest")
		return
	}
	r.mu.Lock()
	list := slices.Clone(r.lists[repository(req.URL.Path)+"@"+subject])
	r.mu.Unlock()
	q := req.URL.Query()
	if kind := q.Get("artifactType"); kind != "" {
		list = slices.DeleteFunc(list, func(d referrer) bool { return d.ArtifactType != kind })
		w.Header().Set("OCI-Filters-Applied", "artifactType")
	}
	from, _ := strconv.Atoi(q.Get("from"))
	list = list[min(max(from, 0), len(list)):]
	if n := r.opts.ReferrersPage; n > 0 && len(list) > n {
		list = list[:n]
		q.Set("from", strconv.Itoa(from+n))
		w.Header().Set("Link", fmt.Sprintf(`<%s>; rel="next"`, (&url.URL{Path: req.URL.Path, RawQuery: q.Encode()}).String()))
	}
	w.Header().Set("Content-Type", string(types.OCIImageIndex))
	_ = json.NewEncoder(w).Encode(v1.IndexManifest{
		SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: append([]referrer{}, list...),
	})
}
