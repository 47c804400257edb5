package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/imgo-build/imgo/internal/gobuild"
	"github.com/imgo-build/imgo/internal/progress"
)

// report writes errors to stderr, each with what to do about it where imgo knows.
func (a *app) report(cmd *cobra.Command, err error, usage bool) {
	shown, hinted := "", false
	for _, e := range split(err) {
		fmt.Fprintf(a.Stderr, "%s %s\n", a.red("error:"), indent(printable(e.Error())))
		if compile, ok := errors.AsType[*gobuild.CompileError](e); ok && a.quiet && compile.Output != shown {
			shown = compile.Output // of one go command for several packages, seen by nobody yet
			fmt.Fprintln(a.Stderr, printable(strings.TrimRight(shown, "\n")))
		}
		hint := a.hint(e)
		if hint != "" {
			fmt.Fprintf(a.Stderr, "hint: %s\n", hint)
		}
		hinted = hinted || hint != ""
		if a.getenv("GITHUB_ACTIONS") == "true" {
			fmt.Fprintf(a.Stderr, "::error::%s\n", progress.EscapeData(printable(e.Error())))
		}
	}
	if usage && !hinted {
		fmt.Fprintf(a.Stderr, "hint: see %s --help\n", cmd.CommandPath())
	}
}

// split takes errors apart that errors.Join put together. Others with several
// causes have words of their own, which have to stay.
func split(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok || errors.Join(joined.Unwrap()...).Error() != err.Error() {
		return []error{err}
	}
	var out []error
	for _, e := range joined.Unwrap() {
		out = append(out, split(e)...)
	}
	return out
}

// indent lets the lines of a long message stand below its first.
func indent(s string) string {
	return strings.ReplaceAll(strings.TrimRight(s, "\n"), "\n", "\n  ")
}

func (a *app) red(s string) string {
	if a.StderrWidth == 0 || a.getenv("NO_COLOR") != "" || a.getenv("TERM") == "dumb" {
		return s
	}
	return "\x1b[31m" + s + "\x1b[0m"
}
