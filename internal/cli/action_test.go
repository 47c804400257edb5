package cli

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSplitArgs(t *testing.T) {
	for in, want := range map[string][]string{
		"":                            nil,
		" \t\r\n ":                    nil,
		"a":                           {"a"},
		" a  b\nc ":                   {"a", "b", "c"},
		`--label 'a=b c' --label "d"`: {"--label", "a=b c", "--label", "d"},
		`a\ b`:                        {"a b"},
		`'a\ b'`:                      {`a\ b`},
		`"a\"b"`:                      {`a"b`},
		`''`:                          {""},
		`a''b`:                        {"ab"},
		`x"" ""`:                      {"x", ""},
		`--ldflags="-X 'main.v=1'"`:   {"--ldflags=-X 'main.v=1'"},
		`$(id) ; | && > *`:            {"$(id)", ";", "|", "&&", ">", "*"},
		`a\`:                          {`a\`},
		"ü 'é à'":                     {"ü", "é à"},
	} {
		got, err := splitArgs(in)
		if err != nil {
			t.Errorf("%q: %v", in, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", in, diff)
		}
	}
	for _, in := range []string{`'`, `a "b`, `"a\"`, `'a"`} {
		if got, err := splitArgs(in); err == nil || !isUsage(err) {
			t.Errorf("%q: got %q, %v, want a usage error", in, got, err)
		}
	}
}

func FuzzSplitArgs(f *testing.F) {
	for _, seed := range []string{"", `a 'b c' "d\"e" \ f`, `''`, "a\nb", `"`, "\xff", `\`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		args, err := splitArgs(s)
		if err != nil {
			return
		}
		// Whatever came out goes in and out again, quoted as a shell would.
		var quoted []string
		for _, arg := range args {
			quoted = append(quoted, "'"+strings.ReplaceAll(arg, "'", `'\''`)+"'")
		}
		again, err := splitArgs(strings.Join(quoted, " "))
		if err != nil {
			t.Fatalf("%q: %v", quoted, err)
		}
		if diff := cmp.Diff(args, again); diff != "" {
			t.Errorf("%q (-first +again):\n%s", s, diff)
		}
	})
}

func TestActionArgs(t *testing.T) {
	a := &app{Process: Process{Env: []string{
		"INPUT_COMMAND= push ", "INPUT_WORKING_DIRECTORY=a b", "INPUT_BASE= alpine\n", "INPUT_PLATFORMS=linux/amd64, linux/arm64",
		"INPUT_TAGS=r/x:1\n:2\n", "INPUT_SIGN= a key.pem\n", "INPUT_ARGS=--user '1 2'", "INPUT_PACKAGES=./a,./b\n--output=x",
	}}}
	got, err := a.actionArgs()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"push", "--chdir=a b", "--base=alpine", "--platform=linux/amd64", "--platform=linux/arm64",
		"--tag=r/x:1", "--tag=:2", "--key=a key.pem", "--user", "1 2", "--", "./a", "./b", "--output=x",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for sign, want := range map[string][]string{
		"": nil, " ": nil, "true": {"--sign"}, "keyless": {"--sign"}, "false": {"--sign=false"}, "--x": {"--key=--x"},
	} {
		a := &app{Process: Process{Env: []string{"INPUT_COMMAND=push", "INPUT_SIGN=" + sign}}}
		got, err := a.actionArgs()
		if diff := cmp.Diff(append(append([]string{"push"}, want...), "--"), got); err != nil || diff != "" {
			t.Errorf("sign %q: %v (-want +got):\n%s", sign, err, diff)
		}
	}
	for _, env := range [][]string{nil, {"INPUT_COMMAND=login"}, {"INPUT_COMMAND=build --push"}, {"INPUT_COMMAND=build", `INPUT_ARGS="`}} {
		a := &app{Process: Process{Env: env}}
		if got, err := a.actionArgs(); err == nil {
			t.Errorf("%q: %q, want an error", env, got)
		}
	}
}
