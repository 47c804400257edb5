package build

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/imgo-build/imgo/internal/probe"
	"github.com/imgo-build/imgo/pkg/event"
	"github.com/imgo-build/imgo/pkg/image"
	"github.com/imgo-build/imgo/pkg/layer"
)

// build makes the images of a target for all platforms and, where there are
// several, the index over them.
func (r *run) build(ctx context.Context, i int, res *Result) (image.Artifact, []v1.Image, error) {
	t, platforms := &r.plan.Targets[i], r.targets[i].platforms
	bases, err := r.basesOf(i)
	if err != nil {
		return nil, nil, err
	}
	mediaTypes, err := r.mediaTypes(i, bases)
	if err != nil {
		return nil, nil, err
	}
	images := make([]v1.Image, len(platforms))
	res.Images = make([]ImageResult, len(platforms))
	g, ctx := errgroup.WithContext(ctx)
	for n := range platforms {
		g.Go(func() (err error) {
			if images[n], err = r.image(ctx, i, &platforms[n], bases[n], mediaTypes); err != nil {
				return err
			}
			res.Images[n], err = describeImage(images[n], platforms[n].platform, bases[n])
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, nil, err
	}
	if len(images) == 1 {
		return images[0], images, nil
	}
	annotations, err := t.indexAnnotations(commonBase(bases))
	if err != nil {
		return nil, nil, err
	}
	index, err := image.Index(images, annotations, mediaTypes)
	return index, images, err
}

// basesOf waits for the base of every platform of a target.
func (r *run) basesOf(i int) ([]Base, error) {
	out := make([]Base, len(r.targets[i].platforms))
	for n, p := range r.targets[i].platforms {
		var err error
		if out[n], err = p.base.wait(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// commonBase is the base that all platforms were chosen from, and none where there
// are several.
func commonBase(bases []Base) Base {
	for _, b := range bases {
		if b.Name != bases[0].Name || b.Index != bases[0].Index {
			return Base{}
		}
	}
	return bases[0]
}

// mediaTypes are Docker's where they were asked for, or where the image has a health
// check, which not every engine reads from an image with OCI's. All images of an
// index have the same.
func (r *run) mediaTypes(i int, bases []Base) (image.MediaTypes, error) {
	c := &r.plan.Targets[i].Settings.Config
	if c.Docker {
		return image.Docker, nil
	}
	owner := ""
	switch own := c.Healthcheck; {
	case own != nil && own.None:
	case own != nil:
		owner = "the image"
	default:
		for n, b := range bases {
			if b.Image == nil {
				continue
			}
			// What is wrong with a base is said when it is built on.
			if has, err := image.HasHealthcheck(b.Image); err == nil && has {
				owner = "base " + r.targets[i].platforms[n].ref
			}
		}
	}
	if owner == "" {
		return image.OCI, nil
	}
	if c.Compression == layer.Zstd {
		return image.Docker, &SettingError{
			Setting: "compression " + c.Compression.String(), Where: r.plan.Targets[i].Settings.Origins["compression"],
			Err: fmt.Errorf("%s has a health check, which takes Docker's media types, and these have no zstd: drop the check (healthcheck: none), or use gzip", owner),
		}
	}
	r.targets[i].warn.Do(func() {
		r.stages.Events.Emit(event.Event{
			Kind: event.Warning, Stage: event.Base, Subject: r.plan.Targets[i].Name,
			Text: owner + " has a health check, which podman and others ignore in an image with OCI media types: using Docker's",
		})
	})
	return image.Docker, nil
}

// image puts the binaries and files of a target on its base.
func (r *run) image(ctx context.Context, i int, p *platformRun, base Base, mediaTypes image.MediaTypes) (v1.Image, error) {
	t := &r.plan.Targets[i]
	own, err := r.contents(ctx, t, p, base)
	if err != nil {
		return nil, err
	}
	binaries, err := r.binaryLayers(ctx, t, p, base)
	if err != nil {
		return nil, err
	}
	c := &t.Settings.Config
	parts := t.parts()
	parts.Base, parts.BaseName, parts.BaseDigest = base.Image, base.Name, base.Digest
	parts.Platform, parts.Created, parts.MediaTypes = p.platform, c.Created, mediaTypes
	parts.Layers = append(own.layers, binaries...)
	parts.Entrypoint, parts.Cmd = append([]string{t.Entrypoint()}, c.Args...), c.Cmd
	parts.User, parts.WorkingDir = own.user, c.WorkingDir
	parts.Env = append(own.env, p.env...) // the user's own come last and count
	parts.Ports, parts.Volumes, parts.StopSignal = c.Ports, c.Volumes, c.StopSignal
	parts.Healthcheck = c.Healthcheck.config()
	parts.Labels, parts.Annotations = p.labels, p.annotations
	return image.Assemble(parts)
}

// contents is what an image has between its base and its binaries.
type contents struct {
	user   string // by number
	env    []string
	layers []image.Addition
	list   []layer.File // in all layers
	taken  claims
}

// add puts a layer on top; a nil one and one without files are none.
func (c *contents) add(l *fileLayer, who string) error {
	if l == nil || l.Layer == nil {
		return nil
	}
	c.layers, c.list = append(c.layers, l.Addition), append(c.list, l.list...)
	c.env = append(slices.Clone(l.env), c.env...)
	return c.taken.add(who, l.list)
}

// contents collects the user's entry, files and volumes, and refuses what would hide each
// other or a binary.
func (r *run) contents(ctx context.Context, t *Target, p *platformRun, base Base) (*contents, error) {
	c := &contents{taken: claims{}}
	user, account, err := r.userLayer(ctx, t, base)
	if err != nil {
		return nil, err
	}
	c.user = user
	if err := c.add(account, "the user's entry"); err != nil {
		return nil, err
	}
	for _, f := range p.files {
		l, err := f.wait()
		if err != nil {
			return nil, err
		}
		if err := c.add(&l, strings.TrimPrefix(l.History, "imgo: ")); err != nil {
			return nil, err
		}
	}
	// After the files, whose layers may imply the same directories as root's.
	volumes, err := r.volumeLayer(ctx, t, base, user, c.list)
	if err != nil {
		return nil, err
	}
	if err := c.add(volumes, "volumes"); err != nil {
		return nil, err
	}
	for _, prog := range p.programs {
		if err := c.taken.add("the binary of "+prog.Package.ImportPath, []layer.File{{Path: prog.Path}}); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// config is the health check as it stands in an image's config.
func (h *Healthcheck) config() *image.Healthcheck {
	if h == nil {
		return nil
	}
	out := &image.Healthcheck{
		Test: h.Test, Interval: h.Interval, Timeout: h.Timeout,
		StartPeriod: h.StartPeriod, StartInterval: h.StartInterval, Retries: h.Retries,
	}
	switch {
	case h.None:
		out.Test = []string{"NONE"}
	case h.URL != "":
		out.Test = probe.Test(h.URL, h.Timeout)
	}
	return out
}

// binaryLayers makes a layer of each binary, once they are compiled.
func (r *run) binaryLayers(ctx context.Context, t *Target, p *platformRun, base Base) ([]image.Addition, error) {
	bins, err := p.binaries.wait()
	if err != nil {
		return nil, err
	}
	out := make([]image.Addition, len(p.programs))
	for n, prog := range p.programs {
		bin := bins[p.units[n]]
		if bin.Err != nil {
			return nil, bin.Err
		}
		if err := r.checkDynamic(ctx, t, prog, bin, p.ref, base); err != nil {
			return nil, err
		}
		if out[n].Layer, err = r.binaryLayer(ctx, t, prog, p.platform, bin, base); err != nil {
			return nil, err
		}
		out[n].History = fmt.Sprintf("imgo: %s from package %s", prog.Path, prog.Package.ImportPath)
	}
	return out, nil
}

// binaryLayer makes the layer that holds a binary, when it is its turn.
func (r *run) binaryLayer(ctx context.Context, t *Target, prog Program, p v1.Platform, bin Binary, base Base) (*layer.Layer, error) {
	list := []layer.File{{
		Path: prog.Path,
		Mode: 0o755,
		Size: bin.Size,
		Open: func() (io.ReadCloser, error) {
			return io.NopCloser(io.NewSectionReader(bin.File, 0, bin.Size)), nil
		},
	}}
	// Directories of imgo's own are in no base, which need not be read for them.
	if !strings.HasPrefix(prog.Path, appDir+"/") && prog.Path != probe.Path {
		tree, err := r.stages.Bases.Rootfs(ctx, base)
		if err != nil {
			return nil, fmt.Errorf("looking for the place of %s: %w", prog.Path, err)
		}
		if list, err = place(tree, list); err != nil {
			return nil, err
		}
	}
	done, err := r.turn(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	return layer.New(ctx, r.stages.Store, layer.Options{
		Key:         bin.Key,
		Compression: t.Settings.Config.Compression,
		Events:      r.stages.Events,
		Subject:     fmt.Sprintf("%s (%s)", prog.Package.ImportPath, image.PlatformString(p)),
	}, list)
}

// turn waits for a place among the layers that are made at once.
func (r *run) turn(ctx context.Context) (done func(), err error) {
	select {
	case r.layers <- struct{}{}:
		return func() { <-r.layers }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
