package cli

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/imgo-build/imgo/internal/progress"
	"github.com/imgo-build/imgo/pkg/imgo"
)

// inspectionText is an inspection for people; ages are those of now.
func inspectionText(found []imgo.Inspection, now time.Time) string {
	var b strings.Builder
	for n, i := range found {
		if n > 0 {
			b.WriteString("\n")
		}
		printInspection(&b, i, now)
	}
	return printable(b.String())
}

func printInspection(w io.Writer, i imgo.Inspection, now time.Time) {
	row(w, "", "name", strings.Join(i.Names, ", "))
	row(w, "", "digest", i.Digest)
	row(w, "", "media type", i.MediaType)
	for _, k := range slices.Sorted(maps.Keys(i.Annotations)) {
		row(w, "", "annotation", k+"="+i.Annotations[k])
	}
	switch len(i.Images) {
	case 0:
	case 1:
		printInspectedImage(w, &i.Images[0], now)
	default:
		printPlatforms(w, i.Images, now)
		for n := range i.Images {
			if i.Images[n].Programs != nil {
				fmt.Fprintf(w, "\n%s\n", i.Images[n].Platform)
				printPrograms(w, "  ", i.Images[n].Programs)
			}
		}
	}
}

// printPlatforms is the table of an index, and what all its images have in common.
func printPlatforms(w io.Writer, images []imgo.InspectedImage, now time.Time) {
	width := len("platform")
	for _, img := range images {
		width = max(width, len(img.Platform))
	}
	fmt.Fprintf(w, "\n%-*s  %9s  %6s  %s\n", width, "platform", "size", "layers", "digest")
	for _, img := range images {
		fmt.Fprintf(w, "%-*s  %9s  %6d  %s\n", width, img.Platform, progress.Bytes(img.Size), len(img.Layers), img.Digest)
	}
	fmt.Fprintf(w, "\non all platforms\n")
	row(w, "  ", "base", baseText(commonBase(images), now))
	for _, f := range imgo.CommonFacts(images) {
		row(w, "  ", f.Field, f.Text())
	}
}

// commonBase is an image with that of the base which is the same for all images, and
// the age of the oldest.
func commonBase(images []imgo.InspectedImage) *imgo.InspectedImage {
	first := images[0]
	if first.Base == nil {
		if slices.ContainsFunc(images, func(i imgo.InspectedImage) bool { return i.Base != nil }) {
			return &imgo.InspectedImage{}
		}
		return &first
	}
	base := *first.Base
	for _, img := range images[1:] {
		b := img.Base
		if b == nil || b.Name != base.Name {
			return &imgo.InspectedImage{}
		}
		if b.Digest != base.Digest {
			base.Digest = ""
		}
		if base.Created.IsZero() || !b.Created.IsZero() && b.Created.Before(base.Created) {
			base.Created = b.Created
		}
	}
	return &imgo.InspectedImage{Base: &base}
}

func printInspectedImage(w io.Writer, img *imgo.InspectedImage, now time.Time) {
	const in = "  "
	fmt.Fprintf(w, "\n%s\n", img.Platform)
	row(w, in, "digest", img.Digest)
	if !img.Created.IsZero() {
		row(w, in, "created", img.Created.UTC().Format(time.RFC3339))
	}
	row(w, in, "author", img.Author)
	row(w, in, "base", baseText(img, now))
	for _, f := range img.Facts() {
		row(w, in, f.Field, f.Text())
	}
	row(w, in, "size", sizeText(img))
	for _, l := range img.Layers {
		created := firstLine(l.CreatedBy)
		if strings.HasSuffix(l.MediaType, "zstd") { // of OCI's types and Docker's, which all others are gzip in
			created = "(zstd) " + created
		}
		text := fmt.Sprintf("%9s  %-7s  %s  %s", progress.Bytes(l.Size), l.Kind, l.Digest, created)
		fmt.Fprintf(w, "%s%s\n", in+in, strings.TrimRight(text, " "))
	}
	printPrograms(w, in, img.Programs)
}

// baseText is the base and, on a line of its own, how old it is.
func baseText(img *imgo.InspectedImage, now time.Time) string {
	b := img.Base
	if b == nil {
		if slices.ContainsFunc(img.Groups, func(g imgo.LayerGroup) bool { return g.Kind == imgo.RuntimeLayer }) {
			return "scratch"
		}
		return ""
	}
	var notes []string
	if !b.Created.IsZero() {
		notes = append(notes, fmt.Sprintf("created %s, %s", b.Created.Format(time.DateOnly), age(b.Created, now)))
	}
	switch {
	case b.EndOfLife.IsZero():
	case now.After(b.EndOfLife):
		notes = append(notes, fmt.Sprintf("%s reached its end of life on %s", b.Release, b.EndOfLife.Format(time.DateOnly)))
	default:
		notes = append(notes, fmt.Sprintf("%s is maintained until %s", b.Release, b.EndOfLife.Format(time.DateOnly)))
	}
	if len(notes) == 0 {
		return b.String()
	}
	return b.String() + "\n" + strings.Join(notes, "; ")
}

func age(created, now time.Time) string {
	switch days := int(now.Sub(created).Hours() / 24); days {
	case 0:
		return "less than a day old"
	case 1:
		return "1 day old"
	default:
		return fmt.Sprintf("%d days old", days)
	}
}

// sizeText is the size of all layers and, where there are several kinds, of each kind.
func sizeText(img *imgo.InspectedImage) string {
	out := fmt.Sprintf("%s in %s", progress.Bytes(img.Size), plural(len(img.Layers), "layer"))
	if len(img.Groups) < 2 {
		return out
	}
	var parts []string
	for _, g := range img.Groups {
		part := fmt.Sprintf("%s %s", g.Kind, progress.Bytes(g.Size))
		if g.Layers > 1 {
			part += fmt.Sprintf(" in %d", g.Layers)
		}
		parts = append(parts, part)
	}
	return out + "\n" + strings.Join(parts, ", ")
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func printPrograms(w io.Writer, indent string, programs []imgo.InspectedProgram) {
	for i := range programs {
		row(w, indent, "program", programText(&programs[i]))
	}
}

// programText is a program: where, from what, from which commit, and how.
func programText(p *imgo.InspectedProgram) string {
	lines := []string{fmt.Sprintf("%s, %s", p.Path, progress.Bytes(p.Size))}
	if p.Problem != "" {
		return lines[0] + "\nno build info: " + p.Problem
	}
	from := p.GoVersion
	if p.Package != "" {
		from += ", " + p.Package
	}
	if m := p.Module; m != nil {
		from += fmt.Sprintf(" of %s %s", m.Path, m)
	}
	if n := len(p.Modules); n > 0 {
		from += ", with " + plural(n, "other module")
	}
	lines = append(lines, from)
	if commit := p.Settings["vcs.revision"]; commit != "" {
		if t := p.Settings["vcs.time"]; t != "" {
			commit += " of " + t
		}
		if p.Settings["vcs.modified"] == "true" {
			commit += ", with changes"
		}
		lines = append(lines, "commit "+commit)
	}
	var settings []string
	for _, k := range slices.Sorted(maps.Keys(p.Settings)) {
		switch kv := k + "=" + p.Settings[k]; {
		case p.Settings[k] == "", strings.HasPrefix(k, "vcs"), k == "GOOS", k == "GOARCH", k == "DefaultGODEBUG", kv == "-compiler=gc", kv == "-buildmode=exe":
			// is said elsewhere, or goes without saying, or is long and in the JSON
		default:
			settings = append(settings, kv)
		}
	}
	if len(settings) > 0 {
		lines = append(lines, strings.Join(settings, " "))
	}
	return strings.Join(lines, "\n")
}

// row writes a name and its value, whose further lines stand below its first.
func row(w io.Writer, indent, name, value string) {
	if value != "" {
		value = strings.ReplaceAll(value, "\n", "\n"+indent+strings.Repeat(" ", 13))
		fmt.Fprintf(w, "%s%-12s %s\n", indent, name, value)
	}
}
