// Package goflag knows the flags and variables of the go command: how lists of them
// are quoted, and which of them a configuration file may set.
//
// A configuration file belongs to whoever wrote the repository, and building a
// stranger's repository must neither run programs of his choice nor read or change
// anything outside of it. Many flags of the go command, its compiler and its linker
// do just that: they name programs (-toolexec, -extld, CC), swap files (-overlay,
// -modfile), write profiles, or send modules elsewhere (GOPROXY, GONOSUMDB). The
// Check functions therefore go by lists of what is allowed, never of what is
// forbidden: what they don't know is refused, a flag that a later Go adds included.
// On the command line and in the user's own environment everything is allowed, and
// nothing there is for this package to check.
//
// Check what the go command will see: a value after its templates were expanded.
//
// Invariants:
//   - What is accepted reads the same for the check and for the tool: each flag with
//     its value, nothing beside flags, no flag that would take the next list's first
//     word for its value, no word that the tool replaces by a file's content ("@FILE").
//   - Errors name flags and variables but no values, which may be secrets.
package goflag

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Error says that a setting of a configuration file was refused.
type Error struct {
	// Setting is what was checked: "ldflags", "gcflags", "buildTags", "buildEnv",
	// "GOFLAGS", or "-ldflags in GOFLAGS" and its like.
	Setting string
	// Flag is the flag or variable, such as "-extld" or "CC". Empty where the value
	// as a whole is malformed and would be on the command line too.
	Flag   string
	Reason string
}

func (e *Error) Error() string {
	if e.Flag == "" {
		return e.Setting + ": " + e.Reason
	}
	return fmt.Sprintf("%s: %s is not taken from a configuration file: %s; give it on the command line with %s, where everything is allowed",
		e.Setting, e.Flag, e.Reason, e.Option())
}

// Option is the option of the command line that takes what was refused.
func (e *Error) Option() string {
	switch e.Setting {
	case "ldflags", "gcflags":
		return "--" + e.Setting
	case "buildTags":
		return "--tags"
	}
	return "--build-env"
}

// unknown is why most flags and variables are refused.
const unknown = "it is not among those known to be harmless"

// maxShown bounds how much of a stranger's word is repeated to the user.
const maxShown = 40

// show makes a name presentable.
func show(name string) string {
	plain := name != "" && len(name) <= maxShown
	for _, r := range name {
		plain = plain && r > ' ' && r < unicode.MaxASCII
	}
	if plain {
		return name
	}
	return strconv.Quote(name[:min(len(name), maxShown)])
}

// badWord says why a word can't be handed to a program as it is, or "".
func badWord(word string) string {
	switch {
	case !utf8.ValidString(word):
		return "a word is no valid UTF-8"
	case strings.ContainsFunc(word, unicode.IsControl):
		return "a word contains a control character"
	case strings.HasPrefix(word, "@"):
		return `a word that starts with "@" makes the tool read a file`
	}
	return ""
}

// cutFlag splits "-name", "--name" and "-name=value". It is not ok where the flag
// package would see no flag, or the end of all flags.
func cutFlag(word string) (name, value string, hasValue, ok bool) {
	name, ok = strings.CutPrefix(word, "-")
	name = strings.TrimPrefix(name, "-")
	name, value, hasValue = strings.Cut(name, "=")
	return name, value, hasValue, ok && name != "" && name[0] != '-'
}

// A check says why a value is refused, or "" if it is not.
type check func(value string) string

// rule is how an allowed flag takes its value.
type rule struct {
	optional bool // the flag may stand alone, and a value follows "=" only
	syntax   bool // what check refuses is wrong everywhere, not only in a file
	check    check
}

// refuse is the error for a value that a rule's check refuses for a reason.
func (r rule) refuse(setting, name, reason string) error {
	if r.syntax {
		return &Error{Setting: setting, Reason: "-" + name + ": " + reason}
	}
	return &Error{Setting: setting, Flag: "-" + name, Reason: reason}
}

func isBool(value string) string {
	if _, err := strconv.ParseBool(value); err != nil {
		return "its value is neither true nor false"
	}
	return ""
}

func isCount(value string) string {
	if n, err := strconv.Atoi(value); err == nil && n >= 0 {
		return ""
	}
	return isBool(value)
}

func anything(string) string { return "" }

func oneOf(values ...string) check {
	return func(value string) string {
		for _, v := range values {
			if v == value {
				return ""
			}
		}
		return "only " + strings.Join(values, ", ") + " may be its value"
	}
}
