package configfile

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Error is one thing that is wrong with a configuration file.
type Error struct {
	Pos    Pos    // the value's, or the key's where that is wrong
	Path   string // of the key, such as images.server.ports[0]; empty for the file
	Reason string
	Hint   string // what to write instead, or empty
	Err    error  // of the operating system, where the file can't be read
}

// Error returns FILE:LINE:COLUMN: PATH: reason, without the hint.
func (e *Error) Error() string {
	s := e.Pos.String() + ": "
	if e.Path != "" {
		s += e.Path + ": "
	}
	return s + e.Reason
}

func (e *Error) Unwrap() error { return e.Err }

// Errors is all that is wrong with a file, in the order of the file.
type Errors struct {
	List []*Error // at least one and at most 20
	More int      // how many were left out
}

// mostErrors is how many errors are worth reading.
const mostErrors = 20

// joined sorts the errors and leaves out what is said twice: aliased text is read as
// often as it is used.
func joined(errs []*Error) *Errors {
	slices.SortStableFunc(errs, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Column, b.Pos.Column))
	})
	errs = slices.CompactFunc(errs, func(a, b *Error) bool {
		return a.Pos == b.Pos && a.Reason == b.Reason
	})
	if len(errs) > mostErrors {
		return &Errors{List: errs[:mostErrors], More: len(errs) - mostErrors}
	}
	return &Errors{List: errs}
}

// Error returns one error a line.
func (e *Errors) Error() string {
	lines := make([]string, len(e.List))
	for i, err := range e.List {
		lines[i] = err.Error()
	}
	if e.More > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", e.More))
	}
	return strings.Join(lines, "\n")
}

// Unwrap makes each error visible to errors.As.
func (e *Errors) Unwrap() []error {
	out := make([]error, len(e.List))
	for i, err := range e.List {
		out[i] = err
	}
	return out
}

// longestQuote is how much of a value a message repeats, in characters.
const longestQuote = 60

// quote returns s for a message: in quotes, printable and not too long.
func quote(s string) string { return strconv.Quote(shorten(s)) }

func shorten(s string) string {
	if utf8.RuneCountInString(s) <= longestQuote {
		return s
	}
	return string([]rune(s)[:longestQuote]) + "…"
}

// child is the path of a key below the path at.
func child(at, key string) string {
	if plainKey(key) {
		if at == "" {
			return key
		}
		return at + "." + key
	}
	return at + "[" + quote(key) + "]"
}

func plainKey(key string) bool {
	return key != "" && len(key) <= longestQuote && !strings.ContainsFunc(key, func(r rune) bool {
		return r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
}

// element is the path of the list's element i below the path at.
func element(at string, i int) string { return at + "[" + strconv.Itoa(i) + "]" }
