package gobuild

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"
	"golang.org/x/tools/go/packages"

	"github.com/imgo-build/imgo/internal/fastpath"
	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/event"

	"github.com/imgo-build/imgo/internal/pattern"
)

// Load implements [build.Compiler]. No patterns mean ".".
//
// Errors that stop everything: [*NoGoError], [*GoVersionError], [*NoModuleError],
// [*NoMainError], [*GoFilesError], [*LoadError] for a broken go.mod or go.work, and
// those of settings: [*BuildEnvError], [*FlagError], [*BuildModeError],
// [*UnsupportedOSError], [*UnsupportedPlatformError]. A package's Err is a
// [*NotMainError] or a [*LoadError].
func (c *Compiler) Load(ctx context.Context, s build.GoSettings, p v1.Platform, patterns []string) ([]build.Package, error) {
	if len(patterns) == 0 {
		patterns = []string{"."}
	}
	done := event.Track(c.events, event.Load, strings.Join(patterns, " "))
	pkgs, err := c.load(ctx, s, p, patterns)
	done("", oneLine(err))
	return pkgs, err
}

func (c *Compiler) load(ctx context.Context, s build.GoSettings, p v1.Platform, patterns []string) ([]build.Package, error) {
	t, err := c.toolchain(s, p)
	if err != nil {
		return nil, err
	}
	for _, pattern := range patterns {
		if info, err := os.Stat(t.abs(pattern)); strings.HasSuffix(pattern, ".go") && err == nil && !info.IsDir() {
			return nil, &GoFilesError{Pattern: pattern}
		}
	}
	m, err := c.memo(t)
	var before *fastpath.Snapshot
	if err != nil {
		c.explain(event.Load, strings.Join(patterns, " "), "asked the go command: %v", err)
	} else {
		var pkgs []build.Package
		if pkgs, before = c.recallLoad(ctx, m, patterns); pkgs != nil {
			return pkgs, nil
		}
	}
	began := c.clock()
	byPattern, err := t.resolve(ctx, patterns)
	if ctx.Err() != nil {
		return nil, fmt.Errorf("loading packages: %w", ctx.Err())
	}
	if failed := err != nil || slices.ContainsFunc(byPattern, anyError); failed && !t.hasModule() {
		return nil, &NoModuleError{Dir: t.dir}
	}
	if err != nil {
		return nil, err
	}
	var all []build.Package
	seen := map[string]bool{}
	for i, pattern := range patterns {
		for _, pkg := range t.mains(pattern, byPattern[i]) {
			if pkg.ImportPath == "" || !seen[pkg.ImportPath] {
				seen[pkg.ImportPath] = true
				all = append(all, pkg)
			}
		}
	}
	if len(all) == 0 {
		return nil, &NoMainError{Patterns: patterns}
	}
	if m != nil {
		if err := m.saveLoad(ctx, patterns, all, before, began); err != nil {
			c.explain(event.Load, strings.Join(patterns, " "), "not remembered: %v", err)
		}
	}
	return all, nil
}

// resolve returns the packages that each pattern brings in first. go/packages
// doesn't say which pattern a package came from. Packages that are named one by one
// tell by themselves and share one go list; each wildcard has its own.
func (t *toolchain) resolve(ctx context.Context, patterns []string) ([][]*packages.Package, error) {
	byPattern := make([][]*packages.Package, len(patterns))
	g, ctx := errgroup.WithContext(ctx)
	var named []int
	for i, pattern := range patterns {
		if !isWildcard(pattern) {
			named = append(named, i)
			continue
		}
		g.Go(func() (err error) {
			byPattern[i], err = t.list(ctx, lean, pattern)
			return err
		})
	}
	if len(named) > 0 {
		g.Go(func() error {
			args := make([]string, len(named))
			for j, i := range named {
				args[j] = patterns[i]
			}
			pkgs, err := t.list(ctx, lean, args...)
			for j, pkg := range t.attribute(args, pkgs) {
				byPattern[named[j]] = pkg
			}
			return err
		})
	}
	return byPattern, g.Wait()
}

// lean is the leanest mode that names a package and its module: imports are not
// followed.
const lean = packages.NeedName | packages.NeedFiles | packages.NeedModule

// list runs go list through go/packages.
func (t *toolchain) list(ctx context.Context, mode packages.LoadMode, patterns ...string) ([]*packages.Package, error) {
	env, flags := t.splitModfile()
	if len(t.tags) > 0 {
		flags = append(flags, "-tags="+strings.Join(t.tags, ","))
	}
	queries := make([]string, len(patterns))
	for i, pattern := range patterns {
		queries[i] = "pattern=" + pattern // so that nothing in it is taken for a query
	}
	pkgs, err := packages.Load(&packages.Config{
		Mode:    mode,
		Context: ctx,
		Dir:     t.dir,
		// What go build will not ask must not answer here either.
		Env:        append(env, "GOPACKAGESDRIVER=off"),
		BuildFlags: flags,
	}, queries...)
	return pkgs, listError(err)
}

// attribute finds the first pattern for each package. go list reports packages in
// the order of the patterns and each once: what no name explains, such as an error
// for a directory that isn't there, belongs to the next pattern without a package.
func (t *toolchain) attribute(patterns []string, pkgs []*packages.Package) [][]*packages.Package {
	byPattern := make([][]*packages.Package, len(patterns))
	explained := make([]bool, len(patterns))
	var rest []*packages.Package
	for _, pkg := range pkgs {
		first := -1
		for i, pattern := range patterns {
			if !t.names(pattern, pkg) {
				continue
			}
			explained[i] = true
			if first < 0 {
				first = i
			}
		}
		if first < 0 {
			rest = append(rest, pkg)
			continue
		}
		byPattern[first] = append(byPattern[first], pkg)
	}
	for _, pkg := range rest {
		i := max(slices.Index(explained, false), 0)
		explained[i] = true
		byPattern[i] = append(byPattern[i], pkg)
	}
	return byPattern
}

// mains turns what a pattern brought in into packages to build.
func (t *toolchain) mains(pattern string, pkgs []*packages.Package) []build.Package {
	if len(pkgs) == 0 && isWildcard(pattern) {
		return []build.Package{{Pattern: pattern, Err: &LoadError{Pattern: pattern, Errors: []string{"matched no packages"}}}}
	}
	var mains []build.Package
	for _, p := range pkgs {
		pkg := build.Package{ImportPath: p.PkgPath, Name: commandName(p.PkgPath), Dir: p.Dir, Pattern: pattern}
		if m := p.Module; m != nil {
			pkg.Module = &build.Module{Path: m.Path, Version: m.Version, Dir: m.Dir}
		}
		switch {
		case isWildcard(pattern) && !maybeMain(p):
			continue
		case len(p.Errors) > 0:
			pkg.Err = t.loadError(pattern, p)
		case p.Name != "main":
			pkg.Err = &NotMainError{ImportPath: p.PkgPath, Name: p.Name}
		}
		mains = append(mains, pkg)
	}
	return mains
}

// maybeMain reports whether a package is a command or, broken as it is, may be
// meant to be one.
func maybeMain(p *packages.Package) bool {
	if p.Name == "main" || p.Name == "" {
		return true
	}
	return len(p.Errors) > 0 && strings.HasPrefix(p.Errors[0].Msg, "found packages ")
}

func (t *toolchain) loadError(pattern string, p *packages.Package) *LoadError {
	e := &LoadError{Pattern: pattern, ImportPath: p.PkgPath}
	for _, err := range p.Errors {
		msg := err.Msg
		if err.Pos != "" && err.Pos != "-" {
			msg = err.Pos + ": " + msg
		}
		e.Errors = append(e.Errors, msg)
	}
	if !isPath(pattern) && !isWildcard(pattern) {
		info, err := os.Stat(filepath.Join(t.dir, filepath.FromSlash(pattern)))
		e.LacksDot = err == nil && info.IsDir()
	}
	return e
}

// hasModule reports whether the go command has a module or workspace to work in.
func (t *toolchain) hasModule() bool {
	if t.env.goenv("GO111MODULE", t.dir) == "off" {
		return true // GOPATH mode needs none
	}
	if work := t.env.goenv("GOWORK", t.dir); work != "" && work != "off" {
		return true
	}
	_, mod := findUp(t.dir, "go.mod")
	_, work := findUp(t.dir, "go.work")
	return mod || work
}

var (
	needsVersion = pattern.New(`requires go >= (\S+) \(running go (\S+);`)
	unknownFlag  = pattern.New(`flag provided but not defined: `)
)

// oldestGo is the first go command that knows every flag that gobuild gives.
const oldestGo = "1.18"

// listError finds the go command's own words in an error of go/packages.
func listError(err error) error {
	if err == nil {
		return nil
	}
	words := err.Error()
	if _, stderr, ok := strings.Cut(words, "stderr: "); ok && strings.TrimSpace(stderr) != "" {
		words = stderr
	}
	words = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(words), "go: "))
	if m := needsVersion.FindStringSubmatch(words); m != nil {
		return &GoVersionError{Required: m[1], Running: m[2], Output: words}
	}
	if unknownFlag.MatchString(words) {
		return &GoVersionError{Required: oldestGo, Output: words}
	}
	return &LoadError{Errors: []string{words}}
}

func anyError(pkgs []*packages.Package) bool {
	return slices.ContainsFunc(pkgs, func(p *packages.Package) bool { return len(p.Errors) > 0 })
}

// oneLine is err, cut to the first line of its message for an event.
func oneLine(err error) error {
	if err == nil {
		return nil
	}
	first, _, cut := strings.Cut(err.Error(), "\n")
	if !cut {
		return err
	}
	return errors.New(first)
}
