package build

import (
	"context"
	"fmt"
	"io"
	"path"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/imgo-build/imgo/pkg/event"
	"github.com/imgo-build/imgo/pkg/image"
	"github.com/imgo-build/imgo/pkg/layer"
)

// appDir is where binaries lie in an image.
const appDir = "/app"

// build makes the images of a target for all platforms and, where there are
// several, the index over them.
func (r *run) build(ctx context.Context, i int, t Target, res *Result) (image.Artifact, error) {
	bases, err := r.bases()
	if err != nil {
		return nil, err
	}
	mediaTypes := r.mediaTypes(bases)
	images := make([]v1.Image, len(r.platforms))
	res.Images = make([]ImageResult, len(r.platforms))
	g, ctx := errgroup.WithContext(ctx)
	for n, p := range r.platforms {
		g.Go(func() error {
			bins, err := p.binaries.wait()
			if err != nil {
				return err
			}
			if err := bins[i].Err; err != nil {
				return err
			}
			if images[n], err = r.image(ctx, t, p.platform, bins[i], bases[n], mediaTypes); err != nil {
				return err
			}
			res.Images[n], err = describeImage(images[n], p.platform, bases[n])
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	if len(images) == 1 {
		return images[0], nil
	}
	// Name and index are the same for all platforms' bases.
	return image.Index(images, r.plan.indexAnnotations(t, bases[0]), mediaTypes)
}

// bases waits for the base of every platform.
func (r *run) bases() ([]Base, error) {
	out := make([]Base, len(r.platforms))
	for n, p := range r.platforms {
		var err error
		if out[n], err = p.base.wait(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// mediaTypes are Docker's where they were asked for, or where a base has a health
// check, which not every engine reads from an image with OCI's. All images of an
// index have the same.
func (r *run) mediaTypes(bases []Base) image.MediaTypes {
	if r.plan.Config.Docker {
		return image.Docker
	}
	for _, b := range bases {
		if b.Image == nil {
			continue
		}
		if has, err := image.HasHealthcheck(b.Image); err != nil || !has {
			continue // what is wrong with a base is said when it is built on
		}
		r.warn.Do(func() {
			r.stages.Events.Emit(event.Event{
				Kind: event.Warning, Stage: event.Base, Subject: r.plan.Base,
				Text: fmt.Sprintf("base %s has a health check, which podman and others ignore in an image with OCI media types: using Docker's", r.plan.Base),
			})
		})
		return image.Docker
	}
	return image.OCI
}

// image puts a binary on its base.
func (r *run) image(ctx context.Context, t Target, p v1.Platform, bin Binary, base Base, mediaTypes image.MediaTypes) (v1.Image, error) {
	entrypoint := path.Join(appDir, t.Package.Name)
	l, err := r.binaryLayer(ctx, entrypoint, t, p, bin)
	if err != nil {
		return nil, err
	}
	return image.Assemble(image.Parts{
		Base:       base.Image,
		BaseName:   base.Name,
		BaseDigest: base.Digest,
		Platform:   p,
		Layers: []image.Addition{{
			Layer:   l,
			History: fmt.Sprintf("imgo: %s from package %s", entrypoint, t.Package.ImportPath),
		}},
		Entrypoint:  []string{entrypoint},
		User:        r.plan.Config.User,
		WorkingDir:  "/",
		Labels:      r.plan.Config.Labels,
		Annotations: r.plan.Config.Annotations,
		Title:       t.Name,
		Source:      sourceURL(t.Package.Module),
		Created:     r.plan.Config.Created,
		MediaTypes:  mediaTypes,
	})
}

// binaryLayer makes the layer that holds the binary, when it is its turn.
func (r *run) binaryLayer(ctx context.Context, entrypoint string, t Target, p v1.Platform, bin Binary) (*layer.Layer, error) {
	select {
	case r.layers <- struct{}{}:
		defer func() { <-r.layers }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	return layer.New(ctx, r.stages.Store, layer.Options{
		Key:     bin.Key,
		Events:  r.stages.Events,
		Subject: fmt.Sprintf("%s (%s)", t.Package.ImportPath, image.PlatformString(p)),
	}, []layer.File{{
		Path: entrypoint,
		Mode: 0o755,
		Size: bin.Size,
		Open: func() (io.ReadCloser, error) {
			return io.NopCloser(io.NewSectionReader(bin.File, 0, bin.Size)), nil
		},
	}})
}
