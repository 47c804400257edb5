package imgo

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/imgo-build/imgo/internal/expand"
	"github.com/imgo-build/imgo/internal/git"
	"github.com/imgo-build/imgo/internal/license"
	"github.com/imgo-build/imgo/internal/probe"
	"github.com/imgo-build/imgo/pkg/build"
)

// addFacts gives targets what templates and annotations tell: of the environment, of
// the module, and of the repository where something asks for it. git is run at most
// once for a directory.
func (c *Client) addFacts(ctx context.Context, req *build.Request, targets []build.Target) error {
	env := map[string]string{}
	for _, kv := range c.opts.Env {
		key, value, _ := strings.Cut(kv, "=")
		env[key] = value
	}
	repositories := map[string]repository{}
	for i := range targets {
		t := &targets[i]
		if t.Err() != nil {
			continue
		}
		t.Values = expand.Values{Env: env, Name: t.Name}
		if m := t.Package.Module; m != nil {
			t.Values.Module, t.Values.Version = m.Path, m.Version
			if m.Version == "" {
				t.Licenses = license.Detect(m.Dir)
			}
		}
		c.addProbe(t)
		if !asksGit(req, &t.Settings) || t.Values.Version != "" {
			continue
		}
		dir := t.Settings.Go.Dir
		repo, ok := repositories[dir]
		if !ok {
			repo.facts, repo.err = git.Read(ctx, c.gitOptions(req, targets, dir))
			repositories[dir] = repo
		}
		switch {
		case repo.err == nil:
			setGit(t, repo.facts, asks(req, &t.Settings, ".Version"))
		case t.Settings.Go.VCS || ctx.Err() != nil:
			return repo.err
		default:
			t.Values.Git.Err = repo.err // a template may have an answer to that
		}
	}
	return nil
}

// repository is what git said about a directory.
type repository struct {
	facts *git.Facts
	err   error
}

// outputs are what imgo itself leaves in a working tree, which doesn't make it dirty.
func outputs(req *build.Request, targets []build.Target) []string {
	if req.Output.Path != "" {
		return []string{req.Output.Path}
	}
	out := []string{}
	for _, i := range req.Images {
		out = append(out, filepath.Join(req.Output.Dir, i.Name+".tar"))
	}
	for i := range targets {
		out = append(out, filepath.Join(req.Output.Dir, targets[i].Name+".tar"))
	}
	return out
}

// gitOptions asks for no more than any of the targets uses.
func (c *Client) gitOptions(req *build.Request, targets []build.Target, dir string) git.Options {
	o := git.Options{Env: c.opts.Env, Dir: dir, Ignore: outputs(req, targets), Now: c.cache.Now}
	if !c.opts.NoFastPath {
		o.Results = c.memory
	}
	for i := range targets {
		s := &targets[i].Settings
		version := s.Go.VCS || asks(req, s, ".Version")
		o.History = o.History || version
		o.Dirty = o.Dirty || version || asks(req, s, ".Git.Dirty")
	}
	return o
}

func asksGit(req *build.Request, s *build.Settings) bool {
	return s.Go.VCS || anyTemplate(req, s, (*expand.Template).NeedsGit)
}

// asks reports whether a template uses a fact.
func asks(req *build.Request, s *build.Settings, fact string) bool {
	return anyTemplate(req, s, func(t *expand.Template) bool { return t.Uses(fact) })
}

// anyTemplate reports whether something holds for one of an image's templates.
func anyTemplate(req *build.Request, s *build.Settings, is func(*expand.Template) bool) bool {
	uses := func(text string) bool {
		t, err := expand.Parse(text)
		return err == nil && is(t) // what is wrong is said when it is expanded
	}
	return slices.ContainsFunc(s.Texts(), uses) || slices.ContainsFunc(req.Naming.Templates(), uses)
}

func setGit(t *build.Target, f *git.Facts, version bool) {
	if m := t.Package.Module; m != nil && (version || t.Settings.Go.VCS) {
		t.Values.Version = git.Version(f, m.Path, m.Dir)
	}
	t.Values.Date = f.CommitTime
	t.Values.Git = expand.Git{
		Tag: f.Tag, Branch: f.Branch, Commit: f.Commit, ShortCommit: f.ShortCommit,
		CommitTime: f.CommitTime, Dirty: f.Dirty,
	}
	if t.Settings.Go.VCS {
		t.Settings.Go.GitConfig = f.Overrides
		for i := range t.More {
			t.More[i].Go.GitConfig = f.Overrides
		}
		t.VCS = &build.VCS{
			Revision: f.Commit, Version: t.Values.Version, Created: f.CommitTime.UTC().Format(time.RFC3339),
		}
	}
}

// addProbe adds the program that asks the URL of a health check.
func (c *Client) addProbe(t *build.Target) {
	h := t.Settings.Config.Healthcheck
	if h == nil || h.URL == "" {
		return
	}
	dir := c.probeDir()
	t.More = append(t.More, build.Program{
		Path: probe.Path, Where: t.Settings.Origins["healthcheck"],
		Package: build.Package{
			ImportPath: probe.Module, Name: "probe", Dir: dir, Pattern: ".",
			Module: &build.Module{Path: probe.Module, Dir: dir},
		},
		// The user's own flags are about the user's own programs.
		Go: build.GoSettings{
			Dir: dir, Jobs: t.Settings.Go.Jobs, Tags: probe.Tags(h.URL), BuildEnv: []string{"GOWORK=off", "GOFLAGS=-mod=mod"},
		},
	})
}

func (c *Client) probeDir() string {
	return filepath.Join(c.opts.CacheDir, "probe", probe.Version())
}

// writeProbes puts the source of the probe where a plan wants it compiled.
func (c *Client) writeProbes(p *build.Plan) error {
	for _, t := range p.Targets {
		for _, prog := range t.More {
			if prog.Package.ImportPath == probe.Module && prog.Go.Dir == c.probeDir() {
				return probe.Write(prog.Go.Dir)
			}
		}
	}
	return nil
}
