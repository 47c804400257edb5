package files

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// tree is all that may be read: the bounds. Names in it are relative to the bounds
// and have slashes. Whatever happens to the file system meanwhile, nothing outside is
// opened.
type tree struct {
	root   *os.Root
	fsys   fs.FS
	bounds string // without links
	base   string // Options.Root without links
	given  Options
	memory *memory
}

func openTree(o Options) (*tree, error) {
	for _, glob := range o.AllowSecrets {
		if err := checkGlob("allowed secret", glob); err != nil {
			return nil, err
		}
	}
	t := &tree{given: o}
	var err error
	if t.bounds, err = filepath.EvalSymlinks(o.Bounds); err != nil {
		return nil, err
	}
	if t.base, err = filepath.EvalSymlinks(o.Root); err != nil {
		return nil, err
	}
	if t.root, err = os.OpenRoot(t.bounds); err != nil {
		return nil, err
	}
	t.fsys = t.root.FS()
	return t, nil
}

// locate is the name of a path that is absolute or relative to the root.
func (t *tree) locate(p string) (string, error) {
	if !utf8.ValidString(p) || strings.ContainsRune(p, 0) {
		return "", &EntryError{Path: p, Problem: "is not a valid name"}
	}
	given := filepath.FromSlash(p)
	base := t.given.Root
	if filepath.IsAbs(given) {
		base = ""
	}
	name, ok := within(t.given.Bounds, filepath.Join(base, given))
	if !ok && base != "" {
		base = t.base
	}
	if !ok {
		name, ok = within(t.bounds, filepath.Join(base, given))
	}
	if !ok {
		return "", &OutsideError{Path: p, Bounds: t.given.Bounds}
	}
	return name, nil
}

// within is the name of an absolute path below dir.
func within(dir, p string) (string, bool) {
	rel, err := filepath.Rel(dir, p)
	if err != nil || !filepath.IsLocal(rel) {
		return "", false
	}
	return filepath.ToSlash(rel), true
}

func (t *tree) full(name string) string { return filepath.Join(t.bounds, filepath.FromSlash(name)) }

// display is how people call a name: relative to the root.
func (t *tree) display(name string) string {
	rel, err := filepath.Rel(t.base, t.full(name))
	if err != nil {
		return name
	}
	return filepath.ToSlash(rel)
}

// follow is the name without any links, and what is there.
func (t *tree) follow(name string) (string, fs.FileInfo, error) {
	full, err := filepath.EvalSymlinks(t.full(name))
	if err != nil {
		return "", nil, t.brokenLink(name, err)
	}
	real, ok := within(t.bounds, full)
	if !ok {
		return "", nil, &OutsideError{Path: t.display(name), Target: full, Bounds: t.given.Bounds}
	}
	if inRepository(real) {
		return "", nil, &EntryError{Path: t.display(name), Problem: "is in .git, which may hold credentials and differs from clone to clone"}
	}
	info, err := fs.Lstat(t.fsys, real)
	return real, info, err
}

// inRepository reports whether a name is a part of a git repository's own files. What
// HEAD points to is no secret, and what ko's users link to.
func inRepository(name string) bool {
	_, after, found := strings.Cut("/"+name+"/", "/.git/")
	return found && after != "HEAD/" && !strings.HasPrefix(after, "refs/")
}

// brokenLink explains why a name can't be followed, if it is of a link.
func (t *tree) brokenLink(name string, err error) error {
	target, linkErr := os.Readlink(t.full(name))
	switch {
	case linkErr != nil:
		return err
	case errors.Is(err, fs.ErrNotExist):
		return &LinkError{Path: t.display(name), Target: target, Problem: "points to nothing"}
	default:
		return &LinkError{Path: t.display(name), Target: target, Problem: "can't be followed: " + err.Error()}
	}
}

// checkSpelling compares a name with how its directories have it. Where the file
// system makes no difference between upper and lower case, other machines would not
// find it.
func (t *tree) checkSpelling(name string) error {
	for p := name; p != "."; p = path.Dir(p) {
		dir, err := t.root.Open(filepath.FromSlash(path.Dir(p)))
		if err != nil {
			continue // may be passed through and not listed, or a link
		}
		names, err := dir.Readdirnames(-1)
		dir.Close()
		if err == nil && !slices.Contains(names, path.Base(p)) {
			return &EntryError{Path: t.display(p), Problem: "is spelled differently on disk"}
		}
	}
	return nil
}
