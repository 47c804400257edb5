package fastpath

import (
	"time"

	"github.com/imgo-build/imgo/internal/stamp"
)

// Steady reports whether provably all that s has the state of was so during work that
// began at t and has ended. before, which may be nil, is a snapshot from before that work, if
// perhaps of other inputs.
//
// What before does not have must have been changed last before t, provably. What it has must be
// the same, whatever the times say: a directory may have been put in the place of another. It
// may have been written to shortly before t too: a write later than one tick
// of the clock after before would show in the stamp, and no work begins to read within one.
func (s *Snapshot) Steady(before *Snapshot, t time.Time) bool {
	for i := range s.entries {
		e, since := &s.entries[i], t
		if old := before.find(e.path); old != nil {
			if contradicts(old, e) {
				return false
			}
			if difference(old, e) == "" {
				since = t.Add(stamp.Tick)
			}
		}
		if !e.settled(since) {
			return false
		}
	}
	return true
}

// contradicts reports whether two states of a path differ in anything that is known of both.
func contradicts(old, now *entry) bool {
	differ := func(a, b hash) bool { return a != (hash{}) && b != (hash{}) && a != b }
	return old.link != now.link && old.counts&now.counts&^aspectStamp != 0 ||
		old.kind != anything && now.kind != anything && old.kind != now.kind ||
		differ(old.content, now.content) || differ(old.header, now.header)
}
