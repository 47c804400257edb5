package rebuild

import (
	"fmt"
	"strings"
)

// RefusedError is an image that is not built again, because its provenance tells too
// little for it or too much.
type RefusedError struct {
	What   string // the place in the provenance, such as "source" or "go.ldflags"; may be empty
	Reason string
}

func (e *RefusedError) Error() string {
	if e.What == "" {
		return "it can't be built again: " + e.Reason
	}
	return fmt.Sprintf("it can't be built again: %s: %s", e.What, e.Reason)
}

func refuse(what, format string, args ...any) error {
	return &RefusedError{What: what, Reason: fmt.Sprintf(format, args...)}
}

// SourceError is a commit that can't be had.
type SourceError struct {
	Repository string // a URL, or the directory that the user named
	Local      bool   // it is a directory
	Commit     string
	Missing    bool  // the repository can be read, and has no such commit
	Err        error // what git says; nil with Missing
}

func (e *SourceError) Error() string {
	if e.Missing {
		return fmt.Sprintf("the commit %s is not in %s", e.Commit, e.Repository)
	}
	return fmt.Sprintf("fetching the commit %s from %s: %v", e.Commit, e.Repository, e.Err)
}

func (e *SourceError) Unwrap() error { return e.Err }

// ToolchainError is a version of Go that can't be had.
type ToolchainError struct {
	Want string // such as "go1.26.1"
	Have string // that of the go command in PATH
	Err  error
}

func (e *ToolchainError) Error() string {
	return fmt.Sprintf("it was compiled by %s, which is not here (%s is) and can't be fetched: %v", e.Want, e.Have, e.Err)
}

func (e *ToolchainError) Unwrap() error { return e.Err }

// OtherImgoError is an image that another version of imgo assembled in another way.
type OtherImgoError struct {
	Version, Assembly string // as recorded
	Own               string // assembly version of this imgo
	Err               error  // why the other can't be had; nil where it is of no release
}

func (e *OtherImgoError) Error() string {
	version := e.Version
	if version == "" {
		version = "of an unknown version"
	}
	text := fmt.Sprintf("it was assembled by imgo %s (assembly %s), and this one would assemble it differently (assembly %s)", version, e.Assembly, e.Own)
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *OtherImgoError) Unwrap() error { return e.Err }

// NoProgramError is a program that a rebuild takes, and that is not in PATH.
type NoProgramError struct{ Name string }

func (e *NoProgramError) Error() string {
	return fmt.Sprintf("no %s command found in PATH", e.Name)
}

// CommandError is a program that failed.
type CommandError struct {
	Command string // such as "git fetch"
	Output  string // its own words
	Err     error  // how the process ended, or why it didn't start
}

func (e *CommandError) Error() string {
	msg := fmt.Sprintf("running %s: %v", e.Command, e.Err)
	if out := strings.TrimSpace(e.Output); out != "" {
		msg += ": " + out
	}
	return msg
}

func (e *CommandError) Unwrap() error { return e.Err }
