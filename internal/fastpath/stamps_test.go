package fastpath

import "time"

// Untouched reports whether all stamps are those of since, and were trusted.
func (s *Snapshot) Untouched(since *Snapshot) bool {
	untouched := true
	pairs(since.entries, s.entries, func(old, now *entry) bool {
		untouched = old.path == now.path && difference(old, now) == "" && old.trusted &&
			old.kind == now.kind && old.stamp == now.stamp && old.linkStamp == now.linkStamp
		return untouched
	})
	return untouched
}

// Settled reports whether all was changed last before t.
func (s *Snapshot) Settled(t time.Time) bool { return s.Steady(nil, t) }
