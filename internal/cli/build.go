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
		Use:   "build [flags] [PACKAGE... | IMAGE...]",
		Short: "Build images and write them to disk",
		Long: `Build an image for each main package and write it to disk: to NAME.tar in the
current directory, which docker load, podman load and skopeo can read, or to where
-o says; or hand it to a local engine with --load. Arguments are packages, or names of
images in .imgo.yaml; without any, all images of .imgo.yaml are built or, where there
is none, the package in the current directory.

The image's reference with its digest goes to standard output, one line an image.`,
		Example: `  imgo build ./cmd/server
  imgo build ./cmd/server -o out/server.tar --platform linux/amd64,linux/arm64
  imgo build ./... -o oci:out --base distroless
  docker run --rm $(imgo build --load docker ./cmd/server)`,
		RunE: func(cmd *cobra.Command, args []string) error {
			req, err := f.request(a, cmd, args, false)
			if err != nil {
				return err
			}
			return a.runPlan(cmd.Context(), f, req, func(ctx context.Context, c *imgo.Client) (*build.Plan, error) {
				return c.Plan(ctx, req)
			})
		},
	}
	f.register(cmd)
	cmd.Flags().StringVar(&f.in.Load, "load", "", "hand the image to a local `ENGINE` instead: docker, podman, containerd, kind or kind:CLUSTER")
	cmd.Flags().StringVarP(&f.in.Output, "output", "o", "", "write to `FILE.tar`, to oci:DIR (an OCI layout), or NAME.tar in an existing directory")
	return cmd
}
