package git

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// environment is the test's without what is said about git.
func environment(more ...string) []string {
	var env []string
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "GIT_") {
			env = append(env, kv)
		}
	}
	env = append(env,
		"GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "GIT_CEILING_DIRECTORIES="+os.TempDir(),
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=maintenance.auto", "GIT_CONFIG_VALUE_0=false", // a process a commit
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_AUTHOR_DATE=2025-01-01T00:00:00Z",
		"GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com", "GIT_COMMITTER_DATE=2026-03-04T05:06:07+01:00",
	)
	return append(env, more...)
}

// repository is a work tree, without symbolic links in its path.
type repository struct {
	t   *testing.T
	dir string
	env []string
}

func newRepository(t *testing.T) *repository {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	r := &repository{t, dir, environment()}
	r.git("init", "-q", "-b", "main")
	return r
}

// git runs a command in the repository and returns its trimmed output.
func (r *repository) git(args ...string) string {
	r.t.Helper()
	out, err := r.command(args...).CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// fails runs a command that can't succeed, and returns its output.
func (r *repository) fails(args ...string) string {
	r.t.Helper()
	out, err := r.command(args...).CombinedOutput()
	if err == nil {
		r.t.Fatalf("git %v succeeded:\n%s", args, out)
	}
	return string(out)
}

func (r *repository) command(args ...string) *exec.Cmd {
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env = r.dir, r.env
	return cmd
}

func (r *repository) write(name, text string) string {
	r.t.Helper()
	path := filepath.Join(r.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		r.t.Fatal(err)
	}
	return path
}

func (r *repository) commit(tags ...string) {
	r.t.Helper()
	r.git("add", "-A")
	r.git("commit", "-q", "--allow-empty", "-m", "x")
	if len(tags) == 0 {
		return
	}
	commit := r.git("rev-parse", "HEAD")
	for _, tag := range tags {
		r.write(".git/refs/tags/"+tag, commit+"\n") // what git tag does, without a process
	}
}

// read asks for all but the history.
func (r *repository) read(o Options) *Facts {
	r.t.Helper()
	o.Dirty, o.Remote = true, true
	if o.Env == nil {
		o.Env = r.env
	}
	if o.Dir == "" {
		o.Dir = r.dir
	}
	f, err := Read(r.t.Context(), o)
	if err != nil {
		r.t.Fatal(err)
	}
	return f
}
