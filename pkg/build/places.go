package build

import (
	"context"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/imgo-build/imgo/pkg/image"
	"github.com/imgo-build/imgo/pkg/publish"
)

// prepare lets places find out what they can before the artifact is there.
func (r *run) prepare(ctx context.Context, places []publish.Publisher) error {
	bases, err := r.bases()
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

// publishTo brings an artifact to all its places: everything first, then the names.
func publishTo(ctx context.Context, places []publish.Publisher, a image.Artifact) error {
	for _, p := range places {
		if err := p.Put(ctx, a); err != nil {
			return err
		}
	}
	for _, p := range places {
		if err := p.Tag(ctx, a); err != nil {
			return err
		}
	}
	return nil
}

// places are the publishers of a target.
func (r *run) places(t Target) []publish.Publisher {
	var tags []name.Tag
	for _, d := range t.Repos {
		tags = append(tags, d.Tags...)
	}
	switch r.plan.Output.Kind {
	case ToTarball:
		return []publish.Publisher{publish.Tarball(t.Path, tags, r.stages.Events)}
	case ToLayout:
		return []publish.Publisher{publish.Layout(t.Path, tags, r.stages.Events)}
	default:
		var out []publish.Publisher
		for _, d := range t.Repos {
			out = append(out, r.stages.Registry.Repository(d.Repo, d.Tags, publish.RepoOptions{}))
		}
		return out
	}
}
