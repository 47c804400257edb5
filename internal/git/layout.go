package git

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/imgo-build/imgo/internal/fastpath"
)

// layout is where a repository keeps what facts come from, found without git. All paths
// are absolute.
type layout struct {
	dir    string // that was asked about, without links
	top    string // the nearest directory up from dir that has a .git
	git    string // the directory that is or that .git leads to: HEAD is there
	common string // the directory of references and configuration
	linked bool   // .git is a file that leads to git
}

// staysInRefs reports whether the content of HEAD or of another reference is a commit, or
// leads to what lies below refs.
func staysInRefs(text []byte) bool {
	target, symbolic := strings.CutPrefix(string(text), "ref:")
	return !symbolic || strings.HasPrefix(strings.TrimLeft(target, " \t"), "refs/")
}

// findLayout finds what it knows the form of; ok is false for anything else, among it
// bare repositories, damaged ones and those that keep references in another format.
func findLayout(dir string) (l layout, ok bool) {
	real, err := filepath.EvalSymlinks(dir)
	if err != nil || !filepath.IsAbs(real) {
		return l, false
	}
	l.dir, l.top = real, real
	for !exists(l.top, ".git") {
		// git takes a directory with a HEAD and more for a repository.
		if exists(l.top, "HEAD") || filepath.Dir(l.top) == l.top {
			return l, false
		}
		l.top = filepath.Dir(l.top)
	}
	l.git = filepath.Join(l.top, ".git")
	if info, err := os.Stat(l.git); err == nil && !info.IsDir() {
		l.linked = true
		if l.git, ok = pointer(l.git, "gitdir: "); !ok {
			return l, false
		}
	}
	l.common = l.git
	if exists(l.git, "commondir") {
		if l.common, ok = pointer(filepath.Join(l.git, "commondir"), ""); !ok {
			return l, false
		}
	}
	head, err := os.ReadFile(filepath.Join(l.git, "HEAD"))
	ok = err == nil && staysInRefs(head) &&
		exists(l.common, "objects") && exists(l.common, "refs") && !exists(l.common, "reftable")
	return l, ok
}

func exists(elements ...string) bool {
	_, err := os.Lstat(filepath.Join(elements...))
	return err == nil
}

// pointer reads a file that names a directory, relative to its own.
func pointer(file, prefix string) (string, bool) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", false
	}
	target, ok := strings.CutPrefix(strings.TrimRight(string(text), "\r\n"), prefix)
	if target = filepath.FromSlash(target); !filepath.IsAbs(target) {
		target = filepath.Join(filepath.Dir(file), target)
	}
	return target, ok && !strings.Contains(target, "\n")
}

// inputs are the files that facts about HEAD come from, the user's and the system's
// configuration apart. Objects are not among them: their names are their content's.
func (l layout) inputs() []fastpath.Input {
	var list []fastpath.Input
	add := func(kind fastpath.Kind, p string) {
		list = append(list, fastpath.Input{Kind: kind, Path: l.relative(p)})
	}
	for d := l.dir; d != l.top; d = filepath.Dir(d) {
		add(fastpath.File, filepath.Join(d, ".git"))
		add(fastpath.File, filepath.Join(d, "HEAD"))
	}
	if l.linked {
		add(fastpath.File, filepath.Join(l.top, ".git"))
	}
	for _, name := range []string{"HEAD", "commondir", "config.worktree"} {
		add(fastpath.File, filepath.Join(l.git, name))
	}
	for _, name := range []string{"config", "packed-refs", "shallow", "info/grafts"} {
		add(fastpath.File, filepath.Join(l.common, filepath.FromSlash(name)))
	}
	add(fastpath.All, filepath.Join(l.common, "refs"))
	if l.git != l.common {
		add(fastpath.All, filepath.Join(l.git, "refs"))
	}
	return list
}

// relative is the path of an input: relative to the top where it lies below.
func (l layout) relative(p string) string {
	if rel, err := filepath.Rel(l.top, p); err == nil && filepath.IsLocal(rel) {
		p = rel
	}
	return path.Clean(filepath.ToSlash(p))
}

// owners are the users whom the parts of the repository belong to.
func (l layout) owners() (list []uint32, ok bool) {
	for _, p := range slices.Compact([]string{l.top, filepath.Join(l.top, ".git"), l.git, l.common}) {
		uid, ok := owner(p)
		if !ok {
			return nil, false
		}
		list = append(list, uid)
	}
	return list, true
}

// simpleReferences reports whether no reference is one to what lies outside of refs, as
// ORIG_HEAD does, which nothing keeps an eye on.
func (l layout) simpleReferences() bool {
	simple := true
	for _, dir := range []string{l.common, l.git} {
		err := filepath.WalkDir(filepath.Join(dir, "refs"), func(p string, e os.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			text, err := os.ReadFile(p)
			simple = simple && staysInRefs(text)
			return err
		})
		simple = simple && (err == nil || dir != l.common && os.IsNotExist(err))
	}
	return simple
}
