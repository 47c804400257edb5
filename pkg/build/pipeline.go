package build

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/internal/flight"
	"github.com/imgo-build/imgo/pkg/event"
	"github.com/imgo-build/imgo/pkg/image"
	"github.com/imgo-build/imgo/pkg/layer"
	"github.com/imgo-build/imgo/pkg/publish"
)

// Registry opens repositories for pushing. It is implemented by
// [publish.Registry].
type Registry interface {
	Repository(repo name.Repository, tags []name.Tag, opts publish.RepoOptions) publish.Publisher
}

// Stages are the parts that a build is made of.
type Stages struct {
	Compiler Compiler
	Bases    BaseSource
	Store    layer.Store
	Registry Registry
	Attester Attester // nil: nothing is told of images
	Judge    Judge    // nil: images are held to nothing
	Verifier BaseVerifier
	Env      []string // of local engines' programs, KEY=VALUE
	Events   event.Sink
}

// Run carries out a plan. It returns one result a target, in the plan's order;
// a target that failed has its error in its result, and all such errors are joined
// in the error returned. A failure that concerns every target (a base, the go
// command itself, cancellation) ends the run and comes back alone.
func Run(ctx context.Context, p *Plan, s Stages) ([]Result, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	r := &run{plan: p, stages: s, layers: make(chan struct{}, max(1, p.Jobs)), fail: cancel}
	defer func() {
		cancel(nil) // what still runs has lost its purpose
		r.close()
	}()

	if err := r.start(ctx); err != nil {
		return nil, err
	}
	results := make([]Result, len(p.Targets))
	var wg sync.WaitGroup
	for i := range p.Targets {
		wg.Go(func() { results[i] = r.target(ctx, i) })
	}
	wg.Wait()
	r.settle()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	var errs []error
	for _, res := range results {
		if res.Err != nil {
			errs = append(errs, &TargetError{Target: res.Target, Err: res.Err})
		}
	}
	return results, errors.Join(errs...)
}

// run is a plan being carried out.
type run struct {
	plan     *Plan
	stages   Stages
	targets  []targetRun // one a target
	bases    map[baseKey]*future[Base]
	trust    map[verification]*future[struct{}] // in bases
	compiles []*future[[]Binary]
	made     flight.Group[string, *layer.Layer] // of files, by content and layout
	layers   chan struct{}                      // a place for each layer that is being made
	fail     context.CancelCauseFunc            // ends the run for all targets
}

// targetRun is what is under way for a target.
type targetRun struct {
	platforms []platformRun
	files     []*future[fileSet] // one a group
	warn      sync.Once          // about the media types
}

// platformRun is the image of a target for one platform.
type platformRun struct {
	*variant
	ref      string // of the base
	base     *future[Base]
	verified *future[struct{}]    // nil where nobody has to have signed the base
	binaries *future[[]Binary]    // of all units of the platform
	units    []int                // which of them the variant's programs are
	files    []*future[fileLayer] // one a group
}

// baseKey is what a base is resolved for once.
type baseKey struct{ ref, platform string }

// start begins the work that targets share (bases and compiles) and that needs no
// compiler (files).
func (r *run) start(ctx context.Context) error {
	r.targets = make([]targetRun, len(r.plan.Targets))
	r.bases = map[baseKey]*future[Base]{}
	r.trust = map[verification]*future[struct{}]{}
	for i := range r.plan.Targets {
		t := &r.plan.Targets[i]
		if t.Artifact != nil || t.Err() != nil {
			continue
		}
		r.targets[i].files = fileSets(ctx, t)
		platforms, err := r.platforms(ctx, &t.Settings)
		if err != nil {
			return err
		}
		for _, p := range platforms {
			v, err := t.on(p)
			if err != nil {
				return err
			}
			ref := t.Settings.BaseFor(p)
			base := r.base(ctx, ref, p)
			r.targets[i].platforms = append(r.targets[i].platforms, platformRun{
				variant: v, ref: ref, base: base, verified: r.verify(ctx, ref, p, base, t.Settings.BaseTrust),
				files: r.fileLayers(ctx, t, r.targets[i].files, base),
			})
		}
	}
	r.compile(ctx)
	return nil
}

func (r *run) platforms(ctx context.Context, s *Settings) ([]v1.Platform, error) {
	if !s.AllPlatforms {
		return s.Platforms, nil
	}
	platforms, err := r.stages.Bases.Platforms(ctx, s.Base)
	if err != nil {
		return nil, fmt.Errorf("listing the platforms of base %s: %w", s.Base, err)
	}
	return platforms, nil
}

// base starts to resolve a base, once for all targets.
func (r *run) base(ctx context.Context, ref string, p v1.Platform) *future[Base] {
	key := baseKey{ref, image.PlatformString(p)}
	if f, ok := r.bases[key]; ok {
		return f
	}
	f := start(func() (Base, error) {
		b, err := r.stages.Bases.Base(ctx, ref, p)
		if err != nil {
			r.fail(err)
		}
		return b, err
	})
	r.bases[key] = f
	return f
}

// compile starts the compiles, one call a platform so that an image of one need not
// wait for another's. What several targets need is compiled once.
func (r *run) compile(ctx context.Context) {
	var order []string
	units := map[string][]Unit{}
	users := map[string][]*platformRun{}
	for i := range r.targets {
		for n := range r.targets[i].platforms {
			p := &r.targets[i].platforms[n]
			key := image.PlatformString(p.platform)
			if units[key] == nil {
				order = append(order, key)
			}
			for _, prog := range p.programs {
				u := Unit{Package: prog.Package, Platform: p.platform, Go: prog.Go}
				at := slices.IndexFunc(units[key], func(other Unit) bool { return reflect.DeepEqual(u, other) })
				if at < 0 {
					at = len(units[key])
					units[key] = append(units[key], u)
				}
				p.units = append(p.units, at)
			}
			users[key] = append(users[key], p)
		}
	}
	for _, key := range order {
		f := start(func() ([]Binary, error) {
			bins, err := r.stages.Compiler.Compile(ctx, units[key])
			if err != nil {
				r.fail(err)
			}
			return bins, err
		})
		r.compiles = append(r.compiles, f)
		for _, p := range users[key] {
			p.binaries = f
		}
	}
}

// settle lets the compiler end what it does for later runs, unless something is still being
// compiled that nobody waits for any more.
func (r *run) settle() {
	for _, c := range r.compiles {
		select {
		case <-c.done:
		default:
			return
		}
	}
	r.stages.Compiler.Wait()
}

// close waits for what was started and closes the binaries.
func (r *run) close() {
	for _, b := range r.bases {
		_, _ = b.wait()
	}
	for _, v := range r.trust {
		_, _ = v.wait()
	}
	for i := range r.targets {
		for _, f := range r.targets[i].files {
			_, _ = f.wait()
		}
		for _, p := range r.targets[i].platforms {
			for _, f := range p.files {
				_, _ = f.wait()
			}
		}
	}
	for _, c := range r.compiles {
		_, _ = c.wait()
	}
	r.stages.Compiler.Wait()
	for _, c := range r.compiles {
		bins, _ := c.wait()
		for _, b := range bins {
			if b.File != nil {
				_ = b.File.Close()
			}
		}
	}
}

// target makes one image or index and brings it to its places.
func (r *run) target(ctx context.Context, i int) Result {
	t := &r.plan.Targets[i]
	res := Result{Target: *t}
	if res.Err = t.Err(); res.Err != nil {
		return res
	}
	places, err := r.places(t)
	if err != nil {
		res.Err = err
		return res
	}
	defer func() {
		for _, p := range places {
			_ = p.Close()
		}
	}()
	if r.attests(t) {
		if res.Err = r.stages.Attester.Prepare(t); res.Err != nil {
			return res
		}
	}
	// While the compiler works, the places say whether there is any point in it.
	if res.Err = r.prepare(ctx, i, places); res.Err != nil {
		return res
	}
	artifact, images := t.Artifact, []v1.Image(nil)
	if artifact == nil {
		if artifact, images, res.Err = r.build(ctx, i, &res); res.Err != nil {
			return res
		}
	}
	if res.Err = r.verified(i); res.Err != nil {
		return res
	}
	if res.Err = r.judge(ctx, i, artifact, images); res.Err != nil {
		return res
	}
	if t.Path != "" {
		// It may come to lie among what was compiled. The compiler, that has still to see
		// that nothing changed there, would remember nothing.
		r.stages.Compiler.Wait()
	}
	if res.Err = describe(&res, artifact, places); res.Err != nil {
		return res
	}
	res.Err = publishTo(ctx, places, artifact, func() error { return r.attest(ctx, i, artifact, images, places) })
	return res
}
