package secrets

import (
	"bytes"
	"sync"
)

// A rule is tried only where its literal occurs. before and after are what lies
// around the literal: as much as there is, up to the numbers of bytes below. A rule
// sees the same bytes however the content was cut.
const (
	before = 256
	after  = 1024
)

// table finds the literals of all rules in one pass, in the manner of Wu and Manber:
// two bytes tell how far the search may skip, and for most of them that is three
// bytes.
type table struct {
	// step of the pair that ends at a position: below found, how many bytes to skip;
	// else the number of the bucket of rules whose literal may end here.
	step    [1 << 16]uint8
	buckets [][]*rule
	longest int // literal
}

const (
	found  = 0x80
	window = 4 // length of the shortest literal
)

// rulesTable is made when it is first needed: most commands never do.
var rulesTable = sync.OnceValue(func() *table { return newTable(rules()) })

func newTable(rules []rule) *table {
	t := &table{}
	for i := range t.step {
		t.step[i] = window - 1
	}
	for i := range rules {
		r := &rules[i]
		t.longest = max(t.longest, len(r.literal))
		tail := r.literal[len(r.literal)-window:]
		for j := 1; j < window-1; j++ {
			if at := &t.step[pair(tail[j-1], tail[j])]; *at < found {
				*at = min(*at, uint8(window-1-j))
			}
		}
		at := &t.step[pair(tail[window-2], tail[window-1])]
		if *at < found {
			*at = found | uint8(len(t.buckets))
			t.buckets = append(t.buckets, nil)
		}
		t.buckets[*at&^found] = append(t.buckets[*at&^found], r)
	}
	return t
}

func pair(a, b byte) uint16 { return uint16(a)<<8 | uint16(b) }

// find looks for a rule that accepts a literal of which the last byte lies in
// buf[from:limit]. It returns the rule, or nil, and where the literal begins; next is
// where to go on.
func (t *table) find(name string, buf []byte, from, limit int) (r *rule, start, next int) {
	i := max(from, window-1)
	for i < limit {
		step := t.step[pair(buf[i-1], buf[i])]
		if step < found {
			i += int(step)
			continue
		}
		for _, r := range t.buckets[step&^found] {
			if !bytes.HasSuffix(buf[:i+1], []byte(r.literal)) || r.only != "" && r.only != name {
				continue
			}
			start := i + 1 - len(r.literal)
			if r.accept(buf[max(0, start-before):start], buf[i+1:min(len(buf), i+1+after)]) {
				return r, start, i + 1
			}
		}
		i++
	}
	return nil, 0, i
}
