package fastpath

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Whatever happens to a tree, the changes are those that a naive dump of all inputs has.
func TestChangesAreThoseOfDumps(t *testing.T) {
	in := inputs(
		Input{Kind: Package, Path: "."}, Input{Kind: Package, Path: "sub"}, Input{Kind: Tree, Path: "."}, Input{Kind: Headers, Path: "sub/x"},
		Input{Kind: File, Path: "sub/go.mod"}, Input{Kind: File, Path: "sub/x/b.txt"}, Input{Kind: All, Path: "d"},
		Input{Kind: Embed, Path: ".", Pattern: "*.txt"}, Input{Kind: Embed, Path: "sub", Pattern: "*/b.txt"},
		Input{Kind: Embed, Path: "sub", Pattern: "all:x"},
	)
	for seed := range uint64(4) {
		tr := newTree(t, map[string]string{"a.go": main1, "sub/a.go": main1, "sub/x/a.go": main1, "d/x/a.go": main1})
		r := rand.New(rand.NewPCG(seed, 0))
		known, before := tr.take(nil, in...), dump(tr, in)
		var log []string
		for step := range 60 {
			for range 1 + r.IntN(3) {
				log = append(log, mutate(tr, r))
			}
			tr.tick()
			now, err := Take(t.Context(), tr.root, in, known, tr.later())
			for err != nil {
				unreadable, ok := errors.AsType[*UnreadableError](err)
				if !ok || !errors.Is(err, syscall.ELOOP) {
					t.Fatal(err)
				}
				tr.must(os.Remove(unreadable.Path)) // a link that leads to itself
				now, err = Take(t.Context(), tr.root, in, known, tr.later())
			}
			after := dump(tr, in)
			var got []string
			for _, c := range now.Changes(known) {
				got = append(got, c.Path)
			}
			if diff := cmp.Diff(differing(before, after), got); diff != "" {
				t.Fatalf("seed %d, step %d: changes (-want +got):\n%s\n%s", seed, step, diff, strings.Join(log, "\n"))
			}
			known, before, log = now, after, nil
		}
	}
}

// mutate does something to the tree, and says what.
func mutate(tr tree, r *rand.Rand) string {
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	name := func() string {
		return path.Join(pick(".", "sub", "sub/x", "sub/vendor", "testdata", "d", "d/x"),
			pick("a.go", "b_test.go", "b.txt", "c.s", ".h.go", "_u.txt", "go.mod", "x", "vendor"))
	}
	p := name()
	switch op := pick("write", "write", "write", "disguise", "mkdir", "remove", "remove", "rename", "link", "touch"); op {
	case "write":
		content := pick(main1, main2, mainX, "text")
		if os.MkdirAll(tr.path(path.Dir(p)), 0o755) == nil {
			os.WriteFile(tr.path(p), []byte(content), 0o644)
		}
		return fmt.Sprintf("%s %s %q", op, p, content)
	case "disguise":
		if data, err := os.ReadFile(tr.path(p)); err == nil && len(data) > 0 {
			data[len(data)-1] ^= 1
			tr.overwrite(p, string(data))
		}
		return op + " " + p
	case "rename":
		to := name()
		if strings.HasPrefix(p, "d/") == strings.HasPrefix(to, "d/") {
			os.Rename(tr.path(p), tr.path(to))
		}
		return op + " " + p + " " + to
	case "link":
		target := pick("a.go", "../a.go", "x", "nowhere", "../d")
		if !strings.HasPrefix(p, "d/") {
			os.Remove(tr.path(p))
			os.Symlink(target, tr.path(p))
		}
		return op + " " + p + " to " + target
	case "mkdir":
		os.MkdirAll(tr.path(p), 0o755)
		return op + " " + p
	case "touch":
		os.Chtimes(tr.path(p), tr.later(), tr.later())
		return op + " " + p
	default:
		os.RemoveAll(tr.path(p))
		return op + " " + p
	}
}

// differing returns the paths that have other facts in one dump than in the other.
func differing(a, b map[string]facts) []string {
	var paths []string
	for _, p := range slices.Sorted(maps.Keys(merged(a, b))) {
		if !maps.Equal(a[p], b[p]) {
			paths = append(paths, p)
		}
	}
	return paths
}

func merged(a, b map[string]facts) map[string]facts {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// facts are what an input says of a path: "content", "header", "type", "link".
type facts map[string]string

// dump is the state of inputs, in the plainest way there is: everything is walked by
// recursion and read, for each input anew.
func dump(tr tree, in []Input) map[string]facts {
	d := dumper{tr: tr, paths: map[string]facts{}}
	for _, in := range in {
		d.links(path.Dir(in.Path))
		switch in.Kind {
		case File:
			d.add(in.Path, "content", "header")
		case Package:
			d.add(in.Path)
			d.packageDir(in.Path, true)
		case Headers:
			d.add(in.Path)
			d.packageDir(in.Path, false)
		case Tree:
			d.add(in.Path)
			d.tree(in.Path)
		case All:
			d.all(in.Path, true)
		case Embed:
			d.add(in.Path)
			d.glob(in)
		}
	}
	return d.paths
}

type dumper struct {
	tr    tree
	paths map[string]facts
}

func (d dumper) set(p, fact, value string) {
	if d.paths[p] == nil {
		d.paths[p] = facts{}
	}
	d.paths[p][fact] = value
}

// add notes the type of what is at p, and more of a file.
func (d dumper) add(p string, more ...string) {
	text, err := os.Readlink(d.tr.path(p))
	if err == nil {
		d.set(p, "type", "dangling")
		d.set(p, "link", text)
		target := path.Join(path.Dir(p), text)
		d.links(target)
	}
	info, err := os.Stat(d.tr.path(p))
	if err != nil {
		return
	}
	d.set(p, "type", info.Mode().Type().String())
	data, err := os.ReadFile(d.tr.path(p))
	for _, fact := range more {
		switch {
		case err != nil:
		case fact == "content":
			d.set(p, fact, string(data))
		case strings.HasSuffix(p, ".go"):
			d.set(p, fact, string(Header(data)))
		}
	}
}

// links notes the links among p and the directories above.
func (d dumper) links(p string) {
	for ; p != "." && !strings.HasPrefix(p, ".."); p = path.Dir(p) {
		text, err := os.Readlink(d.tr.path(p))
		if err != nil || d.paths[p]["link"] == text {
			continue
		}
		d.set(p, "link", text)
		d.links(path.Join(path.Dir(p), text))
	}
}

func (d dumper) children(p string) []fs.DirEntry {
	entries, _ := os.ReadDir(d.tr.path(p))
	return entries
}

func (d dumper) packageDir(p string, contents bool) {
	for _, c := range d.children(p) {
		name := path.Join(p, c.Name())
		switch {
		case !Relevant(c.Name()):
		case strings.HasSuffix(name, "_test.go") || strings.HasSuffix(name, ".go") && !contents:
			d.add(name, "header")
		case contents:
			d.add(name, "content", "header")
		default:
			d.add(name)
		}
	}
}

func (d dumper) tree(p string) {
	d.packageDir(p, false)
	for _, c := range d.children(p) {
		name := path.Join(p, c.Name())
		if !c.IsDir() || c.Name() == "testdata" || strings.ContainsAny(c.Name()[:1], "._") {
			continue
		}
		switch info, err := os.Stat(d.tr.path(name + "/go.mod")); {
		case err == nil && !info.IsDir():
			d.add(name + "/go.mod")
		case c.Name() == "vendor":
			d.packageDir(name, false)
		default:
			d.tree(name)
		}
	}
}

func (d dumper) all(p string, dirs bool) {
	info, err := os.Lstat(d.tr.path(p))
	if dirs || err != nil || !info.IsDir() {
		d.add(p, "content", "header")
	}
	if err == nil && info.IsDir() {
		for _, c := range d.children(p) {
			d.all(path.Join(p, c.Name()), dirs)
		}
	}
}

func (d dumper) glob(in Input) {
	pattern := strings.TrimPrefix(in.Pattern, "all:")
	matches, err := filepath.Glob(d.tr.path(in.Path) + "/" + pattern)
	d.tr.must(err)
	for _, m := range matches {
		rel, err := filepath.Rel(d.tr.path(in.Path), m)
		d.tr.must(err)
		match := path.Join(in.Path, filepath.ToSlash(rel))
		d.add(match)
		d.all(match, false)
		d.add(match, "content", "header")
	}
	// The directories on the way, whether or not there is a match in them.
	for first, rest, ok := strings.Cut(pattern, "/"); ok; first, rest, ok = strings.Cut(rest, "/") {
		between, err := filepath.Glob(d.tr.path(in.Path) + "/" + first)
		d.tr.must(err)
		for _, m := range between {
			p := path.Join(in.Path, filepath.Base(m))
			d.links(p)
			d.add(p+"/go.mod", "content", "header")
		}
	}
}
