package fastpath

import (
	"io/fs"
	"path"
	"path/filepath"
	"strings"
)

// expandGlob matches the first element of the rest of a pattern with what is in a directory.
// An element without wildcards names one path, there or not. A go.mod in a directory on
// the way would make a match another module's.
func (t *taker) expandGlob(j job, l *listing) (jobs []job, err error) {
	t.need(j.dir, aspectVia|aspectStamp)
	if l.entry.kind != dir {
		return nil, nil
	}
	if j.dir != j.budget.input.Path {
		t.need(join(j.dir, "go.mod"), aspectName|aspectContent)
	}
	element, rest, more := strings.Cut(j.rest, "/")
	var names []string
	if strings.ContainsAny(element, `*?[\`) {
		for _, c := range l.children {
			if ok, _ := path.Match(element, c.Name()); ok {
				names = append(names, c.Name())
			}
		}
	} else {
		names = []string{element}
	}
	for _, name := range names {
		p := join(j.dir, name)
		if !more {
			if err := j.budget.takeFile(); err != nil {
				return nil, err
			}
			t.need(p, aspectName|aspectContent)
		}
		// Where p is no directory, these find nothing.
		next := job{dir: p, task: taskEmbed, budget: j.budget}
		if more {
			next.task, next.rest = taskGlob, rest
		}
		jobs = append(jobs, next)
	}
	return jobs, nil
}

// expandAll wants all that is in a directory and below. A link in an embedded directory is
// a link; in All, one to a directory is walked too, unless that has been or will be
// under its own name.
func (t *taker) expandAll(j job, l *listing) (jobs []job, err error) {
	if l.entry.kind != dir || l.entry.link != "" && j.task == taskEmbed {
		return nil, nil
	}
	t.need(j.dir, aspectStamp)
	if j.task == taskAll && j.real == "" {
		if j.real, err = filepath.EvalSymlinks(t.full(j.dir)); err != nil {
			return nil, &UnreadableError{Path: t.full(j.dir), Err: err}
		}
	}
	if j.task == taskAll {
		j.budget.seen[j.real] = true
	}
	for _, c := range l.children {
		p := join(j.dir, c.Name())
		if err := j.budget.takeFile(); err != nil {
			return nil, err
		}
		below := job{dir: p, task: j.task, budget: j.budget}
		if c.IsDir() {
			if j.task == taskAll {
				t.need(p, aspectName)
				below.real = filepath.Join(j.real, c.Name())
			}
			jobs = append(jobs, below)
			continue
		}
		t.need(p, aspectName|aspectContent)
		if c.Type()&fs.ModeSymlink != 0 && j.task == taskAll {
			real, err := filepath.EvalSymlinks(t.full(p))
			if err == nil && !j.budget.seen[real] {
				j.budget.seen[real] = true
				below.real = real
				jobs = append(jobs, below)
			}
		}
	}
	return jobs, nil
}
