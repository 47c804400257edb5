package fastpath

import (
	"context"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/imgo-build/imgo/internal/stamp"
)

const (
	main1 = "package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println(1) }\n"
	main2 = "package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println(2) }\n"
	mainX = "package main\n\nimport \"log\"\n\nfunc main() { log.Println(1) }\n"
)

func TestPackage(t *testing.T) {
	pkg := inputs(Input{Kind: Package, Path: "cmd/x"})
	start := map[string]string{
		"cmd/x/main.go":      main1,
		"cmd/x/main_test.go": main1,
		"cmd/x/asm.s":        "one",
		"cmd/x/README.md":    "one",
		"cmd/x/sub/sub.go":   main1,
		"go.mod":             "module x",
	}
	for name, test := range map[string]struct {
		edit func(tr tree)
		want []string
	}{
		"nothing":                  {func(tree) {}, nil},
		"an edit":                  {func(tr tree) { tr.write("cmd/x/main.go", main2) }, []string{"cmd/x/main.go changed"}},
		"an edit in disguise":      {func(tr tree) { tr.overwrite("cmd/x/main.go", main2) }, []string{"cmd/x/main.go changed"}},
		"an import":                {func(tr tree) { tr.write("cmd/x/main.go", mainX) }, []string{"cmd/x/main.go changed in its head"}},
		"assembly":                 {func(tr tree) { tr.write("cmd/x/asm.s", "two") }, []string{"cmd/x/asm.s changed"}},
		"the body of a test":       {func(tr tree) { tr.write("cmd/x/main_test.go", main2) }, nil},
		"the head of a test":       {func(tr tree) { tr.write("cmd/x/main_test.go", mainX) }, []string{"cmd/x/main_test.go changed in its head"}},
		"what go doesn't read":     {func(tr tree) { tr.write("cmd/x/README.md", "two") }, nil},
		"hidden files":             {func(tr tree) { tr.write("cmd/x/.a.go", main1); tr.write("cmd/x/_a.go", main1) }, nil},
		"below":                    {func(tr tree) { tr.write("cmd/x/sub/sub.go", main2) }, nil},
		"above":                    {func(tr tree) { tr.write("go.mod", "module y") }, nil},
		"a new file":               {func(tr tree) { tr.write("cmd/x/new.go", "") }, []string{"cmd/x/new.go appeared"}},
		"a new object":             {func(tr tree) { tr.write("cmd/x/new.syso", "") }, []string{"cmd/x/new.syso appeared"}},
		"a profile":                {func(tr tree) { tr.write("cmd/x/default.pgo", "") }, []string{"cmd/x/default.pgo appeared"}},
		"a module":                 {func(tr tree) { tr.write("cmd/x/go.mod", "") }, []string{"cmd/x/go.mod appeared"}},
		"one file less":            {func(tr tree) { tr.remove("cmd/x/main.go") }, []string{"cmd/x/main.go disappeared"}},
		"a renamed file":           {func(tr tree) { tr.rename("cmd/x/main.go", "cmd/x/n.go") }, []string{"cmd/x/main.go disappeared", "cmd/x/n.go appeared"}},
		"no directory":             {func(tr tree) { tr.remove("cmd/x") }, []string{"cmd/x disappeared", "cmd/x/asm.s disappeared", "cmd/x/main.go disappeared", "cmd/x/main_test.go disappeared"}},
		"a directory for a file":   {func(tr tree) { tr.remove("cmd/x/asm.s"); tr.write("cmd/x/asm.s/a", "") }, []string{"cmd/x/asm.s changed its type"}},
		"a file for the directory": {func(tr tree) { tr.remove("cmd/x"); tr.write("cmd/x", "") }, []string{"cmd/x changed its type", "cmd/x/asm.s disappeared", "cmd/x/main.go disappeared", "cmd/x/main_test.go disappeared"}},
		"a touch": {func(tr tree) {
			tr.must(os.Chtimes(tr.path("cmd/x/main.go"), time.Unix(1, 0), time.Unix(1, 0)))
		}, nil},
		"chmod":         {func(tr tree) { tr.must(os.Chmod(tr.path("cmd/x/main.go"), 0o755)) }, nil},
		"the same anew": {func(tr tree) { tr.remove("cmd/x/main.go"); tr.write("cmd/x/main.go", main1) }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			tr := newTree(t, start)
			tr.changed(func() { test.edit(tr) }, pkg, test.want...)
		})
	}
}

func TestHeaders(t *testing.T) {
	for _, kind := range []Kind{Headers, Tree} {
		tr := newTree(t, map[string]string{"x/main.go": main1, "x/asm.s": "one", "x/go.mod": "module x"})
		in := inputs(Input{Kind: kind, Path: "x"})
		tr.changed(func() { tr.write("x/main.go", main2); tr.write("x/asm.s", "two") }, in)
		tr.changed(func() { tr.write("x/main.go", mainX) }, in, "x/main.go changed in its head")
		tr.changed(func() { tr.remove("x/asm.s") }, in, "x/asm.s disappeared")
	}
}

// A directory that shadows a package of another module does so with any file that is Go's
// by its name, also with one that is never compiled.
func TestHeadersOfAShadow(t *testing.T) {
	tr := newTree(t, map[string]string{"x/README": ""})
	in := inputs(Input{Kind: Headers, Path: "x"})
	tr.changed(func() { tr.write("x/_a.go", main1) }, in, "x/_a.go appeared")
	tr.changed(func() { tr.write("x/_a.go", mainX) }, in) // nobody reads it
	tr.changed(func() { tr.write("x/.b.go", main1) }, in, "x/.b.go appeared")
	tr.changed(func() { tr.remove("x/_a.go") }, in, "x/_a.go disappeared")
	tr.changed(func() { tr.write("x/_a", ""); tr.write("x/_a.s", "") }, in)
	tr.changed(func() { tr.write("no/where", ""); tr.write("y/_a.go", "") }, in)
}

func TestTree(t *testing.T) {
	tr := newTree(t, map[string]string{
		"m/a.go": main1, "m/b/b.go": main1, "m/b/c/c.go": main1, "m/testdata/t.go": main1, "m/.h/h.go": main1,
		"m/_u/u.go": main1, "m/vendor/v.go": main1, "m/vendor/v/v.go": main1, "m/other/o.go": main1, "m/other/go.mod": "module o",
		"m/other/below/b.go": main1, "elsewhere/e.go": main1, "m/odd/go.mod/x": "", "m/odd/o.go": main1,
	})
	in := inputs(Input{Kind: Tree, Path: "m"})
	for _, name := range []string{"m/a.go", "m/b/b.go", "m/b/c/c.go", "m/vendor/v.go", "m/odd/o.go"} {
		tr.changed(func() { tr.write(name, mainX) }, in, name+" changed in its head")
	}
	for _, name := range []string{"m/testdata/t.go", "m/.h/h.go", "m/_u/u.go", "m/vendor/v/v.go", "m/other/o.go", "m/other/below/b.go", "elsewhere/e.go"} {
		tr.changed(func() { tr.write(name, mainX) }, in)
	}
	tr.changed(func() { tr.write("m/new/n.go", main1) }, in, "m/new/n.go appeared")
	tr.changed(func() { tr.write("m/empty/README", "") }, in)
	tr.changed(func() { tr.write("m/b/go.mod", "") }, in,
		"m/b/b.go disappeared", "m/b/c/c.go disappeared", "m/b/go.mod appeared")
	tr.changed(func() { tr.remove("m/other/go.mod") }, in,
		"m/other/below/b.go appeared", "m/other/go.mod disappeared", "m/other/o.go appeared")
	tr.changed(func() { tr.rename("m/new", "m/old") }, in, "m/new/n.go disappeared", "m/old/n.go appeared")
	tr.link("../elsewhere", "m/follow") // is not followed
	tr.changed(func() { tr.write("elsewhere/e.go", main1) }, in)
	tr.changed(func() { tr.remove("m/old"); tr.link("../elsewhere", "m/old") }, in, "m/old/n.go disappeared")
	tr.changed(func() { tr.rename("m", "n"); tr.link("n", "m") }, in, "m links elsewhere")
	tr.changed(func() { tr.write("n/a.go", main1) }, in, "m/a.go changed in its head")
}

func TestFile(t *testing.T) {
	tr := newTree(t, map[string]string{"x/go.sum": "one"})
	in := inputs(
		Input{Kind: File, Path: "go.work"}, Input{Kind: File, Path: "x/go.sum"}, Input{Kind: File, Path: "x/go.sum/y"},
		Input{Kind: File, Path: "../probably-not-there"}, Input{Kind: File, Path: tr.path("abs")}, Input{Kind: File, Path: "d"},
	)
	tr.changed(func() { tr.overwrite("x/go.sum", "two") }, in, "x/go.sum changed")
	tr.changed(func() { tr.write("go.work", "") }, in, "go.work appeared")
	tr.changed(func() { tr.write("abs", "") }, in, filepath.ToSlash(tr.path("abs"))+" appeared")
	tr.changed(func() { tr.write("../probably-not-there", "") }, in, "../probably-not-there appeared")
	tr.changed(func() { tr.write("d/x", "") }, in, "d appeared")
	tr.changed(func() { tr.write("d/y", "") }, in)
	tr.changed(func() { tr.remove("d"); tr.write("d", "") }, in, "d changed its type")
}

func TestInputsAreNormal(t *testing.T) {
	tr := newTree(t, map[string]string{"x/go.mod": "m", "x/a.go": main1})
	a := tr.take(nil, Input{Kind: File, Path: "x/go.mod"}, Input{Kind: Package, Path: "x"}, Input{Kind: Package, Path: "y"})
	b := tr.take(nil, Input{Kind: Package, Path: "./y/"}, Input{Kind: Package, Path: "x/../x"}, Input{Kind: Package, Path: "x"}, Input{Kind: File, Path: "x/go.mod"})
	if diff := cmp.Diff(a.Inputs(), b.Inputs()); diff != "" {
		t.Error(diff)
	}
	if !b.Untouched(a) || a.Files() != 2 {
		t.Errorf("untouched %v, %d files", b.Untouched(a), a.Files())
	}
	// A file of two inputs counts in all ways of both.
	in := inputs(Input{Kind: File, Path: "x/a_test.go"}, Input{Kind: Package, Path: "x"})
	tr.write("x/a_test.go", main1)
	tr.changed(func() { tr.write("x/a_test.go", main2) }, in, "x/a_test.go changed")
}

func TestLinks(t *testing.T) {
	tr := newTree(t, map[string]string{"real/a": main1, "real/b": main1, "x/keep.go": main1})
	in := inputs(Input{Kind: Package, Path: "x"})
	tr.changed(func() { tr.link("../real/a", "x/l.go") }, in, "x/l.go appeared")
	tr.changed(func() { tr.overwrite("real/a", main2) }, in, "x/l.go changed")
	tr.changed(func() { tr.overwrite("real/a", main1) }, in, "x/l.go changed")
	tr.changed(func() { tr.remove("x/l.go"); tr.link("../real/b", "x/l.go") }, in, "x/l.go links elsewhere")
	tr.changed(func() { tr.remove("real/b") }, in, "x/l.go changed its type")
	tr.changed(func() { tr.link("a", "real/b") }, in, "real/b links elsewhere", "x/l.go changed its type")
	tr.changed(func() { tr.remove("x/l.go"); tr.link("../real", "x/l.go") }, in, "real/b links elsewhere", "x/l.go links elsewhere")
	tr.changed(func() { tr.remove("x/l.go"); tr.write("x/l.go", main1) }, in, "x/l.go links elsewhere")
	tr.changed(func() { tr.rename("x", "y"); tr.link("y", "x") }, in, "x links elsewhere")

	// Links among the directories above.
	in = inputs(Input{Kind: File, Path: "up/x/f"})
	tr.write("one/x/f", "")
	tr.write("two/x/f", "")
	tr.link("one", "up")
	tr.changed(func() { tr.remove("up"); tr.link("two", "up") }, in, "up links elsewhere")

	// Links among the directories that a link leads through.
	in = inputs(Input{Kind: File, Path: "l"})
	tr.link("up/x/f", "l")
	tr.changed(func() { tr.remove("up"); tr.link("one", "up") }, in, "up links elsewhere")
}

func TestErrors(t *testing.T) {
	tr := newTree(t, map[string]string{"x/a.go": main1})
	for _, in := range []Input{
		{Kind: "other", Path: "x"},
		{Kind: Embed, Path: "x", Pattern: "["},
		{Kind: Embed, Path: "x", Pattern: "../y"},
		{Kind: Embed, Path: "x", Pattern: "."},
	} {
		tr.takeErr(in)
	}
	tr.link("loop.go", "x/loop.go")
	tr.link("round", "round")
	for _, in := range []Input{
		{Kind: Package, Path: "x"}, {Kind: Tree, Path: "."}, {Kind: All, Path: "x"}, {Kind: Embed, Path: ".", Pattern: "x"},
		{Kind: File, Path: "x/loop.go"}, {Kind: File, Path: "round/x"},
	} {
		err := tr.takeErr(in)
		if unreadable, ok := errors.AsType[*UnreadableError](err); !ok || unreadable.Path == "" {
			t.Errorf("%v: %v", in, err)
		}
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("why")
	cancel(why)
	if _, err := Take(ctx, tr.root, inputs(Input{Kind: File, Path: "x/a.go"}), nil, time.Now()); !errors.Is(err, why) {
		t.Errorf("cancelled: %v", err)
	}
}

// A write in the tick of the clock in which a snapshot was taken leaves no trace.
func TestSameTick(t *testing.T) {
	tr := newTree(t, nil)
	in := inputs(Input{Kind: Package, Path: "."}, Input{Kind: All, Path: "."})
	var known *Snapshot
	for i := range 50 {
		content := main1
		if i%2 == 1 {
			content = main2
		}
		if i == 0 {
			tr.write("a.go", content)
		} else {
			tr.overwrite("a.go", content)
		}
		now, err := Take(t.Context(), tr.root, in, known, time.Now())
		tr.must(err)
		if known != nil && (len(now.Changes(known)) != 1 || now.Untouched(known)) {
			t.Fatalf("edit %d: %v", i, now.Changes(known))
		}
		known = now
	}
}

func TestReread(t *testing.T) {
	if !stamp.Reliable {
		t.Skip("everything is always read here")
	}
	tr := newTree(t, map[string]string{"x/a.go": main1, "x/a.s": ""})
	in := Input{Kind: Package, Path: "x"}
	young, err := Take(t.Context(), tr.root, inputs(in), nil, time.Now())
	tr.must(err)
	if young.Reread() || young.Untouched(young) {
		t.Error("trusts stamps that are too young")
	}
	first := tr.take(young, in)
	if !first.Reread() {
		t.Error("took over what could not be trusted")
	}
	second := tr.take(first, in)
	if second.Reread() || !second.Untouched(first) {
		t.Error("read again what was known")
	}
	tr.must(os.Chtimes(tr.path("x/a.go"), time.Unix(5, 0), time.Unix(5, 0)))
	third := tr.take(second, in)
	if !third.Reread() || third.Untouched(second) || len(third.Changes(second)) > 0 {
		t.Errorf("touched: reread %v, untouched %v, %v", third.Reread(), third.Untouched(second), third.Changes(second))
	}
}

// Where the file system's clock is ahead of the machine's, every stamp seems to be of the
// future: a later write may well leave the same one, so contents decide each time.
func TestSkewedClock(t *testing.T) {
	if !stamp.Reliable {
		t.Skip("everything is always read here")
	}
	in := inputs(Input{Kind: Package, Path: "x"})
	for _, c := range []struct {
		ahead  time.Duration
		trusts bool
	}{{-time.Hour, true}, {time.Hour, false}, {time.Minute, false}} {
		tr := newTree(t, map[string]string{"x/a.go": main1})
		now := func() time.Time { return time.Now().Add(-c.ahead) }
		before, err := Take(t.Context(), tr.root, in, nil, now())
		tr.must(err)
		// A write that leaves no trace.
		tr.overwrite("x/a.go", main2)
		info, err := os.Stat(tr.path("x/a.go"))
		tr.must(err)
		before.find("x/a.go").stamp = stamp.Of(info)
		after, err := Take(t.Context(), tr.root, in, before, now())
		tr.must(err)
		if trusted := len(after.Changes(before)) == 0; trusted != c.trusts || after.Settled(now()) != c.trusts {
			t.Errorf("ahead by %v: trusted %v, settled %v", c.ahead, trusted, after.Settled(now()))
		}
	}
}

func TestUntouched(t *testing.T) {
	if !stamp.Reliable {
		t.Skip("nothing is ever provable here")
	}
	tr := newTree(t, map[string]string{"x/a.go": main1, "x/README": "", "e/d/f": "", "y": "", "lone/README": ""})
	tr.link("../y", "x/l.s")
	tr.link("../y", "links/l")
	in := inputs(Input{Kind: Package, Path: "x"}, Input{Kind: File, Path: "x/sub/go.mod"},
		Input{Kind: File, Path: "links/l"}, Input{Kind: File, Path: "lone/some/where/go.mod"},
		Input{Kind: Embed, Path: "e", Pattern: "*"}, Input{Kind: Embed, Path: "e", Pattern: "none/at/all"})
	for name, there := range map[string]func(){
		"write":                  func() { tr.overwrite("x/a.go", main2); tr.overwrite("x/a.go", main1) },
		"chmod":                  func() { tr.must(os.Chmod(tr.path("x/a.go"), 0o600)) },
		"rename and back":        func() { tr.rename("x/a.go", "x/a"); tr.rename("x/a", "x/a.go") },
		"come and go":            func() { tr.write("x/b.go", ""); tr.remove("x/b.go") },
		"come and go with a dir": func() { tr.write("x/sub/go.mod", ""); tr.remove("x/sub") },
		"come and go in embed":   func() { tr.write("e/d/g", ""); tr.remove("e/d/g") },
		"come and go of a match": func() { tr.write("e/none/at/all", ""); tr.remove("e/none") },
		"behind a link":          func() { tr.write("y", "") },
		"come and go alone":      func() { tr.write("lone/some/where/go.mod", ""); tr.remove("lone/some") },
		"lone link and back":     func() { tr.remove("links/l"); tr.link("../y", "links/l") },
		"link away and back":     func() { tr.remove("x/l.s"); tr.link("../y", "x/l.s") },
	} {
		before := tr.take(nil, in...)
		start := time.Now().Add(30 * time.Millisecond) // what is written now counts as older
		if again := tr.take(before, in...); !again.Untouched(before) || !again.Settled(start.Add(time.Hour)) {
			t.Fatalf("%s: touched by nobody", name)
		}
		there()
		after := tr.take(before, in...)
		if after.Untouched(before) || len(after.Changes(before)) > 0 {
			t.Errorf("%s: untouched %v, changes %v", name, after.Untouched(before), after.Changes(before))
		}
		if after.Settled(start.Add(-30 * time.Millisecond)) {
			t.Errorf("%s: settled before it was written", name)
		}
	}
}

func TestSettled(t *testing.T) {
	if !stamp.Reliable {
		t.Skip("nothing ever is here")
	}
	begin := time.Unix(1_000_000, 0)
	old, young := stamp.State{Change: begin.UnixNano() - 1e9 - 1}, stamp.State{Change: begin.UnixNano() + 1}
	for _, test := range []struct {
		entry entry
		want  bool
	}{
		{entry{kind: file, stamp: old}, true},
		{entry{kind: file, stamp: young}, false},
		{entry{kind: dir, stamp: young}, false},
		{entry{}, true},
		{entry{link: "x", linkStamp: old}, true},
		{entry{link: "x", linkStamp: young}, false},
		{entry{link: "x", linkStamp: young, kind: file, stamp: old}, false},
		{entry{link: "x", linkStamp: old, kind: file, stamp: young}, false},
		{entry{link: "x", linkStamp: old, kind: anything}, true},
	} {
		if got := (&Snapshot{entries: []entry{{kind: file, stamp: old}, test.entry}}).Settled(begin); got != test.want {
			t.Errorf("%+v: %v", test.entry, got)
		}
	}
}

// writingContext writes to a file each time that somebody asks it, as is done for each
// block that is read.
type writingContext struct {
	context.Context
	write func()
}

func (c writingContext) Err() error { c.write(); return nil }

func TestWrittenWhileRead(t *testing.T) {
	if !stamp.Reliable {
		t.Skip("size and time of the last write may stay the same")
	}
	tr := newTree(t, map[string]string{"f": "0"})
	k := &taker{root: tr.root, now: tr.later()}
	n := 0
	once := writingContext{t.Context(), func() {
		if n++; n == 1 {
			tr.write("f", "10")
		}
	}}
	e, _, err := k.state(once, "f", aspectName|aspectContent)
	if err != nil || e.content != sha256.Sum256([]byte("10")) {
		t.Errorf("%+v, %v", e, err)
	}
	size := 1000
	always := writingContext{t.Context(), func() {
		size--
		tr.write("f", strings.Repeat("0", size))
	}}
	if _, _, err = k.state(always, "f", aspectName|aspectContent); !errors.Is(err, errChanging) {
		t.Errorf("a file that changes all the time: %v", err)
	}
}

func TestElsewhere(t *testing.T) {
	files := map[string]string{"x/a.go": main1, "x/b.go": main1}
	one, two := newTree(t, files), newTree(t, files)
	in := Input{Kind: Package, Path: "x"}
	before := one.take(nil, in)
	after := two.take(before, in)
	if len(after.Changes(before)) > 0 {
		t.Errorf("%v", after.Changes(before))
	}
	two.write("x/b.go", main2)
	if diff := cmp.Diff([]Change{{"x/b.go", Content}}, two.take(before, in).Changes(before)); diff != "" {
		t.Error(diff)
	}
}
