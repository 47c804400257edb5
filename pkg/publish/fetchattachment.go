package publish

import (
	"bytes"
	"context"
	"fmt"
	"net/http"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"
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

// FetchAttachment reads an artifact that [Registry.Attached] listed. It has one layer;
// digests, sizes and the subject are checked. An artifact of more than 64 MiB is an
// error, and so is one whose manifest is gone ([*NotFoundError]).
func (r *Registry) FetchAttachment(ctx context.Context, repo name.Repository, ref Referrer) (Attachment, error) {
	m, layers, err := r.fetchArtifact(ctx, repo, ref)
	if err == nil && len(layers) != 1 {
		err = fmt.Errorf("it has %d layers, not 1", len(layers))
	}
	if err != nil {
		return Attachment{}, fmt.Errorf("reading %s: %w", repo.Digest(ref.Descriptor.Digest.String()), err)
	}
	return Attachment{
		ArtifactType: m.kind(), MediaType: layers[0].MediaType,
		Content: layers[0].Content, Annotations: m.Annotations,
	}, nil
}

// FetchLayers is FetchAttachment for artifacts with any number of layers, as cosign
// writes signatures of its older format.
func (r *Registry) FetchLayers(ctx context.Context, repo name.Repository, ref Referrer) ([]OldLayer, error) {
	_, layers, err := r.fetchArtifact(ctx, repo, ref)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", repo.Digest(ref.Descriptor.Digest.String()), err)
	}
	return layers, nil
}

func (r *Registry) fetchArtifact(ctx context.Context, repo name.Repository, ref Referrer) (*artifactManifest, []OldLayer, error) {
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
		return nil, nil, fmt.Errorf("its manifest can't be read: %w", err)
	}
	var subject v1.Hash
	if m.Subject != nil {
		subject = m.Subject.Digest
	}
	if subject != ref.Subject || subject == (v1.Hash{}) {
		return nil, nil, &SubjectError{Referrer: ref.Descriptor.Digest, Want: ref.Subject, Got: subject}
	}
	if len(m.Layers) > maxOldLayers {
		return nil, nil, fmt.Errorf("there are %d layers; imgo reads %d at most", len(m.Layers), maxOldLayers)
	}
	layers, err := r.readLayers(ctx, s, m.Layers)
	return m, layers, err
}

// readLayers reads small layers whole.
func (r *Registry) readLayers(ctx context.Context, s *session, list []v1.Descriptor) ([]OldLayer, error) {
	left := int64(attachmentLimit)
	for _, d := range list {
		if d.Size < 0 || d.Size > left {
			return nil, fmt.Errorf("it has more than %d MiB, which is too much", attachmentLimit>>20)
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
		return nil, &DigestError{What: "layer", Want: d.Digest, Size: int64(len(a.body))}
	}
	if got := digestOfBytes(a.body); got != d.Digest {
		return nil, &DigestError{What: "layer", Want: d.Digest, Got: got}
	}
	return a.body, nil
}

func digestOfBytes(b []byte) v1.Hash {
	h, _, _ := v1.SHA256(bytes.NewReader(b)) // memory has no errors
	return h
}
