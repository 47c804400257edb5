package rootfs

import (
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// Kind is what an entry is.
type Kind uint8

// The kinds of entries.
const (
	Dir     Kind = iota // a directory
	File                // a regular file; every name of one with several
	Symlink             // a symbolic link
	Other               // a device or a pipe
)

// Entry is what a tree knows of a file.
type Entry struct {
	Kind Kind
	Mode fs.FileMode // permissions, setuid, setgid and sticky bit; no type
	UID  int
	GID  int
	Size int64  // of a file, in bytes
	Link string // where a symbolic link points to, as it is written there
}

// Tree is the files of an image. It is made by [Read] or [Unmarshal] and does not
// change, so that it can be used by several goroutines. The zero value has a root
// and nothing in it.
type Tree struct {
	root node
}

// node is an entry in its place.
type node struct {
	Entry
	name     string
	parent   *node // nil for the root
	children map[string]*node
	layer    int    // that it comes from, counted from the bottom; not kept by Marshal
	content  []byte // nil where it is not kept
}

// maxLinks is how many symbolic links are followed on the way to a file, as on Linux
// (path_resolution(7)).
const maxLinks = 40

// Lookup finds a path, all symbolic links on the way and at its end followed. ok is
// false where there is nothing, where a link leads nowhere or in a circle, and where
// a file is taken for a directory. resolved is the path without links.
func (t *Tree) Lookup(p string) (resolved string, e Entry, ok bool) {
	n := t.find(p)
	if n == nil {
		return "", Entry{}, false
	}
	return n.path(), n.Entry, true
}

// Content returns a file's content, all links followed, where it is kept: where the
// file (or the link to it) was asked for when the tree was read, and is not too
// large. What is not kept may be there nevertheless: ask Lookup. The content must not
// be changed.
func (t *Tree) Content(p string) (content []byte, ok bool) {
	n := t.find(p)
	if n == nil || n.Kind != File || n.content == nil {
		return nil, false
	}
	return n.content, true
}

// List returns the names in a directory, all links on the way to it followed, in
// their order; nil where there is no directory.
func (t *Tree) List(p string) []string {
	n := t.find(p)
	if n == nil || n.Kind != Dir {
		return nil
	}
	return slices.Sorted(maps.Keys(n.children))
}

func (t *Tree) find(p string) *node {
	n, links := &t.root, 0
	for rest := strings.Split(p, "/"); len(rest) > 0; {
		var name string
		name, rest = rest[0], rest[1:]
		if n.Kind != Dir {
			return nil
		}
		next := n.step(name)
		if next == nil {
			return nil
		}
		if next.Kind != Symlink {
			n = next
			continue
		}
		if links++; links > maxLinks {
			return nil
		}
		rest = append(strings.Split(next.Link, "/"), rest...)
		if path.IsAbs(next.Link) {
			n = &t.root
		}
	}
	return n
}

// step goes from a directory to one of its entries, to itself or to its parent. The
// root is its own parent.
func (n *node) step(name string) *node {
	switch {
	case name == "" || name == ".", name == ".." && n.parent == nil:
		return n
	case name == "..":
		return n.parent
	}
	return n.children[name]
}

func (n *node) path() string {
	if n.parent == nil {
		return "."
	}
	var parts []string
	for ; n.parent != nil; n = n.parent {
		parts = append(parts, n.name)
	}
	slices.Reverse(parts)
	return strings.Join(parts, "/")
}

// add puts an entry into a directory that has none of the name.
func (n *node) add(name string, e Entry, layer int) *node {
	c := &node{Entry: e, name: name, parent: n, layer: layer}
	if n.children == nil {
		n.children = map[string]*node{}
	}
	n.children[name] = c
	return c
}

// clean makes a path relative to the root and free of "." and ".." elements. ok is
// false for a path that leads out of the root.
func clean(p string) (string, bool) {
	p = path.Clean(p)
	if p == ".." || strings.HasPrefix(p, "../") {
		return "", false
	}
	if p = strings.TrimLeft(p, "/"); p == "" {
		p = "."
	}
	return p, true
}
