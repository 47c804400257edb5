package progress

import (
	"io"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/progress"

	"github.com/imgo-build/imgo/pkg/event"
)

// terminal draws a bar for each step under way; steps of known size show how much
// is done, the others just move.
type terminal struct {
	bars progress.Writer
	done chan struct{}

	mu   sync.Mutex
	live map[step]*progress.Tracker
	room int // columns for the message of a bar
}

// NewTerminal returns a renderer for a terminal of the given width in columns.
func NewTerminal(w io.Writer, width int) Renderer {
	const precision = 100 * time.Millisecond
	barLength := min(20, width/4)
	room := max(20, width-barLength-20)
	bars := progress.NewWriter()
	bars.SetOutputWriter(w)
	bars.SetAutoStop(false)
	bars.SetTerminalWidth(width)
	bars.SetTrackerLength(barLength)
	bars.SetMessageLength(room)
	bars.SetTrackerPosition(progress.PositionRight)
	bars.SetUpdateFrequency(100 * time.Millisecond)
	bars.Style().Visibility.ETA = false
	bars.Style().Visibility.TrackerOverall = false
	bars.Style().Visibility.Percentage = false
	bars.Style().Visibility.Value = false // the message says how large it is
	bars.Style().Options.TimeInProgressPrecision = precision
	bars.Style().Options.TimeDonePrecision = precision
	t := &terminal{bars: bars, room: room, done: make(chan struct{}), live: map[step]*progress.Tracker{}}
	go func() {
		defer close(t.done)
		bars.Render()
	}()
	return t
}

func (t *terminal) Emit(e event.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at := step{e.Stage, e.Subject}
	bar := t.live[at]
	switch e.Kind {
	case event.Started:
		does, _ := verbs(e.Stage)
		bar = &progress.Tracker{Message: t.message(does, e.Subject, ""), Total: e.Total, Units: progress.UnitsBytes, AutoStopDisabled: true}
		if e.Total == 0 {
			bar.Units = progress.UnitsDefault
		}
		t.live[at] = bar
		t.bars.AppendTracker(bar)
	case event.Output:
		t.bars.Log("%s", e.Text)
	case event.Warning:
		t.bars.Log("warning: %s", e.Text)
	}
	if bar == nil {
		return
	}
	switch e.Kind {
	case event.Advanced:
		bar.UpdateTotal(e.Total)
		bar.SetValue(e.Current)
	case event.Finished:
		delete(t.live, at)
		_, did := verbs(e.Stage)
		bar.UpdateMessage(t.message(did, e.Subject, note(e.Text)))
		bar.MarkAsDone()
	case event.Failed:
		delete(t.live, at)
		bar.MarkAsErrored()
	}
}

// message says what a bar stands for in the room there is.
func (t *terminal) message(verb, subject, note string) string {
	return verb + " " + shorten(subject, t.room-len(verb)-1-utf8.RuneCountInString(note)) + note
}

// shorten takes from the left of a subject what is too long, whole elements of its path
// where it can be: what tells subjects apart, name and platform, is on the right.
func shorten(subject string, room int) string {
	runes := []rune(subject)
	if len(runes) <= room {
		return subject
	}
	rest := string(runes[len(runes)-max(room-1, 0):])
	path, _, _ := strings.Cut(rest, " ")
	return "…" + rest[max(strings.Index(path, "/"), 0):]
}

func (t *terminal) Close() {
	t.mu.Lock()
	for _, bar := range t.live {
		bar.MarkAsErrored() // interrupted
	}
	t.mu.Unlock()
	// Stop is forgotten where the drawing has not begun yet, so it is said again.
	for {
		t.bars.Stop()
		select {
		case <-t.done:
			return
		case <-time.After(time.Millisecond):
		}
	}
}
