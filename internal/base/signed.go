package base

import (
	"context"
	"fmt"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Repositories returns the repositories that may hold what refers to a base, such as its
// signatures, in the order in which they are to be asked: the mirror if there is one, and
// then the base's own. There are none for what is in no registry. Nothing is asked. The
// error is a [*ReferenceError].
func (s *Source) Repositories(ref string) ([]name.Repository, error) {
	parsed, err := s.parse(ref)
	if err != nil || parsed.remote == nil {
		return nil, err
	}
	return s.places(parsed)
}

// AskNext reports whether an error of a mirror's is no reason not to ask the repository
// that it mirrors: it lacks something, or doesn't answer.
func AskNext(err error) bool { return isAbsent(err) || isUnreachable(err) }

// Images lists the images that are offered under a digest in the repository of a base:
// those of an index that are for a platform, or the image itself.
func (s *Source) Images(ctx context.Context, ref string, digest v1.Hash) ([]v1.Hash, error) {
	out, err := s.images(ctx, ref, digest)
	if err != nil {
		return nil, fmt.Errorf("reading base %s@%s: %w", ref, digest, err)
	}
	return out, nil
}

func (s *Source) images(ctx context.Context, ref string, digest v1.Hash) ([]v1.Hash, error) {
	parsed, err := s.parse(ref)
	if err != nil {
		return nil, err
	}
	if parsed.remote == nil {
		return nil, &ReferenceError{Ref: ref, Reason: "it is in no registry"}
	}
	r, err := s.resolve(ctx, &reference{text: ref, remote: &remoteReference{
		pull: parsed.remote.pull.Context().Digest(digest.String()), name: parsed.remote.name,
	}})
	if err != nil {
		return nil, err
	}
	candidates, err := r.candidates(ctx)
	if err != nil {
		return nil, err
	}
	var out []v1.Hash
	for _, c := range candidates {
		out = append(out, c.digest)
	}
	return out, nil
}
