package cli

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/imgo"
)

func (a *app) pushCommand() *cobra.Command {
	var f buildFlags
	cmd := &cobra.Command{
		Use:   "push [flags] [PACKAGE... | IMAGE... | FILE.tar... | oci:DIR...]",
		Short: "Build images and push them to a registry",
		Long: `Build an image for each main package and push it to a registry, or push what
imgo build wrote before, bit by bit the same. Only what the registry lacks is sent, and
tags move last.

-t REPO[:TAG] names one image; --repo PREFIX puts each image at PREFIX/NAME, where
-t :TAG chooses its tag (latest without). REPO@DIGEST goes to standard output, one line
a repository.`,
		Example: `  imgo push ./cmd/server -t ghcr.io/acme/server:v1
  imgo push ./... --repo ghcr.io/acme -t :v1 -t :latest
  imgo push server.tar -t ghcr.io/acme/server:v1`,
		RunE: func(cmd *cobra.Command, args []string) error {
			archives := slices.ContainsFunc(args, imgo.IsArchive)
			if archives && slices.ContainsFunc(args, func(s string) bool { return !imgo.IsArchive(s) }) {
				return &build.UsageError{Reason: "packages and archives can't be pushed in one go: push FILE.tar and oci:DIR by themselves"}
			}
			if archives {
				if name := f.buildOnly(cmd); name != "" {
					return &build.UsageError{Reason: fmt.Sprintf("--%s has no effect on what was built before: give it to imgo build", name)}
				}
			}
			req, err := f.request(a, cmd, args, true)
			if err != nil {
				return err
			}
			var open io.Closer
			defer func() {
				if open != nil {
					_ = open.Close()
				}
			}()
			return a.runPlan(cmd.Context(), f, req, func(ctx context.Context, c *imgo.Client) (plan *build.Plan, err error) {
				if !archives {
					return c.Plan(ctx, req)
				}
				plan, open, err = c.PushPlan(ctx, req, args)
				return plan, err
			})
		},
	}
	f.register(cmd)
	return cmd
}
