package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/imgo"
)

type sbomOptions struct{ format, platform string }

func (a *app) sbomCommand() *cobra.Command {
	var o sbomOptions
	cmd := &cobra.Command{
		Use:   "sbom [flags] REFERENCE",
		Short: "Print the SBOM of an image in a registry",
		Long: `Print the SBOM that imgo push put beside an image in a registry, as it is there. Its
signature is not looked at: imgo verify does that.`,
		Example: `  imgo sbom ghcr.io/acme/server:v1
  imgo sbom --format cyclonedx --platform linux/arm64 ghcr.io/acme/server:v1`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("imgo sbom takes one reference of an image in a registry, but was given %d", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.runSBOM(cmd.Context(), o, args[0]) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.format, "format", "spdx", "`FORMAT`: spdx or cyclonedx")
	flags.StringVar(&o.platform, "platform", "", "`OS/ARCH[/VARIANT]` of the image, where there are several (default linux/amd64)")
	return cmd
}

func (a *app) runSBOM(ctx context.Context, o sbomOptions, ref string) error {
	if o.format != "spdx" && o.format != "cyclonedx" {
		return &build.UsageError{Reason: fmt.Sprintf("%s %q: there are spdx and cyclonedx", a.how("format"), o.format)}
	}
	if err := inRegistry(ref); err != nil {
		return err
	}
	var doc []byte
	err := a.withInspector(func(c *imgo.Client) (err error) {
		doc, err = c.SBOM(ctx, ref, o.platform, o.format)
		return err
	})
	if err != nil {
		return fmt.Errorf("reading the SBOM of %s: %w", ref, err)
	}
	_, err = a.Stdout.Write(doc)
	return err
}
