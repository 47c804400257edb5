package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/imgo"
)

func (a *app) buildCommand() *cobra.Command {
	var f buildFlags
	cmd := &cobra.Command{
		Use:   "build [flags] [PACKAGE...]",
		Short: "Build images and write them to disk",
		Long: `Build an image for each main package and write it to disk: to NAME.tar in the
current directory, which docker load, podman load and skopeo can read, or to where
-o says. Without a package, the one in the current directory is built.

The image's reference with its digest goes to standard output, one line an image.`,
		Example: `  imgo build ./cmd/server
  imgo build ./cmd/server -o out/server.tar --platform linux/amd64,linux/arm64
  imgo build ./... -o oci:out --base distroless`,
		RunE: func(cmd *cobra.Command, args []string) error {
			req, err := f.request(a, args, false)
			if err != nil {
				return err
			}
			return a.runPlan(cmd.Context(), f, req, func(ctx context.Context, c *imgo.Client) (*build.Plan, error) {
				return c.Plan(ctx, req)
			})
		},
	}
	f.register(cmd)
	cmd.Flags().StringVarP(&f.in.Output, "output", "o", "", "write to `FILE.tar`, to oci:DIR (an OCI layout), or NAME.tar in an existing directory")
	return cmd
}
