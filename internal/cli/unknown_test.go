package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgo-build/imgo/internal/spelling"
)

func TestUnknownFlags(t *testing.T) {
	for _, c := range []struct {
		args string
		want string
	}{
		{"build --platfrom x", "error: unknown flag: --platfrom, did you mean --platform?\nhint: see imgo build --help\n"},
		{"build --plat x", "error: unknown flag: --plat, did you mean --platform?\nhint: see imgo build --help\n"},
		{"build --labels=a=b", "error: unknown flag: --labels, did you mean --label?\nhint: see imgo build --help\n"},
		{"push --quite", "error: unknown flag: --quite, did you mean --quiet?\nhint: see imgo push --help\n"},
		{"build --frobnicate", "error: unknown flag: --frobnicate\nhint: see imgo build --help\n"},
		{"build --xy", "error: unknown flag: --xy\nhint: see imgo build --help\n"},
		{"build -x", "error: unknown shorthand flag: 'x' in -x\nhint: see imgo build --help\n"},
		{"build --push", "error: unknown flag: --push\nhint: imgo push builds and pushes\n"},
		{"build --bare", "error: unknown flag: --bare\nhint: " + foreignFlags["bare"] + "\n"},
		{"build -f Dockerfile .", "error: unknown shorthand flag: 'f' in -f\nhint: " + foreignFlags["f"] + "\n"},
		{"buidl -t x", "error: unknown command \"buidl\" for \"imgo\", did you mean build?\nhint: see imgo --help\n"},
	} {
		code, stdout, stderr := run(t, nil, strings.Fields(c.args)...)
		if code != ExitUsage || stdout != "" || stderr != c.want {
			t.Errorf("%s: code %d, stdout %q, stderr %q, want %q", c.args, code, stdout, stderr, c.want)
		}
	}
}

// A flag that imgo has is not foreign to it.
func TestForeignFlagsAreForeign(t *testing.T) {
	a := &app{}
	for _, cmd := range a.root().Commands() {
		for name := range foreignFlags {
			if cmd.Flags().Lookup(name) != nil || (len(name) == 1 && cmd.Flags().ShorthandLookup(name) != nil) {
				t.Errorf("%s has --%s", cmd.CommandPath(), name)
			}
		}
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0}, {"kitten", "sitting", 3}, {"tag", "tags", 1}, {"platfrom", "platform", 2}} {
		if got := spelling.Distance(c.a, c.b); got != c.want {
			t.Errorf("%q to %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestPackageInPlaceOfACommand(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "server"), 0o755); err != nil {
		t.Fatal(err)
	}
	a := &app{Process: Process{Dir: dir}}
	for name, want := range map[string]string{
		"./cmd/server": "imgo build ./cmd/server",
		".":            "imgo build .",
		"./...":        "imgo build ./...",
		"server":       "imgo build ./server",
		"servre":       "",
	} {
		got := hint(a.unknownCommand(a.root(), name))
		if (want == "") != (got == "") || !strings.HasSuffix(got, want) {
			t.Errorf("%s: hint %q, want %q", name, got, want)
		}
	}
}

func TestVersionFlag(t *testing.T) {
	_, want, _ := run(t, nil, "version")
	// A variable of that name is most likely an installer's.
	code, got, stderr := run(t, []string{"IMGO_VERSION=v1.2.3"}, "--version")
	if code != ExitDone || got != want || got == "" || stderr != "" {
		t.Errorf("code %d, stdout %q, stderr %q, want %q", code, got, stderr, want)
	}
}

func TestHelpOfNothing(t *testing.T) {
	for args, want := range map[string]string{
		"help nonsense":    `unknown command "nonsense" for "imgo"`,
		"help pussh":       "did you mean push?",
		"help cache purge": `unknown command "purge" for "imgo cache"`,
		"help build x":     `unknown command "x" for "imgo build"`,
	} {
		code, stdout, stderr := run(t, nil, strings.Fields(args)...)
		if code != ExitUsage || stdout != "" || !strings.Contains(stderr, want) {
			t.Errorf("%s: code %d, stdout %q, stderr %q, want %q", args, code, stdout, stderr, want)
		}
	}
	for _, args := range []string{"help", "help build", "help cache prune"} {
		if code, stdout, stderr := run(t, nil, strings.Fields(args)...); code != ExitDone || stdout == "" || stderr != "" {
			t.Errorf("%s: code %d, stdout %q, stderr %q", args, code, stdout, stderr)
		}
	}
}
