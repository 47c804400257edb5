package fastpath

import "cmp"

// What is a way in which a path differs from its earlier state.
type What string

// The ways, of which the first that applies is told.
const (
	Added   What = "appeared"
	Removed What = "disappeared"
	Link    What = "links elsewhere"     // also: is a link now, or no longer
	Type    What = "changed its type"    // a file is a directory now, or the other way round
	Head    What = "changed in its head" // what Header returns of a Go file; the rest may have changed too
	Content What = "changed"
)

// Change is a difference between two snapshots.
type Change struct {
	Path string // relative to the root, or absolute, as the input is; with slashes
	What What
}

// String says the change to people.
func (c Change) String() string { return c.Path + " " + string(c.What) }

// Changes lists what differs from since, an earlier snapshot of the same inputs, by
// content and sorted by path. Stamps don't count.
func (s *Snapshot) Changes(since *Snapshot) []Change {
	var changes []Change
	pairs(since.entries, s.entries, func(old, now *entry) bool {
		if what := difference(old, now); what != "" {
			changes = append(changes, Change{Path: cmp.Or(old.path, now.path), What: what})
		}
		return true
	})
	return changes
}

// pairs calls visit for the entries of each path that either list has, in order, until it
// returns false. An empty entry stands for one that is not in a list.
func pairs(olds, nows []entry, visit func(old, now *entry) bool) {
	var none entry
	for len(olds) > 0 || len(nows) > 0 {
		old, now := &none, &none
		switch {
		case len(nows) == 0 || len(olds) > 0 && olds[0].path < nows[0].path:
			old, olds = &olds[0], olds[1:]
		case len(olds) == 0 || nows[0].path < olds[0].path:
			now, nows = &nows[0], nows[1:]
		default:
			old, now, olds, nows = &olds[0], &nows[0], olds[1:], nows[1:]
		}
		if !visit(old, now) {
			return
		}
	}
}

// difference returns the change from old to now, "" where nothing that counts differs.
func difference(old, now *entry) What {
	counts := old.counts | now.counts
	switch {
	case counts&^aspectStamp == 0:
		return ""
	case counts&^(aspectStamp|aspectVia) == 0:
		if old.link != now.link {
			return Link
		}
		return ""
	case !old.exists() && !now.exists():
		return ""
	case !old.exists():
		return Added
	case !now.exists():
		return Removed
	case old.link != now.link:
		return Link
	case old.kind != now.kind:
		return Type
	case counts&(aspectHeader|aspectContent) != 0 && old.header != now.header:
		return Head
	case counts&aspectContent != 0 && old.content != now.content:
		return Content
	}
	return ""
}
