// Package expand fills in the templates of settings: labels, annotations, tags,
// environment variables, linker flags.
//
//	tags: ["{{.Git.ShortCommit}}", '{{or .Git.Tag "dev"}}']
//
// The syntax is that of text/template, read by the parser of the standard library,
// and what a template prints is what text/template would print. The evaluation is
// ours, for these reasons:
//
//   - Which facts a template uses is known before anything is asked: git is not
//     started for a template that doesn't need it, and a misspelled fact is an error
//     with its column before anything compiles.
//   - A fact that is not there (no tag at HEAD, a variable that is not set) is an
//     error where it would be printed or handed to a function, but false in
//     {{if}}, {{with}}, and, or, not and default, and equal to nothing. So the
//     forgotten case is found, and the expected one can be written down:
//     {{or .Git.Tag "dev"}}.
//   - A template of a stranger's can neither loop nor call itself nor grow without
//     bound nor reach a file, a program or the environment as a whole. There is no
//     {{range}}, {{define}} or {{template}}; .Git and .Env are groups of facts, not
//     values.
//   - Half of text/template is reflection on methods, for which the linker must keep
//     every method of the program: 2.4 MB of imgo.
//
// Functions: and, or, not, eq, ne, lt, le, gt, ge, len, slice, index (of .Env),
// print, printf, println, lower, upper, replace OLD NEW TEXT, trimPrefix PREFIX TEXT,
// trimSuffix SUFFIX TEXT, default VALUE TEXT. The text comes last, so that it can be
// piped: {{.Git.Tag | trimPrefix "v"}}.
package expand

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// MaxSize is how many bytes a template may have and may come to.
const MaxSize = 64 << 10

// Values are the facts that templates can use, each under its field's name. An empty
// one counts as not there.
type Values struct {
	Version  string    // of the main module
	Module   string    // path of the main module
	Date     time.Time // of the commit; printed as RFC 3339 in UTC
	Platform string    // such as linux/arm64
	Name     string    // of the image
	Git      Git
	Env      map[string]string // a variable set to nothing is there
}

// Git are the facts about the repository. Without a Commit none of them is there.
type Git struct {
	Tag         string // that points at HEAD
	Branch      string // empty where HEAD is detached
	Commit      string
	ShortCommit string
	CommitTime  time.Time
	Dirty       bool

	// Err is why there are no facts. It becomes part of the error of a template that
	// uses one.
	Err error
}

// Template is a text with the places marked where facts go. It is immutable.
type Template struct {
	text  string
	steps []step // nil for a plain text
	slots int    // how many variables are alive at once
	uses  map[string]bool
}

// Parse reads a template and checks all in it that can be checked without values. A
// text without "{{" is plain and stands for itself, whatever its size. Errors are of
// type *Error.
func Parse(text string) (*Template, error) {
	if !strings.Contains(text, "{{") {
		return &Template{text: text}, nil
	}
	return compile(text)
}

// Plain reports whether the text stands for itself.
func (t *Template) Plain() bool { return t.steps == nil }

// String is the text as it was written.
func (t *Template) String() string { return t.text }

// Uses reports whether a fact, such as ".Git.Tag", or any fact of a group, such as
// ".Git", appears in the template.
func (t *Template) Uses(what string) bool {
	for name := range t.uses {
		if name == what || strings.HasPrefix(name, what+".") {
			return true
		}
	}
	return false
}

// NeedsGit reports whether the template uses facts that come from the repository:
// those of .Git, and .Version and .Date, which are the commit's.
func (t *Template) NeedsGit() bool {
	return t.Uses(".Git") || t.Uses(".Version") || t.Uses(".Date")
}

// NeedsPlatform reports whether the template comes to something else for each
// platform.
func (t *Template) NeedsPlatform() bool { return t.Uses(".Platform") }

// EnvNames are the environment variables that the template uses, sorted.
func (t *Template) EnvNames() []string {
	var names []string
	for _, use := range slices.Sorted(maps.Keys(t.uses)) {
		if name, ok := strings.CutPrefix(use, envPrefix); ok {
			names = append(names, name)
		}
	}
	return names
}

// Execute fills in the facts. Errors are of type *MissingError where a fact is not
// there, and of type *Error otherwise.
func (t *Template) Execute(v Values) (string, error) {
	if t.Plain() {
		return t.text, nil
	}
	values := v // so that only this path allocates
	s := state{text: t.text, values: &values, slots: make([]any, t.slots)}
	if err := s.run(t.steps); err != nil {
		return "", err
	}
	return s.out.String(), nil
}
