package build

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/imgo-build/imgo/internal/rootfs"
	"github.com/imgo-build/imgo/pkg/layer"
)

// place puts files into a base's tree, as a program would that writes them there: the
// base's symbolic links to directories are followed, and directories that it has keep
// their mode and owner.
//
// Engines unpack each layer by itself and lay one over the other. A directory that an
// upper layer only implies gets a mode of the engine's making (docker's overlay2: 0755
// or less), and one in the place of a link hides what the link led to: /tmp would lose
// its mode 1777, and /lib of a base whose libraries are in /usr/lib all of them. So
// every parent is written down, with what the base says of it.
func place(tree *rootfs.Tree, list []layer.File) ([]layer.File, error) {
	out := make([]layer.File, 0, len(list))
	given := map[string]bool{}
	for _, f := range list {
		resolved, err := inTree(tree, f)
		if err != nil {
			return nil, err
		}
		f.Path = "/" + resolved
		given[resolved] = true
		out = append(out, f)
	}
	var parents []layer.File
	for _, f := range out {
		for dir := path.Dir(strings.TrimPrefix(f.Path, "/")); dir != "."; dir = path.Dir(dir) {
			if given[dir] {
				continue
			}
			given[dir] = true
			if _, e, ok := tree.Lookup(dir); ok {
				parents = append(parents, layer.File{Path: "/" + dir, Mode: fs.ModeDir | e.Mode, UID: e.UID, GID: e.GID})
			}
		}
	}
	return append(out, parents...), nil
}

// inTree is where a file really comes to lie, without a leading slash.
func inTree(tree *rootfs.Tree, f layer.File) (string, error) {
	p := strings.Trim(path.Clean("/"+f.Path), "/")
	if resolved, e, ok := tree.Lookup(p); ok && e.Kind == rootfs.Dir {
		if f.Mode.IsDir() {
			return resolved, nil
		}
		return "", fmt.Errorf("/%s is a directory in the base, which would be gone: to put a file into it, write /%s/", p, p)
	}
	// The nearest parent that the base has decides; what lies below is new.
	rest := path.Base(p)
	for dir := path.Dir(p); dir != "."; dir = path.Dir(dir) {
		resolved, e, ok := tree.Lookup(dir)
		switch {
		case !ok:
			rest = path.Base(dir) + "/" + rest
			continue
		case e.Kind != rootfs.Dir:
			return "", fmt.Errorf("/%s can't be in the image: /%s is no directory in the base", p, dir)
		}
		return path.Join(resolved, rest), nil
	}
	return rest, nil
}

// layout names everything of a list of files but their contents.
func layout(list []layer.File) string {
	sum := sha256.New()
	for _, f := range slices.SortedFunc(slices.Values(list), func(a, b layer.File) int { return strings.Compare(a.Path, b.Path) }) {
		fmt.Fprintf(sum, "%q %v %d %d %d %q\n", f.Path, f.Mode, f.UID, f.GID, f.Size, f.Link)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// claims are the files that the layers of an image bring, with who brings each. Where
// two bring the same, one would disappear without a word.
type claims map[string]string

func (c claims) add(who string, list []layer.File) error {
	for _, f := range list {
		p := path.Clean("/" + f.Path)
		if !f.Mode.IsDir() {
			if other, taken := c[p]; taken {
				return usagef("%s would be in the image twice: by %s, and by %s", p, other, who)
			}
		}
		for dir := path.Dir(p); dir != "/"; dir = path.Dir(dir) {
			if other, taken := c[dir]; taken && other != who {
				return usagef("%s can't be in the image: %s is a file, by %s", p, dir, other)
			}
		}
	}
	for _, f := range list {
		if !f.Mode.IsDir() {
			c[path.Clean("/"+f.Path)] = who
		}
	}
	return nil
}
