package rebuild_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgo-build/imgo/internal/attest/provenance"
	"github.com/imgo-build/imgo/internal/rebuild"
)

// repository is a work tree with a history.
type repository struct {
	t   *testing.T
	dir string
	env []string
}

func newRepository(t *testing.T) *repository {
	t.Helper()
	r := &repository{t: t, dir: t.TempDir()}
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "GIT_") {
			r.env = append(r.env, kv)
		}
	}
	r.env = append(r.env,
		"GIT_CONFIG_GLOBAL="+filepath.Join(t.TempDir(), "config"), "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com",
		"GIT_AUTHOR_DATE=2026-03-04T05:06:07Z", "GIT_COMMITTER_DATE=2026-03-04T05:06:07Z",
	)
	r.git("init", "-q", "-b", "main")
	return r
}

func (r *repository) git(args ...string) string {
	r.t.Helper()
	return r.gitIn(r.dir, args...)
}

func (r *repository) gitIn(dir string, args ...string) string {
	r.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env = dir, r.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (r *repository) write(name, text string) {
	r.t.Helper()
	path := filepath.Join(r.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		r.t.Fatal(err)
	}
}

// commit returns the name of a commit of all that is there.
func (r *repository) commit() string {
	r.t.Helper()
	r.git("add", "-A")
	r.git("commit", "-q", "--no-verify", "--allow-empty", "-m", "x")
	return r.git("rev-parse", "HEAD")
}

// checkout checks out a commit from the repository's directory.
func (r *repository) checkout(change func(*rebuild.Checkout)) (dir string, notes []string, err error) {
	c := rebuild.Checkout{Run: rebuild.Exec, Env: r.env, Dir: filepath.Join(r.t.TempDir(), "source"), Local: r.dir}
	change(&c)
	notes, err = c.Do(r.t.Context())
	return c.Dir, notes, err
}

func read(t *testing.T, elements ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(elements...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestCheckingOut(t *testing.T) {
	r := newRepository(t)
	ran := filepath.Join(t.TempDir(), "ran")
	// Nothing of this is to run: filters of the user's, hooks of templates, line endings.
	r.git("config", "--global", "filter.mine.smudge", "touch "+ran)
	r.git("config", "--global", "core.autocrlf", "true")
	template := t.TempDir()
	if err := os.MkdirAll(filepath.Join(template, "hooks"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(template, "hooks", "post-checkout"), []byte("#!/bin/sh\ntouch "+ran+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	r.git("config", "--global", "init.templateDir", template)
	r.write("a.txt", "one\ntwo\n")
	r.write(".gitattributes", "*.txt filter=mine\n*.bin filter=lfs\n")
	r.write(".gitmodules", "")
	r.write("sub/x", "")
	old := r.commit()
	r.git("branch", "side")
	r.git("commit", "-q", "--allow-empty", "-m", "later", "--no-verify")
	r.write("a.txt", "changed, and in no commit")
	os.Remove(ran) // git add ran nothing, but who knows

	env := append(r.env, "GIT_DIR=/nowhere", "GIT_WORK_TREE=/nowhere", "GIT_INDEX_FILE=/nowhere")
	dir, notes, err := r.checkout(func(c *rebuild.Checkout) {
		c.Env, c.Source = env, provenance.Source{Commit: old}
		c.Local = filepath.Join(r.dir, "sub")
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := read(t, dir, "a.txt"); got != "one\ntwo\n" {
		t.Errorf("a.txt is %q", got)
	}
	if head := r.gitIn(dir, "rev-parse", "HEAD"); head != old {
		t.Errorf("HEAD is %s", head)
	}
	if _, err := os.Stat(ran); err == nil {
		t.Error("a program ran")
	}
	if got := strings.Join(notes, "\n"); !strings.Contains(got, "submodules") || !strings.Contains(got, "git LFS") {
		t.Errorf("the notes are %q", got)
	}
	if count := r.gitIn(dir, "rev-list", "--count", "HEAD"); count != "1" {
		t.Errorf("%s commits were fetched", count)
	}
}

func TestHistoryHasTheTagsOfThatTime(t *testing.T) {
	r := newRepository(t)
	r.commit()
	r.git("tag", "v1.2.3")
	r.git("tag", "svc/v1.2.3")
	r.write("x", "")
	commit := r.commit()
	r.git("tag", "v1.3.0")
	r.git("tag", "release")
	for version, want := range map[string]string{
		"":                                       "release svc/v1.2.3 v1.2.3 v1.3.0",
		"v1.3.0":                                 "release v1.3.0",
		"v1.2.4-0.20260304050607-" + commit[:12]: "release svc/v1.2.3 v1.2.3",
		"v0.0.0-20260304050607-" + commit[:12]:   "release",
	} {
		dir, _, err := r.checkout(func(c *rebuild.Checkout) {
			c.Source, c.History, c.Version = provenance.Source{Commit: commit}, true, version
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(strings.Fields(r.gitIn(dir, "tag")), " "); got != want {
			t.Errorf("for version %q the tags are %q, want %q", version, got, want)
		}
		if count := r.gitIn(dir, "rev-list", "--count", "HEAD"); count != "2" {
			t.Errorf("%s commits were fetched", count)
		}
	}
}

func TestCommitsThatCannotBeHad(t *testing.T) {
	r := newRepository(t)
	r.commit()
	_, _, err := r.checkout(func(c *rebuild.Checkout) { c.Source.Commit = commit })
	if e, ok := errors.AsType[*rebuild.SourceError](err); !ok || !e.Local || !strings.HasPrefix(err.Error(), "the commit "+commit+" is not in ") {
		t.Errorf("a commit that isn't there: %v", err)
	}
	empty := t.TempDir()
	_, _, err = r.checkout(func(c *rebuild.Checkout) {
		c.Source.Commit, c.Local = commit, empty
		c.Env = append(r.env, "GIT_CEILING_DIRECTORIES="+filepath.Dir(empty))
	})
	if e, ok := errors.AsType[*rebuild.SourceError](err); !ok || e.Missing || e.Repository != empty {
		t.Errorf("no repository: %v", err)
	}
	_, _, err = r.checkout(func(c *rebuild.Checkout) { c.Env, c.Source.Commit = nil, commit })
	if e, ok := errors.AsType[*rebuild.NoProgramError](err); !ok || e.Name != "git" {
		t.Errorf("no git: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c := rebuild.Checkout{Run: rebuild.Exec, Env: r.env, Dir: filepath.Join(t.TempDir(), "source"), Local: r.dir, Source: provenance.Source{Commit: commit}}
	if _, err := c.Do(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

// fetched is how git would be called to fetch from a repository that gives out a commit
// only with everything else.
func fetched(t *testing.T, repository, ref string) (calls []rebuild.Command, err error) {
	t.Helper()
	everything := false
	c := rebuild.Checkout{
		Run: func(_ context.Context, cmd rebuild.Command) (string, error) {
			calls = append(calls, cmd)
			args := strings.Join(cmd.Args, " ")
			everything = everything || strings.Contains(args, "+refs/heads/*:")
			switch {
			case strings.Contains(args, " rev-parse "):
				return commit + "\n", nil
			case strings.Contains(args, " cat-file ") && !everything:
				return "", errors.New("not there")
			}
			return "", nil
		},
		Env: append(os.Environ(), "GIT_DIR=x"), Dir: filepath.Join(t.TempDir(), "source"),
		Source: provenance.Source{Repository: repository, Commit: commit, Ref: ref},
	}
	_, err = c.Do(t.Context())
	return calls, err
}

func TestWhereCommitsAreFetchedFrom(t *testing.T) {
	for _, repository := range []string{"https://example.com/acme/m", "ssh://git@example.com/acme/m", "git@example.com:acme/m.git"} {
		calls, err := fetched(t, repository, "refs/heads/main")
		if err != nil {
			t.Fatal(err)
		}
		var fetches []string
		for _, call := range calls {
			if _, after, ok := strings.Cut(strings.Join(call.Args, " "), " --update-shallow "); ok {
				fetches = append(fetches, after)
			}
			env := "\n" + strings.Join(call.Env, "\n") + "\n"
			if strings.Contains(env, "\nGIT_DIR=") || !strings.Contains(env, "\nGIT_TERMINAL_PROMPT=0\n") ||
				!strings.Contains(env, "\nGIT_ALLOW_PROTOCOL=ssh\n") && !strings.Contains(env, "\nGIT_ALLOW_PROTOCOL=https:ssh\n") {
				t.Errorf("%v has the environment %s", call.Args, env)
			}
		}
		want := []string{"--depth=1 -- " + repository + " " + commit, "-- " + repository + " refs/heads/main", "-- " + repository + " +refs/heads/*:refs/remotes/origin/* +refs/tags/*:refs/tags/*"}
		if strings.Join(fetches, "\n") != strings.Join(want, "\n") {
			t.Errorf("fetched %q", fetches)
		}
	}
	for _, ref := range []string{"", "main", "refs/heads/a:refs/heads/b", "refs/heads/*", "+refs/heads/main"} {
		calls, err := fetched(t, "https://example.com/acme/m", ref)
		if err != nil {
			t.Fatal(err)
		}
		for _, call := range calls {
			if ref != "" && call.Args[len(call.Args)-1] == ref {
				t.Errorf("%q is fetched", ref)
			}
		}
	}
	for _, repository := range []string{
		"", "http://example.com/m", "git://example.com/m", "file:///tmp/m", "/tmp/m", "./m", "ext::sh -c touch% /tmp/x", "ext::https://example.com",
		"https://", "ssh://-oProxyCommand=x/m", "ssh://-x@example.com/m", "-u@example.com:m", "https://example.com/a b", "https::example.com", "user@host::x",
	} {
		calls, err := fetched(t, repository, "")
		if _, ok := errors.AsType[*rebuild.RefusedError](err); !ok || len(calls) > 0 {
			t.Errorf("%q: %v, after %v", repository, err, calls)
		}
	}
}
