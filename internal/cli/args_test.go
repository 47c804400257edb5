package cli

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// run is the command line in this process.
func run(t *testing.T, env []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = Main(t.Context(), Process{
		Args: args, Env: env, Dir: t.TempDir(), Stdin: strings.NewReader(""),
		Stdout: &out, Stderr: &errs, Now: time.Now,
	})
	return code, out.String(), errs.String()
}

func TestEveryCommandHasExamplesOrSubcommands(t *testing.T) {
	a := &app{}
	for _, cmd := range a.root().Commands() {
		switch {
		case cmd.Hidden || cmd.Name() == "completion" || cmd.Name() == "help":
		case cmd.Example == "" && !cmd.HasSubCommands():
			t.Errorf("%s has no example", cmd.CommandPath())
		case cmd.Short == "" || strings.HasSuffix(cmd.Short, "."):
			t.Errorf("%s: Short %q", cmd.CommandPath(), cmd.Short)
		}
	}
}

func TestGroupsRefuseWhatTheyDoNotHold(t *testing.T) {
	for _, args := range [][]string{{"pussh"}, {"cache", "purge"}, {"completion", "tcsh"}} {
		code, stdout, stderr := run(t, nil, args...)
		if code != ExitUsage || stdout != "" || !strings.Contains(stderr, "unknown command") {
			t.Errorf("%v: code %d, stdout %q, stderr %q", args, code, stdout, stderr)
		}
	}
	if _, _, stderr := run(t, nil, "pussh"); !strings.Contains(stderr, "did you mean push?") {
		t.Errorf("no suggestion in %q", stderr)
	}
}

func TestCompletionGoesToTheProcessOutput(t *testing.T) {
	code, stdout, stderr := run(t, nil, "completion", "bash")
	if code != ExitDone || stderr != "" || !strings.HasPrefix(stdout, "# bash completion") {
		t.Errorf("code %d, stdout %.40q, stderr %q", code, stdout, stderr)
	}
}

func TestInterruptedHasItsOwnCode(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var errs bytes.Buffer
	code := Main(ctx, Process{
		Args: []string{"inspect", "localhost:1/x"}, Env: []string{"IMGO_CACHE_DIR=" + t.TempDir()}, Dir: t.TempDir(),
		Stdout: &bytes.Buffer{}, Stderr: &errs, Now: time.Now,
	})
	if code != ExitInterrupted || errs.String() != "interrupted\n" {
		t.Errorf("code %d, stderr %q", code, errs.String())
	}
}

func TestCIMayBeSetAndFalse(t *testing.T) {
	for value, want := range map[string]bool{"": false, "0": false, "false": false, "FALSE": false, "1": true, "true": true, "woodpecker": true} {
		a := &app{Process: Process{Env: []string{"CI=" + value}}}
		if got := a.inCI(); got != want {
			t.Errorf("CI=%s: %v, want %v", value, got, want)
		}
	}
}

func TestList(t *testing.T) {
	for _, c := range []struct {
		set  []string
		want []string
	}{
		{nil, []string{"default"}},
		{[]string{"a"}, []string{"a"}},
		{[]string{"a,b", "c"}, []string{"a", "b", "c"}},
		{[]string{""}, []string{""}},
		{[]string{"a,"}, []string{"a", ""}},
	} {
		var got []string
		l := newList(&got, "default")
		for _, s := range c.set {
			if err := l.Set(s); err != nil {
				t.Errorf("%q: %v", s, err)
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", c.set, diff)
		}
	}
}
