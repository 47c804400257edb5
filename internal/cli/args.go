package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%s takes no arguments, but was given %q", cmd.CommandPath(), args[0])
	}
	return nil
}

// oneArg demands exactly one argument and calls it what the command's usage does.
func oneArg(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		_, what, _ := strings.Cut(cmd.Use, " ")
		return fmt.Errorf("%s takes one argument, %s, but was given %d", cmd.CommandPath(), what, len(args))
	}
	return nil
}

// checkArgs lets commands that only hold others refuse what none of them is called.
// Without it cobra would print the help and succeed, and a misspelt command in a
// script would pass for done.
func (a *app) checkArgs(cmd *cobra.Command) {
	for _, sub := range cmd.Commands() {
		a.checkArgs(sub)
	}
	if !cmd.HasSubCommands() {
		return
	}
	cmd.Args = cobra.ArbitraryArgs
	cmd.SuggestionsMinimumDistance = 2
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		return a.unknownCommand(cmd, args[0])
	}
}

// list is a flag that can be repeated and takes several values separated by commas.
// Unlike pflag's own it keeps an empty value, so that -t "$TAG" with an unset TAG is
// refused and not ignored.
type list struct {
	values *[]string
	given  bool // what values holds is not the default
}

func newList(values *[]string, defaults ...string) *list {
	*values = defaults
	return &list{values: values}
}

// Set adds to the list; the first call replaces the default.
func (l *list) Set(s string) error {
	if !l.given {
		*l.values, l.given = nil, true
	}
	*l.values = slices.Concat(*l.values, strings.Split(s, ","))
	return nil
}

func (l *list) String() string { return strings.Join(*l.values, ",") }
func (l *list) Type() string   { return "list" }

// texts is a flag that can be repeated and takes each value as it is, commas and all.
// Unlike pflag's own it needs no writer of CSV, of 4 KiB, to say that it is empty.
type texts []string

func newTexts(values *[]string) *texts { return (*texts)(values) }

func (t *texts) Set(s string) error {
	*t = append(*t, s)
	return nil
}

func (t *texts) String() string { return strings.Join(*t, "\n") }
func (t *texts) Type() string   { return "stringArray" }
