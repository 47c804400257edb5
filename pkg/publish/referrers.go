package publish

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sync/errgroup"
)

// Referrer is what a registry lists of an artifact that refers to an image or index.
type Referrer struct {
	Subject      v1.Hash       // what it was listed for
	Descriptor   v1.Descriptor // of its manifest
	ArtifactType string
	Annotations  map[string]string // of its manifest
	// Problem is why it can't be used: an [*ArtifactError], or a [*TagError] for what was
	// found in the place of a list. Then only Subject and Descriptor mean anything.
	Problem error
}

// Attached lists what refers to a subject, of the given artifact types or of all. Both
// the referrers API and the fallback tag are asked, at once: registries that have got
// the API since don't always know what was attached before. What neither says of an
// artifact is read from its manifest.
//
// It filters by itself: registries were seen to filter by the media type of the config,
// as the specification had it before it was final. An entry whose manifest is gone is
// left out; another that can't be used, as anybody who may push can make one, has a
// Problem.
func (r *Registry) Attached(ctx context.Context, repo name.Repository, subject v1.Hash, artifactTypes ...string) ([]Referrer, error) {
	refs, err := r.attachedTo(ctx, repo, subject, artifactTypes)
	if err != nil {
		return nil, fmt.Errorf("listing what refers to %s: %w", repo.Digest(subject.String()), err)
	}
	return refs, nil
}

func (r *Registry) attachedTo(ctx context.Context, repo name.Repository, subject v1.Hash, wanted []string) ([]Referrer, error) {
	s, err := r.opened(ctx, repo, false)
	if err != nil {
		return nil, err
	}
	there, err := r.listed(ctx, s, subject)
	if err != nil {
		return nil, err
	}
	refs := make([]*Referrer, len(there.entries))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(r.opts.Jobs)
	for i, d := range there.entries {
		g.Go(func() (err error) {
			refs[i], err = r.referrer(gctx, s, subject, d, wanted)
			if unusable(err) {
				refs[i], err = &Referrer{Subject: subject, Descriptor: d, Problem: s.artifactError(d.Digest, err)}, nil
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var out []Referrer
	for _, ref := range refs {
		if ref == nil {
			continue
		}
		if ref.Problem == nil {
			r.attached.Store(attachedKey(repo, subject, ref.Descriptor.Digest), true)
		}
		out = append(out, *ref)
	}
	if there.broken != nil {
		out = append(out, Referrer{Subject: subject, Problem: there.broken})
	}
	return out, nil
}

// referrer completes an entry. It is nil for one that is of no type that is wanted.
func (r *Registry) referrer(ctx context.Context, s *session, subject v1.Hash, d v1.Descriptor, wanted []string) (*Referrer, error) {
	unwanted := func(artifactType string) bool { return len(wanted) > 0 && !slices.Contains(wanted, artifactType) }
	ref := &Referrer{Subject: subject, Descriptor: d, ArtifactType: d.ArtifactType, Annotations: d.Annotations}
	if vague := vagueType(d.ArtifactType); !vague && unwanted(d.ArtifactType) {
		return nil, nil
	} else if !vague && d.Annotations != nil {
		return ref, nil
	}
	m, err := r.readAttached(ctx, s, d)
	if isA[*NotFoundError](err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	a, err := parseArtifact(m.raw)
	if err != nil {
		return nil, err
	}
	ref.ArtifactType, ref.Annotations = a.kind(), a.Annotations
	if a.Subject == nil || a.Subject.Digest != subject || unwanted(ref.ArtifactType) {
		return nil, nil
	}
	return ref, nil
}

// vagueType reports whether an artifact type is that of a config that says nothing, as
// older registries and clients have it in the list.
func vagueType(artifactType string) bool {
	switch types.MediaType(artifactType) {
	case "", emptyType, types.OCIConfigJSON, types.DockerConfigJSON:
		return true
	}
	return false
}

// kind is the artifact's type (OCI distribution specification 1.1, "Listing Referrers").
func (a *artifactManifest) kind() string {
	if a.ArtifactType == "" {
		return string(a.Config.MediaType)
	}
	return a.ArtifactType
}

// artifactManifest is what the manifests of images, and of indexes too, say of themselves.
type artifactManifest struct {
	ArtifactType string            `json:"artifactType"`
	Config       v1.Descriptor     `json:"config"`
	Layers       []v1.Descriptor   `json:"layers"`
	Subject      *v1.Descriptor    `json:"subject"`
	Annotations  map[string]string `json:"annotations"`
}

func parseArtifact(raw []byte) (*artifactManifest, error) {
	var a artifactManifest
	if err := json.Unmarshal(raw, &a); err != nil {
		return nil, oddf("its manifest can't be read: %s", oneLine(err.Error()))
	}
	return &a, nil
}

// readAttached reads a manifest that was listed, once in this process.
func (r *Registry) readAttached(ctx context.Context, s *session, d v1.Descriptor) (*stored, error) {
	m, _, err := r.read.Do(ctx, presence{s.repo.Name(), d.Digest}, func() (*stored, error) {
		m, err := r.readManifest(ctx, s, d.Digest.String())
		if err == nil && m == nil {
			err = &NotFoundError{Reference: s.repo.Digest(d.Digest.String()).String()}
		}
		return m, err
	})
	if err == nil && d.Size != m.desc.Size {
		err = &DigestError{What: "manifest", Want: d.Digest, Size: m.desc.Size, Registry: s.repo.RegistryStr()}
	}
	return m, err
}

// listing is what a registry lists of what refers to a subject.
type listing struct {
	entries []v1.Descriptor
	broken  *TagError // what is at the fallback tag is no list
}

// listed returns the entries of both lists, each once.
func (r *Registry) listed(ctx context.Context, s *session, subject v1.Hash) (listing, error) {
	var api, tag []v1.Descriptor
	var hasAPI bool
	var out listing
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		api, hasAPI, err = r.listedByAPI(ctx, s, subject)
		return err
	})
	g.Go(func() (err error) {
		if tag, err = r.listedByTag(ctx, s, subject); errors.As(err, &out.broken) {
			err = nil
		}
		return err
	})
	if err := g.Wait(); err != nil {
		return listing{}, err
	}
	if out.broken != nil {
		out.broken.Needed = !hasAPI
	}
	out.entries = api
	for _, d := range tag {
		i := slices.IndexFunc(out.entries, func(have v1.Descriptor) bool { return have.Digest == d.Digest })
		switch {
		case i < 0:
			out.entries = append(out.entries, d)
		case vagueType(out.entries[i].ArtifactType) || out.entries[i].Annotations == nil:
			out.entries[i] = d
		}
	}
	return out, nil
}

// listedByTag reads the fallback tag: nothing where there is none, and a [*TagError]
// where it holds something else.
func (r *Registry) listedByTag(ctx context.Context, s *session, subject v1.Hash) ([]v1.Descriptor, error) {
	m, err := r.readManifest(ctx, s, fallbackTag(subject))
	if re, ok := errors.AsType[*RegistryError](err); ok && re.nonsense() {
		return nil, s.notList(subject, errors.New(re.Detail))
	}
	if err != nil || m == nil {
		return nil, err
	}
	l, err := parseReferrers(m.raw)
	if err != nil {
		return nil, s.notList(subject, err)
	}
	return l.descriptors(), nil
}

const (
	maxReferrerPages = 100
	maxReferrerBytes = 32 << 20
)

// listedByAPI asks the referrers API, if there is one.
func (r *Registry) listedByAPI(ctx context.Context, s *session, subject v1.Hash) (all []v1.Descriptor, there bool, err error) {
	read := 0
	next := s.url("referrers/" + subject.String())
	for page := 0; next != ""; page++ {
		want := []int{http.StatusOK}
		if page == 0 {
			want = append(want, http.StatusNotFound, http.StatusBadRequest, http.StatusMethodNotAllowed, http.StatusNotAcceptable, http.StatusNotImplemented)
		}
		a, err := r.get(ctx, s, next, string(types.OCIImageIndex), manifestLimit, want...)
		if err != nil {
			return nil, false, err
		}
		if page == 0 && (a.status != http.StatusOK || !mediaTypeOf(a.header).IsIndex()) {
			return nil, false, nil // not even a 200 means an API: some answer a page for people
		}
		l, err := s.parseReferrers(a.body)
		if err != nil {
			return nil, false, err
		}
		all = append(all, l.descriptors()...)
		if read += len(a.body); page >= maxReferrerPages || len(all) > maxReferrers || read > maxReferrerBytes {
			return nil, false, &RegistryError{Registry: s.repo.RegistryStr(), Status: http.StatusOK, Detail: "a list of referrers that does not end"}
		}
		if next, err = s.nextPage(a); err != nil {
			return nil, false, err
		}
	}
	return all, true, nil
}

// nextPage returns where a list goes on (the Link of the answer, RFC 8288), or "". Only
// the path counts: behind a proxy registries don't always know their own scheme.
func (s *session) nextPage(a *answer) (string, error) {
	target := nextLink(a.header.Values("Link"))
	if target == "" {
		return "", nil
	}
	to, err := a.url.Parse(target)
	if err != nil || to.Host != a.url.Host || !strings.HasPrefix(to.Path, "/v2/") {
		return "", &RegistryError{Registry: s.repo.RegistryStr(), Status: http.StatusOK, Detail: "a list of referrers that goes on elsewhere"}
	}
	return (&url.URL{Scheme: a.url.Scheme, Host: a.url.Host, Path: to.Path, RawPath: to.RawPath, RawQuery: to.RawQuery}).String(), nil
}

// nextLink finds the target of the relation "next".
func nextLink(headers []string) string {
	for _, header := range headers {
		for header != "" {
			_, rest, ok := strings.Cut(header, "<")
			target, rest, closed := strings.Cut(rest, ">")
			if !ok || !closed {
				break
			}
			params, more, _ := strings.Cut(rest, ",")
			for param := range strings.SplitSeq(params, ";") {
				key, value, _ := strings.Cut(strings.TrimSpace(param), "=")
				if strings.EqualFold(key, "rel") && slices.Contains(strings.Fields(strings.Trim(value, `"`)), "next") {
					return target
				}
			}
			header = more
		}
	}
	return ""
}
