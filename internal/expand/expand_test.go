package expand

import (
	"errors"
	"strings"
	"testing"
	"text/template"
	"time"

	"github.com/google/go-cmp/cmp"
)

var moment = time.Date(2026, 3, 4, 5, 6, 7, 0, time.FixedZone("", 3600))

func all() Values {
	return Values{
		Version: "v1.2.3", Module: "example.com/m", Date: moment, Platform: "linux/arm64", Name: "server",
		Git: Git{
			Tag: "v1.2.3", Branch: "main", Commit: "0123456789abcdef0123456789abcdef01234567",
			ShortCommit: "0123456", CommitTime: moment, Dirty: true,
		},
		Env: map[string]string{"FOO": "Foo", "EMPTY": "", "OLD": "B"},
	}
}

func TestExecute(t *testing.T) {
	for text, want := range map[string]string{
		"":                          "",
		"plain }} text":             "plain }} text",
		"{{.Version}}":              "v1.2.3",
		"{{ .Module -}}  !":         "example.com/m!",
		"{{.Platform}} {{.Name}}":   "linux/arm64 server",
		"{{.Date}}":                 "2026-03-04T04:06:07Z",
		`{{.Date.Format "060102"}}`: "260304",
		`{{"15" | .Date.Format}}`:   "04",
		"{{.Date.Unix}}":            "1772597167",
		"{{.Date.UTC.Unix}}":        "1772597167",
		"{{.Git.Tag}} {{.Git.Branch}} {{.Git.ShortCommit}}":                  "v1.2.3 main 0123456",
		"{{.Git.Commit | printf `%.12s`}}":                                   "0123456789ab",
		"{{slice .Git.Commit 0 12}}{{slice .Git.Commit 38}}":                 "0123456789ab67",
		"{{.Git.CommitTime.Unix}} {{.Git.Dirty}}":                            "1772597167 true",
		"{{if .Git.Dirty}}dirty{{else}}clean{{end}}":                         "dirty",
		"{{.Env.FOO}}{{$.Env.FOO}}{{index .Env `FOO`}}{{index $.Env `FOO`}}": "FooFooFooFoo",
		"[{{.Env.EMPTY}}]": "[]",
		`{{default "x" .Env.EMPTY}}{{.Env.NONE | default "y"}}`:                 "xy",
		`{{or .Env.NONE .Env.EMPTY "z"}}`:                                       "z",
		`{{if .Env.NONE}}a{{else if .Env.FOO}}b{{end}}`:                         "b",
		`{{with .Env.NONE}}{{.}}{{else with .Env.FOO}}{{.}}{{end}}`:             "Foo",
		`{{with .Date}}{{.Format "2006"}}{{$.Name}}{{end}}`:                     "2026server",
		`{{with $d := .Date}}{{$d.Unix}}{{.Unix}}{{end}}`:                       "17725971671772597167",
		`{{with .Name}}{{with $.Module}}{{.}}{{end}}{{.}}{{end}}`:               "example.com/mserver",
		`{{lower .Env.FOO}}{{upper "a"}}`:                                       "fooA",
		`{{.Version | trimPrefix "v" | replace "." "-" | trimSuffix "-3"}}`:     "1-2",
		`{{replace "/" "_" .Platform}}`:                                         "linux_arm64",
		`{{eq .Git.Branch "main" "x"}}{{ne .Name "x"}}{{lt 1 2}}{{ge "b" "a"}}`: "truetruetruetrue",
		`{{gt 2 1}}{{le 2 1}}{{eq .Date .Git.CommitTime}}`:                      "truefalsetrue",
		`{{eq .Env.NONE "x"}}{{ne .Env.NONE .Env.NONE}}`:                        "falsetrue",
		`{{and .Name .Env.NONE | not}}{{len .Name}}`:                            "true6",
		`{{print "a" 1 2 "b"}}{{println true}}`:                                 "a1 2btrue\n",
		`{{printf "%03d|%-4s|%q|%v|%t|%%" 7 "a" "b" .Date true}}`:               `007|a   |"b"|2026-03-04T04:06:07Z|true|%`,
		`{{$x := "a"}}{{if true}}{{$x = "b"}}{{$x := "c"}}{{end}}{{$x}}`:        "b",
		`{{/* a }} comment */}}{{"}}"}}{{'a'}}{{0x10}}`:                         "}}9716",
		`{{(printf "%s-%s" .Name .Version)}}`:                                   "server-v1.2.3",
	} {
		tmpl, err := Parse(text)
		if err != nil {
			t.Errorf("Parse(%s): %v", text, err)
			continue
		}
		if got, err := tmpl.Execute(all()); err != nil || got != want {
			t.Errorf("%s comes to %q, %v, want %q", text, got, err, want)
		}
		if tmpl.String() != text {
			t.Errorf("String() of %s is %s", text, tmpl)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for text, want := range map[string]string{
		"a{{.Git.Sha}}":                     "column 4 of the template: unknown field .Git.Sha, did you mean .Git.Commit?",
		"{{.git.tag}}":                      "column 3 of the template: unknown field .git, did you mean .Git.Tag?",
		"{{ .Tag }}":                        "column 4 of the template: unknown field .Tag, did you mean .Git.Tag?",
		"{{.Verison}}":                      "column 3 of the template: unknown field .Verison, did you mean .Version?",
		"{{.Git.Zzzzzz}}":                   "column 3 of the template: unknown field .Git.Zzzzzz",
		"{{$.ProjectName}}":                 "column 3 of the template: unknown field .ProjectName, did you mean .Name?",
		"é{{.Version.Major}}":               "column 4 of the template: .Version.Major: the fact is a single value without fields",
		"{{.Env.A.B}}":                      "column 3 of the template: .Env.A.B: the fact is a single value without fields",
		`{{.Version "x"}}`:                  "column 3 of the template: .Version is not a function and takes no arguments",
		`{{"x" | .Version}}`:                "column 9 of the template: .Version is not a function and takes no arguments",
		`{{(.Version) 1}}`:                  "column 4 of the template: .Version is not a function and takes no arguments",
		"{{.}}":                             "column 3 of the template: . is all facts together: name one, such as .Version",
		"{{$}}":                             "column 3 of the template: $ is all facts together: name one, such as .Version",
		"{{.Env}}":                          "column 3 of the template: .Env is a group of facts: name one, such as .Env.HOME",
		"{{with .Git}}{{.Tag}}{{end}}":      "column 8 of the template: .Git is a group of facts: name one, such as .Git.Commit",
		"{{with .Name}}{{.Git.Tag}}{{end}}": "column 17 of the template: inside of {{with}} the dot is its value, did you mean $.Git.Tag?",
		"{{with .Name}}{{.Env.A}}{{end}}":   "column 17 of the template: inside of {{with}} the dot is its value, did you mean $.Env.A?",
		"{{.Date.format `x`}}":              "column 3 of the template: unknown field .format, did you mean .Format?",
		"{{.Date.Format}}":                  "column 3 of the template: Format takes 1 argument, not 0",
		"{{.Date.Unix 1}}":                  "column 3 of the template: Unix takes 0 arguments, not 1",
		"{{tolower .Name}}":                 "column 3 of the template: unknown function tolower, did you mean lower?",
		"{{ .Name | trimprefix `a` }}":      "column 12 of the template: unknown function trimprefix, did you mean trimPrefix?",
		"{{env `A`}}":                       "column 3 of the template: unknown function env, did you mean .Env.NAME?",
		"{{html .Name}}":                    "column 3 of the template: unknown function html",
		"{{call .Name}}":                    "column 3 of the template: unknown function call",
		"{{lower}}":                         "column 3 of the template: lower takes 1 argument, not 0",
		"{{or}}":                            "column 3 of the template: or takes at least 1 argument, not 0",
		"{{slice .Name 1 2 3}}":             "column 3 of the template: slice takes 1 to 3 arguments, not 4",
		"{{replace `a` .Name}}":             "column 3 of the template: replace takes 3 arguments, not 2",
		"{{trimPrefix .Git.Tag `v`}}":       "column 3 of the template: trimPrefix takes the text that it works on last",
		"{{replace .Name `a` `b`}}":         "column 3 of the template: replace takes the text that it works on last",
		"{{default .Name `a`}}":             "column 3 of the template: default takes the text that it works on last",
		"{{index .Git `Tag`}}":              "column 3 of the template: index is for environment variables: index .Env \"NAME\"",
		"{{index .Env .Name}}":              "column 3 of the template: index is for environment variables: index .Env \"NAME\"",
		"{{1.5}}":                           "column 3 of the template: 1.5 is not a whole number",
		"{{1e3}}{{0i}}":                     "column 3 of the template: 1e3 is not a whole number",
		"{{range .Env}}{{end}}":             "column 1 of the template: {{range}} is not available in settings",
		"{{range 1000000000}}{{end}}":       "column 1 of the template: {{range}} is not available in settings",
		"a {{define `a`}}{{end}}":           "column 3 of the template: {{define}} and {{block}} are not available in settings",
		"{{block `a` .}}{{end}}":            "column 1 of the template: {{define}} and {{block}} are not available in settings",
		"{{template `a`}}":                  "column 1 of the template: {{template}} is not available in settings",
		"{{$ = 1}}":                         "column 3 of the template: $ can't be assigned to",
		"{{or 1 ($y := 2)}}{{$y}}":          "column 21 of the template: $y is not declared here",

		"a {{.Name}} b {{.Name":             "column 15 of the template: unclosed action",
		"a {{.Name}} b {{":                  "column 15 of the template: unclosed action",
		"{{.Name}}{{}}":                     "column 10 of the template: missing value for command",
		"{{.Name}}\n{{ .Name | | lower }}":  `line 2, column 1 of the template: unexpected "|" in command`,
		`{{"{{"}} {{"a}} {{.Name}}`:         "column 10 of the template: unterminated quoted string",
		"{{end}}":                           "column 1 of the template: unexpected {{end}}",
		"{{.Name}}{{if .Name}}{{/* x */}}a": "column 10 of the template: {{if}} without {{end}}",
		"{{with 1}}{{if 2}}{{end}}":         "column 1 of the template: {{with}} without {{end}}",
		"{{if .A}}{{else}}{{else}}{{end}}":  "column 18 of the template: expected end; found {{else}}",
		"{{.Name}}{{/* {{.A}}":              "column 10 of the template: unclosed comment",
		"{{$x}}":                            "column 1 of the template: undefined variable \"$x\"",
		"{{.Name}}{{break}}":                "column 10 of the template: {{break}} outside {{range}}",
		"{{lower .Name)}}":                  "column 1 of the template: unexpected right paren",
		"{{" + strings.Repeat("1", 66000):   "column 65537 of the template: the template is longer than 64 KiB",
		"{{" + strings.Repeat("(", 10100):   "column 1 of the template: max expression depth exceeded",
	} {
		_, err := Parse(text)
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("Parse(%.60s): %v", text, err)
			continue
		}
		if diff := cmp.Diff(want, e.Error()); diff != "" {
			t.Errorf("Parse(%.60s) (-want +got):\n%s", text, diff)
		}
		if e.Text != text {
			t.Errorf("Text is %.60s", e.Text)
		}
	}
}

func TestExecuteErrors(t *testing.T) {
	long := `{{$x := .Env.LONG}}{{$x = print $x $x}}`
	for text, want := range map[string]string{
		`{{lower 1}}`:                   "column 3 of the template: argument 1 is a number, not a text",
		`{{.Date | upper}}`:             "column 11 of the template: argument 1 is a moment, not a text",
		`{{slice .Name 3 99}}`:          "column 3 of the template: a text of 6 bytes has no part from 3 to 99",
		`{{slice .Name "a"}}`:           "column 3 of the template: argument 2 is a text, not a number",
		`{{slice 1}}`:                   "column 3 of the template: argument 1 is a number, not a text",
		`{{eq .Name 1}}`:                "column 3 of the template: a text can't be compared with a number",
		`{{lt .Name 1}}`:                "column 3 of the template: a text has no order with a number",
		`{{lt true true}}`:              "column 3 of the template: true or false has no order with true or false",
		`{{printf "%d" .Name}}`:         "column 3 of the template: printf can't do %d with a text",
		`{{printf "%s"}}`:               "column 3 of the template: printf has more verbs than values",
		`{{printf "a" 1}}`:              "column 3 of the template: printf has more values than verbs",
		`{{printf "%1000d" 1}}`:         "column 3 of the template: printf can't do %1000d",
		`{{printf "%[1]d" 1}}`:          "column 3 of the template: printf can't do %[ with a number",
		`{{printf "%*d" 1 1}}`:          "column 3 of the template: printf can't do %* with a number",
		`{{printf "%.-3d" 1}}`:          "column 3 of the template: printf can't do %- with a number",
		`{{printf "%"}}`:                "column 3 of the template: printf can't do %",
		`{{printf 1}}`:                  "column 3 of the template: argument 1 is a number, not a text",
		`{{$x := 1}}{{$x.Unix}}`:        "column 14 of the template: Unix is for moments, such as .Date",
		`{{(or .Date).Format 1}}`:       "column 13 of the template: Format is for moments, such as .Date",
		long:                            "column 27 of the template: the template makes a text of more than 64 KiB",
		`{{.Env.LONG}}{{.Env.LONG}}`:    "column 16 of the template: the template comes to more than 64 KiB",
		`{{replace "" "aa" .Env.LONG}}`: "column 3 of the template: the template makes a text of more than 64 KiB",
		strings.Repeat(`{{$x := upper .Env.LONG}}`, 30):       "column 634 of the template: the template makes more than 1024 KiB of texts on the way",
		`{{printf "%s" .Env.LONG | printf "%s%s" .Env.LONG}}`: "column 27 of the template: the template makes a text of more than 64 KiB",

		"{{.Env.NONE}}":               ".Env.NONE: the environment variable is not set",
		"{{index .Env `A B`}}":        ".Env.A B: the environment variable is not set",
		"{{lower .Env.NONE}}":         ".Env.NONE: the environment variable is not set",
		"{{.Env.NONE | printf `%s`}}": ".Env.NONE: the environment variable is not set",
		"{{$x := .Env.NONE}}{{$x}}":   ".Env.NONE: the environment variable is not set",
		"{{or .Env.NONE .Env.ALSO}}":  ".Env.ALSO: the environment variable is not set",
		"{{lt .Env.NONE 1}}":          ".Env.NONE: the environment variable is not set",
		"{{.Date.Format .Env.NONE}}":  ".Env.NONE: the environment variable is not set",
	} {
		tmpl, err := Parse(text)
		if err != nil {
			t.Errorf("Parse(%.60s): %v", text, err)
			continue
		}
		v := all()
		v.Env["LONG"] = strings.Repeat("x", 40<<10)
		if got, err := tmpl.Execute(v); err == nil || err.Error() != want {
			t.Errorf("%.60s comes to %.60q, %v, want %s", text, got, err, want)
		}
	}
}

// Facts that are not there, and why.
func TestMissing(t *testing.T) {
	noGit := errors.New("no git command found in PATH")
	commit := Git{Commit: "c"}
	for text, tt := range map[string]struct {
		values Values
		want   *MissingError
	}{
		"{{.Git.Commit}}":          {Values{}, &MissingError{Name: ".Git.Commit", Why: NoRepository}},
		"{{.Git.Dirty}}":           {Values{}, &MissingError{Name: ".Git.Dirty", Why: NoRepository}},
		"{{.Git.Tag}}":             {Values{Git: Git{Err: noGit}}, &MissingError{Name: ".Git.Tag", Why: NoRepository, Err: noGit}},
		"{{.Git.CommitTime.Unix}}": {Values{}, &MissingError{Name: ".Git.CommitTime", Why: NoRepository}},
		"{{print .Git.Tag}}":       {Values{Git: commit}, &MissingError{Name: ".Git.Tag", Why: NoTag}},
		"{{.Git.Branch}}":          {Values{Git: commit}, &MissingError{Name: ".Git.Branch", Why: DetachedHead}},
		"{{.Version}}":             {Values{Git: Git{Err: noGit}}, &MissingError{Name: ".Version", Err: noGit}},
		"{{.Date}}":                {Values{}, &MissingError{Name: ".Date"}},
		"{{.Platform}}":            {Values{}, &MissingError{Name: ".Platform"}},
	} {
		tmpl, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		_, err = tmpl.Execute(tt.values)
		var missing *MissingError
		if !errors.As(err, &missing) {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if diff := cmp.Diff(*tt.want, *missing, cmp.Comparer(func(a, b error) bool { return a == b })); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
		if tt.want.Err != nil && !errors.Is(err, noGit) {
			t.Errorf("%s: the cause is lost", text)
		}
	}
	dev, err := Parse(`{{or .Git.Tag "dev"}}{{with .Git.Tag}}{{.}}{{end}}{{if .Git.Dirty}}!{{end}}`)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []Values{{}, {Git: commit}} {
		if got, err := dev.Execute(v); got != "dev" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
	}
}

func TestUses(t *testing.T) {
	tmpl, err := Parse(`{{if false}}{{.Git.Tag}}{{end}}{{index .Env "B C"}}{{$.Env.A}}{{.Env.A}}`)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"A", "B C"}, tmpl.EnvNames()); diff != "" {
		t.Error(diff)
	}
	got := []bool{
		tmpl.Uses(".Git"), tmpl.Uses(".Git.Tag"), tmpl.Uses(".Env.A"), tmpl.Uses(".Env"), tmpl.NeedsGit(),
		tmpl.Uses(".Git.T"), tmpl.Uses(".Git.Branch"), tmpl.NeedsPlatform(), tmpl.Plain(),
	}
	if diff := cmp.Diff([]bool{true, true, true, true, true, false, false, false, false}, got); diff != "" {
		t.Error(diff)
	}
	for text, git := range map[string]bool{"{{.Version}}": true, "{{.Date}}": true, "{{.Platform}}": false, "x": false} {
		tmpl, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if tmpl.NeedsGit() != git || tmpl.NeedsPlatform() != (text == "{{.Platform}}") {
			t.Errorf("%s: NeedsGit = %v, NeedsPlatform = %v", text, tmpl.NeedsGit(), tmpl.NeedsPlatform())
		}
	}
}

func TestPlainCostsNothing(t *testing.T) {
	text := strings.Repeat("plain", 100)
	if n := testing.AllocsPerRun(100, func() {
		tmpl, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tmpl.Execute(Values{}); err != nil {
			t.Fatal(err)
		}
	}); n > 1 {
		t.Errorf("%v allocations", n)
	}
}

// stamp prints as our moments do.
type stamp struct{ time.Time }

func (s stamp) String() string { return s.Time.UTC().Format(time.RFC3339) }
func (s stamp) UTC() stamp     { return stamp{s.Time.UTC()} }
func (s stamp) Format(layout string) string {
	return s.Time.UTC().Format(layout)
}

// reference is what text/template makes of a template.
func reference(text string, v Values) (string, error) {
	tmpl, err := template.New("").Funcs(template.FuncMap{
		"lower":      strings.ToLower,
		"upper":      strings.ToUpper,
		"replace":    func(old, with, s string) string { return strings.ReplaceAll(s, old, with) },
		"trimPrefix": func(prefix, s string) string { return strings.TrimPrefix(s, prefix) },
		"trimSuffix": func(suffix, s string) string { return strings.TrimSuffix(s, suffix) },
		"default": func(value, given any) any {
			if ok, _ := template.IsTrue(given); ok {
				return given
			}
			return value
		},
	}).Parse(text)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	err = tmpl.Execute(&out, map[string]any{
		"Version": v.Version, "Module": v.Module, "Date": stamp{v.Date}, "Platform": v.Platform, "Name": v.Name,
		"Env": v.Env, "Git": map[string]any{
			"Tag": v.Git.Tag, "Branch": v.Git.Branch, "Commit": v.Git.Commit, "ShortCommit": v.Git.ShortCommit,
			"CommitTime": stamp{v.Git.CommitTime}, "Dirty": v.Git.Dirty,
		},
	})
	return out.String(), err
}

// FuzzExecute compares with text/template: what we accept it accepts, with the same
// outcome, where all facts are there. Moments are beyond it in places.
func FuzzExecute(f *testing.F) {
	for _, seed := range []string{
		`{{or .Git.Tag "dev"}}-{{.Date.Format "2006"}}{{.Date.Unix}}`, `{{with $x := .Name}}{{.}}{{$x}}{{else}}{{end}}`,
		`{{if and .Git.Dirty (eq .Git.Branch "main" "x") (not false)}}{{printf "%5.2s|%q|%x" .Name "a" 1}}{{else if 1}}{{end}}`,
		`{{.Env.FOO | trimPrefix "F" | replace "o" "0" | upper | default "x"}}{{/* c */}}`, `{{print 1 2 "a" true}}{{len .Name}}`,
		`{{slice .Git.Commit 1 2}}{{index .Env "FOO"}}{{lt 1 2}}{{'a'}}{{0x1F}}{{1_000}}`, `{{$x := 1}}{{$x = 2}}{{$x}}{{- " a " -}} b`,
		"{{`raw`}}{{printf \"%[1]s%*d%%\" `a`}}", "{{range 9}}{{end}}", "{{define `a`}}{{end}}{{block `a` .}}{{end}}{{template `a`}}",
		`{{(.Date).UTC.Unix}}{{or 1 ($y := 2)}}{{$y}}`, "{{", "{{if}}{{", "{{\"", `{{ne 1 2}}{{ge "a" "b"}}{{println}}{{break}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		tmpl, err := Parse(text)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Offset < 0 || e.Offset > len(text) || e.Line < 1 || e.Column < 1 || e.Reason == "" {
				t.Fatalf("%#v", err)
			}
			return
		}
		v := all()
		got, err := tmpl.Execute(v)
		if len(got) > MaxSize && !tmpl.Plain() {
			t.Fatalf("%d bytes", len(got))
		}
		for _, name := range tmpl.EnvNames() {
			if _, ok := v.Env[name]; !ok {
				return
			}
		}
		if err != nil || tmpl.Uses(".Date") || tmpl.Uses(".Git.CommitTime") {
			return
		}
		if want, err := reference(text, v); err != nil || want != got {
			t.Fatalf("%q comes to %q, with text/template %q, %v", text, got, want, err)
		}
	})
}
