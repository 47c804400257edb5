package expand

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Error says what is wrong with a template, and where.
type Error struct {
	Text    string // the template
	Offset  int    // in bytes, from 0
	Line    int    // of the template, from 1
	Column  int    // in characters, from 1
	Reason  string // such as: unknown field .Git.Sha
	Similar string // what was probably meant, such as .Git.Commit, or empty
}

func (e *Error) Error() string {
	where := fmt.Sprintf("column %d", e.Column)
	if e.Line > 1 {
		where = fmt.Sprintf("line %d, %s", e.Line, where)
	}
	msg := fmt.Sprintf("%s of the template: %s", where, e.Reason)
	if e.Similar != "" {
		msg += ", did you mean " + e.Similar + "?"
	}
	return msg
}

func errorAt(text string, offset int, format string, args ...any) *Error {
	offset = min(max(offset, 0), len(text))
	before := text[:offset]
	line := before[strings.LastIndexByte(before, '\n')+1:]
	return &Error{
		Text:   text,
		Offset: offset,
		Line:   1 + strings.Count(before, "\n"),
		Column: 1 + utf8.RuneCountInString(line),
		Reason: fmt.Sprintf(format, args...),
	}
}

// Why says why a fact is not there.
type Why int

// Reasons.
const (
	Unknown      Why = iota // whoever asks for the expansion doesn't know it
	NotSet                  // the environment variable is not set
	NoRepository            // there is no git repository, or no commit in it
	NoTag                   // no tag points at HEAD
	DetachedHead            // HEAD is a commit, not a branch
)

// MissingError says that a template prints a fact that is not there.
type MissingError struct {
	Name string // such as .Env.FOO or .Git.Tag
	Why  Why
	Err  error // Git.Err, for facts that come from the repository; else nil
}

func (e *MissingError) Error() string {
	if e.Err != nil {
		return e.Name + ": " + e.Err.Error()
	}
	switch e.Why {
	case NotSet:
		return e.Name + ": the environment variable is not set"
	case NoRepository:
		return e.Name + ": there is no git repository with a commit"
	case NoTag:
		return e.Name + ": no tag points at HEAD"
	case DetachedHead:
		return e.Name + ": HEAD is detached, not on a branch"
	}
	return e.Name + " is not known"
}

func (e *MissingError) Unwrap() error { return e.Err }
