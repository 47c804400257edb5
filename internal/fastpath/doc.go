// Package fastpath remembers outcomes of work together with the state of all files that
// they depend on, so that the same work need not be done again while nothing changed.
//
// A [Snapshot] is the state of a list of [Input]s at one time: which files there are, and a
// hash of the content of each. What an input stands for includes what isn't there: a file
// that appears changes it too. Stamps ([stamp.State]) only save the reading: where one
// differs, or was taken too soon after a write to be trusted, contents decide, so that a
// fresh checkout with an older cache is recognised as unchanged.
//
// It promises that two snapshots without changes between them mean the same input for
// the go command, also for one that ran between them, if the second is
// [Snapshot.Steady]. It may find a change where there is none that
// matters: that costs time, never correctness. It knows nothing of environments, flags and
// programs, which belong into the key of a record, and it does not decide what depends
// on what.
//
// What was absent both times is taken to have been absent in between, except below the
// root, where the directory that it would be in has a stamp too. Above the root that
// directory may be /tmp or a home, which always changes.
//
// Paths are relative to a root and mean the same below another.
package fastpath

// Kind is what of a path is an input.
type Kind string

// The kinds of input. All follow symbolic links, and take a link's own text for a part
// of the state. What can't be read, or is neither file nor directory where one is
// expected, is an error of [Take], never a state; what doesn't exist is a state.
const (
	// File is a file's content.
	File Kind = "file"
	// Package is a directory as the go command reads a package: the names of the files
	// that it may look at ([Relevant]), and their contents, of which for tests only the
	// header counts ([Header]).
	Package Kind = "package"
	// Headers is the same, except that of all Go files only the headers count, and of
	// other files only the names. They say what package it is, not what is in it.
	Headers Kind = "headers"
	// Tree is Headers of a directory and of those below it that the go command's "..."
	// matches: none whose name begins with "." or "_", no testdata, no vendor, and no other modules,
	// whose go.mod is part of the state.
	Tree Kind = "tree"
	// Embed is what a pattern of a //go:embed directive ([Input.Pattern], "all:" included) finds
	// in a package's directory: the files that match, all below the directories that match,
	// whatever their names, and any go.mod on the way.
	Embed Kind = "embed"
	// All is every file below a directory, with its content.
	All Kind = "all"
)

// Input is something in the file system that an outcome depends on.
type Input struct {
	Kind    Kind
	Path    string // relative to the root, with slashes, perhaps beginning with "../"; or absolute
	Pattern string // of Embed
}
