package git

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestRead(t *testing.T) {
	r := newRepository(t)
	r.write(".gitignore", "*.log\n")
	r.write("sub/file", "1")
	r.commit("v0.9.0")
	r.write("sub/file", "2")
	r.commit("v1.9.0", "v1.10.0", "v1.10.0-rc.1", "nightly-9", "sub/v0.1.0")
	r.git("tag", "-a", "-m", "annotated", "v1.2.0")
	r.git("remote", "add", "origin", "https://user:secret@example.com/acme/server.git")
	r.write("sub/build.log", "ignored by git")

	f := r.read(Options{Dir: filepath.Join(r.dir, "sub"), History: true})
	commit := r.git("rev-parse", "HEAD")
	want := &Facts{
		Root: r.dir, Tag: "v1.10.0", Branch: "main", Commit: commit, ShortCommit: commit[:7],
		Tags:       []string{"nightly-9", "sub/v0.1.0", "v1.2.0", "v1.9.0", "v1.10.0", "v1.10.0-rc.1"},
		CommitTime: time.Date(2026, 3, 4, 4, 6, 7, 0, time.UTC), Remote: "https://example.com/acme/server",
		History: []string{"nightly-9", "sub/v0.1.0", "v0.9.0", "v1.10.0", "v1.10.0-rc.1", "v1.2.0", "v1.9.0"},
	}
	if diff := cmp.Diff(want, f); diff != "" {
		t.Errorf("Read (-want +got):\n%s", diff)
	}

	// What makes it dirty, and what doesn't.
	ignore := []string{"out", "server.tar", filepath.Join(r.dir, "sub", "x.tar"), "absent"}
	for _, tt := range []struct {
		name  string
		dirty bool
	}{
		{"server.tar", false}, {"out/a", false}, {"sub/x.tar", false}, {"sub/server.tar", true}, {"out2", true},
	} {
		path := r.write(tt.name, "new")
		if got := r.read(Options{Ignore: ignore}).Dirty; got != tt.dirty {
			t.Errorf("with %s, Dirty = %v", tt.name, got)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}

	r.write("sub/file", "3") // a change, next to outputs that are ignored
	r.write("server.tar", "")
	if !r.read(Options{Ignore: ignore}).Dirty {
		t.Error("a change doesn't make it dirty")
	}
	r.git("checkout", "-q", "--force", "--detach", "HEAD~1")
	f = r.read(Options{})
	if f.Branch != "" || f.Tag != "v0.9.0" || f.History != nil {
		t.Errorf("detached: %+v", f)
	}
}

// Repositories of other forms.
func TestReadForms(t *testing.T) {
	r := newRepository(t)
	r.write("file", "1")
	r.commit("v1.0.0")
	r.write("file", "2")
	r.commit()
	commit := r.git("rev-parse", "HEAD")

	worktree := filepath.Join(r.dir, "wt")
	r.git("worktree", "add", "-q", "-b", "side", worktree)
	f := r.read(Options{Dir: worktree})
	if f.Root != worktree || f.Branch != "side" || f.Commit != commit || f.Dirty {
		t.Errorf("worktree: %+v", f)
	}

	r.git("clone", "-q", "--depth=1", "--no-tags", "file://"+filepath.ToSlash(r.dir), "shallow")
	f = r.read(Options{Dir: filepath.Join(r.dir, "shallow"), History: true})
	if !f.Shallow || f.Commit != commit || f.History != nil || f.Remote != "" {
		t.Errorf("shallow: %+v", f)
	}

	// As in a hook.
	f = r.read(Options{Dir: filepath.Join(r.dir, "shallow"), Env: append(r.env, "GIT_DIR="+filepath.Join(r.dir, ".git"), "GIT_WORK_TREE="+r.dir)})
	if f.Root != r.dir || f.Shallow {
		t.Errorf("GIT_DIR: %+v", f)
	}

	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(r.dir, link); err != nil {
		t.Fatal(err)
	}
	r.write("a.tar", "")
	r.write(".git/info/exclude", "wt\nshallow\n")
	f = r.read(Options{Dir: link, Ignore: []string{"a.tar"}})
	if f.Root != r.dir || f.Dirty {
		t.Errorf("through a symbolic link: %+v", f)
	}
	if v := Version(f, "example.com/m", link); !strings.HasPrefix(v, "v0.0.0-2026") {
		t.Errorf("Version = %s", v)
	}

	r.git("clone", "-q", "--bare", ".", "bare")
	bare := filepath.Join(r.dir, "bare")
	for _, dir := range []string{bare, filepath.Join(r.dir, ".git")} {
		_, err := Read(t.Context(), Options{Env: r.env, Dir: dir, Dirty: true})
		var none *NoWorkTreeError
		if !errors.As(err, &none) || none.Dir != dir {
			t.Errorf("Read(%s): %v", dir, err)
		}
	}
	cmd := &repository{t, bare, r.env}
	cmd.git("worktree", "add", "-q", "-b", "other", filepath.Join(r.dir, "wt2"))
	if f := r.read(Options{Dir: filepath.Join(r.dir, "wt2")}); f.Branch != "other" {
		t.Errorf("worktree of a bare repository: %+v", f)
	}
}

func TestReadErrors(t *testing.T) {
	none := t.TempDir()
	_, err := Read(t.Context(), Options{Env: environment(), Dir: none})
	var notRepository *NotRepositoryError
	if !errors.As(err, &notRepository) || notRepository.Dir != none {
		t.Errorf("no repository: %v", err)
	}
	_, err = Read(t.Context(), Options{Env: []string{"PATH=" + none + string(filepath.ListSeparator) + "."}, Dir: none})
	var noGit *NoGitError
	if !errors.As(err, &noGit) {
		t.Errorf("no git: %v", err)
	}
	gone := filepath.Join(none, "gone")
	_, err = Read(t.Context(), Options{Env: environment(), Dir: gone})
	var failed *CommandError
	if !errors.As(err, &failed) || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no directory: %v", err)
	}

	r := newRepository(t)
	_, err = Read(t.Context(), Options{Env: r.env, Dir: r.dir, History: true})
	var unborn *UnbornError
	if !errors.As(err, &unborn) || unborn.Dir != r.dir {
		t.Errorf("no commit: %v", err)
	}
	_, err = Read(t.Context(), Options{Env: append(r.env, "GIT_TEST_ASSUME_DIFFERENT_OWNER=1"), Dir: r.dir})
	var unsafe *UnsafeError
	if !errors.As(err, &unsafe) || unsafe.Root != filepath.ToSlash(r.dir) {
		t.Errorf("another user's: %v", err)
	}
	r.write(".git/config", "[core\n")
	if _, err = Read(t.Context(), Options{Env: r.env, Dir: r.dir}); !errors.As(err, &failed) || failed.Output == "" {
		t.Errorf("broken configuration: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err = Read(ctx, Options{Env: r.env, Dir: r.dir}); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

func TestClassify(t *testing.T) {
	var noGit *NoGitError
	err := classify("/d", "log", "xcrun: error: invalid active developer path\nmore", nil)
	if !errors.As(err, &noGit) || noGit.Reason != "xcrun: error: invalid active developer path" {
		t.Errorf("%#v", err)
	}
	var unsafe *UnsafeError
	if err := classify("/d", "log", "fatal: unsafe repository ('/a b' is owned by someone else)", nil); !errors.As(err, &unsafe) || unsafe.Root != "/a b" {
		t.Errorf("%#v", err)
	}
}

func TestWebURL(t *testing.T) {
	for remote, want := range map[string]string{
		"https://github.com/acme/server.git":             "https://github.com/acme/server",
		"https://user:token@github.com:8443/acme/server": "https://github.com:8443/acme/server",
		"https://token@github.com/acme/server/?t=x#y":    "https://github.com/acme/server",
		"http://example.com:8080/a":                      "https://example.com/a",
		"git@github.com:acme/server.git":                 "https://github.com/acme/server",
		"github.com:/acme/server":                        "https://github.com/acme/server",
		"a:b@c@example.com:x":                            "",
		"ssh://git@example.com:2222/a/b.git/":            "https://example.com/a/b",
		"git://[2001:db8::1]:9418/a":                     "https://[2001:db8::1]/a",
		"https://example.com/a b":                        "https://example.com/a%20b",
		"https://example.com/":                           "",
		"https://example.com/\x00":                       "",
		"file:///srv/git/a":                              "",
		"/srv/git/a.b:c":                                 "",
		`C:\git\a`:                                       "",
		"../a":                                           "",
		"gh:acme/server":                                 "",
		"ext::sh -c evil.com":                            "",
		"":                                               "",
	} {
		if got := webURL(remote); got != want {
			t.Errorf("webURL(%q) = %q, want %q", remote, got, want)
		}
	}
}

func FuzzSettings(f *testing.F) {
	f.Add("local\x00filter.a.clean\nx\x00global\x00filter.lfs.clean\nlfs\x00", true)
	f.Add("filter..process\x00remote.origin.url\nhttps://a:b@c.d/e\x00", false)
	f.Add("local\x00lfs.extension.a.clean\nx\x00", true)
	f.Fuzz(func(t *testing.T, out string, scoped bool) {
		found, err := readSettings(out, scoped)
		if err != nil {
			return
		}
		for _, o := range found.overrides {
			if !strings.HasPrefix(o[0], "filter.") || strings.Contains(o[0]+o[1], "=") {
				t.Errorf("overrides are %q", found.overrides)
			}
		}
		if web := webURL(found.origin); web != "" && !strings.HasPrefix(web, "https://") || strings.Contains(web, "@") && !strings.Contains(found.origin, "/") {
			t.Errorf("%q becomes %q", found.origin, web)
		}
	})
}
