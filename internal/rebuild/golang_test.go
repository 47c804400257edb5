package rebuild_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/imgo-build/imgo/internal/rebuild"
)

// programs is a PATH with programs of no content.
func programs(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		if runtime.GOOS == "windows" {
			name += ".exe"
		}
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return "PATH=" + dir
}

// answers is a [rebuild.Run] that remembers what it is asked.
type answers struct {
	calls []rebuild.Command
	give  func(args string, env []string) (string, error)
}

func (a *answers) run(_ context.Context, c rebuild.Command) (string, error) {
	a.calls = append(a.calls, c)
	return a.give(strings.Join(c.Args, " "), c.Env)
}

func TestToolchains(t *testing.T) {
	a := &answers{give: func(args string, env []string) (string, error) {
		switch {
		case strings.HasPrefix(args, "env -json GOVERSION GOPROXY "):
			return `{"GOVERSION": "go1.26.1", "GOPROXY": "https://proxy.example"}`, nil
		case slices.Contains(env, "GOTOOLCHAIN=go1.25.3"):
			return "go version go1.25.3 linux/amd64\n", nil
		case slices.Contains(env, "GOTOOLCHAIN=go1.25.4"):
			return "go version go1.26.1 linux/amd64\n", nil
		}
		return "", &rebuild.CommandError{Command: "go version", Output: "go: no such toolchain", Err: errors.New("exit status 1")}
	}}
	g := &rebuild.Go{Run: a.run, Env: []string{programs(t, "go"), "GOFLAGS=-x"}, Dir: t.TempDir()}
	settings, err := g.Settings(t.Context())
	if err != nil || settings["GOVERSION"] != "go1.26.1" || settings["GOPROXY"] != "https://proxy.example" {
		t.Fatalf("%v, %v", settings, err)
	}
	for want, c := range map[string]struct{ value, note, err string }{
		"go1.26.1":             {value: "local"},
		"go1.25.3":             {value: "go1.25.3"},
		"go1.25.4":             {err: "it was compiled by go1.25.4, which is not here (go1.26.1 is) and can't be fetched: another answers: go version go1.26.1 linux/amd64"},
		"go1.27rc1":            {err: "can't be fetched: running go version: exit status 1: go: no such toolchain"},
		"devel":                {value: "local", note: "it was compiled by devel, which is no release of Go, and is compiled by go1.26.1 here"},
		"go1.26.1+path":        {value: "local", note: "which is no release of Go"},
		"/tmp/x":               {value: "local", note: "which is no release of Go"},
		"go1.26.1-../../tmp/x": {value: "local", note: "which is no release of Go"},
		"":                     {value: "local", note: "it was compiled by an unknown version"},
	} {
		value, note, err := g.Toolchain(t.Context(), nil, want, settings["GOVERSION"])
		said := ""
		if err != nil {
			said = err.Error()
			if _, ok := errors.AsType[*rebuild.ToolchainError](err); !ok {
				t.Errorf("%s: %v", want, err)
			}
		}
		if value != c.value || !strings.Contains(note, c.note) || (note == "") != (c.note == "") || !strings.Contains(said, c.err) || (said == "") != (c.err == "") {
			t.Errorf("%s: %q, %q, %v", want, value, note, err)
		}
	}
	nowhere := &rebuild.Go{Run: a.run, Env: []string{"PATH="}, Dir: t.TempDir()}
	if _, err := nowhere.Settings(t.Context()); err == nil || err.Error() != "no go command found in PATH" {
		t.Errorf("without Go: %v", err)
	}
}

func TestAnotherImgo(t *testing.T) {
	assembly := "1.1.1-x"
	a := &answers{give: func(args string, env []string) (string, error) {
		switch {
		case args == "install github.com/imgo-build/imgo/cmd/imgo@v1.2.3":
			return "", nil
		case args == "version --json":
			return `{"version": "v1.2.3", "assembly": "` + assembly + `"}`, nil
		case strings.HasPrefix(args, "build "):
			return "imgo.local/x@sha256:…\n", nil
		}
		return "", errors.New("no such module")
	}}
	dir := t.TempDir()
	g := &rebuild.Go{Run: a.run, Env: []string{programs(t, "go")}, Dir: dir}
	i := &rebuild.Imgo{Run: a.run, Env: []string{"A=1"}, Dir: filepath.Join(dir, "imgo")}
	if err := i.Fetch(t.Context(), g, "v1.2.3", assembly); err != nil {
		t.Fatal(err)
	}
	if env := a.calls[0].Env; !slices.Contains(env, "GOBIN="+filepath.Join(dir, "imgo", "bin")) || !slices.Contains(env, "A=1") {
		t.Errorf("go install runs with %q", env)
	}
	err := i.Build(t.Context(), rebuild.Order{
		Dir: "/m", Config: "/m/c.yaml", Name: "server", Layout: "/out", Created: "7", Settings: []string{"--plain-http", "r.example"},
	})
	if err != nil {
		t.Fatal(err)
	}
	last := a.calls[len(a.calls)-1]
	want := []string{"build", "--quiet", "--chdir", "/m", "--config", "/m/c.yaml", "--output", "oci:/out", "--plain-http", "r.example", "server"}
	if diff := cmp.Diff(want, last.Args); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !slices.Contains(last.Env, "SOURCE_DATE_EPOCH=7") || !slices.Contains(last.Env, "IMGO_CACHE_DIR="+filepath.Join(dir, "imgo", "cache")) || !strings.HasPrefix(last.Path, filepath.Join(dir, "imgo", "bin", "imgo")) {
		t.Errorf("%s runs with %q", last.Path, last.Env)
	}
	assembly = "another"
	if err := i.Fetch(t.Context(), g, "v1.2.3", "1.1.1-x"); err == nil || err.Error() != "imgo v1.2.3 has the assembly another, not 1.1.1-x" {
		t.Errorf("another assembly: %v", err)
	}
	if err := i.Fetch(t.Context(), g, "v9.9.9", "1.1.1-x"); err == nil || err.Error() != "no such module" {
		t.Errorf("no such version: %v", err)
	}
	for version, want := range map[string]bool{
		"v1.2.3": true, "v0.0.0-20260102030405-0123456789ab": false, "v1.2.4-0.20260102030405-0123456789ab": false, "v1.2.3-rc.1": false,
		"": false, "devel": false, "(devel)": false, "v1.2.3+dirty": false, "v0.0.0-20260102030405-0123456789ab+dirty": false, "latest": false, "v1": false, "v1.2.3 x": false,
	} {
		if rebuild.Fetchable(version) != want {
			t.Errorf("%q is fetchable: %t", version, !want)
		}
	}
	other := &rebuild.OtherImgoError{Assembly: "1", Own: "2"}
	if got := other.Error(); got != "it was assembled by imgo of an unknown version (assembly 1), and this one would assemble it differently (assembly 2)" {
		t.Error(got)
	}
}

func TestEnvironment(t *testing.T) {
	user := []string{
		"PATH=/bin", "HOME=/home/me", "https_proxy=http://p", "GOFLAGS=-x", "GOENV=/x", "GOPROXY=https://mine", "GOAMD64=v3", "CGO_ENABLED=1", "CC=evil", "LD_PRELOAD=x",
		"IMGO_BASE=alpine", "SOURCE_DATE_EPOCH=1", "GIT_DIR=/x", "GIT_SSH_COMMAND=ssh -v", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=a.b", "GIT_CONFIG_VALUE_0=c",
		"DOCKER_CONFIG=/d", "AWS_REGION=x", "API_TOKEN=secret", "GONOSUMCHECK=1",
	}
	env := rebuild.Environment(user, map[string]string{"GOVERSION": "go1.26.1", "GOPROXY": "https://proxy.example", "GOPRIVATE": ""})
	want := []string{
		"PATH=/bin", "HOME=/home/me", "https_proxy=http://p", "GIT_SSH_COMMAND=ssh -v", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=a.b", "GIT_CONFIG_VALUE_0=c", "GONOSUMCHECK=1",
		"GOPROXY=https://proxy.example", "GOPRIVATE=", "GOENV=off",
	}
	if diff := cmp.Diff(want, env); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(append(want, "DOCKER_CONFIG=/d", "AWS_REGION=x"), rebuild.WithCredentials(env, user)); diff != "" {
		t.Errorf("with credentials (-want +got):\n%s", diff)
	}
}

func TestFailuresSayWhatRan(t *testing.T) {
	git := rebuild.Command{Path: filepath.Join(t.TempDir(), "git"), Args: []string{"-c", "a=b", "--no-pager", "fetch", "--", "x"}, Dir: t.TempDir()}
	_, err := rebuild.Exec(t.Context(), git)
	if e, ok := errors.AsType[*rebuild.CommandError](err); !ok || e.Command != "git fetch" {
		t.Errorf("%v", err)
	}
}
