package build

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/pkg/event"
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
	Events   event.Sink
}

// Run carries out a plan. It returns one result a target, in the plan's order;
// a target that failed has its error in its result, and all such errors are joined
// in the error returned. A failure that concerns every target (the base, the go
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
	for i, t := range p.Targets {
		wg.Go(func() { results[i] = r.target(ctx, i, t) })
	}
	wg.Wait()
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
	plan      *Plan
	stages    Stages
	platforms []platformRun
	layers    chan struct{}           // a place for each layer that is being made
	fail      context.CancelCauseFunc // ends the run for all targets
	warn      sync.Once               // about the media types
}

// platformRun is what all targets share on one platform.
type platformRun struct {
	platform v1.Platform
	base     *future[Base]
	binaries *future[map[int]Binary] // by index of the target
}

// start begins the work that targets share: bases and compiles.
func (r *run) start(ctx context.Context) error {
	if !r.compiles() {
		return nil
	}
	platforms := r.plan.Platforms
	if r.plan.AllPlatforms {
		var err error
		if platforms, err = r.stages.Bases.Platforms(ctx, r.plan.Base); err != nil {
			return fmt.Errorf("listing the platforms of base %s: %w", r.plan.Base, err)
		}
	}
	for _, p := range platforms {
		r.platforms = append(r.platforms, platformRun{
			platform: p,
			base: start(func() (Base, error) {
				b, err := r.stages.Bases.Base(ctx, r.plan.Base, p)
				if err != nil {
					r.fail(err)
				}
				return b, err
			}),
			binaries: start(func() (map[int]Binary, error) {
				bins, err := r.compile(ctx, p)
				if err != nil {
					r.fail(err)
				}
				return bins, err
			}),
		})
	}
	return nil
}

// compiles reports whether the plan has anything to compile.
func (r *run) compiles() bool {
	units, _ := r.plan.units(v1.Platform{})
	return len(units) > 0
}

func (r *run) compile(ctx context.Context, p v1.Platform) (map[int]Binary, error) {
	units, targets := r.plan.units(p)
	bins, err := r.stages.Compiler.Compile(ctx, units)
	if err != nil {
		return nil, err
	}
	out := make(map[int]Binary, len(bins))
	for i, b := range bins {
		out[targets[i]] = b
	}
	return out, nil
}

// close waits for what was started and closes the binaries.
func (r *run) close() {
	for _, p := range r.platforms {
		_, _ = p.base.wait()
		bins, _ := p.binaries.wait()
		for _, b := range bins {
			if b.File != nil {
				_ = b.File.Close()
			}
		}
	}
}

// target makes one image or index and brings it to its places.
func (r *run) target(ctx context.Context, i int, t Target) Result {
	res := Result{Target: t}
	if t.Package.Err != nil {
		res.Err = t.Package.Err
		return res
	}
	places := r.places(t)
	defer func() {
		for _, p := range places {
			_ = p.Close()
		}
	}()
	// While the compiler works, the places say whether there is any point in it.
	if res.Err = r.prepare(ctx, places); res.Err != nil {
		return res
	}
	artifact := t.Artifact
	if artifact == nil {
		if artifact, res.Err = r.build(ctx, i, t, &res); res.Err != nil {
			return res
		}
	}
	if res.Err = describe(&res, artifact); res.Err != nil {
		return res
	}
	res.Err = publishTo(ctx, places, artifact)
	return res
}
