//go:build unix

package git

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// traps are scripts that leave a mark each when they run.
type traps struct {
	t          *testing.T
	dir, marks string
}

func newTraps(t *testing.T) *traps {
	t.Helper()
	dir := t.TempDir()
	marks := filepath.Join(dir, "marks")
	if err := os.Mkdir(marks, 0o777); err != nil {
		t.Fatal(err)
	}
	return &traps{t, dir, marks}
}

// set returns the path of a script that leaves a mark and passes its input on.
func (tr *traps) set(name string) string { return tr.write(name, "cat") }

// write returns the path of a script that leaves a mark and then does more.
func (tr *traps) write(name, more string) string {
	tr.t.Helper()
	path := filepath.Join(tr.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		tr.t.Fatal(err)
	}
	mark := filepath.Join(tr.marks, strings.ReplaceAll(name, "/", "-"))
	script := fmt.Sprintf("#!/bin/sh\n: > '%s'\n%s\n", mark, more)
	if err := os.WriteFile(path, []byte(script), 0o777); err != nil {
		tr.t.Fatal(err)
	}
	return path
}

// sprung lists the marks and removes them.
func (tr *traps) sprung() []string {
	tr.t.Helper()
	entries, err := os.ReadDir(tr.marks)
	if err != nil {
		tr.t.Fatal(err)
	}
	names := []string{}
	for _, e := range entries {
		names = append(names, e.Name())
		if err := os.Remove(filepath.Join(tr.marks, e.Name())); err != nil {
			tr.t.Fatal(err)
		}
	}
	return names
}

// hostile is a repository whose own configuration names a program wherever git takes
// one. Files have another time than in the index, so that filters are due, and the
// commit bears a signature.
func hostile(t *testing.T, tr *traps) *repository {
	r := newRepository(t)
	attributes := ""
	for _, name := range []string{"local", "Process.x", "included", "worktree", "user", "lfs"} {
		r.write(name+".txt", "same")
		attributes += name + ".txt filter=" + name + "\n"
	}
	r.write(".gitattributes", attributes)
	inner := &repository{t, filepath.Join(r.dir, "inner"), r.env}
	inner.write("file", "same")
	inner.git("init", "-q")
	inner.commit()
	r.git("-c", "advice.addEmbeddedRepo=false", "add", "-A")
	r.commit()
	signed := strings.Replace(r.git("cat-file", "commit", "HEAD"), "\n\n", "\ngpgsig -----BEGIN PGP SIGNATURE-----\n x\n -----END PGP SIGNATURE-----\n\n", 1)
	r.git("reset", "-q", "--soft", r.git("hash-object", "-t", "commit", "-w", r.write(".git/commit", signed+"\n")))

	old := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	files, err := filepath.Glob(filepath.Join(r.dir, "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, filepath.Join(inner.dir, "file")) {
		if err := os.Chtimes(file, old, old); err != nil {
			t.Fatal(err)
		}
	}
	tr.set("hooks/post-index-change")
	inner.write(".git/config", fmt.Sprintf("[core]\n\tfsmonitor = %s\n", tr.set("inner")))
	r.write(".git/included", fmt.Sprintf("[filter \"included\"]\n\tclean = %s\n\trequired\n", tr.set("included")))
	r.write(".git/config.worktree", fmt.Sprintf("[filter \"worktree\"]\n\tclean = %s\n", tr.set("worktree")))
	r.write(".git/config", fmt.Sprintf(`[core]
	repositoryFormatVersion = 1
	fsmonitor = %s
	virtualFilesystem = %[1]s
	hooksPath = %s
	pager = %s
	editor = %[3]s
	sshCommand = %[3]s
	askPass = %[3]s
[extensions]
	worktreeConfig = true
[include]
	path = included
[filter "local"]
	clean = %s
	smudge = %[4]s
	required = true
[filter "Process.x"]
	process = %s
[lfs "extension.x"]
	clean = %[4]s
[diff]
	external = %s
[diff "x"]
	textconv = %[6]s
	command = %[6]s
[log]
	showSignature = true
[gpg]
	program = %s
[credential]
	helper = %s
[remote "origin"]
	url = git@example.com:acme/server
`, tr.set("fsmonitor"), filepath.Join(tr.dir, "hooks"), tr.set("pager"), tr.set("local"), tr.set("process"),
		tr.set("diff"), tr.set("gpg"), tr.set("credential")))

	global := filepath.Join(tr.dir, "gitconfig")
	config := fmt.Sprintf("[filter \"user\"]\n\tclean = %s\n[filter \"lfs\"]\n\tclean = %s\n", tr.set("user"), tr.set("lfs"))
	if err := os.WriteFile(global, []byte(config), 0o666); err != nil {
		t.Fatal(err)
	}
	r.env = append(r.env, "GIT_CONFIG_GLOBAL="+global)
	return r
}

// Nothing that the repository names runs, only the user's own filter.
func TestHostileRepository(t *testing.T) {
	tr := newTraps(t)
	r := hostile(t, tr)
	f := r.read(Options{History: true})
	if f.Dirty || f.Remote != "https://example.com/acme/server" || f.Branch != "main" {
		t.Errorf("Facts are %+v", f)
	}
	if diff := cmp.Diff([]string{"user"}, tr.sprung()); diff != "" {
		t.Errorf("programs ran (-want +got):\n%s", diff)
	}

	// A git that can't tell whose a filter is runs none.
	if f := r.read(Options{Env: append(r.env, "PATH="+oldGit(t))}); f.Dirty {
		t.Errorf("with an old git, Facts are %+v", f)
	}
	if ran := tr.sprung(); len(ran) > 0 {
		t.Errorf("with an old git, %v ran", ran)
	}

	// The traps are alive: git on its own walks into them.
	r.git("status")
	r.git("log", "-1")
	want := []string{"fsmonitor", "gpg", "hooks-post-index-change", "included", "inner", "lfs", "local", "process", "user", "worktree"}
	if diff := cmp.Diff(want, tr.sprung()); diff != "" {
		t.Errorf("without precautions (-want +got):\n%s", diff)
	}

	r.git("config", "filter.a=b.clean", tr.set("strange"))
	_, err := Read(t.Context(), Options{Env: r.env, Dir: r.dir, Dirty: true})
	var strange *FilterError
	if !errors.As(err, &strange) || strange.Name != "a=b" {
		t.Errorf("a filter that can't be overridden: %v", err)
	}
}

// oldGit is a directory with a git that doesn't know one option.
func oldGit(t *testing.T) string {
	return wrapper(t, "for a; do test \"$a\" != --show-scope || exit 129; done")
}

// wrapper is a directory with a git that does something before it is git.
func wrapper(t *testing.T, first string) string {
	t.Helper()
	real, err := exec.LookPath("git")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	script := fmt.Sprintf("#!/bin/sh\n%s\nexec '%s' \"$@\"\n", first, real)
	if err := os.WriteFile(filepath.Join(dir, "git"), []byte(script), 0o777); err != nil {
		t.Fatal(err)
	}
	return dir
}

// A clone that lacks objects would fetch them, with a program of its choice.
func TestHostilePromisor(t *testing.T) {
	tr := newTraps(t)
	r := newRepository(t)
	r.write("file", "1")
	r.commit()
	r.write("file", "2")
	tree := r.git("rev-parse", "HEAD^{tree}")
	if err := os.Remove(filepath.Join(r.dir, ".git", "objects", tree[:2], tree[2:])); err != nil {
		t.Fatal(err)
	}
	r.git("config", "core.repositoryFormatVersion", "1")
	r.git("config", "extensions.partialClone", "origin")
	r.git("config", "remote.origin.promisor", "true")
	r.git("config", "remote.origin.uploadpack", tr.write("uploadpack", "exit 1"))
	r.git("config", "core.sshCommand", tr.write("ssh", "exit 1"))
	r.git("config", "protocol.ext.allow", "always")
	for trap, url := range map[string]string{"uploadpack": r.dir, "ssh": "ssh://example.com/x", "ext": "ext::" + tr.write("ext", "exit 1")} {
		r.git("config", "remote.origin.url", url)
		if _, err := Read(t.Context(), Options{Env: r.env, Dir: r.dir, Dirty: true}); err == nil {
			t.Errorf("%s: the tree isn't missed", trap)
		}
		if ran := tr.sprung(); len(ran) > 0 {
			t.Errorf("%v ran", ran)
		}
		cmd := exec.Command("git", "status")
		cmd.Dir, cmd.Env = r.dir, r.env
		_ = cmd.Run()
		if diff := cmp.Diff([]string{trap}, tr.sprung()); diff != "" {
			t.Errorf("without precautions (-want +got):\n%s", diff)
		}
	}
}

// What HEAD is takes one process.
func TestReadProcesses(t *testing.T) {
	r := newRepository(t)
	r.commit("v1.0.0")
	log := filepath.Join(t.TempDir(), "log")
	dir := wrapper(t, "echo started >> '"+log+"'")
	f, err := Read(t.Context(), Options{Env: append(r.env, "PATH="+dir), Dir: r.dir})
	if err != nil {
		t.Fatal(err)
	}
	if f.Tag != "v1.0.0" || f.Branch != "main" || f.Root != "" {
		t.Errorf("Facts are %+v", f)
	}
	if got, err := os.ReadFile(log); string(got) != "started\n" {
		t.Errorf("git is %q, %v", got, err)
	}
}

// A git that hangs ends with the context, and its children with it.
func TestReadCanceled(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "git"), []byte("#!/bin/sh\n: > started\nsleep 60\n"), 0o777); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := Read(ctx, Options{Env: []string{"PATH=" + dir + string(filepath.ListSeparator) + os.Getenv("PATH")}, Dir: dir})
		ended <- err
	}()
	for {
		if _, err := os.Stat(filepath.Join(dir, "started")); err == nil {
			break
		}
		time.Sleep(time.Millisecond)
	}
	cancel()
	select {
	case err := <-ended:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Read: %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("git lives")
	}
}
