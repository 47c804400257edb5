package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/imgo-build/imgo/internal/config"
	"github.com/imgo-build/imgo/internal/progress"
	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/event"
	"github.com/imgo-build/imgo/pkg/imgo"
)

// runPlan makes a plan and carries it out, with progress on stderr and results on
// stdout.
func (a *app) runPlan(ctx context.Context, f buildFlags, req build.Request, plan func(context.Context, *imgo.Client) (*build.Plan, error)) error {
	begin := a.Now()
	timings := progress.NewTimings(a.Now)
	screen := a.renderer(req.Dir)
	closed := false
	stop := func() {
		if !closed {
			closed = true
			screen.Close()
		}
	}
	defer stop()
	client, err := a.client(clientOptions{
		events: explained(progress.Tee(timings, printableEvents(screen)), f.explain),
		dir:    req.Dir, jobs: req.Jobs, lock: req.Lock, locked: f.locked, noFastPath: f.noFastPath,
	})
	if err != nil {
		return err
	}
	defer client.Close()

	p, err := plan(ctx, client)
	if err != nil {
		return err
	}
	if f.dryRun {
		stop()
		return errors.Join(a.printPlan(p, f.json), p.Problems(), p.CheckFiles(ctx))
	}
	results, err := client.Run(ctx, p)
	stop()
	a.annotateLoadErrors(results, req.Dir)
	if err != nil && results == nil {
		return err
	}
	if printErr := a.printResults(results, f.json); printErr != nil {
		return errors.Join(err, printErr)
	}
	if !a.quiet {
		printSummary(a.Stderr, results, timings.Stages(), a.Now().Sub(begin))
	}
	client.TrimCache(ctx)
	return errors.Join(err, a.writeGitHub(results))
}

// explained turns explanations into lines of output where the user asked for them.
func explained(s event.Sink, wanted bool) event.Sink {
	return event.Func(func(e event.Event) {
		if e.Kind == event.Explained {
			if !wanted {
				return
			}
			e.Kind, e.Text = event.Output, fmt.Sprintf("explain: %s: %s", e.Subject, e.Text)
		}
		s.Emit(e)
	})
}

// clientOptions are what commands do with a client differently.
type clientOptions struct {
	events     event.Sink // nil discards
	dir        string     // where paths begin
	jobs       int        // 0 leaves it to each stage
	lock       string     // path of imgo.lock, or empty
	locked     bool
	noFastPath bool
}

// client connects imgo's parts with this process.
func (a *app) client(o clientOptions) (*imgo.Client, error) {
	cacheDir, err := config.CacheDir(a.getenv)
	if err != nil {
		return nil, err
	}
	if !filepath.IsAbs(cacheDir) {
		cacheDir = filepath.Join(a.Dir, cacheDir)
	}
	connections, err := a.connections(o.dir)
	if err != nil {
		return nil, err
	}
	return imgo.New(imgo.Options{
		Env:        a.Env,
		Dir:        o.dir,
		CacheDir:   cacheDir,
		Version:    a.version().Version,
		Lock:       o.lock,
		Locked:     o.locked,
		PlainHTTP:  a.plainHTTP,
		Registries: connections.Registries,
		Mirrors:    connections.Mirrors,
		Jobs:       o.jobs,
		Signing:    a.signing(),
		NoFastPath: o.noFastPath,
		Events:     o.events,
		Now:        a.Now,
	})
}

// renderer chooses how progress is shown. dir is where the go command runs.
func (a *app) renderer(dir string) progress.Renderer {
	if a.quiet {
		return progress.NewPlain(io.Discard, a.Now)
	}
	if a.getenv("GITHUB_ACTIONS") == "true" {
		return progress.NewGitHub(progress.NewPlain(a.Stderr, a.Now), a.Stderr, a.inWorkspace(dir))
	}
	if a.StderrWidth == 0 || a.inCI() || a.getenv("TERM") == "dumb" {
		return progress.NewPlain(a.Stderr, a.Now)
	}
	return progress.NewTerminal(a.Stderr, a.StderrWidth)
}

// inCI reports whether a CI system says that it runs imgo.
func (a *app) inCI() bool {
	ci := a.getenv("CI")
	return ci != "" && ci != "0" && !strings.EqualFold(ci, "false")
}

// printResults writes the references of what succeeded, in argument order.
func (a *app) printResults(results []build.Result, asJSON bool) error {
	if asJSON {
		return a.printJSON(report(results))
	}
	for _, r := range results {
		if r.Err != nil {
			continue
		}
		for _, ref := range r.References {
			if _, err := fmt.Fprintln(a.Stdout, ref); err != nil {
				return fmt.Errorf("writing to standard output: %w", err)
			}
		}
	}
	return nil
}

func (a *app) printJSON(v any) error {
	enc := json.NewEncoder(a.Stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("writing to standard output: %w", err)
	}
	return nil
}
