package publish

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// ContendedError says that what was added under a tag got lost to other writers, at
// every attempt.
type ContendedError struct {
	Reference string
	Attempts  int
}

func (e *ContendedError) Error() string {
	return fmt.Sprintf("others write to %s too, and what was added there got lost %d times", e.Reference, e.Attempts)
}

// rewriter adds something to the manifest at a tag that others add to as well.
//
// Registries have no request that writes a tag only if nobody else did meanwhile. So it
// reads, writes, pauses for longer than it takes others between their reading and their
// writing, and reads again. It is done when nothing has happened in the pause. Where
// something has, it makes up for what got lost and pauses again. Thus each of several
// writers that do the same finds in the end what it wrote, as long as the pause is the
// longer one. Within a process, writers of a tag go one after the other.
type rewriter struct {
	r   *Registry
	s   *session
	tag string
	// merge makes the new manifest out of what is there (nil: nothing), or nil where
	// nothing is missing.
	merge func(now *stored) (*manifest, error)
	// write sends it, and returns the digest of what it sent.
	write func(ctx context.Context, m manifest) (v1.Hash, error)
	// hasty ends it there. Others lose nothing by that: they pause, and look again.
	hasty bool
}

const (
	rewriteRounds = 12
	rewritePause  = 300 * time.Millisecond // doubled when others turn out to write, up to
	rewriteMax    = 2 * time.Second
)

func (w *rewriter) run(ctx context.Context) error {
	reference := w.s.repo.Tag(w.tag)
	release, err := w.r.exclusive(ctx, reference.Name())
	if err != nil {
		return err
	}
	defer release()
	var seen v1.Hash // at the tag, before the last pause
	for round := 0; ; round++ {
		now, err := w.r.readManifest(ctx, w.s, w.tag)
		if err != nil {
			return err
		}
		next, err := w.merge(now)
		if err != nil {
			return fmt.Errorf("adding to %s: %w", reference, err)
		}
		switch {
		case next == nil && (round == 0 || now.desc.Digest == seen || round >= rewriteRounds):
			return nil
		case next == nil:
			seen = now.desc.Digest
		case round >= rewriteRounds:
			return &ContendedError{Reference: reference.String(), Attempts: round}
		default:
			if seen, err = w.write(ctx, *next); err != nil || w.hasty {
				return err
			}
		}
		if err := w.r.settle(ctx, round); err != nil {
			return err
		}
	}
}

// settle pauses so long that who read before has written.
func (r *Registry) settle(ctx context.Context, round int) error {
	d := min(rewritePause<<min(round, 8), rewriteMax)
	return r.opts.Retry.Sleep(ctx, d/2+time.Duration(r.opts.Retry.Jitter()*float64(d/2)))
}

// put sends a manifest, again where the registry objects to the digest of something that
// was sent as it should be: the distribution project's rewrites the files that link to a
// blob in place, so that it reads nothing there while another client uploads the same.
func (r *Registry) put(ctx context.Context, s *session, m manifest, as string) (http.Header, error) {
	for failed := 1; ; failed++ {
		header, err := s.sendManifest(ctx, m, as)
		re, ok := errors.AsType[*RegistryError](err)
		if !ok || re.Code != "DIGEST_INVALID" || failed >= r.opts.Retry.Attempts {
			return header, err
		}
		if err := r.opts.Retry.Wait(ctx, s.repo.RegistryStr(), failed, nil); err != nil {
			return nil, err
		}
	}
}

// exclusive waits until nobody else of this process rewrites a tag.
func (r *Registry) exclusive(ctx context.Context, tag string) (release func(), err error) {
	v, _ := r.rewrites.LoadOrStore(tag, make(chan struct{}, 1))
	held := v.(chan struct{})
	select {
	case held <- struct{}{}:
		return func() { <-held }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
