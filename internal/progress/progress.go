// Package progress shows the events of a run to people.
//
// Every renderer is an [event.Sink] with a Close that puts the terminal back in
// order. They differ in who reads: [NewPlain] writes a line for each step that ended
// (logs, CI), [NewTerminal] draws bars, and [NewGitHub] adds the workflow commands that
// turn a compiler's message into an annotation. [Timings] listens beside them and
// measures how long each stage took; it is the only place where events meet a clock.
package progress

import (
	"fmt"
	"sync"
	"time"

	"github.com/imgo-build/imgo/pkg/event"
)

// Renderer shows events until it is closed.
type Renderer interface {
	event.Sink
	// Close finishes what is being drawn. No event comes after it.
	Close()
}

// Tee passes each event to several sinks, in order.
func Tee(sinks ...event.Sink) event.Sink {
	return event.Func(func(e event.Event) {
		for _, s := range sinks {
			s.Emit(e)
		}
	})
}

// verbs are what a stage does, and what it has done, in words.
func verbs(s event.Stage) (does, did string) {
	switch s {
	case event.Load:
		return "loading", "loaded"
	case event.Base:
		return "resolving", "resolved"
	case event.Compile:
		return "compiling", "compiled"
	case event.Layer:
		return "compressing", "compressed"
	case event.Push:
		return "pushing", "pushed"
	case event.Attest:
		return "attesting", "attested"
	case event.Write:
		return "writing", "wrote"
	case event.Tag:
		return "tagging", "tagged"
	}
	return "", ""
}

// Timings measures stages by their events. It is safe for concurrent use.
type Timings struct {
	now    func() time.Time
	mu     sync.Mutex
	order  []event.Stage
	stages map[event.Stage]*span
}

// span adds up the time in which at least one step of a stage was under way.
type span struct {
	active int
	since  time.Time
	total  time.Duration
}

// NewTimings starts measuring with the given clock.
func NewTimings(now func() time.Time) *Timings {
	return &Timings{now: now, stages: map[event.Stage]*span{}}
}

// Emit notes when steps begin and end.
func (t *Timings) Emit(e event.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s, ok := t.stages[e.Stage]
	if !ok {
		s = &span{}
		t.stages[e.Stage] = s
		t.order = append(t.order, e.Stage)
	}
	switch e.Kind {
	case event.Started:
		if s.active == 0 {
			s.since = t.now()
		}
		s.active++
	case event.Finished, event.Failed:
		if s.active--; s.active == 0 {
			s.total += t.now().Sub(s.since)
		}
	}
}

// Stage is a stage and the time in which it was under way. Stages overlap, so
// their times add up to more than the run's.
type Stage struct {
	Name event.Stage
	Time time.Duration
}

// Stages lists the stages that were seen, in the order of their first event.
func (t *Timings) Stages() []Stage {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []Stage
	for _, name := range t.order {
		if s := t.stages[name]; s.total > 0 {
			out = append(out, Stage{Name: name, Time: s.total})
		}
	}
	return out
}

// Seconds writes a duration as people read it: 0.04s, 1.3s, 75s.
func Seconds(d time.Duration) string {
	switch s := d.Seconds(); {
	case s < 0.095:
		return fmt.Sprintf("%.2fs", s)
	case s < 9.95:
		return fmt.Sprintf("%.1fs", s)
	default:
		return fmt.Sprintf("%.0fs", s)
	}
}

// Bytes writes a size as people read it, in powers of 1000 as registries do.
func Bytes(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d B", n)
	case n < 999_950:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	case n < 999_950_000:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	default:
		return fmt.Sprintf("%.2f GB", float64(n)/1e9)
	}
}
