package rebuild

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"

	"github.com/imgo-build/imgo/internal/attest/provenance"
	"github.com/imgo-build/imgo/internal/pattern"
)

// Checkout is a commit to be fetched, and where it is to lie.
type Checkout struct {
	Run    Run
	Env    []string // the user's
	Dir    string   // that there isn't yet, absolute; its parent is there
	Source provenance.Source
	Local  string // a clone, absolute, that it is taken from instead of the repository; or empty

	// History fetches the commits below and the tags too, which a binary is stamped by.
	History bool
	// Version is what the binary was stamped with. Tags that came later may have given it
	// another version: only those that give it this one are kept. Empty keeps all.
	Version string
}

// Do fetches and checks out the commit. The notes say what of the commit is missing.
// Errors: [*RefusedError], [*SourceError], [*NoProgramError], [*CommandError].
func (c *Checkout) Do(ctx context.Context) (notes []string, err error) {
	program, err := find(c.Env, "git")
	if err != nil {
		return nil, err
	}
	g := &gitRepository{run: c.Run, program: program, dir: c.Dir}
	from, protocol, err := c.origin(ctx, g)
	if err != nil {
		return nil, err
	}
	g.env = gitEnvironment(c.Env, protocol)
	if err := g.init(ctx, c.Source.Commit); err != nil {
		return nil, err
	}
	if err := c.fetch(ctx, g, from); err != nil {
		return nil, err
	}
	if err := g.checkout(ctx, c.Source.Commit); err != nil {
		return nil, err
	}
	if c.History && c.Version != "" {
		if err := g.keepTags(ctx, c.Version); err != nil {
			return nil, err
		}
	}
	return missing(c.Dir), nil
}

// origin is what git fetches from, and by which protocol.
func (c *Checkout) origin(ctx context.Context, g *gitRepository) (from, protocol string, err error) {
	if c.Local == "" {
		return remote(c.Source.Repository)
	}
	// A subdirectory of a clone is good enough, as elsewhere.
	g.env = gitEnvironment(c.Env, "none")
	out, err := g.in(ctx, c.Local, "rev-parse", "--absolute-git-dir")
	if err != nil {
		return "", "", c.failed(ctx, err)
	}
	return strings.TrimRight(out, "\r\n"), "file", nil
}

// userAtHost is how scp and git name a path on a host.
var userAtHost = pattern.New(`^[A-Za-z0-9._][A-Za-z0-9._-]*@[A-Za-z0-9][A-Za-z0-9.-]*:[^:].*$`)

// remote checks the URL of a repository. Of the many that git understands, some run
// programs, and others give nobody's word that the answer is the server's.
func remote(repository string) (from, protocol string, err error) {
	if repository == "" {
		return "", "", refuse("source", "it names no repository that others could reach")
	}
	if strings.ContainsFunc(repository, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return "", "", refuse("source.repository", "%q is not a URL", repository)
	}
	if !strings.Contains(repository, "://") && userAtHost.MatchString(repository) {
		return repository, "ssh", nil
	}
	u, err := url.Parse(repository)
	switch {
	case err != nil:
		return "", "", refuse("source.repository", "%q is not a URL", repository)
	case u.Scheme != "https" && u.Scheme != "ssh":
		return "", "", refuse("source.repository", "%s is fetched neither by https nor by ssh", repository)
	case u.Hostname() == "" || strings.HasPrefix(u.Host, "-") || strings.HasPrefix(u.User.Username(), "-"):
		return "", "", refuse("source.repository", "%s names no host", repository)
	}
	// The user's own configuration may say that it is to be reached by ssh.
	return repository, "https:ssh", nil
}

// place is where the commit is fetched from, for messages.
func (c *Checkout) place() string {
	if c.Local != "" {
		return c.Local
	}
	return c.Source.Repository
}

func (c *Checkout) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return &SourceError{Repository: c.place(), Local: c.Local != "", Commit: c.Source.Commit, Missing: err == nil, Err: err}
}

// fetch tries the cheapest way first: many servers give out any commit that a branch or
// tag leads to, some only what these point at.
func (c *Checkout) fetch(ctx context.Context, g *gitRepository, from string) error {
	commit := c.Source.Commit
	tags := "+refs/tags/*:refs/tags/*"
	ways := [][]string{{"--depth=1", from, commit}}
	if c.History {
		ways = [][]string{{from, commit, tags}}
	} else if isBranchOrTag(c.Source.Ref) {
		ways = append(ways, []string{from, c.Source.Ref})
	}
	ways = append(ways, []string{from, "+refs/heads/*:refs/remotes/origin/*", tags})
	var last error
	for _, way := range ways {
		args := []string{"fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--update-shallow"}
		if strings.HasPrefix(way[0], "-") {
			args, way = append(args, way[0]), way[1:]
		}
		_, last = g.in(ctx, g.dir, append(append(args, "--"), way...)...)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if g.has(ctx, commit) {
			return nil
		}
		if unreachable(last) {
			break
		}
	}
	return c.failed(ctx, last)
}

// unreachable reports whether git could not speak to a repository at all, so that another
// way to ask would only fail as slowly.
func unreachable(err error) bool {
	e, ok := errors.AsType[*CommandError](err)
	return ok && slices.ContainsFunc([]string{"unable to access", "Could not read from remote repository", "not found", "Authentication failed", "could not read Username", "not allowed"},
		func(words string) bool { return strings.Contains(e.Output, words) })
}

// isBranchOrTag reports whether a reference can be fetched by its name alone.
func isBranchOrTag(ref string) bool {
	return (strings.HasPrefix(ref, "refs/heads/") || strings.HasPrefix(ref, "refs/tags/")) && !strings.ContainsAny(ref, " \t\n\\:*?[^~")
}

// gitRepository is the one that is being made.
type gitRepository struct {
	run     Run
	program string
	dir     string
	env     []string
}

// always are the options of every command: nothing runs beside it or later, and the files
// are those of the commit, byte for byte.
var always = []string{
	"--no-pager",
	"-c", "core.hooksPath=" + os.DevNull,
	"-c", "core.fsmonitor=false",
	"-c", "core.autocrlf=false",
	"-c", "core.longpaths=true",
	"-c", "gc.auto=0",
	"-c", "maintenance.auto=false",
	"-c", "submodule.recurse=false",
	"-c", "transfer.bundleURI=false",
}

func (g *gitRepository) in(ctx context.Context, dir string, args ...string) (string, error) {
	return g.run(ctx, Command{Path: g.program, Args: append(slices.Clone(always), args...), Dir: dir, Env: g.env})
}

func (g *gitRepository) init(ctx context.Context, commit string) error {
	args := []string{"-c", "init.defaultBranch=main", "init", "--quiet", "--template="}
	if len(commit) == 64 {
		args = append(args, "--object-format=sha256")
	}
	_, err := g.in(ctx, filepath.Dir(g.dir), append(args, "--", g.dir)...)
	return err
}

func (g *gitRepository) has(ctx context.Context, commit string) bool {
	_, err := g.in(ctx, g.dir, "cat-file", "-e", commit+"^{commit}")
	return err == nil
}

// checkout writes the files. The user's own configuration has no say in that: filters of
// his (git-lfs is one) would run, and line endings change.
func (g *gitRepository) checkout(ctx context.Context, commit string) error {
	alone := *g
	alone.env = withoutConfiguration(g.env, os.DevNull)
	if _, err := alone.in(ctx, g.dir, "checkout", "--quiet", "--force", "--detach", "--no-recurse-submodules", commit); err != nil {
		return err
	}
	head, err := alone.in(ctx, g.dir, "rev-parse", "HEAD")
	if err != nil {
		return err
	}
	if head = strings.TrimSpace(head); head != commit {
		return fmt.Errorf("checking out %s: git checked out %s", commit, head)
	}
	return nil
}

// keepTags removes the tags that would give the binary another version than the one it
// has: those that were set later.
func (g *gitRepository) keepTags(ctx context.Context, version string) error {
	wanted := version
	if module.IsPseudoVersion(version) {
		var err error
		if wanted, err = module.PseudoVersionBase(version); err != nil {
			return nil // it is none of the go command's making
		}
	}
	out, err := g.in(ctx, g.dir, "for-each-ref", "--format=%(refname)", "refs/tags/")
	if err != nil {
		return err
	}
	var commands strings.Builder
	for ref := range strings.FieldsSeq(out) {
		if name := path.Base(ref); semver.IsValid(name) && (wanted == "" || semver.Canonical(name) != semver.Canonical(wanted)) {
			fmt.Fprintf(&commands, "delete %s\n", ref)
		}
	}
	if commands.Len() == 0 {
		return nil
	}
	_, err = g.run(ctx, Command{
		Path: g.program, Args: append(slices.Clone(always), "update-ref", "--stdin"), Dir: g.dir, Env: g.env, Stdin: commands.String(),
	})
	return err
}

// missing says what a checkout lacks that the builder may have had.
func missing(dir string) []string {
	var notes []string
	if _, err := os.Lstat(filepath.Join(dir, ".gitmodules")); !errors.Is(err, os.ErrNotExist) {
		notes = append(notes, "the commit has submodules, which are not fetched")
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return notes
	}
	defer root.Close()
	if text, err := root.ReadFile(".gitattributes"); err == nil && bytes.Contains(text, []byte("filter=lfs")) {
		notes = append(notes, "files that the commit keeps in git LFS are not fetched: in their place are what git has of them")
	}
	return notes
}
