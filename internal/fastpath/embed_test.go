package fastpath

import (
	"errors"
	"fmt"
	"testing"
)

func TestEmbed(t *testing.T) {
	start := map[string]string{
		"p/a.txt": "1", "p/b.md": "1", "p/static/x/deep": "1", "p/static/.hidden": "1", "p/static/_under": "1",
		"p/one/t.txt": "1", "p/two/t.txt": "1", "p/two/u.txt": "1",
	}
	for _, test := range []struct {
		pattern string
		edit    func(tr tree)
		want    []string
	}{
		{"*.txt", func(tr tree) { tr.write("p/a.txt", "2") }, []string{"p/a.txt changed"}},
		{"*.txt", func(tr tree) { tr.write("p/b.md", "2") }, nil},
		{"*.txt", func(tr tree) { tr.write("p/c.txt", "1") }, []string{"p/c.txt appeared"}},
		{"*.txt", func(tr tree) { tr.write("p/.c.txt", "1") }, []string{"p/.c.txt appeared"}},
		{"*.txt", func(tr tree) { tr.remove("p/a.txt") }, []string{"p/a.txt disappeared"}},
		{"*.txt", func(tr tree) { tr.write("p/d.txt/x", "1") }, []string{"p/d.txt appeared", "p/d.txt/x appeared"}},
		{"a.txt", func(tr tree) { tr.remove("p/a.txt") }, []string{"p/a.txt disappeared"}},
		{"[ab].?*", func(tr tree) { tr.write("p/b.md", "2") }, []string{"p/b.md changed"}},
		{`b\.md`, func(tr tree) { tr.write("p/b.md", "2") }, []string{"p/b.md changed"}},
		{"no/thing", func(tr tree) { tr.write("p/no/thing", "") }, []string{"p/no/thing appeared"}},
		{"no/thing", func(tr tree) { tr.write("p/no/other", "") }, nil},
		{"static", func(tr tree) { tr.write("p/static/x/deep", "2") }, []string{"p/static/x/deep changed"}},
		{"static", func(tr tree) { tr.write("p/static/.hidden", "2") }, []string{"p/static/.hidden changed"}},
		{"all:static", func(tr tree) { tr.write("p/static/_under", "2") }, []string{"p/static/_under changed"}},
		{"all:static", func(tr tree) { tr.write("p/static/x/new", "") }, []string{"p/static/x/new appeared"}},
		{"static", func(tr tree) { tr.write("p/static/go.mod", "") }, []string{"p/static/go.mod appeared"}},
		{"static", func(tr tree) { tr.write("p/static/x/go.mod", "") }, []string{"p/static/x/go.mod appeared"}},
		{"static/x/deep", func(tr tree) { tr.write("p/static/go.mod", "") }, []string{"p/static/go.mod appeared"}},
		{"static/x/deep", func(tr tree) { tr.write("p/static/x/go.mod", "") }, []string{"p/static/x/go.mod appeared"}},
		{"static/x/deep", func(tr tree) { tr.write("p/static/x/other", "") }, nil},
		{"static/x/deep", func(tr tree) { tr.rename("p/static", "p/s"); tr.link("s", "p/static") }, []string{"p/static links elsewhere"}},
		{"static", func(tr tree) { tr.link("../a.txt", "p/static/l") }, []string{"p/static/l appeared"}},
		{"static", func(tr tree) { tr.link("nowhere", "p/static/l") }, []string{"p/static/l appeared"}},
		{"static", func(tr tree) { tr.link("..", "p/static/l") }, []string{"p/static/l appeared"}},
		{"linked", func(tr tree) { tr.write("elsewhere/x", "2") }, nil},
		{"linked", func(tr tree) { tr.remove("p/linked"); tr.link("one", "p/linked") }, []string{"p/linked links elsewhere"}},
		{"*/t.txt", func(tr tree) { tr.write("p/two/t.txt", "2") }, []string{"p/two/t.txt changed"}},
		{"*/t.txt", func(tr tree) { tr.write("p/two/u.txt", "2") }, nil},
		{"*/t.txt", func(tr tree) { tr.write("p/three/t.txt", "1") }, []string{"p/three/t.txt appeared"}},
		{"*/t.txt", func(tr tree) { tr.rename("p/two", "p/ten") }, []string{"p/ten/t.txt appeared", "p/two/t.txt disappeared"}},
	} {
		t.Run(test.pattern, func(t *testing.T) {
			tr := newTree(t, start)
			tr.write("elsewhere/x", "1")
			tr.link("../elsewhere", "p/linked")
			tr.changed(func() { test.edit(tr) }, inputs(Input{Kind: Embed, Path: "p", Pattern: test.pattern}), test.want...)
		})
	}
}

func TestAll(t *testing.T) {
	tr := newTree(t, map[string]string{"d/a": "1", "d/.git/b": "1", "d/testdata/_c/d": "1", "out/e": "1", "out/f/g": "1", "f": "1"})
	in := inputs(Input{Kind: All, Path: "d"}, Input{Kind: All, Path: "f"}, Input{Kind: All, Path: "g"})
	for _, name := range []string{"d/a", "d/.git/b", "d/testdata/_c/d", "f"} {
		tr.changed(func() { tr.overwrite(name, "2") }, in, name+" changed")
	}
	tr.changed(func() { tr.write("g", "") }, in, "g appeared")
	tr.changed(func() { tr.write("d/new/x", "") }, in, "d/new appeared", "d/new/x appeared")
	tr.changed(func() { tr.remove("d/new/x") }, in, "d/new/x disappeared")
	tr.changed(func() { tr.remove("d/new") }, in, "d/new disappeared")

	tr.link("..", "d/round")     // to what is walked anyway, and more
	tr.link("../out", "d/out")   // elsewhere
	tr.link("../d", "out/back")  // from there back
	tr.link("../out", "out/out") // to itself
	tr.changed(func() { tr.overwrite("out/f/g", "2") }, in, "d/out/f/g changed", "d/round/out/f/g changed")
}

func TestLimits(t *testing.T) {
	b := &budget{input: Input{Path: "x"}, files: maxFiles, dirs: maxDirs}
	for _, err := range []error{b.takeFile(), b.takeDir()} {
		if limit, ok := errors.AsType[*LimitError](err); !ok || limit.Input.Path != "x" {
			t.Errorf("%v", err)
		}
	}
	// That they are asked: as many as there are.
	tr := newTree(t, nil)
	for i := range 3 {
		tr.write(fmt.Sprintf("d%d/f", i), "")
	}
	for _, in := range []Input{{Kind: Tree, Path: "."}, {Kind: All, Path: "."}, {Kind: Embed, Path: ".", Pattern: "*"}} {
		spent := &budget{input: in, files: maxFiles - 2, dirs: maxDirs - 2, seen: map[string]bool{}}
		k := &taker{root: tr.root, want: map[string]aspects{}, listed: map[string]*listing{}, linked: map[string]bool{}}
		jobs, err := k.begin(in)
		tr.must(err)
		jobs[0].budget = spent
		tr.must(k.list(t.Context(), jobs))
		_, err = k.expand(jobs[0], k.listed["."])
		if _, ok := errors.AsType[*LimitError](err); !ok {
			t.Errorf("%s: %v", in.Kind, err)
		}
	}
}
