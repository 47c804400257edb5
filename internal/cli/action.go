package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/imgo-build/imgo/internal/attest/sigstore"
	"github.com/imgo-build/imgo/pkg/build"
)

// actionCommand is the step of the GitHub Action (action.yml). The inputs come in
// as environment variables and become arguments here, in Go, so that no shell ever
// sees them.
func (a *app) actionCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "action",
		Short:  "Run as a step of GitHub Actions, with inputs from INPUT_… variables",
		Hidden: true,
		Args:   noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			args, err := a.actionArgs()
			if err != nil {
				return err
			}
			sub := &app{Process: a.Process, github: true}
			sub.Args = args
			root := sub.root()
			root.SetArgs(sub.Args)
			a.step, err = root.ExecuteContextC(cmd.Context())
			a.running, a.quiet = sub.running, sub.quiet
			return err
		},
	}
}

// actionArgs turns the inputs of action.yml into a command line.
func (a *app) actionArgs() ([]string, error) {
	command := strings.TrimSpace(a.getenv("INPUT_COMMAND"))
	if command != "build" && command != "push" {
		return nil, &build.UsageError{Reason: fmt.Sprintf("input command: %q is neither build nor push", command)}
	}
	args := []string{command}
	if dir := a.getenv("INPUT_WORKING_DIRECTORY"); dir != "" {
		args = append(args, "--chdir="+dir)
	}
	if base := strings.TrimSpace(a.getenv("INPUT_BASE")); base != "" {
		args = append(args, "--base="+base)
	}
	for _, p := range listInput(a.getenv("INPUT_PLATFORMS")) {
		args = append(args, "--platform="+p)
	}
	for _, t := range listInput(a.getenv("INPUT_TAGS")) {
		args = append(args, "--tag="+t)
	}
	switch sign := strings.TrimSpace(a.getenv("INPUT_SIGN")); sign {
	case "":
	case "true", "keyless":
		args = append(args, "--sign")
	case "false":
		args = append(args, "--sign=false")
	default:
		args = append(args, "--key="+sign)
	}
	extra, err := splitArgs(a.getenv("INPUT_ARGS"))
	if err != nil {
		return nil, err
	}
	args = append(args, extra...)
	args = append(args, "--")
	return append(args, listInput(a.getenv("INPUT_PACKAGES"))...), nil
}

// hint says what to do next about an error. In a step of the action that can be
// something else than at a terminal.
func (a *app) hint(err error) string {
	if a.step != nil && is[*sigstore.MissingError](err) {
		return "give the action the input sign, for example sign: true: it brings what signs only then"
	}
	return hint(err)
}

// listInput splits an input by white space and commas.
func listInput(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(", \t\r\n", r) })
}

// splitArgs splits a line as a shell does, with quotes and backslashes, but
// without expanding anything.
func splitArgs(s string) ([]string, error) {
	var args []string
	var word strings.Builder
	inWord, quote := false, rune(0)
	rest := []rune(s)
	for i := 0; i < len(rest); i++ {
		c := rest[i]
		switch {
		case quote == '\'' && c != '\'':
			word.WriteRune(c)
		case c == '\\' && quote != '\'' && i+1 < len(rest):
			i++
			word.WriteRune(rest[i])
			inWord = true
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(c)
		case c == '\'' || c == '"':
			quote, inWord = c, true
		case strings.ContainsRune(" \t\r\n", c):
			if inWord {
				args = append(args, word.String())
				word.Reset()
				inWord = false
			}
		default:
			word.WriteRune(c)
			inWord = true
		}
	}
	if quote != 0 {
		return nil, &build.UsageError{Reason: fmt.Sprintf("input args: the quote %c is not closed", quote)}
	}
	if inWord {
		args = append(args, word.String())
	}
	return args, nil
}
