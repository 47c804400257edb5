//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// sandbox is a test's own surroundings.
type sandbox struct {
	t     *testing.T
	dir   string            // for files of the test; commands run in it
	home  string            // HOME
	cache string            // IMGO_CACHE_DIR
	vars  map[string]string // environment variables besides the suite's
	user  *syscall.Credential

	timeout time.Duration // of each command

	transcript bytes.Buffer
}

var notInNames = regexp.MustCompile(`[^a-zA-Z0-9]+`)

// newSandbox makes a sandbox that goes away with the test, and shows what ran in it
// if the test fails.
func newSandbox(t *testing.T) *sandbox {
	t.Helper()
	root, err := os.MkdirTemp(suite.dir, notInNames.ReplaceAllString(t.Name(), "-")+"-")
	if err != nil {
		t.Fatal(err)
	}
	s := &sandbox{t: t, dir: filepath.Join(root, "work"), home: filepath.Join(root, "home"), cache: filepath.Join(root, "cache")}
	s.timeout = 3 * time.Minute
	s.vars = map[string]string{"HOME": s.home, "IMGO_CACHE_DIR": s.cache}
	for _, dir := range []string{root, s.dir, s.home} {
		if err := errors.Join(os.MkdirAll(dir, 0o755), os.Chmod(dir, 0o755)); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("what ran in %s:\n%s", root, &s.transcript)
		}
		if err := os.RemoveAll(root); err != nil {
			t.Error(err)
		}
	})
	return s
}

// in is the sandbox as a subtest uses it.
func (s *sandbox) in(t *testing.T) *sandbox {
	sub := newSandbox(t)
	sub.dir, sub.home, sub.cache, sub.vars = s.dir, s.home, s.cache, maps.Clone(s.vars)
	return sub
}

// path is a file in the sandbox's directory.
func (s *sandbox) path(elem ...string) string {
	return filepath.Join(append([]string{s.dir}, elem...)...)
}

// module copies a module of testdata/mod into the sandbox and returns where it is.
func (s *sandbox) module(name, to string) string {
	s.t.Helper()
	dir := s.path(to)
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(suite.modules, name))); err != nil {
		s.t.Fatal(err)
	}
	leftovers, _ := filepath.Glob(filepath.Join(dir, "*.tar")) // somebody followed the README
	for _, f := range leftovers {
		os.Remove(f)
	}
	return dir
}

func (s *sandbox) write(path, content string, mode os.FileMode) string {
	s.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// result is how a command ended.
type result struct {
	line   string // as typed
	code   int
	stdout string
	stderr string
}

func (r result) String() string {
	return fmt.Sprintf("$ %s\n%s%s[exit code %d]\n", r.line, r.stdout, r.stderr, r.code)
}

// command prepares a command in the sandbox.
func (s *sandbox) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	if ending.Load() {
		select {}
	}
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = s.dir
	cmd.Env = slices.Clone(suite.env)
	for _, key := range slices.Sorted(maps.Keys(s.vars)) {
		cmd.Env = append(cmd.Env, key+"="+s.vars[key])
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.user}
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// try runs a command, whatever becomes of it.
func (s *sandbox) try(name string, args ...string) result {
	s.t.Helper()
	return s.tryWith(nil, "", name, args...)
}

// tryWith is try with environment variables, KEY=VALUE, and standard input.
func (s *sandbox) tryWith(env []string, stdin, name string, args ...string) result {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), s.timeout)
	defer cancel()
	cmd := s.command(ctx, name, args...)
	cmd.Env = append(cmd.Env, env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &stdout, &stderr
	err := cmd.Run()
	r := result{line: cmd.String(), code: cmd.ProcessState.ExitCode(), stdout: stdout.String(), stderr: stderr.String()}
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		r.stderr += err.Error() + "\n"
	}
	s.note(r)
	return r
}

// note adds to what is shown when the test fails.
func (s *sandbox) note(r result) { s.transcript.WriteString(r.String()) }

// run runs a command that must succeed and returns what it printed, without white
// space around it.
func (s *sandbox) run(name string, args ...string) string {
	s.t.Helper()
	r := s.try(name, args...)
	if r.code != 0 {
		s.t.Fatalf("a command failed:\n%s", r)
	}
	return strings.TrimSpace(r.stdout)
}

// imgo runs imgo, which must succeed, and returns its standard output.
func (s *sandbox) imgo(args ...string) string {
	s.t.Helper()
	return s.run(suite.imgo, args...)
}

// imgoFails runs imgo, which must fail with exit code 1, an error that contains
// each of want, and nothing on standard output. The hint is part of the error.
func (s *sandbox) imgoFails(args []string, want ...string) {
	s.t.Helper()
	r := s.try(suite.imgo, args...)
	checkFailure(s.t, r, want...)
}

func checkFailure(t *testing.T, r result, want ...string) {
	t.Helper()
	if r.code != 1 || r.stdout != "" {
		t.Errorf("want exit code 1 and nothing on standard output:\n%s", r)
	}
	for _, w := range append(want, "error: ") {
		if !strings.Contains(r.stderr, w) {
			t.Errorf("want %q in the error:\n%s", w, r)
		}
	}
}

// digest is the part of REPO@DIGEST that counts.
func digest(t *testing.T, line string) string {
	t.Helper()
	_, d, ok := strings.Cut(line, "@")
	if !ok || !regexp.MustCompile(`^sha256:[0-9a-f]{64}$`).MatchString(d) {
		t.Fatalf("%q is not one line REPO@DIGEST", line)
	}
	return d
}

// files lists what is in a directory, recursively, directories with a slash.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if d.IsDir() {
			rel += "/"
		}
		out = append(out, rel)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
