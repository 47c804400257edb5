package gobuild

import (
	"context"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/tools/go/packages"

	"github.com/imgo-build/imgo/internal/fastpath"
	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/event"
)

// loaded is what is remembered of packages that patterns were resolved to. Directories
// are relative to the site's root where they are not in the module cache.
type loaded struct {
	Packages []build.Package
}

// loadQuestion is what a record of patterns answers. One that is absolute or leads out of
// its directory names other packages elsewhere.
func loadQuestion(patterns []string) question {
	leads := func(p string) bool {
		return filepath.IsAbs(p) || slices.Contains(strings.Split(filepath.ToSlash(p), "/"), "..")
	}
	return question{what: "load\x00" + strings.Join(patterns, "\x00"), here: slices.ContainsFunc(patterns, leads)}
}

// recallLoad returns the packages that patterns meant before, if they still do, and else the
// state of the files that said so.
func (c *Compiler) recallLoad(ctx context.Context, m *memo, patterns []string) ([]build.Package, *fastpath.Snapshot) {
	var likely []fastpath.Input
	for _, pattern := range patterns {
		if isPath(pattern) && !isWildcard(pattern) {
			likely = append(likely, m.likely(fastpath.Headers, m.chain.abs(pattern))...)
		}
	}
	r := m.recall(ctx, loadQuestion(patterns), likely...)
	var l loaded
	if !r.holds || json.Unmarshal(r.record.Outcome, &l) != nil {
		c.explain(event.Load, strings.Join(patterns, " "), "asked the go command: %s", r.why)
		return nil, r.now
	}
	if r.now.Reread() {
		m.put(loadQuestion(patterns), &fastpath.Record{Snapshot: r.now, Outcome: r.record.Outcome})
	}
	for i := range l.Packages {
		m.mapDirs(&l.Packages[i], m.site.abs)
	}
	c.explain(event.Load, strings.Join(patterns, " "), "known from before: %s", r.why)
	return l.Packages, r.now
}

// saveLoad remembers what patterns mean, as far as files say so. A wildcard is
// remembered with the tree that it matches in; packages with errors are not at all.
func (m *memo) saveLoad(ctx context.Context, patterns []string, pkgs []build.Package, before *fastpath.Snapshot, began time.Time) error {
	inputs := m.site.inputs
	for _, pattern := range patterns {
		if !isWildcard(pattern) {
			continue
		}
		dir, ok := strings.CutSuffix(filepath.ToSlash(pattern), "...")
		if !ok || !isPath(pattern) || strings.Contains(dir, "...") || !strings.HasSuffix(dir, "/") {
			return unfitf("what %s matches is not only a matter of files here", pattern)
		}
		dir = m.chain.abs(filepath.FromSlash(dir))
		inputs = append(inputs, fastpath.Input{Kind: fastpath.Tree, Path: m.site.rel(dir)})
		inputs = append(inputs, m.noModules(m.moduleDir(dir), dir)...)
	}
	var l loaded
	for _, p := range pkgs {
		if p.Err != nil || p.Module == nil {
			return unfitf("package %s is not as it should be", p.ImportPath)
		}
		inputs = append(inputs, m.packageInputs(fastpath.Headers, p.ImportPath, p.Dir, p.Module.Dir)...)
		module := *p.Module
		p.Module = &module
		m.mapDirs(&p, m.site.rel)
		l.Packages = append(l.Packages, p)
	}
	outcome, err := json.Marshal(l)
	if err != nil {
		return err
	}
	return m.save(ctx, loadQuestion(patterns), inputs, before, began, outcome)
}

// mapDirs translates the directories of a package of a local module.
func (m *memo) mapDirs(p *build.Package, translate func(string) string) {
	for _, dir := range []*string{&p.Dir, &p.Module.Dir} {
		if *dir != "" && !m.immutable(*dir) {
			*dir = translate(*dir)
		}
	}
}

// immutable reports whether a directory is one of the module cache, whose content go.sum
// vouches for, unless what lies there is used as a module of the user's own.
func (m *memo) immutable(dir string) bool {
	return m.cache != "" && below(m.cache, dir) && !below(m.cache, m.moduleDir(dir))
}

// below reports whether a directory lies in another, as their names say.
func below(dir, sub string) bool {
	rel, err := filepath.Rel(dir, sub)
	return err == nil && rel != "." && filepath.IsLocal(rel)
}

// moduleCache is where the go command keeps modules (go help goproxy, GOMODCACHE).
func (t *toolchain) moduleCache() string {
	if dir := t.env.goenv("GOMODCACHE", t.dir); dir != "" {
		return filepath.Clean(dir)
	}
	path := t.env.goenv("GOPATH", t.dir)
	if path == "" {
		home := t.env.home()
		if home == "" {
			return ""
		}
		path = filepath.Join(home, "go")
	}
	list := filepath.SplitList(path)
	return filepath.Join(list[0], "pkg", "mod")
}

// packageInputs are the inputs that one package adds: its directory, where that can
// change, and the places that would make its import path mean something else, or its
// directory belong to another module.
func (m *memo) packageInputs(kind fastpath.Kind, importPath, dir, moduleDir string) []fastpath.Input {
	var inputs []fastpath.Input
	if !m.immutable(dir) {
		inputs = append(inputs, fastpath.Input{Kind: kind, Path: m.site.rel(dir)})
		inputs = append(inputs, m.noModules(moduleDir, dir)...)
	}
	for _, l := range m.site.modules {
		rest, ok := strings.CutPrefix(importPath+"/", l.path+"/")
		if !ok {
			continue
		}
		if place := filepath.Join(l.dir, filepath.FromSlash(rest)); place != dir {
			inputs = append(inputs, fastpath.Input{Kind: fastpath.Headers, Path: m.site.rel(place)})
			inputs = append(inputs, m.noModules(l.dir, place)...)
		}
	}
	return inputs
}

// likely are inputs that a package in a directory will have.
func (m *memo) likely(kind fastpath.Kind, dir string) []fastpath.Input {
	return append(m.noModules(m.moduleDir(dir), dir), fastpath.Input{Kind: kind, Path: m.site.rel(dir)})
}

// noModules are the places between a module's directory and one below where a go.mod would
// take the latter out of the module.
func (m *memo) noModules(moduleDir, dir string) []fastpath.Input {
	var inputs []fastpath.Input
	if moduleDir == "" || !below(moduleDir, dir) {
		return nil
	}
	for dir != moduleDir && dir != filepath.Dir(dir) {
		inputs = append(inputs, fastpath.Input{Kind: fastpath.File, Path: m.site.rel(filepath.Join(dir, "go.mod"))})
		dir = filepath.Dir(dir)
	}
	return inputs
}

// moduleDir is the directory of the local module that a directory lies in, or nothing.
func (m *memo) moduleDir(dir string) string {
	longest := ""
	for _, l := range m.site.modules {
		if (l.dir == dir || below(l.dir, dir)) && len(l.dir) > len(longest) {
			longest = l.dir
		}
	}
	return longest
}

// graphInputs are the inputs of a command: the packages that it imports, directly or not.
func (m *memo) graphInputs(command *packages.Package) (inputs []fastpath.Input, err error) {
	inputs = m.site.inputs
	packages.Visit([]*packages.Package{command}, func(p *packages.Package) bool {
		switch {
		case len(p.Errors) > 0:
			err = unfit("there are errors in packages that it imports")
		case p.Module == nil: // of the standard library
			return false
		case p.Dir == "":
			err = unfitf("the directory of package %s is not known", p.PkgPath)
		}
		if err != nil {
			return false
		}
		inputs = append(inputs, m.packageInputs(fastpath.Package, p.PkgPath, p.Dir, localModuleDir(p.Module))...)
		if m.immutable(p.Dir) {
			return true
		}
		for _, pattern := range p.EmbedPatterns {
			// go/packages puts the directory before the patterns.
			pattern, ok := strings.CutPrefix(filepath.ToSlash(pattern), filepath.ToSlash(p.Dir)+"/")
			if !ok {
				err = unfitf("what package %s embeds is not known", p.PkgPath)
			}
			inputs = append(inputs, fastpath.Input{Kind: fastpath.Embed, Path: m.site.rel(p.Dir), Pattern: pattern})
		}
		for _, file := range p.OtherFiles {
			if includesElsewhere(file) {
				err = unfitf("%s includes files of other directories", file)
			}
		}
		return true
	}, nil)
	return inputs, err
}

// localModuleDir is where the files of a module are that is not vendored.
func localModuleDir(m *packages.Module) string {
	if m.Replace != nil {
		return m.Replace.Dir
	}
	return m.Dir
}
