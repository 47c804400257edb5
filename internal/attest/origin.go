package attest

import (
	"context"
	"path/filepath"

	"github.com/imgo-build/imgo/internal/attest/provenance"
	"github.com/imgo-build/imgo/pkg/build"
)

// origin is where the sources of a target come from.
type origin struct {
	*provenance.Source        // nil where nobody knows
	root               string // of the repository
	dir                string // where the paths of the configuration begin
	// foreign says that these begin outside of the repository.
	foreign bool
}

// origin asks where the sources of a target come from, where that is to be told. All its
// directories are absolute and without symbolic links.
func (a *Attester) origin(ctx context.Context, m *build.Made) (origin, error) {
	o := origin{dir: realPath(m.Target.Settings.FilesRoot.Root)}
	module := mainModule(m.Target)
	if !m.Target.Settings.Attest.Provenance || a.opts.Source == nil || len(m.Images) == 0 || module == "" {
		return o, nil
	}
	source, root, err := a.opts.Source(ctx, module)
	if err != nil || source == nil {
		return o, err
	}
	found := *source
	o.Source, o.root = &found, realPath(root)
	found.Path, _ = below(o.root, realPath(module))
	config, ok := below(o.root, o.dir)
	if !ok {
		o.foreign, o.dir, config = true, realPath(module), found.Path
	}
	found.ConfigPath = config
	return o, nil
}

// mainModule is the directory of the module that the go command works in: the package's
// own, or the one that requires it.
func mainModule(t *build.Target) string {
	switch m := t.Package.Module; {
	case m == nil:
		return ""
	case m.Version == "":
		return m.Dir
	default:
		return t.Settings.Go.Dir
	}
}

// relative is a path of the user's as a configuration could have it, with slashes. One
// that leads elsewhere stays absolute, and is not told.
func (o *origin) relative(p string) string {
	p = filepath.Join(realPath(filepath.Dir(p)), filepath.Base(p))
	rel, err := filepath.Rel(o.dir, p)
	if err != nil || o.dir == "" {
		return filepath.ToSlash(p)
	}
	return filepath.ToSlash(rel)
}

// finds reports whether whoever has the repository finds a go.work by himself.
func (o *origin) finds(work, module string) bool {
	dir := realPath(filepath.Dir(work))
	_, inside := below(o.root, dir)
	_, above := below(dir, realPath(module))
	return filepath.Base(work) == "go.work" && o.Source != nil && inside && above
}

// projectPath is where the main module of a program is in what belongs together with the
// image's configuration, a repository for example: with slashes, empty for its root.
func projectPath(t *build.Target, pkg build.Package) string {
	if pkg.Module == nil || pkg.Module.Version != "" || pkg.Module.Dir == "" {
		return ""
	}
	p, _ := below(realPath(t.Settings.FilesRoot.Bounds), realPath(pkg.Module.Dir))
	return p
}

// below is the path of p in a directory, with slashes and empty for the directory itself.
func below(dir, p string) (string, bool) {
	rel, err := filepath.Rel(dir, p)
	if dir == "" || p == "" || err != nil || !filepath.IsLocal(rel) {
		return "", false
	}
	if rel == "." {
		return "", true
	}
	return filepath.ToSlash(rel), true
}

// realPath is a path without symbolic links, as far as it exists.
func realPath(p string) string {
	if real, err := filepath.EvalSymlinks(p); p != "" && err == nil {
		return real
	}
	return p
}
