package fastpath

import (
	"cmp"
	"context"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// Snapshot is the state of inputs at one time. It doesn't change, so goroutines can
// share it.
type Snapshot struct {
	inputs  []Input // sorted
	entries []entry // sorted by path
	reread  bool
}

// Inputs returns what the snapshot is of: sorted, each once, with clean paths.
func (s *Snapshot) Inputs() []Input { return slices.Clone(s.inputs) }

// Files returns how many files it has the state of.
func (s *Snapshot) Files() int {
	n := 0
	for i := range s.entries {
		if s.entries[i].kind == file {
			n++
		}
	}
	return n
}

// Reread reports whether contents had to be read that will not have to be again if the
// snapshot is known: that it is worth remembering.
func (s *Snapshot) Reread() bool { return s.reread }

// find returns the entry of a path, nil where there is none. s may be nil.
func (s *Snapshot) find(p string) *entry {
	if s == nil {
		return nil
	}
	i, ok := slices.BinarySearchFunc(s.entries, p, func(e entry, p string) int { return cmp.Compare(e.path, p) })
	if !ok {
		return nil
	}
	return &s.entries[i]
}

// Take returns the state of the inputs below the directory root. Their order doesn't
// matter, and they may overlap. Of files that known (which may be nil, and of other
// inputs) has under the same path, only the stamps are looked at where they suffice.
//
// now must be read before the call: a stamp is trusted later only if it is older.
//
// The error is an [UnreadableError] or a [LimitError] where it isn't about a pattern or
// the context.
func Take(ctx context.Context, root string, inputs []Input, known *Snapshot, now time.Time) (*Snapshot, error) {
	t := &taker{
		root: root, now: now, known: known,
		want: map[string]aspects{}, listed: map[string]*listing{}, linked: map[string]bool{},
	}
	s := &Snapshot{inputs: clean(inputs)}
	if err := t.walk(ctx, s.inputs); err != nil {
		return nil, err
	}
	have := map[string]aspects{}
	for paths := t.missing(have); len(paths) > 0; paths = t.missing(have) {
		states, reread, err := t.states(ctx, paths)
		if err != nil {
			return nil, err
		}
		s.reread = s.reread || reread
		for i := range states {
			have[states[i].path] = states[i].counts
			t.follow(&states[i])
		}
		s.entries = append(s.entries, slices.DeleteFunc(states, func(e entry) bool { return e.isIdle() })...)
	}
	s.entries = latest(s.entries)
	return s, nil
}

// states returns the state of each path, and whether reading any will not have to be done
// again.
func (t *taker) states(ctx context.Context, paths []string) (states []entry, reread bool, err error) {
	states = make([]entry, len(paths))
	var lasting atomic.Bool
	err = each(ctx, len(paths), func(i int) error {
		e, read, err := t.state(ctx, paths[i], t.want[paths[i]])
		states[i] = e
		if read && e.trusted {
			lasting.Store(true)
		}
		return err
	})
	return states, lasting.Load(), err
}

// latest sorts entries by path. Where more was wanted of one later, that state counts.
func latest(entries []entry) []entry {
	slices.SortStableFunc(entries, func(a, b entry) int { return cmp.Compare(a.path, b.path) })
	last := entries[:0]
	for i := range entries {
		if i+1 == len(entries) || entries[i].path != entries[i+1].path {
			last = append(last, entries[i])
		}
	}
	return last
}

// missing returns the paths of which more is wanted than in have, sorted.
func (t *taker) missing(have map[string]aspects) []string {
	var paths []string
	for p, counts := range t.want {
		if have[p] != counts {
			paths = append(paths, p)
		}
	}
	slices.Sort(paths)
	return paths
}

// isIdle reports whether e says nothing: it is no link, and nothing else of it counts.
func (e *entry) isIdle() bool {
	return e.link == "" && (e.counts == aspectVia || e.kind == absent && e.counts&^(aspectVia|aspectStamp) == 0)
}

// follow wants what else the state of e depends on: the links that its own leads to, and
// for what isn't there the directory in which it would appear.
func (t *taker) follow(e *entry) {
	if e.link != "" {
		target := filepath.ToSlash(e.link)
		if !filepath.IsAbs(e.link) {
			target = path.Join(path.Dir(e.path), target)
		}
		t.via(target)
		t.wantLink(target)
	}
	if parent := path.Dir(e.path); e.kind == absent && e.counts != aspectVia && parent != e.path && below(e.path) {
		t.need(parent, aspectStamp)
	}
}

// below reports whether p is below the root.
func below(p string) bool {
	return p != "." && p != ".." && !strings.HasPrefix(p, "../") && !filepath.IsAbs(filepath.FromSlash(p))
}

// clean returns the inputs in normal form, sorted, each once.
func clean(inputs []Input) []Input {
	inputs = slices.Clone(inputs)
	for i, in := range inputs {
		inputs[i].Path = path.Clean(filepath.ToSlash(in.Path))
	}
	slices.SortFunc(inputs, func(a, b Input) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Pattern, b.Pattern))
	})
	return slices.Compact(inputs)
}

// each calls do for 0 to n-1, on several processors where that is worth it, until one
// fails or ctx ends.
func each(ctx context.Context, n int, do func(i int) error) error {
	workers := max(1, min(runtime.GOMAXPROCS(0), n/16))
	var next atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for range workers {
		group.Go(func() error {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				if err := do(i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}
