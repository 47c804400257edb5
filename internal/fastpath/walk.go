package fastpath

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// What an input may stand for at most.
const (
	maxDirs  = 20_000 // of a Tree
	maxFiles = 50_000 // of an Embed or All
)

// LimitError is about an input that stands for too much to be remembered.
type LimitError struct {
	Input Input
	Limit int
	What  string // "directories" or "files"
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("looking at %s: more than %d %s", e.Input.Path, e.Limit, e.What)
}

// taker takes one snapshot. First it lists directories, to learn which paths are wanted;
// then it looks at each of them once, whatever wanted it.
type taker struct {
	root  string
	now   time.Time
	known *Snapshot

	want   map[string]aspects
	listed map[string]*listing
	linked map[string]bool // paths that have been looked at for links
}

// listing is what was found in a directory. The entry was looked at before.
type listing struct {
	entry    entry
	children []fs.DirEntry // sorted by name; none of what is no directory
	module   bool          // has a go.mod that makes it one
}

// job is a directory to list, and what to do with what is in it.
type job struct {
	dir    string
	task   task
	rest   string  // of taskGlob: the pattern for what is in the directory
	real   string  // of taskAll: the path without links
	budget *budget // of what is found by one input
}

type task int

const (
	taskPackage task = iota
	taskHeaders
	taskTree    // the top of one
	taskSubtree // below
	taskGlob
	taskEmbed // a directory that matched, or is below one
	taskAll
)

type budget struct {
	input       Input
	dirs, files int
	seen        map[string]bool // of All: directories without links in their paths
}

func (b *budget) takeDir() error {
	if b.dirs++; b.dirs > maxDirs {
		return &LimitError{Input: b.input, Limit: maxDirs, What: "directories"}
	}
	return nil
}

func (b *budget) takeFile() error {
	if b.files++; b.files > maxFiles {
		return &LimitError{Input: b.input, Limit: maxFiles, What: "files"}
	}
	return nil
}

// walk finds out which paths are wanted. It goes down level by level, so that the
// directories of one level are listed side by side.
func (t *taker) walk(ctx context.Context, inputs []Input) error {
	var jobs []job
	for _, in := range inputs {
		j, err := t.begin(in)
		if err != nil {
			return err
		}
		jobs = append(jobs, j...)
	}
	for len(jobs) > 0 {
		if err := t.list(ctx, jobs); err != nil {
			return err
		}
		var below []job
		for _, j := range jobs {
			more, err := t.expand(j, t.listed[j.dir])
			if err != nil {
				return err
			}
			below = append(below, more...)
		}
		jobs = below
	}
	return nil
}

// begin wants the path of an input itself, and returns the jobs for what is below.
func (t *taker) begin(in Input) ([]job, error) {
	t.via(in.Path)
	b := &budget{input: in, seen: map[string]bool{}}
	j := job{dir: in.Path, budget: b}
	switch in.Kind {
	case File:
		t.need(in.Path, aspectName|aspectContent)
		return nil, nil
	case Package:
		j.task = taskPackage
	case Headers:
		j.task = taskHeaders
	case Tree:
		j.task = taskTree
	case Embed:
		j.task, j.rest = taskGlob, strings.TrimPrefix(in.Pattern, "all:")
		if _, err := path.Match(j.rest, ""); err != nil || j.rest == "." || !fs.ValidPath(j.rest) {
			return nil, fmt.Errorf("looking at %s: invalid pattern %q", in.Path, in.Pattern)
		}
	case All:
		j.task = taskAll
		t.need(in.Path, aspectName|aspectContent)
	default:
		return nil, fmt.Errorf("looking at %s: unknown kind of input %q", in.Path, in.Kind)
	}
	t.need(in.Path, aspectName)
	return []job{j}, nil
}

// need wants that a path is looked at.
func (t *taker) need(p string, counts aspects) { t.want[p] |= counts }

// via wants the links among the directories above p that an input or a link names.
func (t *taker) via(p string) {
	volume := filepath.VolumeName(filepath.FromSlash(p)) // of Windows
	for d := path.Dir(p); d != path.Dir(d) && path.Base(d) != ".." && d != volume; d = path.Dir(d) {
		t.wantLink(d)
	}
}

func (t *taker) wantLink(p string) {
	if !t.linked[p] {
		t.linked[p] = true
		t.need(p, aspectVia)
	}
}

// list fills t.listed for the jobs.
func (t *taker) list(ctx context.Context, jobs []job) error {
	var todo []*listing
	for _, j := range jobs {
		if t.listed[j.dir] == nil {
			l := &listing{entry: entry{path: j.dir}}
			t.listed[j.dir] = l
			todo = append(todo, l)
		}
	}
	return each(ctx, len(todo), func(i int) error { return t.read(todo[i]) })
}

// read lists one directory. The stamp comes first: what is written later will show.
func (t *taker) read(l *listing) (err error) {
	if l.entry, err = t.look(l.entry.path, aspectStamp); err != nil || l.entry.kind != dir {
		return err
	}
	full := t.full(l.entry.path)
	if l.children, err = os.ReadDir(full); err != nil {
		return &UnreadableError{Path: full, Err: err}
	}
	for _, c := range l.children {
		if c.Name() == "go.mod" {
			info, err := os.Stat(filepath.Join(full, "go.mod"))
			l.module = err == nil && !info.IsDir()
		}
	}
	return nil
}

// expand wants what counts in a directory, and returns what to list next.
func (t *taker) expand(j job, l *listing) ([]job, error) {
	switch j.task {
	case taskPackage:
		t.needRelevant(j.dir, l, ofPackage)
	case taskHeaders:
		t.needRelevant(j.dir, l, ofHeaders)
		// Looking for which module has a package, the go command takes any of these for a
		// Go file.
		for _, c := range l.children {
			if isGo(c.Name()) && !Relevant(c.Name()) {
				t.need(join(j.dir, c.Name()), aspectName)
			}
		}
	case taskTree, taskSubtree:
		return t.expandTree(j, l)
	case taskGlob:
		return t.expandGlob(j, l)
	case taskEmbed, taskAll:
		return t.expandAll(j, l)
	}
	return nil, nil
}

func (t *taker) needRelevant(dir string, l *listing, counts func(name string) aspects) {
	for _, c := range l.children {
		if Relevant(c.Name()) {
			t.need(join(dir, c.Name()), counts(c.Name()))
		}
	}
}

// expandTree goes where "..." goes, and into directories that the ignore directives of a
// go.mod name. A directory named vendor may itself be a package.
func (t *taker) expandTree(j job, l *listing) (jobs []job, err error) {
	t.need(j.dir, aspectStamp)
	if l.module && j.task == taskSubtree {
		t.need(join(j.dir, "go.mod"), aspectName)
		return nil, nil
	}
	t.needRelevant(j.dir, l, ofHeaders)
	if j.task == taskSubtree && path.Base(j.dir) == "vendor" {
		return nil, nil
	}
	for _, c := range l.children {
		name := c.Name()
		if !c.IsDir() || name[0] == '.' || name[0] == '_' || name == "testdata" {
			continue
		}
		if err := j.budget.takeDir(); err != nil {
			return nil, err
		}
		jobs = append(jobs, job{dir: join(j.dir, name), task: taskSubtree, budget: j.budget})
	}
	return jobs, nil
}

// join is path.Join for a clean directory and a name.
func join(dir, name string) string {
	switch {
	case dir == ".":
		return name
	case strings.HasSuffix(dir, "/"):
		return dir + name
	}
	return dir + "/" + name
}
