package progress_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/imgo-build/imgo/internal/progress"
	"github.com/imgo-build/imgo/pkg/event"
)

// clock moves on by a second at every look.
func clock() func() time.Time {
	at := time.Unix(0, 0)
	return func() time.Time {
		at = at.Add(time.Second)
		return at
	}
}

func script(s event.Sink) {
	compiled := event.Track(s, event.Compile, "a/cmd/x (linux/amd64)")
	s.Emit(event.Event{Kind: event.Output, Stage: event.Compile, Text: "# a/cmd/x"})
	s.Emit(event.Event{Kind: event.Output, Stage: event.Compile, Text: "cmd/x/main.go:4:2: undefined: y, z"})
	compiled("", nil)
	layered := event.Track(s, event.Layer, "x")
	layered("cached", nil)
	s.Emit(event.Event{Kind: event.Warning, Stage: event.Push, Text: "100% odd\nthing"})
	pushed := event.Track(s, event.Push, "x")
	pushed("", errors.New("denied"))
}

func TestPlain(t *testing.T) {
	var out strings.Builder
	script(progress.NewPlain(&out, clock()))
	want := `compiling a/cmd/x (linux/amd64)
# a/cmd/x
cmd/x/main.go:4:2: undefined: y, z
compiled a/cmd/x (linux/amd64) in 1.0s
compressed x (cached) in 1.0s
warning: 100% odd
thing
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("plain output (-want +got):\n%s", diff)
	}
}

func TestGitHubAnnotates(t *testing.T) {
	var out, commands strings.Builder
	script(progress.NewGitHub(progress.NewPlain(&out, clock()), &commands, "services/a"))
	want := `::error file=services/a/cmd/x/main.go,line=4,col=2::undefined: y, z
::warning::100%25 odd%0Athing
`
	if diff := cmp.Diff(want, commands.String()); diff != "" {
		t.Errorf("workflow commands (-want +got):\n%s", diff)
	}
}

func TestTimingsCountOverlapOnce(t *testing.T) {
	timings := progress.NewTimings(clock())
	a := event.Track(timings, event.Compile, "a") // at 1
	b := event.Track(timings, event.Compile, "b")
	a("", nil)
	b("", errors.New("broken")) // at 2
	got := timings.Stages()
	want := []progress.Stage{{Name: event.Compile, Time: time.Second}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("stages (-want +got):\n%s", diff)
	}
}

func TestTerminalFinishesItsBars(t *testing.T) {
	var out strings.Builder
	r := progress.NewTerminal(&out, 100)
	script(r)
	event.Track(r, event.Push, "never ends")
	r.Close()
	for _, want := range []string{"compiled a/cmd/x (linux/amd64)", "cmd/x/main.go:4:2: undefined: y, z", "compressed x (cached)"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("terminal output lacks %q:\n%s", want, out.String())
		}
	}
}

// On a narrow terminal the name and the platform stay, and times are short.
func TestTerminalShortensSubjectsFromTheLeft(t *testing.T) {
	const subject = "github.com/acme/svc/cmd/server (linux/amd64)"
	for width, want := range map[int]string{
		200: "compiled " + subject + " ",
		80:  "compiled …/svc/cmd/server (linux/amd64) ",
		65:  "compiled …erver (linux/amd64) ",
		30:  "compiled …/amd64) ",
	} {
		var out strings.Builder
		r := progress.NewTerminal(&out, width)
		compiled := event.Track(r, event.Compile, subject)
		time.Sleep(20 * time.Millisecond) // the clock of the bars is their own
		compiled("", nil)
		r.Close()
		if !strings.Contains(out.String(), want) || strings.Contains(out.String(), "~") {
			t.Errorf("%d columns: %q, want %q in it", width, out.String(), want)
		}
		if width >= 80 && !regexp.MustCompile(`done! \[(0s|\d00ms|\d+(\.\d)?s)\]`).MatchString(out.String()) {
			t.Errorf("%d columns: no time with one decimal: %q", width, out.String())
		}
	}
}

func TestHumanUnits(t *testing.T) {
	for _, c := range []struct {
		n    int64
		want string
	}{{0, "0 B"}, {999, "999 B"}, {1000, "1.0 kB"}, {999_949, "999.9 kB"}, {999_950, "1.0 MB"}, {58_000_000, "58.0 MB"}, {1_234_000_000, "1.23 GB"}} {
		if got := progress.Bytes(c.n); got != c.want {
			t.Errorf("Bytes(%d) = %q, want %q", c.n, got, c.want)
		}
	}
	for _, c := range []struct {
		d    time.Duration
		want string
	}{{20 * time.Millisecond, "0.02s"}, {100 * time.Millisecond, "0.1s"}, {9900 * time.Millisecond, "9.9s"}, {9990 * time.Millisecond, "10s"}} {
		if got := progress.Seconds(c.d); got != c.want {
			t.Errorf("Seconds(%s) = %q, want %q", c.d, got, c.want)
		}
	}
}
