package imgo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/imgo-build/imgo/internal/git"
	"github.com/imgo-build/imgo/pkg/build"
)

// gitUse is how much a request needs git.
type gitUse int

const (
	gitUnused   gitUse = iota
	gitAsked           // by a template, which may have an answer to its absence
	gitRequired        // by vcs
)

// usesGit tells it of all that may be built.
func (d *doctor) usesGit() gitUse {
	use := gitUnused
	for _, s := range d.allSettings() {
		switch {
		case s.Go.VCS:
			return gitRequired
		case asksGit(&d.req, s):
			use = gitAsked
		}
	}
	return use
}

// allSettings are those of the targets or, where they aren't known, of all images.
func (d *doctor) allSettings() []*build.Settings {
	var out []*build.Settings
	targets := d.selected().targets
	for i := range targets {
		out = append(out, &targets[i].Settings)
	}
	if len(out) > 0 {
		return out
	}
	for i := range d.req.Images {
		out = append(out, &d.req.Images[i].Settings)
	}
	if len(out) == 0 {
		out = append(out, &d.req.Default)
	}
	return out
}

// git is the check of git and the repository, which most builds don't need.
func (d *doctor) git(ctx context.Context) []Check {
	use := d.usesGit()
	ctx, cancel := d.limit(ctx)
	defer cancel()
	o := d.client.gitOptions(&d.req, d.selected().targets, d.req.Dir)
	o.Dirty, o.History = true, false
	f, err := git.Read(ctx, o)
	if err != nil {
		c := d.failed("git", err)
		switch use {
		case gitUnused:
			c = Check{Name: "git", Status: StatusNote, Detail: c.Err.Error() + "; only --vcs and templates would need it"}
		case gitAsked:
			c.Status = StatusWarning
		}
		return []Check{c}
	}
	c := Check{Name: "git", Status: StatusOK, Detail: "commit " + f.ShortCommit}
	if f.Branch != "" {
		c.Detail += " on " + f.Branch
	}
	if f.Tag != "" {
		c.Detail += ", tag " + f.Tag
	}
	if f.Dirty {
		c.Detail += ", with changes that are not committed"
	}
	if !f.Shallow {
		return []Check{c}
	}
	c.Status, c.Detail = StatusNote, c.Detail+"; a shallow clone, which may lack tags"
	if use != gitUnused {
		c.Status, c.Fix = StatusWarning, "git fetch --unshallow --tags; in GitHub Actions give actions/checkout fetch-depth: 0"
	}
	return []Check{c}
}

// settings is the check of what depends on the environment and the packages: templates,
// names, files, secrets, the lock.
func (d *doctor) settings(ctx context.Context) []Check {
	if d.hostOnly {
		return skipped("settings", noConfig)
	}
	targets := d.valid()
	if len(targets) == 0 {
		return skipped("settings", noPackage)
	}
	ctx, cancel := d.limit(ctx)
	defer cancel()
	if err := errors.Join(d.client.checkLock(targets), d.client.checkTrust(targets)); err != nil {
		return []Check{d.failed("settings", err)}
	}
	if err := d.client.addFacts(ctx, &d.req, targets); err != nil {
		if ofGit(err) {
			return skipped("settings", "git has to work first")
		}
		return []Check{d.failed("settings", err)}
	}
	plan, err := build.NewPlan(d.req, targets)
	if err != nil {
		return []Check{d.failed("settings", err)}
	}
	if err := plan.CheckFiles(ctx); err != nil {
		return []Check{d.failed("settings", err)}
	}
	var names []string
	for _, t := range plan.Targets {
		for _, dest := range t.Repos {
			for _, tag := range dest.Tags {
				names = append(names, tag.Name())
			}
		}
	}
	const most = 5
	if len(names) > most {
		names = append(names[:most], fmt.Sprintf("and %d more", len(names)-most))
	}
	return []Check{{Name: "settings", Status: StatusOK, Detail: "images are named " + strings.Join(names, ", ")}}
}

// ofGit reports whether the check of git has told an error already.
func ofGit(err error) bool {
	return slices.ContainsFunc([]func(error) bool{
		isA[*git.NoGitError], isA[*git.NotRepositoryError], isA[*git.NoWorkTreeError], isA[*git.UnsafeError],
		isA[*git.UnbornError], isA[*git.FilterError], isA[*git.CommandError],
	}, func(is func(error) bool) bool { return is(err) })
}

func isA[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}
