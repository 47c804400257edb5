package publish

import (
	"context"
	"slices"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/pkg/publish/transport"
)

// place is a blob somewhere in a registry.
type place struct {
	registry string
	digest   v1.Hash
}

func placeKey(p place) string { return "publish/place/1 " + p.registry + " " + p.digest.String() }

// mounting looks for blobs that this cache, or this process, brought to other
// repositories of the same registry, and notes on them where that was. It returns the
// session to transfer with, which may read there.
//
// A mount that is refused costs nothing: the answer is an upload session. The right to
// read may cost a token, so it is asked for only if the blobs are worth it, and where
// it isn't given everything goes as it would without.
func (p *pusher) mounting(ctx context.Context, s *session, c *content) *session {
	blobs := slices.Clone(c.blobs)
	sources := c.mountSources(p.repo)
	worth := false
	for i := range blobs {
		b := &blobs[i]
		if _, remembered := p.r.recall(p.repo, b.digest); remembered || b.mountable(p.repo) || p.has(*b) {
			continue
		}
		repo, ok := p.r.elsewhere(p.repo, b.digest)
		if !ok {
			continue
		}
		b.placed = &repo
		worth = worth || b.size >= worthAsking
		if !slices.Contains(sources, repo) {
			sources = append(sources, repo)
		}
	}
	if !worth {
		return s
	}
	reading, err := p.r.session(transport.WithoutRetry(ctx), p.repo, true, sources)
	if err != nil {
		return s
	}
	c.blobs = blobs
	return reading
}

// elsewhere returns another repository of target's registry that a blob was brought to.
func (r *Registry) elsewhere(target name.Repository, blob v1.Hash) (name.Repository, bool) {
	at := place{target.RegistryStr(), blob}
	if repo, ok := r.places.Load(at); ok {
		repo := repo.(name.Repository)
		return repo, repo.RepositoryStr() != target.RepositoryStr()
	}
	value, ok := r.opts.Results.Lookup(placeKey(at))
	if !ok {
		return name.Repository{}, false
	}
	repo, err := name.NewRepository(string(value))
	return repo, err == nil && repo.RegistryStr() == target.RegistryStr() && repo.RepositoryStr() != target.RepositoryStr()
}

// brought notes that a repository has a blob, for the rest of this process.
func (r *Registry) brought(repo name.Repository, blob v1.Hash) {
	r.places.LoadOrStore(place{repo.RegistryStr(), blob}, repo)
}
