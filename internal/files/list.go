package files

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/imgo-build/imgo/internal/stamp"
)

// node is a file, directory or link that goes into the image.
type node struct {
	rel    string // below what is copied, "." for the directory itself
	name   string // of what is read, without links
	shown  string // how people call it
	single bool   // the group is this file
	linked bool   // name is what a link leads to, not what was given
	state  stamp.State
	link   string // the target of a link that stays one
	empty  bool   // a directory without anything of the set
	sum    [32]byte

	clean    bool // was searched for secrets
	settled  bool // a write since it was read would show in its stamp
	recalled bool // the hash is of an earlier run
}

// find lists what From means: parents first, sorted.
func (t *tree) find(ctx context.Context, from string, ignore ignore) ([]*node, error) {
	from = filepath.ToSlash(from)
	name, err := t.locate(from)
	if err != nil {
		return nil, err
	}
	if _, err := fs.Lstat(t.fsys, name); err != nil {
		if strings.ContainsAny(from, `*?[{`) {
			return t.glob(ctx, from, ignore)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil, &NotFoundError{Path: from}
		}
		// The way there may have links that the root alone can't follow.
	}
	real, info, err := t.follow(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &NotFoundError{Path: from}
	}
	if err != nil {
		return nil, err
	}
	if err := t.checkSpelling(name); err != nil {
		return nil, err
	}
	if info.IsDir() {
		return (&lister{tree: t, ignore: ignore}).list(ctx, name, real, info)
	}
	n := &node{rel: path.Base(name), name: real, shown: t.display(name), single: true, linked: real != name, state: stamp.Of(info)}
	if ignore.excludes(n.rel, false) {
		return nil, &NotFoundError{Path: from}
	}
	return []*node{n}, n.check()
}

// glob lists what matches a pattern below its part without wildcards.
func (t *tree) glob(ctx context.Context, pattern string, ignore ignore) ([]*node, error) {
	if err := checkGlob("from", pattern); err != nil {
		return nil, err
	}
	fixed, rest := doublestar.SplitPattern(path.Clean(pattern))
	name, err := t.locate(fixed)
	if err != nil {
		return nil, err
	}
	real, info, err := t.follow(name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
		return nil, &NotFoundError{Path: pattern, Glob: true}
	}
	if err != nil {
		return nil, err
	}
	if err := t.checkSpelling(name); err != nil {
		return nil, err
	}
	nodes, err := (&lister{tree: t, ignore: ignore, pattern: rest}).list(ctx, name, real, info)
	if err == nil && len(nodes) == 1 {
		err = &NotFoundError{Path: pattern, Glob: true}
	}
	return nodes, err
}

// lister walks through a directory.
type lister struct {
	*tree
	ignore  ignore
	pattern string   // what to take, relative to the directory; "" is everything
	follow  bool     // replace links by what they point to
	source  string   // name of the directory as it was given
	shown   string   // how people call it
	parents []string // the directories that the walk is in, without links
	nodes   []*node
}

// list returns the directory and what is taken of its content.
func (l *lister) list(ctx context.Context, given, real string, info fs.FileInfo) ([]*node, error) {
	l.source, l.shown = given, l.display(given)
	top := &node{rel: ".", name: real, shown: l.shown, state: stamp.Of(info)}
	l.nodes = []*node{top}
	if err := l.dir(ctx, top, l.pattern == ""); err != nil {
		return nil, err
	}
	return l.nodes, nil
}

// dir adds what is in a directory; all says that everything is taken.
func (l *lister) dir(ctx context.Context, parent *node, all bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if slices.Contains(l.parents, parent.name) {
		return &LinkError{Path: parent.shown, Target: l.display(parent.name), Problem: "leads into itself"}
	}
	l.parents = append(l.parents, parent.name)
	defer func() { l.parents = l.parents[:len(l.parents)-1] }()
	entries, err := fs.ReadDir(l.fsys, parent.name)
	if err != nil {
		return err
	}
	before := len(l.nodes)
	for _, e := range entries {
		if err := l.entry(ctx, parent, e, all); err != nil {
			return err
		}
	}
	parent.empty = len(l.nodes) == before
	return nil
}

func (l *lister) entry(ctx context.Context, parent *node, e fs.DirEntry, all bool) error {
	n := &node{rel: path.Join(parent.rel, e.Name()), name: path.Join(parent.name, e.Name())}
	if e.Name() == ".git" || slices.Contains(l.given.Outputs, l.full(n.name)) {
		return nil
	}
	n.shown = path.Join(l.shown, n.rel)
	given := path.Join(l.source, n.rel)
	if strings.HasPrefix(l.shown, "..") { // and it may lead back to the root
		n.shown = l.display(given)
	}
	if l.ignore.excludes(n.rel, e.IsDir()) {
		return nil
	}
	taken := all || doublestar.MatchUnvalidated(l.pattern, n.rel)
	if !taken && (!e.IsDir() || !l.mayMatchBelow(n.rel)) {
		return nil
	}
	if !utf8.ValidString(e.Name()) || strings.Contains(e.Name(), `\`) {
		return &EntryError{Path: n.shown, Problem: "has a name that can't be in an image"}
	}
	if err := l.inspect(n, e); err != nil {
		return err
	}
	n.linked = n.name != given
	if n.shown == n.name {
		n.shown = n.name // the same bytes
	}
	l.nodes = append(l.nodes, n)
	if !n.state.Mode.IsDir() {
		return n.check()
	}
	if err := l.dir(ctx, n, taken); err != nil {
		return err
	}
	if n.empty && !taken { // on the way to nothing
		l.nodes = l.nodes[:len(l.nodes)-1]
	}
	return nil
}

// inspect finds out what an entry is.
func (l *lister) inspect(n *node, e fs.DirEntry) (err error) {
	var info fs.FileInfo
	link := e.Type() == fs.ModeSymlink
	if link && l.follow {
		n.name, info, err = l.tree.follow(n.name)
	} else {
		info, err = e.Info()
	}
	if err != nil {
		return err
	}
	n.state = stamp.Of(info)
	if !link || l.follow {
		return nil
	}
	n.link, err = fs.ReadLink(l.fsys, n.name)
	n.link = filepath.ToSlash(n.link)
	return err
}

// mayMatchBelow says whether something in a directory may match the pattern. A
// pattern of a fixed depth matches nothing where its begin does not.
func (l *lister) mayMatchBelow(rel string) bool {
	if strings.Contains(l.pattern, "**") || strings.ContainsAny(l.pattern, `{[\`) {
		return true // the pattern can't be cut at its slashes
	}
	parts := strings.Split(l.pattern, "/")
	depth := strings.Count(rel, "/") + 1
	return depth < len(parts) && doublestar.MatchUnvalidated(strings.Join(parts[:depth], "/"), rel)
}

func (n *node) check() error {
	if n.link != "" || n.state.Mode.IsRegular() {
		return nil
	}
	return &EntryError{Path: n.shown, Problem: "is neither a file nor a directory nor a symbolic link (" + n.state.Mode.Type().String() + ")"}
}
