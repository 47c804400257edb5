package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/imgo-build/imgo/internal/config"
	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/image"
	"github.com/imgo-build/imgo/pkg/imgo"
)

// baseFlags are shared by the commands about bases.
type baseFlags struct {
	in          config.Input
	json, prune bool
	own         bool // --key and the like say whose signatures count, and the trusted root is theirs
}

func (a *app) baseCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "base",
		Short: "Pin bases to digests in imgo.lock, and verify them",
		Long: `Pin the bases of images to digests in imgo.lock, which lies beside the configuration
or in the root of the module, and belongs into the repository. Builds then use the
digests, for all platforms, and ask nobody what a tag points to.

Where the configuration (verifyBase) or --verify-base says who has to have signed a base,
only a digest that is signed is pinned, and who signed it is written down.`,
	}
	cmd.AddCommand(a.baseLockCommand(), a.baseUpdateCommand(), a.baseListCommand(), a.baseVerifyCommand())
	return cmd
}

func (f *baseFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&f.in.Chdir, "chdir", "C", "", "change to `DIR` before anything else")
	cmd.Flags().StringVar(&f.in.Config, "config", "", "configuration `FILE` instead of the .imgo.yaml found here or above")
	cmd.Flags().BoolVar(&f.json, "json", false, "print one JSON document")
}

// registerTrust adds the flags that say who has to have signed bases.
func (f *baseFlags) registerTrust(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.in.VerifyBase, "verify-base", "", "`WHO` has to have signed the bases: distroless, chainguard, the file of a public key, or none")
	cmd.Flags().StringVar(&f.in.TrustedRoot, "trusted-root", "", "`FILE` with the trusted root instead of sigstore's own")
}

func (a *app) baseLockCommand() *cobra.Command {
	var f baseFlags
	cmd := &cobra.Command{
		Use:   "lock [REFERENCE...]",
		Short: "Pin bases that are not pinned yet",
		Long: `Pin the bases of the configuration, in all its profiles, or those that are named, to
the digests that their tags point to now. What is pinned already stays as it is. A base
that somebody has to have signed is verified first, pinned or not; where one isn't signed,
nothing is written.`,
		Example: `  imgo base lock
  imgo base lock alpine:3.24`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.runBaseLock(cmd, f, args, false) },
	}
	f.register(cmd)
	f.registerTrust(cmd)
	cmd.Flags().BoolVar(&f.prune, "prune", false, "drop the pins of bases that the configuration doesn't use")
	return cmd
}

func (a *app) baseUpdateCommand() *cobra.Command {
	var f baseFlags
	cmd := &cobra.Command{
		Use:   "update [REFERENCE...]",
		Short: "Move pins to what the tags point to now",
		Long: `Move the pins of all bases, or of those that are named, to the digests that their
tags point to now, and show what was and what is. A base that somebody has to have signed
is verified first; where one isn't signed, no pin moves.`,
		Example: `  imgo base update
  imgo base update alpine`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.runBaseLock(cmd, f, args, true) },
	}
	f.register(cmd)
	f.registerTrust(cmd)
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
			return a.withBases(cmd, f, func(client *imgo.Client, list config.BaseList) error {
				pins, err := client.PinnedBases(list.Uses)
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
func (a *app) withBases(cmd *cobra.Command, f baseFlags, do func(client *imgo.Client, list config.BaseList) error) error {
	in := f.in
	in.Dir, in.Jobs, in.Given = a.Dir, 1, map[string]string{}
	for flag, how := range a.given(cmd.Flags()) {
		if flag == "verify-base" || flag == "trusted-root" && !f.own {
			in.Given[flag] = how
		}
	}
	list, err := config.Bases(in)
	if err != nil {
		return err
	}
	screen := a.renderer(list.Dir)
	client, err := a.client(clientOptions{events: printableEvents(screen), dir: list.Dir, jobs: 1, lock: list.Lock})
	if err != nil {
		screen.Close()
		return err
	}
	defer client.Close()
	err = do(client, list)
	screen.Close()
	return err
}

// basesNamed are the bases that arguments name, or all of the configuration's.
func basesNamed(client *imgo.Client, list config.BaseList, args []string) ([]build.BaseUse, error) {
	if len(args) == 0 {
		return list.Uses, nil
	}
	return client.UsesOf(args, list.Uses, list.Default)
}

func (a *app) runBaseLock(cmd *cobra.Command, f baseFlags, args []string, update bool) error {
	return a.withBases(cmd, f, func(client *imgo.Client, list config.BaseList) error {
		uses, err := basesNamed(client, list, args)
		if err != nil {
			return err
		}
		pins, err := client.LockBases(cmd.Context(), uses, update)
		if err == nil && f.prune {
			err = client.PruneBases(slices.Concat(list.Uses, uses))
		}
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
	if text := signerNote(p); text != "" {
		notes = append(notes, text)
	}
	if p.Unused {
		notes = append(notes, "is not used by the configuration")
	}
	if !p.EndOfLife.IsZero() && now.After(p.EndOfLife) {
		notes = append(notes, fmt.Sprintf("warning: %s reached its end of life on %s, choose a newer one", p.Release, p.EndOfLife.Format(time.DateOnly)))
	}
	return p.Name + " " + strings.Join(notes, "; ")
}

// signerNote says who signed a base, and above all where that is somebody else than before.
func signerNote(p imgo.Pin) string {
	now, before := p.Verified.String(), p.OldVerified.String()
	switch {
	case now == "" && before == "":
		return ""
	case now == "":
		return "warning: nobody had to have signed it, and before it was signed by " + before
	case before == "":
		return "signed by " + now
	}
	return fmt.Sprintf("warning: signed by %s, and before by %s", now, before)
}

func dated(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return fmt.Sprintf(" (created %s)", t.Format(time.DateOnly))
}
