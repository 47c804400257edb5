package publish

import (
	"fmt"
	"sync/atomic"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/imgo-build/imgo/pkg/event"
)

// progress reports a transfer of a known size.
type progress struct {
	sink    event.Sink
	stage   event.Stage
	subject string
	total   int64
	last    atomic.Int64 // what was reported
}

// progressStep is how many bytes an Advanced event stands for at the least.
const progressStep = 256 << 10

func newProgress(sink event.Sink, stage event.Stage, subject string, total int64) *progress {
	sink.Emit(event.Event{Kind: event.Started, Stage: stage, Subject: subject, Total: total})
	return &progress{sink: sink, stage: stage, subject: subject, total: total}
}

// at reports that n bytes are done; fewer than before where it began again.
func (p *progress) at(n int64) {
	last := p.last.Load()
	if n-last < progressStep && n >= last && n != p.total || n == last {
		return
	}
	p.last.Store(n)
	p.sink.Emit(event.Event{Kind: event.Advanced, Stage: p.stage, Subject: p.subject, Current: n, Total: p.total})
}

func (p *progress) end(text string, err error) {
	e := event.Event{Kind: event.Finished, Stage: p.stage, Subject: p.subject, Current: p.total, Total: p.total, Text: text}
	if err != nil {
		e.Kind, e.Current, e.Text = event.Failed, p.last.Load(), err.Error()
	}
	p.sink.Emit(e)
}

// subject names a blob for the user: "ghcr.io/acme/server layer sha256:0123456789ab 12 MB".
func (b *blob) subject(repo name.Repository) string {
	return fmt.Sprintf("%s %s %s:%.12s %s", repo, b.what, b.digest.Algorithm, b.digest.Hex, humanSize(b.size))
}

func humanSize(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d B", n)
	case n < 1000*1000:
		return fmt.Sprintf("%d kB", (n+500)/1000)
	case n < 10*1000*1000:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%d MB", (n+500_000)/1_000_000)
}
