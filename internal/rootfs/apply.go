package rootfs

import (
	"archive/tar"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
)

// What a tree may cost. An image of a whole distribution with a desktop has a few
// hundred thousand files.
const (
	maxEntries = 1_000_000   // in the tree
	maxHeaders = 4_000_000   // in all layers, also of what others hide
	maxSteps   = 100_000_000 // from directory to directory
	maxText    = 256 << 20   // of names and links, in bytes
	maxDepth   = 2048        // which is all that fits into the longest path
	maxPath    = 4096        // of a path in a tar, and of a link (PATH_MAX)
	maxContent = 1 << 20     // of a content that is kept
	maxKept    = 4 << 20     // of all contents that are kept
	maxReduced = 64 << 20    // of a file whose content is reduced before
)

// Whiteouts of the OCI image specification (layer.md).
const (
	whiteout = ".wh."         // before the name of what is hidden
	opaque   = ".wh..wh..opq" // hides all that lower layers have in the directory
	aufs     = ".wh..wh."     // before the names of aufs' own files
)

// reader makes a tree of layers.
type reader struct {
	tree      *Tree
	wanted    wanted            // the contents to keep
	hardLinks map[string]string // by those of them that are hard links: to what
	layer     int

	entries, headers, steps, text, kept int
}

func newReader(wanted wanted) *reader {
	t := &Tree{}
	t.root.Mode = 0o755
	return &reader{tree: t, wanted: wanted, hardLinks: map[string]string{}}
}

func (r *reader) malformed(p, format string, args ...any) error {
	return &MalformedError{Layer: r.layer, Path: p, Reason: fmt.Sprintf(format, args...)}
}

// apply does to the tree what unpacking an entry does to a disk.
func (r *reader) apply(h *tar.Header, content io.Reader) error {
	if h.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	if r.headers++; r.headers > maxHeaders {
		return r.malformed("", "and those below have more than %d entries", maxHeaders)
	}
	if len(h.Name) > maxPath || len(h.Linkname) > maxPath {
		return r.malformed(h.Name[:min(len(h.Name), 64)]+"…", "has a path of more than %d bytes", maxPath)
	}
	p, ok := clean(h.Name)
	if !ok || strings.Contains(p, "\x00") {
		return r.malformed(h.Name, "leads out of the root")
	}
	if p == "." {
		return r.applyRoot(h)
	}
	parent, err := r.directory(h.Name, path.Dir(p))
	if err != nil {
		return err
	}
	name := path.Base(p)
	if strings.HasPrefix(name, whiteout) {
		return r.hide(h, parent, name)
	}
	e, err := r.entry(h)
	if err != nil {
		return err
	}
	if h.Typeflag == tar.TypeLink {
		return r.hardLink(h, parent, name)
	}
	n, err := r.put(h.Name, parent, name, e)
	if err != nil || n.Kind != File {
		return err
	}
	return r.keep(n, content)
}

func (r *reader) applyRoot(h *tar.Header) error {
	e, err := r.entry(h)
	if err != nil {
		return err
	}
	if e.Kind != Dir {
		return r.malformed(h.Name, "replaces the root")
	}
	r.tree.root.Entry = e
	return nil
}

// entry reads a header. A hard link's says nothing but the target.
func (r *reader) entry(h *tar.Header) (Entry, error) {
	const bits = fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky
	e := Entry{Kind: Other, Mode: h.FileInfo().Mode() & bits, UID: h.Uid, GID: h.Gid}
	if h.Uid < 0 || h.Gid < 0 {
		return Entry{}, r.malformed(h.Name, "belongs to a negative number")
	}
	switch h.Typeflag {
	case tar.TypeReg, 0, tar.TypeCont, tar.TypeGNUSparse:
		e.Kind, e.Size = File, h.Size
	case tar.TypeDir:
		e.Kind = Dir
	case tar.TypeSymlink:
		e.Kind, e.Link = Symlink, h.Linkname
	}
	return e, nil
}

// directory finds the directory p, and makes what is missing of it. Links are
// followed that are of this layer: engines unpack it by itself. What a lower layer
// has in the place of a directory is hidden by it.
func (r *reader) directory(inTar, p string) (*node, error) {
	n, depth, links := &r.tree.root, 0, 0
	for rest := strings.Split(p, "/"); len(rest) > 0; {
		var name string
		name, rest = rest[0], rest[1:]
		if r.steps++; r.steps > maxSteps {
			return nil, r.malformed(inTar, "takes too many directories to get to")
		}
		next := n.step(name)
		switch {
		case next == nil, next.Kind != Dir && next.layer != r.layer:
			var err error
			if next, err = r.put(inTar, n, name, Entry{Kind: Dir, Mode: 0o755}); err != nil {
				return nil, err
			}
		case next.Kind == Symlink:
			if links++; links > maxLinks {
				return nil, r.malformed(inTar, "is behind too many symbolic links")
			}
			rest = append(strings.Split(next.Link, "/"), rest...)
			if path.IsAbs(next.Link) {
				n, depth = &r.tree.root, 0
			}
			continue
		case next.Kind != Dir:
			return nil, r.malformed(inTar, "is below something that is no directory")
		}
		switch next {
		case n:
		case n.parent:
			depth--
		default:
			depth++
		}
		if n = next; depth > maxDepth {
			return nil, r.malformed(inTar, "is below more than %d directories", maxDepth)
		}
	}
	return n, nil
}

// put makes an entry in a directory. It replaces what was there, except that a
// directory over another one keeps what is in it.
func (r *reader) put(inTar string, parent *node, name string, e Entry) (*node, error) {
	if old := parent.children[name]; old != nil {
		if old.Kind == Dir && e.Kind == Dir {
			old.Entry, old.layer = e, r.layer
			return old, nil
		}
		r.remove(old)
	}
	r.entries++
	r.text += len(name) + len(e.Link)
	if r.entries > maxEntries || r.text > maxText {
		return nil, r.malformed(inTar, "is one too many: the image has more than %d files", r.entries-1)
	}
	return parent.add(name, e, r.layer), nil
}

// hardLink gives a file another name. Engines look for it in the layer; where lower
// layers have it too, it is the same by then.
func (r *reader) hardLink(h *tar.Header, parent *node, name string) error {
	target, ok := clean(h.Linkname)
	if !ok || target == "." {
		return r.malformed(h.Name, "is a hard link that leads out of the root")
	}
	dir, err := r.directory(h.Name, path.Dir(target))
	if err != nil {
		return err
	}
	old := dir.children[path.Base(target)]
	switch {
	case old == nil:
		return r.malformed(h.Name, "is a hard link to %q, which is not there", h.Linkname)
	case old.Kind == Dir:
		return r.malformed(h.Name, "is a hard link to %q, which is a directory", h.Linkname)
	case old == parent.children[name]:
		return nil
	}
	n, err := r.put(h.Name, parent, name, old.Entry)
	if err != nil {
		return err
	}
	if p := n.path(); n.Kind == File {
		if _, ok := r.wanted.of(p); ok {
			r.hardLinks[p] = old.path()
		}
	}
	if r.kept += len(old.content); r.kept > maxKept {
		r.kept -= len(old.content)
		return nil
	}
	n.content = old.content
	return nil
}

// hide applies a whiteout. It hides nothing of its own layer, wherever it stands in it.
func (r *reader) hide(h *tar.Header, parent *node, name string) error {
	switch hidden := strings.TrimPrefix(name, whiteout); {
	case name == opaque:
		r.prune(parent)
	case strings.HasPrefix(name, aufs):
	case hidden == "" || hidden == "." || hidden == "..":
		return r.malformed(h.Name, "is a whiteout of nothing")
	default:
		if n := parent.children[hidden]; n != nil && !r.prune(n) {
			r.remove(n)
		}
	}
	return nil
}

// prune removes what is below n of lower layers, and reports whether anything of
// this one is left, n included.
func (r *reader) prune(n *node) bool {
	kept := n.layer == r.layer
	for _, c := range n.children {
		if r.prune(c) {
			kept = true
		} else {
			r.remove(c)
		}
	}
	return kept
}

// remove removes n with all below it.
func (r *reader) remove(n *node) {
	for _, c := range n.children {
		r.remove(c)
	}
	r.entries--
	r.text -= len(n.name) + len(n.Link)
	r.kept -= len(n.content)
	if len(r.hardLinks) > 0 {
		delete(r.hardLinks, n.path())
	}
	delete(n.parent.children, n.name)
}
