//go:build e2e

package actiontest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// tools are the programs that setup.sh builds.
var tools struct{ act, actionlint string }

func TestMain(m *testing.M) {
	if err := findTools(); err != nil {
		fmt.Fprintln(os.Stderr, "actiontest:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// findTools looks where setup.sh puts its tools, or where IMGO_ACTION_TOOLS says.
func findTools() error {
	dir := os.Getenv("IMGO_ACTION_TOOLS")
	if dir == "" {
		dir = "../../bin"
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	tools.act, tools.actionlint = filepath.Join(dir, "act"), filepath.Join(dir, "actionlint")
	for _, tool := range []string{tools.act, tools.actionlint, "bash", "git", "go"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("%w: run internal/actiontest/setup.sh", err)
		}
	}
	return nil
}

// A run is what came of a workflow.
type run struct {
	entries []entry
	results string // directory, $RESULTS in the workflow
	home    string // everything that the run wrote is below
}

// entry is a line of act's log.
type entry struct {
	Message string            `json:"msg"`
	Command string            `json:"command"` // of a workflow command or file
	Args    map[string]string `json:"kvPairs"`
	Arg     string            `json:"arg"`
	Content string            `json:"content"` // of the step's summary
	Stage   string            `json:"stage"`
	StepID  []string          `json:"stepID"` // the step of the workflow, then that of the action
}

// runWorkflow runs a workflow in a repository of its own that holds the files of
// this one. "RESULTS" in the environment of its steps is a directory for what they
// want to tell the test.
func runWorkflow(t *testing.T, workflow string) *run {
	t.Helper()
	top := t.TempDir()
	repo := filepath.Join(top, "repo")
	copyRepository(t, repo)
	write(t, filepath.Join(repo, ".github/workflows/test.yml"), workflow)

	r := &run{home: filepath.Join(top, "home"), results: filepath.Join(top, "results")}
	for _, dir := range []string{r.home, r.results, filepath.Join(top, "tmp")} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	env := append(environment(t),
		"HOME="+r.home, "TMPDIR="+filepath.Join(top, "tmp"), "RESULTS="+r.results)
	for _, args := range [][]string{
		{"init", "--quiet"},
		{"add", "--all"},
		{"-c", "user.name=test", "-c", "user.email=test@example.com", "commit", "--quiet", "-m", "test"},
	} {
		git := exec.Command("git", args...)
		git.Dir, git.Env = repo, env
		if out, err := git.CombinedOutput(); err != nil {
			t.Fatalf("git %s: %v\n%s", args[0], err, out)
		}
	}

	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	act := exec.CommandContext(ctx, tools.act, "push", "-P", "ubuntu-latest=-self-hosted", "--no-cache-server", "--json")
	act.Dir, act.Env, act.WaitDelay = repo, env, 10*time.Second
	var stdout, stderr bytes.Buffer
	act.Stdout, act.Stderr = &stdout, &stderr
	err := act.Run()
	for line := range bytes.Lines(stdout.Bytes()) {
		var e entry
		if json.Unmarshal(line, &e) == nil {
			r.entries = append(r.entries, e)
		}
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("act's log:\n%s\n%s", r.log(), stderr.String())
		}
	})
	if err != nil {
		t.Fatalf("act: %v", err)
	}
	return r
}

// copyRepository copies the files that git knows, or would, apart from workflows.
func copyRepository(t *testing.T, to string) {
	t.Helper()
	root := "../.."
	list := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		t.Fatalf("git ls-files: %v", err)
	}
	for name := range strings.SplitSeq(strings.TrimRight(string(out), "\x00"), "\x00") {
		if target, err := os.Readlink(filepath.Join(root, name)); err == nil {
			if err := errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(to, name)), 0o755), os.Symlink(target, filepath.Join(to, name))); err != nil {
				t.Fatal(err)
			}
			continue
		}
		data, err := os.ReadFile(filepath.Join(root, name))
		if os.IsNotExist(err) || strings.HasPrefix(name, ".github/") {
			continue // deleted, but not yet in a commit
		}
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(to, name), string(data))
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// environment is what a run has of the machine's: the go command, its caches, and
// the way to the module proxy.
func environment(t *testing.T) []string {
	t.Helper()
	env := []string{"GOENV=off", "GOFLAGS=", "LC_ALL=C.UTF-8", "GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_CONFIG_NOSYSTEM=1"}
	for _, key := range []string{
		"PATH", "GOPROXY", "GOSUMDB", "GONOSUMDB", "GOINSECURE", "SSL_CERT_FILE", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
		"http_proxy", "https_proxy", "no_proxy",
	} {
		if v, ok := os.LookupEnv(key); ok {
			env = append(env, key+"="+v)
		}
	}
	for _, key := range []string{"GOCACHE", "GOMODCACHE"} {
		out, err := exec.Command("go", "env", key).Output()
		if err != nil {
			t.Fatalf("go env: %v", err)
		}
		env = append(env, key+"="+strings.TrimSpace(string(out)))
	}
	return env
}

// log is what people see, with the step that each line belongs to.
func (r *run) log() string {
	var b strings.Builder
	for _, e := range r.entries {
		fmt.Fprintf(&b, "%s %s\n", strings.Join(e.StepID, "/"), strings.TrimSpace(e.Message))
	}
	return b.String()
}

// find returns the entries of a workflow command of the step that ran imgo as part
// of the workflow's step id.
func (r *run) find(id, command string) []entry {
	var out []entry
	for _, e := range r.entries {
		if len(e.StepID) == 2 && e.StepID[0] == id && e.Command == command {
			out = append(out, e)
		}
	}
	return out
}

// summary is the step's summary.
func (r *run) summary(t *testing.T, id string) string {
	t.Helper()
	found := r.find(id, "summary")
	if len(found) != 1 {
		t.Fatalf("step %s has %d summaries", id, len(found))
	}
	return found[0].Content
}

// decode reads a JSON file that a step wrote to $RESULTS.
func decode[T any](t *testing.T, r *run, name string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(read(t, filepath.Join(r.results, name))), &v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return v
}

// step is what the expression "steps" knows of a step.
type step struct {
	Outputs map[string]string `json:"outputs"`
	Outcome string            `json:"outcome"`
}
