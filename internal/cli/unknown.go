package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/imgo-build/imgo/internal/spelling"
)

// unknownCommandError is a command that there is not.
type unknownCommandError struct {
	Name    string
	Parent  string   // the command that it was asked of
	Similar []string // what may have been meant
	Package string   // the name as a package's, where it looks like one
}

func (e *unknownCommandError) Error() string {
	reason := fmt.Sprintf("unknown command %q for %q", e.Name, e.Parent)
	if len(e.Similar) > 0 {
		reason += ", did you mean " + strings.Join(e.Similar, " or ") + "?"
	}
	return reason
}

func (a *app) unknownCommand(cmd *cobra.Command, name string) error {
	e := &unknownCommandError{Name: name, Parent: cmd.CommandPath(), Similar: cmd.SuggestionsFor(name)}
	if cmd.HasParent() {
		return e
	}
	path := name
	if !filepath.IsAbs(path) {
		path = filepath.Join(a.Dir, name)
	}
	info, err := os.Stat(path)
	switch {
	case strings.Contains(name, "/") || strings.HasPrefix(name, ".") || filepath.IsAbs(name):
		e.Package = name
	case err == nil && info.IsDir():
		e.Package = "./" + filepath.ToSlash(name)
	}
	return e
}

// checkHelp refuses to explain what there is not.
func (a *app) checkHelp(help *cobra.Command, args []string) error {
	found, rest, err := help.Root().Find(args)
	if err != nil || len(rest) == 0 {
		return err
	}
	return a.unknownCommand(found, rest[0])
}

// unknownFlagError is a flag that a command doesn't have.
type unknownFlagError struct {
	Name    string // without dashes
	Similar string // the flag that may have been meant, or empty
	Err     error
}

func (e *unknownFlagError) Error() string {
	if e.Similar == "" {
		return e.Err.Error()
	}
	return fmt.Sprintf("%s, did you mean --%s?", e.Err, e.Similar)
}

func (e *unknownFlagError) Unwrap() error { return e.Err }

// flagError adds to an error of the flags what may have been meant.
func (a *app) flagError(cmd *cobra.Command, err error) error {
	unknown, ok := errors.AsType[*pflag.NotExistError](err)
	if !ok {
		return err
	}
	// Flags of a command that doesn't exist can't be known.
	if args := cmd.Flags().Args(); cmd.HasSubCommands() && len(args) > 0 {
		return a.unknownCommand(cmd, args[0])
	}
	e := &unknownFlagError{Name: unknown.GetSpecifiedName(), Err: err}
	if shorthands := unknown.GetSpecifiedShortnames(); shorthands == "" && foreignFlags[e.Name] == "" {
		e.Similar = nearestFlag(cmd.Flags(), e.Name)
	}
	return e
}

// nearestFlag is the flag whose name begins like this one, or else differs in one
// letter or two; empty where there is none.
func nearestFlag(flags *pflag.FlagSet, name string) string {
	nearest, least := "", 3
	if len(name) < 4 {
		least = 2
	}
	flags.VisitAll(func(f *pflag.Flag) {
		d := spelling.Distance(name, f.Name)
		if len(name) >= 3 && strings.HasPrefix(f.Name, name) {
			d = 0
		}
		if d < least {
			nearest, least = f.Name, d
		}
	})
	return nearest
}
