package progress

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/imgo-build/imgo/pkg/event"
)

// plain writes one line for each step that ended, without control characters.
type plain struct {
	now     func() time.Time
	mu      sync.Mutex
	w       io.Writer
	started map[step]time.Time
}

// step identifies a step between its events.
type step struct {
	stage   event.Stage
	subject string
}

// NewPlain returns a renderer for logs.
func NewPlain(w io.Writer, now func() time.Time) Renderer {
	return &plain{w: w, now: now, started: map[step]time.Time{}}
}

func (p *plain) Emit(e event.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := step{e.Stage, e.Subject}
	switch e.Kind {
	case event.Started:
		p.started[at] = p.now()
		if e.Stage == event.Compile && e.Text == "" {
			does, _ := verbs(e.Stage)
			fmt.Fprintf(p.w, "%s %s\n", does, e.Subject)
		}
	case event.Finished:
		took := p.now().Sub(p.started[at])
		delete(p.started, at)
		_, did := verbs(e.Stage)
		fmt.Fprintf(p.w, "%s %s%s in %s\n", did, e.Subject, note(e.Text), Seconds(took))
	case event.Failed:
		delete(p.started, at) // the error itself is reported at the end
	case event.Output:
		fmt.Fprintln(p.w, e.Text)
	case event.Warning:
		fmt.Fprintln(p.w, "warning: "+e.Text)
	}
}

func (p *plain) Close() {}

func note(text string) string {
	if text == "" {
		return ""
	}
	return " (" + text + ")"
}
