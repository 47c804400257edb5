package publish

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/imgo-build/imgo/pkg/event"
)

// presence is a blob in a repository.
type presence struct {
	repo   string
	digest v1.Hash
}

// How a blob came to be in a repository, as events say it.
const (
	uploaded = ""
	mounted  = "mounted"
	exists   = "exists"  // the registry said so
	assumed  = "assumed" // nobody asked
)

// mountSources lists the repositories of the target's registry that blobs may be
// mounted from.
func (c *content) mountSources(target name.Repository) []name.Repository {
	var out []name.Repository
	for _, b := range c.blobs {
		if b.mountable(target) && !slices.Contains(out, *b.source) {
			out = append(out, *b.source)
		}
	}
	return out
}

// mountable reports whether the blob is in another repository of target's registry.
func (b *blob) mountable(target name.Repository) bool {
	return b.source != nil && b.source.RegistryStr() == target.RegistryStr() &&
		b.source.RepositoryStr() != target.RepositoryStr()
}

// mountFrom is the repository to mount the blob from, or nil.
func (b *blob) mountFrom(target name.Repository) *name.Repository {
	if b.mountable(target) {
		return b.source
	}
	return b.placed
}

// blobs brings all blobs to the registry. With check, the registry is asked about
// each. Otherwise assumed tells whether one was taken to be there on less than its word
// about this repository.
func (p *pusher) blobs(ctx context.Context, s *session, c *content, check bool) (wasAssumed bool, err error) {
	var anyAssumed atomic.Bool
	g, ctx := errgroup.WithContext(ctx)
	for _, b := range c.blobs {
		g.Go(func() error {
			how, shared, err := p.r.present.Do(ctx, presence{p.repo.Name(), b.digest}, func() (string, error) {
				return p.blob(ctx, s, b, check)
			})
			if how == assumed || how == mounted || shared {
				anyAssumed.Store(true)
			}
			if err == nil {
				p.r.brought(p.repo, b.digest)
			}
			return err
		})
	}
	err = g.Wait()
	return anyAssumed.Load(), err
}

// blob brings one blob to the registry in the cheapest way that what is known of it
// allows.
func (p *pusher) blob(ctx context.Context, s *session, b blob, check bool) (how string, err error) {
	if !check && p.has(b) {
		return assumed, nil
	}
	select {
	case p.r.slots <- struct{}{}:
		defer func() { <-p.r.slots }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	up := &upload{s: s, blob: b, retry: p.r.opts.Retry, progress: newProgress(p.r.opts.Events, event.Push, b.subject(p.repo), b.size)}
	defer func() { up.progress.end(how, err) }()
	how, err = p.bring(ctx, s, b, up, check)
	if err != nil {
		err = fmt.Errorf("pushing %s %s to %s: %w", b.what, b.digest, p.repo, err)
	}
	return how, err
}

func (p *pusher) bring(ctx context.Context, s *session, b blob, up *upload, check bool) (string, error) {
	if from := b.mountFrom(p.repo); from != nil && !check {
		done, err := up.mount(ctx, *from)
		if err != nil {
			return "", err
		}
		if done {
			return mounted, nil
		}
	}
	if check || p.mayHave(b) {
		there, err := s.hasBlob(ctx, b.digest)
		if err != nil {
			return "", err
		}
		if there {
			return exists, nil
		}
	}
	return uploaded, up.run(ctx)
}

// has reports whether the blob can be taken to be in the repository without asking:
// it was pulled from there, or was pushed there as a part of a manifest that the
// registry has just confirmed to have.
func (p *pusher) has(b blob) bool {
	if b.source != nil && b.source.Name() == p.repo.Name() {
		return true
	}
	m, ok := p.r.recall(p.repo, b.digest)
	p.mu.Lock()
	defer p.mu.Unlock()
	return ok && p.known[m]
}

// worthAsking is the size in bytes from which on a question is cheaper than sending
// a blob that the registry may have.
const worthAsking = 64 << 10

// mayHave reports whether the registry may have a blob, so that it is asked before
// the bytes are fetched and sent: a base's layer; a blob that this cache saw go there,
// though perhaps into another life of the registry; and whatever is large, where this
// cache knows nothing of the repository, as on a CI machine that begins with an empty
// one: another machine may have pushed the same. All else is new.
func (p *pusher) mayHave(b blob) bool {
	if b.source != nil || b.asked {
		return true
	}
	if _, remembered := p.r.recall(p.repo, b.digest); remembered {
		return true
	}
	return !b.novel && !p.r.familiar(p.repo) && b.size >= worthAsking
}

// recall returns the manifest with which a blob was last known to be in a
// repository.
func (r *Registry) recall(repo name.Repository, blob v1.Hash) (v1.Hash, bool) {
	value, ok := r.opts.Results.Lookup(presenceKey(repo, blob))
	if !ok {
		return v1.Hash{}, false
	}
	h, err := v1.NewHash(string(value))
	return h, err == nil
}

// remember notes that the repository has the artifact. It only saves work later, so
// that a failure to do so is none of the push.
func (r *Registry) remember(repo name.Repository, c *content) {
	if !r.familiar(repo) {
		_ = r.opts.Results.Remember(familiarKey(repo), []byte("pushed"))
	}
	for _, b := range c.blobs {
		if m, ok := r.recall(repo, b.digest); !ok || m != c.top.desc.Digest {
			_ = r.opts.Results.Remember(presenceKey(repo, b.digest), []byte(c.top.desc.Digest.String()))
			if key := placeKey(place{repo.RegistryStr(), b.digest}); !ok {
				_ = r.opts.Results.Remember(key, []byte(repo.Name()))
			}
		}
	}
}

// forget drops what this process thinks to know of the repository. What is
// remembered across processes is asked about from then on, and overwritten.
func (r *Registry) forget(repo name.Repository) {
	r.present.Forget(func(k presence) bool { return k.repo == repo.Name() })
}

// familiar reports whether this cache has ever pushed to a repository.
func (r *Registry) familiar(repo name.Repository) bool {
	_, ok := r.opts.Results.Lookup(familiarKey(repo))
	return ok
}

func familiarKey(repo name.Repository) string { return "publish/familiar/1 " + repo.Name() }

func presenceKey(repo name.Repository, blob v1.Hash) string {
	return fmt.Sprintf("publish/presence/1 %s %s", repo.Name(), blob)
}

// forgetful is a memory that keeps nothing.
type forgetful struct{}

func (forgetful) Lookup(string) ([]byte, bool)  { return nil, false }
func (forgetful) Remember(string, []byte) error { return nil }

// hasBlob asks whether the repository has a blob.
func (s *session) hasBlob(ctx context.Context, digest v1.Hash) (bool, error) {
	req, err := s.request(ctx, http.MethodHead, "blobs/"+digest.String())
	if err != nil {
		return false, err
	}
	resp, err := s.do(req, http.StatusOK, http.StatusNotFound)
	if err != nil {
		return false, err
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK, nil
}
