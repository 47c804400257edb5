package rootfs

import (
	"io"
	"path"
	"strings"
)

// Keep asks for the content of a file when a tree is read.
type Keep struct {
	// Path is the file's, or DIR/* for all files in a directory.
	Path string
	// Reduce makes of a content what is kept in its place, while it streams past; nil
	// keeps it as it is. So a database of up to 64 MiB can be kept as the little that
	// somebody wants of it. What is wrong with the content belongs into the outcome;
	// errors of the reader it may ignore, since [ReadKeeping] returns them.
	Reduce func(content io.Reader) []byte
}

// Limit is how large a file may be, in bytes, for its content to be kept.
func (k Keep) Limit() int64 {
	if k.Reduce != nil {
		return maxReduced
	}
	return maxContent
}

// wanted is what is to be kept, by path.
type wanted map[string]Keep

// of finds what asks for a file. A path of its own comes before the directory's.
func (w wanted) of(p string) (Keep, bool) {
	if k, ok := w[p]; ok {
		return k, true
	}
	k, ok := w[path.Dir(p)+"/*"]
	return k, ok
}

// keep keeps the content of a file, or what it is reduced to, if it is asked for and
// small enough.
func (r *reader) keep(n *node, content io.Reader) error {
	k, ok := r.wanted.of(n.path())
	if !ok || n.Size > k.Limit() {
		return nil
	}
	content = io.LimitReader(content, n.Size)
	var kept []byte
	if k.Reduce != nil {
		kept = append([]byte{}, k.Reduce(content)...)
	} else if r.kept+int(n.Size) <= maxKept {
		var err error
		if kept, err = io.ReadAll(content); err != nil {
			return err
		}
	}
	if len(kept) > maxContent || r.kept+len(kept) > maxKept {
		return nil
	}
	r.kept += len(kept)
	n.content = kept
	return nil
}

// linked lists the files that the names of contents lead to and whose contents were
// not kept, since nobody knew.
func (r *reader) linked(list []Keep) wanted {
	out := wanted{}
	for _, k := range list {
		dir, all := strings.CutSuffix(k.Path, "/*")
		n := r.tree.find(dir)
		switch {
		case n == nil:
		case !all:
			r.missing(n, k, out)
		case n.Kind == Dir:
			p := n.path() + "/*"
			if _, ok := r.wanted[p]; !ok {
				out[p] = k
				continue
			}
			for name := range n.children {
				if f := r.tree.find(n.path() + "/" + name); f != nil {
					r.missing(f, k, out)
				}
			}
		}
	}
	return out
}

// missing adds a file to what is wanted unless its content is kept or was looked at.
func (r *reader) missing(n *node, k Keep, out wanted) {
	if n.Kind != File || n.content != nil || n.Size > k.Limit() {
		return
	}
	p := n.path()
	if target, ok := r.hardLinks[p]; ok {
		p = target
	}
	if _, ok := r.wanted.of(p); !ok {
		out[p] = k
	}
}
