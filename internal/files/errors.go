package files

import (
	"fmt"
)

// GroupError says which group an error is about. Where is empty for kodata.
type GroupError struct {
	Where string // file:line:column of the configuration, or a flag
	From  string
	Err   error
}

func (e *GroupError) Error() string {
	where := ""
	if e.Where != "" {
		where = e.Where + ": "
	}
	return fmt.Sprintf("%sreading files from %q: %v", where, e.From, e.Err)
}

func (e *GroupError) Unwrap() error { return e.Err }

// FieldError says that a setting is not of its form.
type FieldError struct {
	Field   string // as in the configuration: "to", "mode", "owner", "exclude", "from" …
	Value   string
	Problem string
}

func (e *FieldError) Error() string { return fmt.Sprintf("%s %q %s", e.Field, e.Value, e.Problem) }

// NotFoundError says that From names nothing, or that a glob matches nothing that is
// not excluded.
type NotFoundError struct {
	Path string // as given
	Glob bool
}

func (e *NotFoundError) Error() string {
	if e.Glob {
		return fmt.Sprintf("nothing matches %q", e.Path)
	}
	return fmt.Sprintf("there is no %q", e.Path)
}

// OutsideError says that a path or a symbolic link leads out of the bounds.
type OutsideError struct {
	Path   string
	Target string // absolute, of a link; empty for a path
	Bounds string // absolute
}

func (e *OutsideError) Error() string {
	if e.Target != "" {
		return fmt.Sprintf("the symbolic link %q leads to %q, outside of %q", e.Path, e.Target, e.Bounds)
	}
	return fmt.Sprintf("%q is outside of %q", e.Path, e.Bounds)
}

// LinkError says that a symbolic link can't be in the image.
type LinkError struct {
	Path    string // relative to the root
	Target  string // as the link has it
	Problem string
}

func (e *LinkError) Error() string {
	return fmt.Sprintf("the symbolic link %q to %q %s", e.Path, e.Target, e.Problem)
}

// EntryError says that a file can't be in an image for what it is or for its name.
type EntryError struct {
	Path    string // relative to the root
	Problem string
}

func (e *EntryError) Error() string { return fmt.Sprintf("%q %s", e.Path, e.Problem) }

// SecretError says that a file is or contains a secret.
type SecretError struct {
	File  string // relative to the root, as AllowSecrets takes it
	Line  int    // from 1; 0 for the whole file
	Rule  string // what it is: "private key", "env file"
	Where string // of the group
}

func (e *SecretError) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("%s:%d: found a secret (%s)", e.File, e.Line, e.Rule)
	}
	return fmt.Sprintf("%s: the file is a secret (%s)", e.File, e.Rule)
}

// ChangedError says that a file changed while it was read, or between reading it for
// the first time and writing it to the layer.
type ChangedError struct {
	File string // relative to the root
}

func (e *ChangedError) Error() string { return fmt.Sprintf("%q changed during the build", e.File) }
