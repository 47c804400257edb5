package cli

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/event"
	"github.com/imgo-build/imgo/pkg/image"
	"github.com/imgo-build/imgo/pkg/imgo"
)

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"":                     "",
		"plain\ttext\nö 漢 😀 …": "plain\ttext\nö 漢 😀 …",
		"\x1b[31mred\x07\x7f":  `\x1b[31mred\x07\x7f`,
		"a\rb":                 `a\x0db`,
		"\u009b2J":             `\u009b2J`,
		"\u202egnp.exe":        `\u202egnp.exe`,
		"\U000e0041":           `\U000e0041`,
		"\xffa\xc3":            `\xffa\xc3`,
		"\ufffd":               "\ufffd",
		`C:\dir`:               `C:\dir`,
	} {
		if got := printable(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func FuzzPrintable(f *testing.F) {
	f.Add("\x1b]0;title\x07\xff")
	f.Fuzz(func(t *testing.T, s string) {
		got := printable(s)
		if !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool { return !shown(r) }) {
			t.Errorf("%q: %q", s, got)
		}
		if again := printable(got); again != got {
			t.Errorf("%q: %q, then %q", s, got, again)
		}
	})
}

const escape = "\x1b]0;owned\x07"

// Whatever an image or a registry says, no escape sequence reaches the terminal.
func TestNoEscapeReachesTheTerminal(t *testing.T) {
	labels := map[string]string{escape + "k": escape}
	inspection := []imgo.Inspection{{
		Names: []string{escape}, Digest: escape, MediaType: escape, Annotations: labels,
		Images: []imgo.InspectedImage{{
			Platform: escape, Digest: escape, Author: escape, Base: &imgo.InspectedBase{Name: escape, Digest: escape}, Annotations: labels,
			Config: imgo.InspectedConfig{Config: v1.Config{
				User: escape, Env: []string{escape}, Entrypoint: []string{escape, escape}, Cmd: []string{escape}, WorkingDir: escape,
				Labels: labels, Volumes: map[string]struct{}{escape: {}}, ExposedPorts: map[string]struct{}{escape: {}},
				StopSignal: escape, Shell: []string{escape}, OnBuild: []string{escape},
			}, Healthcheck: &image.Healthcheck{Test: []string{escape}}},
			Layers:   []imgo.InspectedLayer{{Digest: escape, CreatedBy: escape}},
			Programs: []imgo.InspectedProgram{{Path: escape, GoVersion: escape, Package: escape, Settings: labels}, {Problem: escape}},
		}},
	}}
	built := []build.Result{{
		Target: build.Target{Name: "x", Path: escape},
		Images: []build.ImageResult{{Layers: []build.LayerResult{{Created: escape}}}},
	}}
	var summary, plan strings.Builder
	printSummary(&summary, built, nil, time.Second)
	a := &app{Process: Process{Stdout: &plan}}
	p := &build.Plan{Targets: []build.Target{{Name: escape, Settings: build.Settings{Base: escape}, Origin: escape, Path: escape, Package: build.Package{Err: errors.New(escape)}}}}
	if err := a.printPlan(p, false); err != nil {
		t.Fatal(err)
	}
	var events strings.Builder
	printableEvents(event.Func(func(e event.Event) { events.WriteString(e.Subject + e.Text) })).Emit(event.Event{Subject: escape, Text: escape})
	for what, text := range map[string]string{
		"inspect": inspectionText(inspection, time.Time{}),
		"summary": summary.String(),
		"plan":    plan.String(),
		"events":  events.String(),
		"report":  reported(t, &app{Process: Process{Env: []string{"GITHUB_ACTIONS=true"}}}, errors.New(escape), false),
	} {
		if strings.ContainsAny(text, "\x1b\x07") || !strings.Contains(text, `\x1b]0;owned\x07`) {
			t.Errorf("%s: %q", what, text)
		}
	}
}

// A line break in a label starts no row of its own.
func TestInspectionKeepsRowsApart(t *testing.T) {
	got := inspectionText([]imgo.Inspection{{Digest: "sha256:1", Annotations: map[string]string{"a": "b\ndigest sha256:2"}}}, time.Time{})
	if want := "annotation   a=b\n             digest sha256:2\n"; !strings.HasSuffix(got, want) {
		t.Errorf("%q, want %q at the end", got, want)
	}
}
