// Package git reads facts about the repository that a directory lies in, and derives
// the version that the go command would stamp.
//
// It asks the git program, which alone knows all forms that a repository can have:
// worktrees, shallow clones, submodules, GIT_DIR. It changes nothing, takes no locks
// and speaks to no network.
//
// The repository may be a stranger's, and its .git directory, too: unpacked from an
// archive, say. So no program runs that its own configuration names; see distrust.go
// for how. What the user's own configuration names does run, git-lfs for example,
// since git would call files modified without it.
//
// With Options.Results, what does not depend on the work tree is remembered together with
// the state of all files that git takes it from (internal/fastpath), and git is not
// started while they are the same. The answer is always the one that git would give; where
// that can't be told from files, git is asked.
//
// It is not for tags of registries, nor for what changed between commits.
package git

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/imgo-build/imgo/pkg/layer"
)

// Facts are what git knows about HEAD and, as far as Options asked, more.
type Facts struct {
	Tag    string   // the highest semantic version among Tags, else the last of them
	Tags   []string // that point at HEAD, numbers in them in their order
	Branch string   // empty where HEAD is detached
	Commit string   // 40 hexadecimal digits, or 64

	// ShortCommit is always the first 7 digits. git itself takes more of them as the
	// repository grows, so the same commit would get another name one day.
	ShortCommit string
	CommitTime  time.Time // the committer's, in UTC

	// Root is the work tree's: absolute, without symbolic links. Shallow is whether
	// commits are missing, as in a clone with a depth: tags below HEAD may be, too, and
	// pseudo-versions differ from those of a full clone then. Both come with Dirty or
	// History.
	Root    string
	Shallow bool

	// Dirty is whether files are changed, added or, unless git ignores them, new: as
	// the go command counts, except that it looks into submodules for changes.
	Dirty bool
	// History are all tags at HEAD and below it.
	History []string
	// Overrides are settings, key and value, that keep git from running programs which
	// the repository's own configuration names as filters: for whoever starts git
	// after this. They come with Dirty.
	Overrides [][2]string
	// Remote is the URL of origin, always with https and without credentials, as in
	// https://github.com/acme/server. It is empty where there is none that a browser
	// could follow.
	Remote string
}

// Options say where to look and for what. What HEAD is takes one git process; each
// wish costs more, some at the same time.
type Options struct {
	Env []string // KEY=VALUE; GIT_DIR and the like are honoured
	Dir string   // absolute

	Dirty   bool // looks at every file
	History bool // looks at every commit
	Remote  bool

	// Ignore are files and directories that don't make the work tree dirty: what
	// imgo itself writes. They are absolute, or relative to Dir.
	Ignore []string

	// Results remembers from run to run what doesn't depend on the work tree, so that git
	// is started for Dirty only while neither the repository's references nor git's
	// configuration change. Nil remembers nothing, and so does a nil Now, which is the
	// clock that stamps of files are judged by. Nor is anything remembered where
	// variables such as GIT_DIR say what git looks at.
	Results layer.Results
	Now     func() time.Time
}

// Read asks git. Errors are of type *NoGitError, *NotRepositoryError,
// *NoWorkTreeError, *UnsafeError, *UnbornError, *FilterError or *CommandError, or are
// the context's.
func Read(ctx context.Context, o Options) (*Facts, error) {
	r, err := newRunner(o)
	if err != nil {
		return nil, err
	}
	ask := func(ctx context.Context) (*Facts, error) { return r.ask(ctx, o) }
	if m := r.memory(o); m != nil {
		ask = m.facts
	}
	f, err := ask(ctx)
	if err != nil {
		return nil, err
	}
	if o.Dirty {
		if f.Dirty, err = r.dirty(ctx, f, o); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// ask asks git for all that doesn't depend on the files of the work tree.
func (r *runner) ask(ctx context.Context, o Options) (*Facts, error) {
	var f Facts
	var found settings
	var headErr, placeErr, historyErr, configErr error
	var wg sync.WaitGroup
	wg.Go(func() { headErr = r.head(ctx, &f) })
	if o.Dirty || o.History {
		wg.Go(func() { placeErr = r.place(ctx, &f) })
	}
	if o.History {
		wg.Go(func() { f.History, historyErr = r.history(ctx) })
	}
	if o.Dirty || o.Remote {
		wg.Go(func() { found, configErr = r.settings(ctx) })
	}
	wg.Wait()
	// Whether there is a repository at all decides which error is told.
	for _, err := range []error{ctx.Err(), headErr, placeErr, historyErr, configErr} {
		if err != nil {
			return nil, err
		}
	}
	if o.Remote {
		f.Remote = webURL(found.origin)
	}
	if o.Dirty {
		f.Overrides = found.overrides
	}
	return &f, nil
}

// place finds the work tree.
func (r *runner) place(ctx context.Context, f *Facts) error {
	out, err := r.run(ctx, "rev-parse", "--is-shallow-repository", "--show-toplevel")
	if err != nil {
		return err
	}
	shallow, root, _ := strings.Cut(out, "\n")
	f.Shallow = shallow == "true"
	f.Root = fromGit(strings.TrimSuffix(root, "\n"))
	return nil
}

// head reads the commit, and the branches and tags that point at it.
func (r *runner) head(ctx context.Context, f *Facts) error {
	out, err := r.run(ctx, "log", "-1", "--no-color", "--decorate=full",
		"--decorate-refs=HEAD", "--decorate-refs=refs/heads/*", "--decorate-refs=refs/tags/*",
		"--format=%H%x00%ct%x00%D", "HEAD", "--")
	if err != nil {
		return err
	}
	fields := strings.Split(strings.TrimSuffix(out, "\n"), "\x00")
	if len(fields) != 3 || len(fields[0]) < 12 {
		return &CommandError{Command: "log", Output: "an answer of an unknown form"}
	}
	seconds, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return &CommandError{Command: "log", Output: "an answer with an unknown time"}
	}
	f.Commit, f.ShortCommit = fields[0], fields[0][:7]
	f.CommitTime = time.Unix(seconds, 0).UTC()
	// Names of references contain no spaces.
	for _, ref := range strings.Split(fields[2], ", ") {
		if branch, ok := strings.CutPrefix(ref, "HEAD -> refs/heads/"); ok {
			f.Branch = branch
		}
		if tag, ok := strings.CutPrefix(ref, "tag: refs/tags/"); ok {
			f.Tags = append(f.Tags, tag)
		}
	}
	f.Tag = chooseTag(f.Tags)
	return nil
}

// history lists the tags that HEAD descends from.
func (r *runner) history(ctx context.Context) ([]string, error) {
	out, err := r.run(ctx, "for-each-ref", "--merged=HEAD", "--format=%(refname)", "refs/tags/")
	if err != nil {
		return nil, err
	}
	var tags []string
	for line := range strings.Lines(out) {
		tags = append(tags, strings.TrimPrefix(strings.TrimSuffix(line, "\n"), "refs/tags/"))
	}
	return tags, nil
}
