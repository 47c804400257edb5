package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/imgo"
)

type inspectOptions struct {
	platforms []string
	buildInfo bool
	files     bool
	exitCode  bool
	json      bool
}

func (a *app) inspectCommand() *cobra.Command {
	var o inspectOptions
	cmd := &cobra.Command{
		Use:   "inspect [flags] IMAGE [IMAGE]",
		Short: "Show what is in an image, or what differs between two",
		Long: `Show an image's config, its base and how old that is, its layers with what each is
and its size, and how its programs were built. An IMAGE is a reference, FILE.tar or
oci:DIR. Of several platforms a table is shown, and what they have in common; --platform
chooses one.

Only manifests and configs are read, and of an image in a file the programs that imgo
built. --build-info reads the programs of every platform, all layers but the base's
included; for an image in a registry these layers are downloaded.

With two images, what differs is shown, as old (-) and new (+): config, base, layers and,
where both are in files or with --build-info, versions of Go and of modules. --files
reads the layers that differ and lists the files that do. The exit code is 0 whether
they differ or not; with --exit-code it is 1 where they do.`,
		Example: `  imgo inspect ghcr.io/acme/server:v1
  imgo inspect server.tar --platform linux/arm64
  imgo inspect --json oci:out
  imgo inspect ghcr.io/acme/server:v1 ghcr.io/acme/server:v2 --build-info
  imgo inspect --files --exit-code server.tar rebuilt.tar`,
		Args: imagesToInspect,
		RunE: func(cmd *cobra.Command, args []string) error { return a.runInspect(cmd.Context(), o, args) },
	}
	flags := cmd.Flags()
	flags.Var(newList(&o.platforms), "platform", "`OS/ARCH[/VARIANT]` to look at, several separated by commas (default all)")
	flags.BoolVar(&o.buildInfo, "build-info", false, "show how all programs were built, downloading layers for it")
	flags.BoolVar(&o.files, "files", false, "compare the files in the layers that differ, downloading them for it")
	flags.BoolVar(&o.exitCode, "exit-code", false, "exit with 1 where the two images differ")
	flags.BoolVar(&o.json, "json", false, "print one JSON document")
	return cmd
}

func imagesToInspect(cmd *cobra.Command, args []string) error {
	if len(args) != 1 && len(args) != 2 {
		return fmt.Errorf("%s takes one image or two (a reference, FILE.tar or oci:DIR), but was given %d", cmd.CommandPath(), len(args))
	}
	return nil
}

func (a *app) runInspect(ctx context.Context, o inspectOptions, args []string) error {
	for _, arg := range args {
		if err := noPassword(arg); err != nil {
			return err
		}
	}
	if len(args) == 1 {
		if o.files || o.exitCode {
			flag := map[bool]string{true: "files", false: "exit-code"}[o.files]
			return &build.UsageError{Reason: fmt.Sprintf("%s is about the difference between two images: name another one", a.how(flag))}
		}
		return a.inspectOne(ctx, o, args[0])
	}
	return a.inspectTwo(ctx, o, args[0], args[1])
}

func (a *app) inspectOne(ctx context.Context, o inspectOptions, arg string) error {
	var found []imgo.Inspection
	err := a.withInspector(func(c *imgo.Client) (err error) {
		found, err = c.Inspect(ctx, arg, imgo.InspectOptions{Platforms: o.platforms, BuildInfo: o.buildInfo})
		return err
	})
	if err != nil {
		return fmt.Errorf("inspecting %s: %w", arg, err)
	}
	if o.json {
		return a.printJSON(struct {
			Artifacts []imgo.Inspection `json:"artifacts"`
		}{found})
	}
	_, err = io.WriteString(a.Stdout, inspectionText(found, a.Now()))
	return err
}

func (a *app) inspectTwo(ctx context.Context, o inspectOptions, old, new string) error {
	var found *imgo.Comparison
	err := a.withInspector(func(c *imgo.Client) (err error) {
		found, err = c.Compare(ctx, old, new, imgo.CompareOptions{Platforms: o.platforms, BuildInfo: o.buildInfo, Files: o.files})
		return err
	})
	if err != nil {
		return fmt.Errorf("comparing %s and %s: %w", old, new, err)
	}
	if o.json {
		err = a.printJSON(found)
	} else {
		_, err = io.WriteString(a.Stdout, comparisonText(found))
	}
	if err == nil && o.exitCode && !found.Same {
		return errors.New("the images differ")
	}
	return err
}

// withInspector makes a client whose progress is shown until it is done.
func (a *app) withInspector(do func(*imgo.Client) error) error {
	screen := a.renderer(a.Dir)
	defer screen.Close()
	client, err := a.client(clientOptions{events: printableEvents(screen), dir: a.Dir})
	if err != nil {
		return err
	}
	defer client.Close()
	return do(client)
}
