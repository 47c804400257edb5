package publish

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/imgo-build/imgo/pkg/publish/transport"
)

// SubjectError says that an artifact, listed as one that refers to a subject, refers to
// something else.
type SubjectError struct {
	Referrer v1.Hash // the artifact's manifest
	Want     v1.Hash
	Got      v1.Hash // zero: it refers to nothing
}

func (e *SubjectError) Error() string {
	if e.Got == (v1.Hash{}) {
		return fmt.Sprintf("%s is listed as referring to %s, but refers to nothing", e.Referrer, e.Want)
	}
	return fmt.Sprintf("%s is listed as referring to %s, but refers to %s", e.Referrer, e.Want, e.Got)
}

// ArtifactError says that an artifact, listed as told of an image, can't be used: it is
// gone, damaged, too large, or of another form. Whoever may push can make one, so that it
// is no reason to give up on the others.
type ArtifactError struct {
	Reference string // of its manifest (REPOSITORY@sha256:…), or REPOSITORY:TAG
	Err       error
}

func (e *ArtifactError) Error() string {
	if isA[*NotFoundError](e.Err) {
		return fmt.Sprintf("the artifact %s is gone, or a part of it", e.Reference)
	}
	return fmt.Sprintf("the artifact %s can't be used: %v", e.Reference, e.Err)
}
func (e *ArtifactError) Unwrap() error { return e.Err }

// oddError is an artifact that is there whole, but not of the form that is asked for.
type oddError struct{ reason string }

func (e *oddError) Error() string { return e.reason }

func oddf(format string, args ...any) error { return &oddError{fmt.Sprintf(format, args...)} }

// unusable reports whether err is about what lies in the registry, and neither about the
// way there nor about credentials.
func unusable(err error) bool {
	if isA[*oddError](err) || isA[*NotFoundError](err) || isA[*DigestError](err) || isA[*SubjectError](err) {
		return true
	}
	re, ok := errors.AsType[*RegistryError](err)
	return ok && (re.nonsense() || re.Status >= 400 && re.Status < 500 && !transport.TemporaryStatus(re.Status))
}

func (s *session) artifactError(digest v1.Hash, err error) error {
	return readingError(s.repo.Digest(digest.String()).String(), err)
}

// readingError is err, of reading an artifact, as callers see it.
func readingError(reference string, err error) error {
	switch {
	case err == nil || isA[*TagError](err):
		return err
	case unusable(err):
		return &ArtifactError{Reference: reference, Err: err}
	}
	return fmt.Errorf("reading %s: %w", reference, err)
}

// FetchAttachment reads an artifact that [Registry.Attached] listed. It has one layer;
// digests, sizes and the subject are checked. One that isn't as it should be, is gone
// or has more than 64 MiB, is an [*ArtifactError].
func (r *Registry) FetchAttachment(ctx context.Context, repo name.Repository, ref Referrer) (Attachment, error) {
	if ref.Problem != nil {
		return Attachment{}, ref.Problem
	}
	m, layers, err := r.fetchArtifact(ctx, repo, ref, 1)
	if err != nil {
		return Attachment{}, readingError(repo.Digest(ref.Descriptor.Digest.String()).String(), err)
	}
	return Attachment{
		ArtifactType: m.kind(), MediaType: layers[0].MediaType,
		Content: layers[0].Content, Annotations: m.Annotations,
	}, nil
}

// FetchLayers is FetchAttachment for artifacts with any number of layers, as cosign
// writes signatures of its older format.
func (r *Registry) FetchLayers(ctx context.Context, repo name.Repository, ref Referrer) ([]OldLayer, error) {
	_, layers, err := r.fetchArtifact(ctx, repo, ref, 0)
	return layers, readingError(repo.Digest(ref.Descriptor.Digest.String()).String(), err)
}

// fetchArtifact reads an artifact with so many layers, or with any number where that is 0.
func (r *Registry) fetchArtifact(ctx context.Context, repo name.Repository, ref Referrer, layers int) (*artifactManifest, []OldLayer, error) {
	s, err := r.opened(ctx, repo, false)
	if err != nil {
		return nil, nil, err
	}
	stored, err := r.readAttached(ctx, s, ref.Descriptor)
	if err != nil {
		return nil, nil, err
	}
	m, err := parseArtifact(stored.raw)
	if err != nil {
		return nil, nil, err
	}
	var subject v1.Hash
	if m.Subject != nil {
		subject = m.Subject.Digest
	}
	if subject != ref.Subject || subject == (v1.Hash{}) {
		return nil, nil, &SubjectError{Referrer: ref.Descriptor.Digest, Want: ref.Subject, Got: subject}
	}
	if n := len(m.Layers); layers > 0 && n != layers {
		return nil, nil, oddf("it has %d layers, not %d", n, layers)
	} else if n > maxOldLayers {
		return nil, nil, oddf("it has %d layers; imgo reads %d at most", n, maxOldLayers)
	}
	content, err := r.readLayers(ctx, s, m.Layers)
	return m, content, err
}

// readLayers reads small layers whole.
func (r *Registry) readLayers(ctx context.Context, s *session, list []v1.Descriptor) ([]OldLayer, error) {
	left := int64(attachmentLimit)
	for _, d := range list {
		if d.Size < 0 || d.Size > left {
			return nil, oddf("it has more than %d MiB, which is too much", attachmentLimit>>20)
		}
		left -= d.Size
	}
	out := make([]OldLayer, len(list))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(r.opts.Jobs)
	for i, d := range list {
		g.Go(func() error {
			content, err := r.readBlob(ctx, s, d)
			out[i] = OldLayer{MediaType: string(d.MediaType), Content: content, Annotations: d.Annotations}
			return err
		})
	}
	return out, g.Wait()
}

func (r *Registry) readBlob(ctx context.Context, s *session, d v1.Descriptor) ([]byte, error) {
	a, err := r.get(ctx, s, s.url("blobs/"+d.Digest.String()), "", d.Size, http.StatusOK, http.StatusNotFound)
	if err != nil {
		return nil, err
	}
	if a.status == http.StatusNotFound {
		return nil, &NotFoundError{Reference: s.repo.Digest(d.Digest.String()).String()}
	}
	if int64(len(a.body)) != d.Size {
		return nil, &DigestError{What: "layer", Want: d.Digest, Size: int64(len(a.body)), Registry: s.repo.RegistryStr()}
	}
	if got := digestOfBytes(a.body); got != d.Digest {
		return nil, &DigestError{What: "layer", Want: d.Digest, Got: got, Registry: s.repo.RegistryStr()}
	}
	return a.body, nil
}

func digestOfBytes(b []byte) v1.Hash {
	h, _, _ := v1.SHA256(bytes.NewReader(b)) // memory has no errors
	return h
}
