package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/imgo-build/imgo/internal/progress"
	"github.com/imgo-build/imgo/pkg/build"
)

func (a *app) cacheCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cache",
		Short: "Look at imgo's cache and clean it up",
	}
	cmd.AddCommand(a.cacheInfoCommand(), a.cachePruneCommand())
	return cmd
}

// jsonCount is a number of things in the cache and their size.
type jsonCount struct {
	Count int   `json:"count"`
	Bytes int64 `json:"bytes"`
}

func (a *app) cacheInfoCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "info",
		Short:   "Say where the cache is and how much it holds",
		Example: "  imgo cache info",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := a.client(clientOptions{dir: a.Dir})
			if err != nil {
				return err
			}
			info, err := client.CacheInfo(cmd.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(struct {
					Directory string    `json:"directory"`
					Blobs     jsonCount `json:"blobs"`
					Results   jsonCount `json:"results"`
					Binaries  jsonCount `json:"binaries"`
				}{info.Dir, jsonCount(info.Blobs), jsonCount(info.Results), jsonCount(info.Binaries)})
			}
			_, err = fmt.Fprintf(a.Stdout, "directory  %s\nblobs      %s\nresults    %s\nbinaries   %s\n",
				info.Dir, count(jsonCount(info.Blobs)), count(jsonCount(info.Results)), count(jsonCount(info.Binaries)))
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}

func count(c jsonCount) string {
	return fmt.Sprintf("%d, %s", c.Count, progress.Bytes(c.Bytes))
}

func (a *app) cachePruneCommand() *cobra.Command {
	var all bool
	var olderThan time.Duration
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Remove what was not used for a while",
		Long: `Remove from the cache what no build used for a while. What a running build
uses stays. Everything that is removed can be made again; it only takes time.`,
		Example: "  imgo cache prune\n  imgo cache prune --older-than 24h\n  imgo cache prune --all",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if olderThan < 0 {
				return &build.UsageError{Reason: fmt.Sprintf("--older-than: %s lies in the future", olderThan)}
			}
			client, err := a.client(clientOptions{dir: a.Dir})
			if err != nil {
				return err
			}
			removed, err := client.PruneCache(cmd.Context(), max(olderThan, 1), all) // 0 would be the default
			if err != nil {
				return err
			}
			if !a.quiet {
				fmt.Fprintf(a.Stderr, "removed %d blobs, %d results and %d binaries: %s\n",
					removed.Blobs.Count, removed.Results.Count, removed.Binaries.Count,
					progress.Bytes(removed.Blobs.Bytes+removed.Results.Bytes+removed.Binaries.Bytes))
			}
			return nil
		},
	}
	cmd.Flags().DurationVar(&olderThan, "older-than", 14*24*time.Hour, "remove what was not used for this `DURATION`, such as 24h")
	cmd.Flags().BoolVar(&all, "all", false, "remove everything that is not in use")
	return cmd
}
