package cli

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/imgo-build/imgo/pkg/event"
)

// printable makes text that others wrote (an image's config, a registry's errors) fit
// for a terminal: all that could move the cursor, change colours or hide other text
// stands there escaped, as in Go. Line breaks and tabs stay.
func printable(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1, !shown(r) && r < utf8.RuneSelf:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case !shown(r) && r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		case !shown(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteString(s[:size])
		}
		s = s[size:]
	}
	return b.String()
}

// oneLine keeps what others wrote from looking like lines of a report.
func oneLine(s string) string {
	return strings.NewReplacer("\n", `\n`, "\r", `\r`, "\t", " ").Replace(s)
}

func shown(r rune) bool { return unicode.IsPrint(r) || r == '\n' || r == '\t' }

// printableEvents hands events on with their texts made printable.
func printableEvents(s event.Sink) event.Sink {
	return event.Func(func(e event.Event) {
		e.Subject, e.Text = printable(e.Subject), printable(e.Text)
		s.Emit(e)
	})
}
