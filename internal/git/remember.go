package git

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/imgo-build/imgo/internal/environ"
	"github.com/imgo-build/imgo/internal/fastpath"
	"github.com/imgo-build/imgo/internal/stamp"
)

// memory is what an earlier run learnt about HEAD. The facts depend on a few files of the
// repository ([layout.inputs]), on git's configuration, and on what is in the key. What
// depends on the work tree, Facts.Dirty, is never part of it.
type memory struct {
	*runner
	options Options
	layout  layout
	key     string
}

// isHarmless reports whether a variable changes nothing of what is asked here, as those
// don't that are about people, programs to edit with, and networks.
func isHarmless(name string) bool {
	switch name {
	case "GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_AUTHOR_DATE",
		"GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL", "GIT_COMMITTER_DATE",
		"GIT_ASKPASS", "GIT_EDITOR", "GIT_SEQUENCE_EDITOR", "GIT_PAGER",
		"GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "GIT_SSL_NO_VERIFY",
		"GIT_TERMINAL_PROMPT", "GIT_OPTIONAL_LOCKS":
		return true
	}
	return !strings.HasPrefix(name, "GIT_")
}

// memory returns nil where nothing can be remembered.
func (r *runner) memory(o Options) *memory {
	if o.Results == nil || o.Now == nil || !stamp.Reliable {
		return nil
	}
	for _, kv := range o.Env {
		name, _, _ := strings.Cut(kv, "=")
		if !isHarmless(name) {
			return nil
		}
	}
	program, err := os.Stat(r.program)
	if err != nil {
		return nil
	}
	l, ok := findLayout(o.Dir)
	if !ok {
		return nil
	}
	owners, ok := l.owners()
	if !ok {
		return nil
	}
	env := environ.Environ(o.Env)
	home, xdg := env.Get("HOME"), env.Get("XDG_CONFIG_HOME")
	if !filepath.IsAbs(home) || xdg != "" && !filepath.IsAbs(xdg) {
		return nil
	}
	key := fmt.Sprintf("git facts 1 %q %+v %#v %v %d %q %q %q %v %v %v", r.program, stamp.Of(program), l, owners, os.Geteuid(),
		env.Get("SUDO_UID"), home, xdg, o.Dirty, o.History, o.Remote)
	return &memory{runner: r, options: o, layout: l, key: key}
}

// facts returns all but Dirty, from memory where no input changed since.
func (m *memory) facts(ctx context.Context) (*Facts, error) {
	o := m.options
	rec, ok := fastpath.Load(o.Results, m.key)
	if !ok {
		return m.learn(ctx, nil)
	}
	now, err := fastpath.Take(ctx, m.layout.top, rec.Snapshot.Inputs(), rec.Snapshot, o.Now())
	var f Facts
	if err != nil || len(now.Changes(rec.Snapshot)) > 0 || json.Unmarshal(rec.Outcome, &f) != nil {
		return m.learn(ctx, rec.Snapshot)
	}
	if now.Reread() {
		rec.Snapshot = now
		_ = rec.Save(o.Results, m.key) // costs the next run time, no more
	}
	return &f, nil
}

// learn asks git, and remembers the answer unless one of the inputs may have been written
// to meanwhile, or is found to be another afterwards.
func (m *memory) learn(ctx context.Context, known *fastpath.Snapshot) (*Facts, error) {
	o := m.options
	system, ok := m.systemConfig(ctx)
	if !ok {
		return m.ask(ctx, o)
	}
	inputs, ok := m.inputs(ctx, system)
	if !ok {
		return m.ask(ctx, o)
	}
	began := o.Now()
	before, err := fastpath.Take(ctx, m.layout.top, inputs, known, began)
	if err != nil {
		return m.ask(ctx, o)
	}
	var again []fastpath.Input
	var wg sync.WaitGroup
	wg.Go(func() { again, ok = m.inputs(ctx, system) })
	f, err := m.ask(ctx, o)
	wg.Wait()
	if err != nil {
		return nil, err
	}
	l, found := findLayout(o.Dir)
	if !ok || !found || l != m.layout || !slices.Equal(inputs, again) || !l.simpleReferences() {
		return f, nil
	}
	after, err := fastpath.Take(ctx, m.layout.top, inputs, before, o.Now())
	if err != nil || len(after.Changes(before)) > 0 || !after.Steady(before, began) {
		return f, nil
	}
	outcome, err := json.Marshal(f)
	var same Facts // not where a name isn't UTF-8
	if err == nil && json.Unmarshal(outcome, &same) == nil && reflect.DeepEqual(&same, f) {
		_ = (&fastpath.Record{Snapshot: after, Outcome: outcome}).Save(o.Results, m.key)
	}
	return f, nil
}

// inputs are those of the layout, and all files that git reads its configuration from, or
// would if they were there or a condition held.
func (m *memory) inputs(ctx context.Context, system string) ([]fastpath.Input, bool) {
	list := m.layout.inputs()
	add := func(p string) {
		list = append(list, fastpath.Input{Kind: fastpath.File, Path: m.layout.relative(p)})
	}
	env := environ.Environ(m.options.Env)
	home, xdg := env.Get("HOME"), env.Get("XDG_CONFIG_HOME")
	if xdg == "" {
		xdg = filepath.Join(home, ".config")
	}
	add(filepath.Join(home, ".gitconfig"))
	add(filepath.Join(xdg, "git", "config"))
	add(system)
	out, err := m.run(ctx, "config", "--list", "--show-origin", "-z")
	if err != nil {
		return nil, false
	}
	fields := strings.Split(strings.TrimSuffix(out, "\x00"), "\x00")
	for ; len(fields) > 1; fields = fields[2:] {
		file, ok := strings.CutPrefix(fields[0], "file:")
		if !ok {
			continue // of our command line
		}
		if !filepath.IsAbs(file) {
			file = filepath.Join(m.layout.top, file)
		}
		add(file)
		if key, target, hasValue := strings.Cut(fields[1], "\n"); isInclude(key) {
			target, ok := includePath(target, file, home)
			if !ok || !hasValue {
				return nil, false
			}
			add(target)
		}
	}
	slices.SortFunc(list, func(a, b fastpath.Input) int { return strings.Compare(a.Path+string(a.Kind), b.Path+string(b.Kind)) })
	return slices.Compact(list), true
}

// isInclude reports whether a key of the configuration names a file to include, now or
// under a condition.
func isInclude(key string) bool {
	return key == "include.path" || strings.HasPrefix(key, "includeif.") && strings.HasSuffix(key, ".path")
}

// includePath is the path of a file that another one includes.
func includePath(target, from, home string) (string, bool) {
	switch {
	case strings.HasPrefix(target, "~/"):
		return filepath.Join(home, target[2:]), true
	case target == "" || strings.HasPrefix(target, "~") || strings.HasPrefix(target, "%"):
		return "", false // another user's directory, or git's
	case filepath.IsAbs(target):
		return target, true
	}
	return filepath.Join(filepath.Dir(from), target), true
}

// systemConfig is the path of the system-wide configuration, which is compiled into git.
func (m *memory) systemConfig(ctx context.Context) (string, bool) {
	if out, err := m.run(ctx, "var", "GIT_CONFIG_SYSTEM"); err == nil { // since git 2.42
		file := strings.TrimSuffix(out, "\n")
		return file, filepath.IsAbs(file)
	}
	out, err := m.run(ctx, "config", "--system", "--list", "--show-origin", "-z")
	if err != nil {
		// That there is none: "unable to read config file '/etc/gitconfig'".
		_, after, _ := strings.Cut(err.Error(), "unable to read config file '")
		file, _, ok := strings.Cut(after, "'")
		return file, ok && filepath.IsAbs(file)
	}
	origin, _, _ := strings.Cut(out, "\x00")
	file, ok := strings.CutPrefix(origin, "file:")
	return file, ok && filepath.IsAbs(file)
}
