package publish

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sync/errgroup"

	"github.com/imgo-build/imgo/internal/flight"
	"github.com/imgo-build/imgo/pkg/publish/transport"
)

// Attachment is an artifact that refers to an image or index, such as a signature or
// an SBOM (OCI image specification 1.1, "Guidelines for Artifact Usage").
type Attachment struct {
	ArtifactType string
	MediaType    string            // of its one layer
	Content      []byte            // 64 MiB at most
	Annotations  map[string]string // of the manifest; the list of referrers repeats them
	// Hasty says that it may drop out of the list at the fallback tag if somebody else
	// writes that list at the same moment: nobody waits to see whether that happened.
	Hasty bool
}

// attachmentLimit is the size of an attachment in bytes that imgo neither sends nor
// reads more of.
const attachmentLimit = 64 << 20

// AttachError says that a registry takes no artifacts that refer to an image, or not of
// this type, or no list of them at the fallback tag.
type AttachError struct {
	Registry     string
	Repository   string
	ArtifactType string
	Err          *RegistryError // the registry's answer
}

func (e *AttachError) Error() string {
	return fmt.Sprintf("%s takes no artifact of the type %s in %s: %v", e.Registry, e.ArtifactType, e.Repository, e.Err)
}
func (e *AttachError) Unwrap() error { return e.Err }

// attachments is what a Registry knows of them.
type attachments struct {
	sent     sync.Map                        // by presence: manifests that this process sent
	attached sync.Map                        // by attachedKey: those known to be there and listed
	read     flight.Group[presence, *stored] // manifests of attachments
	rewrites sync.Map                        // by tag: a chan struct{} that who rewrites it holds
}

// Attach adds attachments to a subject that the repository has, and returns the digests
// of their manifests, in order. They are there and listed when it returns nil: by the
// registry's referrers API, or where it doesn't say that it has one, in the index at the
// fallback tag (OCI distribution specification 1.1, "Pushing Manifests with Subject").
//
// What Options.Results remembers to be there costs no request, unless Options.Recheck is
// set or this process had to send the subject. Then, and where this cache never pushed
// to the repository, the subject's list is read first (2 requests in all), and what it
// holds is not sent again. Else N attachments cost 3·N requests (POST, PUT, PUT of the
// manifest), 2 for the empty config in the first attachment to the repository, and 3 in
// all for the fallback tag where it is needed (GET, PUT, GET; 2 where all are hasty).
// Connecting comes on top, where nothing was pushed there before.
//
// Nothing but pauses makes the fallback tag safe from other writers: see rewriter. What
// is there and isn't such a list is left alone ([*TagError]); a registry that takes no
// artifacts is an [*AttachError].
func (r *Registry) Attach(ctx context.Context, repo name.Repository, subject v1.Descriptor, list []Attachment) ([]v1.Hash, error) {
	target := repo.Digest(subject.Digest.String())
	all, digests, err := artifacts(subject, list)
	if err != nil {
		return nil, fmt.Errorf("attaching to %s: %w", target, err)
	}
	missing, ask := r.unattached(repo, subject.Digest, all)
	if len(missing) == 0 {
		return digests, nil
	}
	s, err := r.opened(ctx, repo, true)
	if err == nil && ask {
		missing, err = r.unlisted(ctx, s, subject.Digest, missing)
	}
	if err == nil && len(missing) > 0 {
		err = s.refusal(r.attach(ctx, s, subject.Digest, missing), missing[0].entry.ArtifactType)
	}
	if err != nil {
		return nil, fmt.Errorf("attaching to %s: %w", target, err)
	}
	for _, a := range all {
		r.rememberAttached(attachedKey(repo, subject.Digest, a.manifest.desc.Digest))
	}
	if _, ok := r.recall(repo, emptyConfig.digest); !ok {
		_ = r.opts.Results.Remember(presenceKey(repo, emptyConfig.digest), []byte(digests[0].String()))
	}
	return digests, nil
}

// artifact is an attachment as it is sent.
type artifact struct {
	manifest manifest
	content  blob
	entry    v1.Descriptor // in the list of referrers
	hasty    bool
}

// emptyConfig is the config of what has none (OCI image specification, "Guidance for an
// Empty Descriptor").
var emptyConfig = bytesBlob("config", []byte("{}"))

const emptyType types.MediaType = "application/vnd.oci.empty.v1+json"

func bytesBlob(what string, b []byte) blob {
	return blob{what: what, digest: digestOfBytes(b), size: int64(len(b)), open: memory(b).open, novel: true}
}

// artifacts makes the manifests: each attachment once, and the digests of all.
func artifacts(subject v1.Descriptor, list []Attachment) (all []artifact, digests []v1.Hash, err error) {
	about := v1.Descriptor{MediaType: subject.MediaType, Digest: subject.Digest, Size: subject.Size}
	for _, a := range list {
		if len(a.Content) > attachmentLimit {
			return nil, nil, fmt.Errorf("the %s has %d bytes; imgo takes %d at most", a.ArtifactType, len(a.Content), attachmentLimit)
		}
		out := artifact{content: bytesBlob("attachment", a.Content), hasty: a.Hasty}
		m := v1.Manifest{
			SchemaVersion: 2,
			MediaType:     types.OCIManifestSchema1,
			ArtifactType:  a.ArtifactType,
			Config:        v1.Descriptor{MediaType: emptyType, Digest: emptyConfig.digest, Size: emptyConfig.size},
			Layers:        []v1.Descriptor{{MediaType: types.MediaType(a.MediaType), Digest: out.content.digest, Size: out.content.size}},
			Subject:       &about,
			Annotations:   a.Annotations,
		}
		if out.manifest, err = rawManifestOf(m.MediaType, m); err != nil {
			return nil, nil, err
		}
		out.entry = out.manifest.desc
		out.entry.ArtifactType, out.entry.Annotations = a.ArtifactType, a.Annotations
		if !slices.Contains(digests, out.entry.Digest) {
			all = append(all, out)
		}
		digests = append(digests, out.entry.Digest)
	}
	return all, digests, nil
}

func rawManifestOf(mediaType types.MediaType, v any) (m manifest, err error) {
	if m.raw, err = json.Marshal(v); err != nil {
		return m, err
	}
	m.desc = v1.Descriptor{MediaType: mediaType, Digest: digestOfBytes(m.raw), Size: int64(len(m.raw))}
	return m, nil
}

func attachedKey(repo name.Repository, subject, manifest v1.Hash) string {
	return fmt.Sprintf("publish/attached/1 %s %s %s", repo.Name(), subject, manifest)
}

// rememberAttached notes what is there, for the next process too.
func (r *Registry) rememberAttached(key string) {
	r.attached.Store(key, true)
	if _, ok := r.opts.Results.Lookup(key); !ok {
		_ = r.opts.Results.Remember(key, []byte("attached")) // it only saves work later
	}
}

// unattached returns what is not known to be there, and whether the registry may well
// have some of that all the same.
func (r *Registry) unattached(repo name.Repository, subject v1.Hash, all []artifact) (missing []artifact, ask bool) {
	_, sent := r.sent.Load(presence{repo.Name(), subject})
	for _, a := range all {
		key := attachedKey(repo, subject, a.manifest.desc.Digest)
		_, remembered := r.opts.Results.Lookup(key)
		if _, known := r.attached.Load(key); known {
			if !remembered {
				r.rememberAttached(key)
			}
			continue
		}
		if remembered && !sent && !r.opts.Recheck {
			continue
		}
		ask = ask || remembered
		missing = append(missing, a)
	}
	return missing, ask || r.opts.Recheck || !sent && !r.familiar(repo)
}

// unlisted drops what is in the list of a subject's referrers.
func (r *Registry) unlisted(ctx context.Context, s *session, subject v1.Hash, all []artifact) ([]artifact, error) {
	there, err := r.listed(ctx, s, subject)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(a artifact) bool {
		return slices.ContainsFunc(there.entries, func(d v1.Descriptor) bool { return d.Digest == a.entry.Digest })
	}), nil
}

// attach sends artifacts and sees to it that they are listed.
func (r *Registry) attach(ctx context.Context, s *session, subject v1.Hash, list []artifact) error {
	config := emptyConfig
	if _, ok := r.recall(s.repo, config.digest); ok {
		config.source = &s.repo // taken to be there, until the registry says that it isn't
	}
	blobs := []blob{config}
	for _, a := range list {
		if !slices.ContainsFunc(blobs, func(b blob) bool { return b.digest == a.content.digest }) {
			blobs = append(blobs, a.content)
		}
	}
	var unlisted []v1.Descriptor
	err := r.withBlobs(ctx, s, blobs, func() (err error) {
		unlisted, err = r.putArtifacts(ctx, s, subject, list)
		return err
	})
	if err != nil || len(unlisted) == 0 {
		return err
	}
	hasty := !slices.ContainsFunc(list, func(a artifact) bool { return !a.hasty })
	return r.addToFallback(ctx, s, subject, unlisted, hasty)
}

// withBlobs sends blobs and then what needs them. Where the registry turns out to lack
// what it was thought to have, everything is checked and sent once more.
func (r *Registry) withBlobs(ctx context.Context, s *session, blobs []blob, send func() error) error {
	p, c := &pusher{r: r, repo: s.repo}, &content{blobs: blobs}
	assumed, err := p.blobs(ctx, s, c, false)
	if err != nil {
		return err
	}
	if err := send(); err == nil || !assumed || !lacking(err) {
		return err
	}
	r.forget(s.repo)
	if _, err := p.blobs(ctx, s, c, true); err != nil {
		return err
	}
	return send()
}

// putArtifacts sends the manifests, and returns what the registry doesn't say that it
// lists by itself. It says so with the header OCI-Subject.
func (r *Registry) putArtifacts(ctx context.Context, s *session, subject v1.Hash, list []artifact) ([]v1.Descriptor, error) {
	listed := make([]bool, len(list))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(r.opts.Jobs)
	for i, a := range list {
		g.Go(func() error {
			header, err := r.put(ctx, s, a.manifest, a.manifest.desc.Digest.String())
			listed[i] = header.Get("OCI-Subject") == subject.String()
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var unlisted []v1.Descriptor
	for i, a := range list {
		if !listed[i] {
			unlisted = append(unlisted, a.entry)
		}
	}
	return unlisted, nil
}

// refusal makes an [*AttachError] of the answer of a registry that objects to what it is
// sent as such; err may be nil, and any other is left alone.
func (s *session) refusal(err error, artifactType string) error {
	re, ok := errors.AsType[*RegistryError](err)
	if !ok || !refuses(re) {
		return err
	}
	return &AttachError{Registry: re.Registry, Repository: s.repo.RepositoryStr(), ArtifactType: artifactType, Err: re}
}

// refuses reports whether an answer is final and about the artifact: not about
// credentials, the pace, or a part that got lost on the way.
func refuses(re *RegistryError) bool {
	switch re.Code {
	case "BLOB_UNKNOWN", "BLOB_UPLOAD_INVALID", "BLOB_UPLOAD_UNKNOWN", "DENIED", "DIGEST_INVALID",
		"MANIFEST_BLOB_UNKNOWN", "SIZE_INVALID", "TOOMANYREQUESTS", "UNAUTHORIZED":
		return false
	}
	switch re.Status {
	case http.StatusTooEarly:
		return false
	case http.StatusNotImplemented:
		return true
	}
	return re.Status >= 400 && re.Status < 500 && !transport.TemporaryStatus(re.Status)
}
