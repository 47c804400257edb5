package git

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/imgo-build/imgo/internal/fastpath"
	"github.com/imgo-build/imgo/internal/stamp"
	"github.com/imgo-build/imgo/pkg/layer/layertest"
)

// long reports whether tests have the time for all that they know.
func long() bool { return os.Getenv("IMGO_TEST_LONG") != "" } // which make test sets

// remembering is a repository with a memory, whose clock is late enough for all files
// to be settled.
type remembering struct {
	*repository
	home  string
	store *layertest.Memory
}

func newRemembering(t *testing.T) *remembering {
	return &remembering{newRepository(t), t.TempDir(), &layertest.Memory{}}
}

// options are of a user without variables of git's.
func (r *remembering) options(dir string) Options {
	env := []string{"HOME=" + r.home, "GIT_AUTHOR_NAME=a", "GIT_EDITOR=false"}
	for _, kv := range r.env {
		if !strings.HasPrefix(kv, "GIT_") && !strings.HasPrefix(kv, "HOME=") && !strings.HasPrefix(kv, "XDG_") {
			env = append(env, kv)
		}
	}
	return Options{
		Env: env, Dir: dir, History: true, Remote: true,
		Results: r.store, Now: func() time.Time { return time.Now().Add(time.Hour) },
	}
}

// isRemembered reports whether the next Read has its facts from memory.
func (r *remembering) isRemembered(o Options) bool {
	r.t.Helper()
	run, err := newRunner(o)
	if err != nil {
		r.t.Fatal(err)
	}
	m := run.memory(o)
	if m == nil {
		return false
	}
	rec, ok := fastpath.Load(o.Results, m.key)
	if !ok {
		return false
	}
	now, err := fastpath.Take(r.t.Context(), m.layout.top, rec.Snapshot.Inputs(), rec.Snapshot, o.Now())
	return err == nil && len(now.Changes(rec.Snapshot)) == 0
}

// compare reads with and without memory.
func (r *remembering) compare(what string, o Options) *Facts {
	r.t.Helper()
	got, gotErr := Read(r.t.Context(), o)
	o.Results = nil
	want, wantErr := Read(r.t.Context(), o)
	if diff := cmp.Diff(want, got); diff != "" || fmt.Sprint(gotErr) != fmt.Sprint(wantErr) {
		r.t.Fatalf("%s: errors %v and %v; facts (-without memory +with):\n%s", what, wantErr, gotErr, diff)
	}
	return got
}

// expect compares, and demands that the state is remembered from then on.
func (r *remembering) expect(what string, o Options) *Facts {
	r.t.Helper()
	f := r.compare(what, o)
	if stamp.Reliable && !r.isRemembered(o) {
		r.t.Errorf("%s: nothing is remembered", what)
	}
	again, err := Read(r.t.Context(), o)
	if diff := cmp.Diff(f, again); diff != "" || err != nil {
		r.t.Errorf("%s: error %v; facts from memory (-want +got):\n%s", what, err, diff)
	}
	return f
}

func TestRememberedFacts(t *testing.T) {
	r := newRemembering(t)
	r.write("sub/file", "1")
	r.commit("v1.0.0")
	r.git("remote", "add", "origin", "https://example.com/acme/server.git")
	sub := r.options(filepath.Join(r.dir, "sub"))
	sub.Dirty = true
	if f := r.expect("first", sub); f.Tag != "v1.0.0" || f.Dirty || f.Remote == "" {
		t.Errorf("facts %+v", f)
	}
	r.write("sub/file", "2")
	if stamp.Reliable && !r.isRemembered(sub) {
		t.Error("a change of the work tree counts")
	}
	if f := r.compare("dirty", sub); !f.Dirty {
		t.Error("a change doesn't make it dirty")
	}
	// Filters of the repository must be kept from running, whatever is remembered.
	r.git("config", "filter.evil.clean", "touch /tmp/evil")
	if f := r.expect("filter", sub); len(f.Overrides) == 0 {
		t.Error("the filter isn't overridden")
	}

	// A directory that becomes a repository, and one that git refuses.
	r.git("init", "-q", "sub")
	r.compare("a nearer repository without a commit", sub)
	if err := os.RemoveAll(filepath.Join(r.dir, "sub", ".git")); err != nil {
		t.Fatal(err)
	}
	r.expect("and without it", sub)

	// Other wishes are other facts.
	less := sub
	less.Dirty, less.History, less.Remote = false, false, false
	if f := r.expect("less", less); f.Remote != "" || f.History != nil {
		t.Errorf("facts %+v", f)
	}
}

func TestRememberedConfiguration(t *testing.T) {
	r := newRemembering(t)
	r.write("file", "1")
	r.commit()
	o := r.options(r.dir)
	o.History = false
	global := func(name, text string) {
		t.Helper()
		p := filepath.Join(r.home, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	steps := []struct {
		name   string
		change func()
	}{
		{"nothing", func() {}},
		{"core.abbrev", func() { r.git("config", "core.abbrev", "12") }},
		{"global", func() { global(".gitconfig", "[remote \"origin\"]\n\turl = https://example.com/a/b\n") }},
		{"include of what is missing", func() {
			global(".gitconfig", "[includeIf \"onbranch:other\"]\n\tpath = ~/more\n[include]\n\tpath=inc\n")
		}},
		{"included", func() { global("inc", "[remote \"origin\"]\n\turl = https://example.com/inc/b\n") }},
		{"condition", func() { global("more", "[remote \"origin\"]\n\turl = https://example.com/more/b\n") }},
		{"condition holds", func() { r.git("checkout", "-q", "-b", "other") }},
		{"condition's file", func() { global("more", "[remote \"origin\"]\n\turl = https://example.com/more/c\n") }},
		{"XDG", func() { global(".config/git/config", "[remote \"origin\"]\n\turl = https://example.com/xdg/b\n") }},
		{"worktree's", func() {
			r.git("config", "extensions.worktreeConfig", "true")
			r.git("config", "--worktree", "remote.origin.url", "https://example.com/wt/x")
		}},
	}
	if !long() {
		steps = steps[:5]
	}
	for _, s := range steps {
		s.change()
		r.expect(s.name, o)
	}
}

// Repositories of other forms, and what can't be remembered.
func TestRememberedForms(t *testing.T) {
	r := newRemembering(t)
	r.write("file", "1")
	r.commit("v1.0.0")
	r.write("file", "2")
	r.commit()
	r.expect("main", r.options(r.dir))

	worktree := filepath.Join(r.dir, "wt")
	r.git("worktree", "add", "-q", "-b", "side", worktree)
	wt := &remembering{&repository{t, worktree, r.env}, r.home, r.store}
	r.expect("worktree", r.options(worktree))
	wt.git("commit", "-q", "--allow-empty", "-m", "x")
	r.expect("commit in the worktree", r.options(worktree))
	r.git("tag", "v2.0.0", "side")
	if f := r.expect("tag in the worktree's repository", r.options(worktree)); f.Tag != "v2.0.0" {
		t.Errorf("facts %+v", f)
	}
	r.expect("main beside it", r.options(r.dir))

	if long() {
		r.expectClones()
	}
	for name, change := range map[string]func(o *Options){
		"GIT_DIR":  func(o *Options) { o.Env = append(o.Env, "GIT_DIR="+filepath.Join(r.dir, ".git")) },
		"no clock": func(o *Options) { o.Now = nil },
		"no home":  func(o *Options) { o.Env = append(o.Env, "HOME=") },
		".git":     func(o *Options) { o.Dir = filepath.Join(r.dir, ".git") },
	} {
		o := r.options(r.dir)
		change(&o)
		o.History, o.Remote = false, false
		r.compare(name, o)
		if r.isRemembered(o) {
			t.Errorf("%s: something is remembered", name)
		}
	}
	r.write(".git/refs/tags/odd", "ref: ORIG_HEAD\n")
	o := r.options(r.dir)
	r.compare("a reference to what is no reference", o)
	if r.isRemembered(o) {
		t.Error("a reference to what is no reference is remembered")
	}
}

// expectClones looks at a shallow clone of the repository, and at one as a submodule.
func (r *remembering) expectClones() {
	t := r.t
	r.git("clone", "-q", "--depth=1", "file://"+filepath.ToSlash(r.dir), "shallow")
	shallow := filepath.Join(r.dir, "shallow")
	if f := r.expect("shallow", r.options(shallow)); !f.Shallow {
		t.Error("not shallow")
	}
	(&repository{t, shallow, r.env}).git("fetch", "-q", "--unshallow", "--tags")
	if f := r.expect("no longer", r.options(shallow)); f.Shallow || len(f.History) == 0 {
		t.Errorf("facts %+v", f)
	}

	r.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", shallow, "module")
	module := filepath.Join(r.dir, "module")
	r.expect("submodule", r.options(module))
	(&repository{t, module, r.env}).git("commit", "-q", "--allow-empty", "-m", "x")
	r.expect("commit in the submodule", r.options(module))
}

// What is written while git runs, or so shortly before that a second write would leave no
// trace, is not remembered.
func TestFreshReferencesAreNotRemembered(t *testing.T) {
	r := newRemembering(t)
	r.write("file", "1")
	r.commit()
	o := r.options(r.dir)
	info, err := os.Stat(filepath.Join(r.dir, ".git", "refs", "heads", "main"))
	if err != nil {
		t.Fatal(err)
	}
	o.Now = info.ModTime
	r.compare("fresh", o)
	if r.isRemembered(o) {
		t.Error("what may still change is remembered")
	}
	calls := 0
	o.Now = func() time.Time { // the second time is after git ran
		if calls++; calls == 2 {
			r.write(".git/refs/tags/v9.0.0", r.git("rev-parse", "HEAD")+"\n")
		}
		return time.Now().Add(time.Hour)
	}
	if _, err := Read(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if calls != 2 || r.isRemembered(r.options(r.dir)) {
		t.Errorf("what changed meanwhile is remembered (%d calls)", calls)
	}
}

// Random operations, after each of which the memory must say what git does.
func TestMemoryAgreesWithGit(t *testing.T) {
	r := newRemembering(t)
	r.write("file", "0")
	r.commit("v0.1.0")
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	n := 0
	name := func(prefix string) string { n++; return fmt.Sprintf("%s%d", prefix, n) }
	pick := func(args ...string) (string, bool) {
		list := strings.Fields(r.git(append([]string{"for-each-ref", "--format=%(refname:short)"}, args...)...))
		if len(list) == 0 {
			return "", false
		}
		return list[random.IntN(len(list))], true
	}
	operations := []func(){
		func() { r.write("file", name("")); r.git("commit", "-q", "-a", "-m", "x") },
		func() { r.git("commit", "-q", "--amend", "--allow-empty", "-m", name("x")) },
		func() { r.git("checkout", "-q", "-f", "-b", name("branch")) },
		func() {
			if b, ok := pick("refs/heads"); ok {
				r.git("checkout", "-q", "-f", b)
			}
		},
		func() { r.git("checkout", "-q", "-f", "--detach") },
		func() { r.git("tag", name("v1.0.")) },
		func() { r.git("tag", "-a", "-m", "x", name("v1.1.")) },
		func() {
			if tag, ok := pick("refs/tags"); ok {
				r.git("tag", "-f", tag)
			}
		},
		func() {
			if tag, ok := pick("refs/tags"); ok {
				r.git("tag", "-d", tag)
			}
		},
		func() { r.git("pack-refs", "--all", "--prune") },
		func() { r.git("gc", "-q") },
		func() { r.git("config", "core.abbrev", fmt.Sprint(7+random.IntN(20))) },
		func() { r.git("config", "remote.origin.url", "https://example.com/acme/"+name("r")) },
		func() { r.git("reset", "-q", "--hard", "HEAD~0") },
		func() { r.write("file", name("dirty")) },
		func() {
			base := r.git("rev-parse", "HEAD")
			r.git("commit", "-q", "--allow-empty", "-m", "replacement")
			head := r.git("rev-parse", "HEAD")
			if base != head {
				r.git("replace", "-f", head, base)
			}
		},
	}
	order := slices.Concat(random.Perm(len(operations)), random.Perm(len(operations))[:8])
	if !long() {
		order = order[:4]
	}
	for step, op := range order {
		operations[op]()
		r.expect(fmt.Sprintf("seed %d, step %d, operation %d", seed, step, op), r.options(r.dir))
	}
	if long() {
		r.expectRebase()
	}
}

// expectRebase looks at the middle of a rebase that stops at a conflict.
func (r *remembering) expectRebase() {
	t := r.t
	r.git("checkout", "-q", "-f", "-b", "left")
	r.write("file", "left")
	r.git("commit", "-q", "-a", "-m", "left")
	r.git("checkout", "-q", "-b", "right", "HEAD~1")
	r.write("file", "right")
	r.git("commit", "-q", "-a", "-m", "right")
	r.expect("before the rebase", r.options(r.dir))
	if out := r.fails("rebase", "left"); !strings.Contains(out, "CONFLICT") {
		t.Errorf("rebase: %s", out)
	}
	if f := r.expect("in the rebase", r.options(r.dir)); f.Branch != "" {
		t.Errorf("facts %+v", f)
	}
	r.git("rebase", "--abort")
	if f := r.expect("after the rebase", r.options(r.dir)); f.Branch != "right" {
		t.Errorf("facts %+v", f)
	}
}

func BenchmarkMemory(b *testing.B) {
	dir := b.TempDir()
	r := &remembering{&repository{nil, dir, environment()}, b.TempDir(), &layertest.Memory{}}
	for _, args := range [][]string{{"init", "-q"}, {"commit", "-q", "--allow-empty", "-m", "x"}, {"tag", "v1.0.0"}} {
		if out, err := r.command(args...).CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
	}
	for name, o := range map[string]Options{
		"commit":  {},
		"version": {History: true, Dirty: true},
	} {
		full := r.options(dir)
		full.History, full.Dirty, full.Remote = o.History, o.Dirty, false
		for _, memory := range []bool{false, true} {
			if !memory {
				full.Results = nil
			} else {
				full.Results = r.store
			}
			b.Run(fmt.Sprintf("%s/memory=%v", name, memory), func(b *testing.B) {
				for b.Loop() {
					if _, err := Read(b.Context(), full); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
