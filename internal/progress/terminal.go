package progress

import (
	"io"
	"sync"
	"time"

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
}

// NewTerminal returns a renderer for a terminal of the given width in columns.
func NewTerminal(w io.Writer, width int) Renderer {
	const barLength = 20
	bars := progress.NewWriter()
	bars.SetOutputWriter(w)
	bars.SetAutoStop(false)
	bars.SetTerminalWidth(width)
	bars.SetTrackerLength(barLength)
	bars.SetMessageLength(max(20, width-barLength-20))
	bars.SetTrackerPosition(progress.PositionRight)
	bars.SetUpdateFrequency(100 * time.Millisecond)
	bars.Style().Visibility.ETA = false
	bars.Style().Visibility.TrackerOverall = false
	bars.Style().Visibility.Percentage = false
	bars.Style().Visibility.Value = false // the message says how large it is
	t := &terminal{bars: bars, done: make(chan struct{}), live: map[step]*progress.Tracker{}}
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
		bar = &progress.Tracker{Message: verbs[e.Stage][0] + " " + e.Subject, Total: e.Total, Units: progress.UnitsBytes, AutoStopDisabled: true}
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
		bar.UpdateMessage(verbs[e.Stage][1] + " " + e.Subject + note(e.Text))
		bar.MarkAsDone()
	case event.Failed:
		delete(t.live, at)
		bar.MarkAsErrored()
	}
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
