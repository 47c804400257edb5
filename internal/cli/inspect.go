package cli

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/imgo-build/imgo/internal/progress"
	"github.com/imgo-build/imgo/pkg/event"
	"github.com/imgo-build/imgo/pkg/imgo"
)

func (a *app) inspectCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "inspect REFERENCE | FILE.tar | oci:DIR",
		Short: "Show what is in an image",
		Long: `Show an image's config, its layers with what each is and its size, and its base.
Only manifests and configs are read, no layer is downloaded.`,
		Example: `  imgo inspect ghcr.io/acme/server:v1
  imgo inspect server.tar
  imgo inspect --json oci:out`,
		Args: oneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := noPassword(args[0]); err != nil {
				return err
			}
			client, err := a.client(event.Discard, a.Dir, 0, "", false)
			if err != nil {
				return err
			}
			defer client.Close()
			found, err := client.Inspect(cmd.Context(), args[0])
			if err != nil {
				return fmt.Errorf("inspecting %s: %w", args[0], err)
			}
			if asJSON {
				return a.printJSON(struct {
					Artifacts []imgo.Inspection `json:"artifacts"`
				}{found})
			}
			_, err = io.WriteString(a.Stdout, inspectionText(found))
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}

func inspectionText(found []imgo.Inspection) string {
	var b strings.Builder
	for _, i := range found {
		printInspection(&b, i)
	}
	return printable(b.String())
}

func printInspection(w io.Writer, i imgo.Inspection) {
	row(w, "", "name", strings.Join(i.Names, ", "))
	row(w, "", "digest", i.Digest)
	row(w, "", "media type", i.MediaType)
	pairs(w, "", "annotation", i.Annotations)
	for _, img := range i.Images {
		printInspectedImage(w, img)
	}
}

func printInspectedImage(w io.Writer, img imgo.InspectedImage) {
	const in = "  "
	fmt.Fprintf(w, "\n%s\n", img.Platform)
	row(w, in, "digest", img.Digest)
	row(w, in, "created", img.Created.UTC().Format(time.RFC3339))
	if img.BaseName != "" {
		row(w, in, "base", img.BaseName+"@"+img.BaseDigest)
	}
	c := img.Config
	row(w, in, "user", c.User)
	row(w, in, "entrypoint", strings.Join(c.Entrypoint, " "))
	row(w, in, "cmd", strings.Join(c.Cmd, " "))
	row(w, in, "directory", c.WorkingDir)
	for _, e := range c.Env {
		row(w, in, "env", e)
	}
	row(w, in, "ports", strings.Join(slices.Sorted(maps.Keys(c.ExposedPorts)), ", "))
	row(w, in, "volumes", strings.Join(slices.Sorted(maps.Keys(c.Volumes)), ", "))
	if c.Healthcheck != nil {
		row(w, in, "healthcheck", strings.Join(c.Healthcheck.Test, " "))
	}
	pairs(w, in, "label", c.Labels)
	pairs(w, in, "annotation", img.Annotations)
	row(w, in, "size", fmt.Sprintf("%s in %d layers", progress.Bytes(img.Size), len(img.Layers)))
	for _, l := range img.Layers {
		fmt.Fprintf(w, "%s%9s  %s  %s\n", in+in, progress.Bytes(l.Size), l.Digest, firstLine(l.CreatedBy))
	}
}

// row writes a name and its value, whose further lines stand below its first.
func row(w io.Writer, indent, name, value string) {
	if value != "" {
		value = strings.ReplaceAll(value, "\n", "\n"+indent+strings.Repeat(" ", 13))
		fmt.Fprintf(w, "%s%-12s %s\n", indent, name, value)
	}
}

func pairs(w io.Writer, indent, name string, m map[string]string) {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		row(w, indent, name, k+"="+m[k])
	}
}
