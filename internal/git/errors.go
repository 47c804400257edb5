package git

import (
	"fmt"
	"strings"
)

// NoGitError says that there is no git program to ask.
type NoGitError struct {
	Reason string // why the one found doesn't work, or empty
}

func (e *NoGitError) Error() string {
	if e.Reason != "" {
		return "no git command that works: " + e.Reason
	}
	return "no git command found in PATH"
}

// NotRepositoryError says that a directory lies in no repository.
type NotRepositoryError struct {
	Dir string
}

func (e *NotRepositoryError) Error() string {
	return fmt.Sprintf("neither %s nor a directory above it is a git repository", e.Dir)
}

// NoWorkTreeError says that a directory lies in a repository without files: a bare
// one, or a .git directory itself.
type NoWorkTreeError struct {
	Dir string
}

func (e *NoWorkTreeError) Error() string {
	return fmt.Sprintf("%s is in a git repository, but not in its work tree", e.Dir)
}

// UnsafeError says that git refuses a repository because it belongs to another user.
type UnsafeError struct {
	Root string // as git names it, for its setting safe.directory
}

func (e *UnsafeError) Error() string {
	return fmt.Sprintf("git doesn't trust the repository %s, which belongs to another user", e.Root)
}

// UnbornError says that a repository has no commit yet.
type UnbornError struct {
	Dir string
}

func (e *UnbornError) Error() string {
	return fmt.Sprintf("the git repository of %s has no commit yet", e.Dir)
}

// FilterError says that a repository defines a program in a way that git can't be told
// to leave out, so git is not asked.
type FilterError struct {
	Name string
}

func (e *FilterError) Error() string {
	return fmt.Sprintf("the git repository defines a filter with an impossible name, %q", e.Name)
}

// CommandError says that git failed in a way that has no type of its own.
type CommandError struct {
	Command string // such as status
	Output  string // git's own words
	Err     error  // how the process ended, or why it didn't start, or nil
}

func (e *CommandError) Error() string {
	msg := "running git " + e.Command
	if e.Err != nil {
		msg += ": " + e.Err.Error()
	}
	if out := strings.TrimSpace(e.Output); out != "" {
		msg += ": " + out
	}
	return msg
}

func (e *CommandError) Unwrap() error { return e.Err }

// classify finds the type for a failure of git, whose words are English here.
func classify(dir, command, output string, err error) error {
	has := func(s string) bool { return strings.Contains(output, s) }
	switch {
	case has("xcrun: error"), has("xcode-select"):
		line, _, _ := strings.Cut(strings.TrimSpace(output), "\n")
		return &NoGitError{Reason: line} // macOS has a git that only says how to get git
	case has("not a git repository"):
		return &NotRepositoryError{Dir: dir}
	case has("must be run in a work tree"), has("cannot use bare repository"):
		return &NoWorkTreeError{Dir: dir}
	case has("dubious ownership"), has("unsafe repository"):
		return &UnsafeError{Root: quoted(output, dir)}
	case has("does not have any commits yet"), has("bad revision 'HEAD'"), has("malformed object name HEAD"):
		return &UnbornError{Dir: dir}
	}
	return &CommandError{Command: command, Output: output, Err: err}
}

// quoted is what stands between the first single quotes.
func quoted(s, otherwise string) string {
	if _, after, ok := strings.Cut(s, "'"); ok {
		if inner, _, ok := strings.Cut(after, "'"); ok {
			return inner
		}
	}
	return otherwise
}
