package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/imgo-build/imgo/internal/config"
	"github.com/imgo-build/imgo/pkg/image"
	"github.com/imgo-build/imgo/pkg/imgo"
)

// baseFlags are shared by the commands about bases.
type baseFlags struct {
	chdir, config string
	json, prune   bool
}

func (a *app) baseCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "base",
		Short: "Pin bases to digests in imgo.lock",
		Long: `Pin the bases of images to digests in imgo.lock, which lies beside the configuration
or in the root of the module, and belongs into the repository. Builds then use the
digests, for all platforms, and ask nobody what a tag points to.`,
	}
	cmd.AddCommand(a.baseLockCommand(), a.baseUpdateCommand(), a.baseListCommand())
	return cmd
}

func (f *baseFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&f.chdir, "chdir", "C", "", "change to `DIR` before anything else")
	cmd.Flags().StringVar(&f.config, "config", "", "configuration `FILE` instead of the .imgo.yaml found here or above")
	cmd.Flags().BoolVar(&f.json, "json", false, "print one JSON document")
}

func (a *app) baseLockCommand() *cobra.Command {
	var f baseFlags
	cmd := &cobra.Command{
		Use:   "lock [REFERENCE...]",
		Short: "Pin bases that are not pinned yet",
		Long: `Pin the bases of the configuration, in all its profiles, or those that are named, to
the digests that their tags point to now. What is pinned already stays as it is.`,
		Example: `  imgo base lock
  imgo base lock alpine:3.24`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.runBaseLock(cmd, f, args, false) },
	}
	f.register(cmd)
	cmd.Flags().BoolVar(&f.prune, "prune", false, "drop the pins of bases that the configuration doesn't use")
	return cmd
}

func (a *app) baseUpdateCommand() *cobra.Command {
	var f baseFlags
	cmd := &cobra.Command{
		Use:   "update [REFERENCE...]",
		Short: "Move pins to what the tags point to now",
		Long: `Move the pins of all bases, or of those that are named, to the digests that their
tags point to now, and show what was and what is.`,
		Example: `  imgo base update
  imgo base update alpine`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.runBaseLock(cmd, f, args, true) },
	}
	f.register(cmd)
	return cmd
}

func (a *app) baseListCommand() *cobra.Command {
	var f baseFlags
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the bases and what they are pinned to",
		Example: `  imgo base list`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withBases(f, func(client *imgo.Client, used []string) error {
				pins, err := client.PinnedBases(used)
				if err != nil {
					return err
				}
				return a.printPins(pins, f.json)
			})
		},
	}
	f.register(cmd)
	return cmd
}

// withBases reads the configuration and hands over the bases that it uses.
func (a *app) withBases(f baseFlags, do func(client *imgo.Client, used []string) error) error {
	used, dir, lock, err := config.Bases(config.Input{
		Dir: a.Dir, Chdir: f.chdir, Config: f.config, Jobs: 1, Given: map[string]string{},
	})
	if err != nil {
		return err
	}
	screen := a.renderer(dir)
	client, err := a.client(clientOptions{events: printableEvents(screen), dir: dir, jobs: 1, lock: lock})
	if err != nil {
		screen.Close()
		return err
	}
	defer client.Close()
	err = do(client, used)
	screen.Close()
	return err
}

func (a *app) runBaseLock(cmd *cobra.Command, f baseFlags, args []string, update bool) error {
	return a.withBases(f, func(client *imgo.Client, used []string) error {
		refs := used
		if len(args) > 0 {
			refs = args
		}
		if f.prune {
			if err := client.PruneBases(used); err != nil {
				return err
			}
		}
		pins, err := client.LockBases(cmd.Context(), refs, update)
		if err != nil {
			return err
		}
		if len(pins) == 0 && !a.quiet {
			fmt.Fprintln(a.Stderr, "no base here has a tag that could be pinned")
		}
		return a.printPins(pins, f.json)
	})
}

// printPins writes NAME@DIGEST, a line each, and on stderr what people want to know.
func (a *app) printPins(pins []imgo.Pin, asJSON bool) error {
	for _, p := range pins {
		if text := pinNote(p, a.Now()); text != "" && !a.quiet {
			fmt.Fprintln(a.Stderr, printable(text))
		}
	}
	if asJSON {
		if pins == nil {
			pins = []imgo.Pin{}
		}
		return a.printJSON(struct {
			Bases []imgo.Pin `json:"bases"`
		}{pins})
	}
	for _, p := range pins {
		if p.Digest == "" {
			continue
		}
		if _, err := fmt.Fprintf(a.Stdout, "%s@%s\n", p.Name, p.Digest); err != nil {
			return fmt.Errorf("writing to standard output: %w", err)
		}
	}
	return nil
}

// pinNote is what is remarkable about a pin.
func pinNote(p imgo.Pin, now time.Time) string {
	var notes []string
	switch {
	case p.Digest == "":
		notes = append(notes, "is not pinned: imgo base lock pins it")
	case p.OldDigest != "":
		notes = append(notes, fmt.Sprintf("moved from %s%s to %s%s", image.ShortenDigest(p.OldDigest), dated(p.OldCreated), image.ShortenDigest(p.Digest), dated(p.Created)))
	case p.Changed:
		notes = append(notes, fmt.Sprintf("pinned to %s%s", image.ShortenDigest(p.Digest), dated(p.Created)))
	default:
		notes = append(notes, fmt.Sprintf("stays at %s%s", image.ShortenDigest(p.Digest), dated(p.Created)))
	}
	if p.Unused {
		notes = append(notes, "is not used by the configuration")
	}
	if !p.EndOfLife.IsZero() && now.After(p.EndOfLife) {
		notes = append(notes, fmt.Sprintf("warning: %s reached its end of life on %s, choose a newer one", p.Release, p.EndOfLife.Format(time.DateOnly)))
	}
	return p.Name + " " + strings.Join(notes, "; ")
}

func dated(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return fmt.Sprintf(" (created %s)", t.Format(time.DateOnly))
}
