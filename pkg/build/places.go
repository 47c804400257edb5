package build

import (
	"context"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/imgo-build/imgo/pkg/image"
	"github.com/imgo-build/imgo/pkg/publish"
	"github.com/imgo-build/imgo/pkg/publish/engine"
)

// prepare lets places find out what they can before the artifact is there.
func (r *run) prepare(ctx context.Context, i int, places []publish.Publisher) error {
	bases, err := r.basesOf(i)
	if err != nil {
		return err
	}
	var images []v1.Image
	for _, b := range bases {
		if b.Image != nil {
			images = append(images, b.Image)
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	for _, p := range places {
		if p, ok := p.(publish.Preparer); ok {
			g.Go(func() error { return p.Prepare(ctx, images) })
		}
	}
	return g.Wait()
}

// publishTo brings an artifact to all its places: everything first, then what attest tells
// of it, then the names.
func publishTo(ctx context.Context, places []publish.Publisher, a image.Artifact, attest func() error) error {
	for _, p := range places {
		if err := p.Put(ctx, a); err != nil {
			return err
		}
	}
	if err := attest(); err != nil {
		return err
	}
	for _, p := range places {
		if err := p.Tag(ctx, a); err != nil {
			return err
		}
	}
	return nil
}

// places are the publishers of a target.
func (r *run) places(t *Target) ([]publish.Publisher, error) {
	var tags []name.Tag
	for _, d := range t.Repos {
		tags = append(tags, d.Tags...)
	}
	switch out := r.plan.Output; out.Kind {
	case ToTarball:
		return []publish.Publisher{publish.Tarball(t.Path, tags, r.stages.Events)}, nil
	case ToLayout:
		return []publish.Publisher{publish.Layout(t.Path, tags, r.stages.Events)}, nil
	case ToEngine:
		e, err := engine.New(engine.Options{
			Kind: out.Engine, Cluster: out.Cluster, Env: r.stages.Env, Tags: tags, Events: r.stages.Events,
		})
		return []publish.Publisher{e}, err
	default:
		var places []publish.Publisher
		for _, d := range t.Repos {
			places = append(places, r.stages.Registry.Repository(d.Repo, d.Tags, publish.RepoOptions{
				ByDigest: r.attests(t),
			}))
		}
		return places, nil
	}
}
