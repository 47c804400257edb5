// Package files turns the user's files into the files of a layer: groups of a
// configuration ([Collect]) and the kodata directory that ko users have ([KoData]).
//
// # What is taken
//
// From is a file, a directory or a glob with ** and {a,b}, relative to Options.Root
// and with slashes. A name that exists as it is written is no glob. Of a directory
// its content goes to To, as with docker's COPY; of a glob everything that matches,
// with all that is below it, at the path that it has below the part of the glob
// without wildcards: with "web/**/*.js", web/js/a.js goes to To/js/a.js. A file goes
// to To/NAME where To ends in a slash, and else to To. Exclude has the syntax of
// .gitignore, relative to the directory that is copied. Entries named .git are never
// part of a directory.
//
// What From names is followed where it is a symbolic link. Links in a directory stay
// links if what they point to is copied too; all others are errors, since they would
// dangle in the image. Nothing is ever read from outside of Options.Bounds. Devices,
// sockets and pipes are errors.
//
// # What becomes of it
//
// Modes are 0755 for directories and executable files and 0644 for others, whatever
// the umask of the checkout was; a given mode is for files, and directories may be
// entered where it lets read. Windows knows no executable files: give a mode there.
// Owners are 0:0 or the numbers given. Times are not kept.
//
// A directory is recorded only where an engine would not make it the same by itself:
// if it is empty, or has another mode than 0755 or another owner than root. Those that
// every base has, such as /etc and /tmp, are never recorded, for the base's own may
// have other modes or be links. Whoever makes a layer of the files looks there.
//
// # What it promises
//
// The same content gives the same [Set], on every machine. Content is read once, to
// be hashed and searched for secrets (internal/secrets), in constant memory; what
// changes until the layer is written is noticed, since the writing hashes once more.
//
// With Options.Results, content that an earlier run read is not read again while the
// file's stamp vouches for it (internal/stamp). Whether a file may be a secret is asked
// anew each time: one that is no longer allowed to be is searched.
package files

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/imgo-build/imgo/pkg/layer"
)

// Group is what the configuration says of some files.
type Group struct {
	From string
	// To is an absolute path in the image.
	To string
	// Mode is octal; "" keeps what is executable so.
	Mode string
	// Owner is UID or UID:GID, numbers; "" is 0:0. A UID alone is the GID too.
	Owner   string
	Exclude []string
	// Where tells what is to blame: file:line:column of the configuration, or a flag.
	Where string
}

// Options are what all groups of a build share.
type Options struct {
	// Root is the absolute directory that From is relative to.
	Root string
	// Bounds is the absolute directory that nothing is read from outside of.
	Bounds string
	// AllowSecrets are the paths or globs, relative to Root, of files that may be
	// secrets.
	AllowSecrets []string
	// Outputs are absolute paths, without links, that the build itself writes: they
	// are left out.
	Outputs []string
	// Results remembers the hashes of files from run to run, so that what did not
	// change is not read again. Nil remembers nothing, and so does a nil Now, which is
	// the clock that stamps are judged by.
	Results layer.Results
	Now     func() time.Time
}

// Set is a group's files.
type Set struct {
	// Files are in the order of their paths.
	Files []layer.File
	// Key names the contents and everything else of the files: see layer.Options.
	Key string
	// Size is the bytes in all Count regular files.
	Size  int64
	Count int
	// From and To are the group's.
	From, To string
}

// Collect reads a group's files. Its errors are [*GroupError] around one of the
// errors of this package or of the file system, or around several joined.
func Collect(ctx context.Context, o Options, g Group) (*Set, error) {
	set, err := collect(ctx, o, g)
	if err != nil {
		return nil, &GroupError{Where: g.Where, From: g.From, Err: err}
	}
	return set, nil
}

func collect(ctx context.Context, o Options, g Group) (*Set, error) {
	s, err := parse(g)
	if err != nil {
		return nil, err
	}
	t, err := openTree(o)
	if err != nil {
		return nil, err
	}
	defer t.root.Close()
	t.recollect(g, false)
	nodes, err := t.find(ctx, g.From, s.ignore)
	if err != nil {
		return nil, err
	}
	if err := t.settleLinks(nodes); err != nil {
		return nil, err
	}
	return t.set(ctx, g, s, nodes)
}

// KoData reads the directory kodata of a main package as ko does: its content goes to
// /var/run/ko, and links are replaced by what they point to, within the bounds. The
// set is nil where there is no such directory. packageDir is absolute. Errors are as
// Collect's.
func KoData(ctx context.Context, packageDir string, o Options) (*Set, error) {
	g := Group{From: filepath.Join(packageDir, "kodata"), To: "/var/run/ko"}
	set, err := koData(ctx, o, g)
	if err != nil {
		return nil, &GroupError{From: g.From, Err: err}
	}
	return set, nil
}

func koData(ctx context.Context, o Options, g Group) (*Set, error) {
	if _, err := os.Lstat(g.From); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	s, err := parse(g)
	if err != nil {
		return nil, err
	}
	t, err := openTree(o)
	if err != nil {
		return nil, err
	}
	defer t.root.Close()
	name, err := t.locate(g.From)
	if err != nil {
		return nil, err
	}
	real, info, err := t.follow(name)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, &EntryError{Path: t.display(name), Problem: "is not a directory"}
	}
	t.recollect(g, true)
	nodes, err := (&lister{tree: t, follow: true}).list(ctx, name, real, info)
	if err != nil {
		return nil, err
	}
	return t.set(ctx, g, s, nodes)
}
