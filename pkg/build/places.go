package build

import (
	"context"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/imgo-build/imgo/pkg/image"
	"github.com/imgo-build/imgo/pkg/publish"
)

// publish brings an artifact to all places of its target: everything first, then
// the names.
func (r *run) publish(ctx context.Context, t Target, a image.Artifact) error {
	places := r.places(t)
	defer func() {
		for _, p := range places {
			_ = p.Close()
		}
	}()
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
