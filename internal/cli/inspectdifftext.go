package cli

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/imgo-build/imgo/internal/progress"
	"github.com/imgo-build/imgo/pkg/imgo"
)

// comparisonText is a comparison for people: what is old begins with -, what is new
// with +.
func comparisonText(c *imgo.Comparison) string {
	var b strings.Builder
	switch {
	case c.Same && len(c.Images) == 0:
		fmt.Fprintf(&b, "the images are the same: %s\n", c.Old.Digest)
	case c.Same:
		for _, img := range c.Images {
			fmt.Fprintf(&b, "the images for %s are the same: %s\n", img.Platform, img.New)
		}
	default:
		printComparison(&b, c)
	}
	return printable(b.String())
}

func printComparison(w io.Writer, c *imgo.Comparison) {
	for _, side := range []struct {
		sign string
		imgo.Compared
	}{{"-", c.Old}, {"+", c.New}} {
		line(w, side.sign, "image", side.Reference+" "+side.Digest)
	}
	printChanges(w, c.Changes)
	for _, p := range c.Old.Only {
		line(w, "-", "platform", p)
	}
	for _, p := range c.New.Only {
		line(w, "+", "platform", p)
	}
	differs := func(i imgo.ImageComparison) bool { return !i.Same }
	if len(c.Changes)+len(c.Old.Only)+len(c.New.Only) == 0 && !slices.ContainsFunc(c.Images, differs) {
		line(w, " ", "index", "differs in nothing that is shown here: its order, its form, or entries that are no images")
	}
	for i := range c.Images {
		printImageComparison(w, &c.Images[i])
	}
}

func printImageComparison(w io.Writer, c *imgo.ImageComparison) {
	fmt.Fprintf(w, "\n%s\n", c.Platform)
	if c.Same {
		line(w, " ", "image", "the same, "+c.New)
		return
	}
	printChanges(w, c.Changes)
	differ := printLayers(w, c)
	for i := range c.Programs {
		printProgramComparison(w, &c.Programs[i])
	}
	if differ && c.Files != nil && len(c.Files) == 0 {
		line(w, " ", "file", "all are the same: the layers that differ do so in form, such as order or compression")
	}
	for i := range c.Files {
		printFileComparison(w, &c.Files[i])
	}
	if len(c.Changes) == 0 && !differ {
		line(w, " ", "image", "differs in nothing that is shown here: history or form of manifest and config")
	}
}

// printLayers reports whether layers differ.
func printLayers(w io.Writer, c *imgo.ImageComparison) (differ bool) {
	same, size := 0, int64(0)
	for _, l := range c.Layers {
		if l.Same {
			same++
			size += l.New.Size
		}
	}
	differ = same < len(c.Layers) || c.Reordered
	if same > 0 && differ {
		line(w, " ", "layer", fmt.Sprintf("%s the same, %s", plural(same, "layer"), progress.Bytes(size)))
	}
	if c.Reordered {
		line(w, " ", "layer", "those are in another order")
	}
	for i := range c.Layers {
		l := &c.Layers[i]
		if l.Same {
			continue
		}
		if l.Old != nil {
			line(w, "-", "layer", layerText(l.Old))
		}
		if l.New != nil {
			line(w, "+", "layer", layerText(l.New)+delta(l))
		}
		if l.Recompressed() {
			line(w, " ", "layer", "with the same content, compressed differently")
		}
	}
	return differ
}

func layerText(l *imgo.InspectedLayer) string {
	return strings.TrimSuffix(fmt.Sprintf("%s, %s, %s, %s", l.Kind, progress.Bytes(l.Size), l.Digest, firstLine(l.CreatedBy)), ", ")
}

// delta is how much a layer grew.
func delta(l *imgo.LayerComparison) string {
	if l.Old == nil {
		return ""
	}
	switch d := l.New.Size - l.Old.Size; {
	case d > 0:
		return fmt.Sprintf(" (+%s)", progress.Bytes(d))
	case d < 0:
		return fmt.Sprintf(" (-%s)", progress.Bytes(-d))
	}
	return ""
}

func printProgramComparison(w io.Writer, p *imgo.ProgramComparison) {
	if p.Old && p.New {
		line(w, " ", "program", p.Path)
		printChanges(w, p.Changes)
		return
	}
	side, sign := (*imgo.Change).NewText, "+"
	if p.Old {
		side, sign = (*imgo.Change).OldText, "-"
	}
	var parts []string
	for i := range p.Changes {
		switch p.Changes[i].Field {
		case "path", "problem", "go", "package":
			parts = append(parts, side(&p.Changes[i]))
		}
	}
	line(w, sign, "program", strings.Join(parts, ", "))
}

// printFileComparison writes what differs of a file; of one that is on one side only,
// what matters most.
func printFileComparison(w io.Writer, f *imgo.FileComparison) {
	var old, new []string
	for i := range f.Changes {
		c := &f.Changes[i]
		if f.Old != f.New && slices.Contains([]string{"content", "time", "attributes", "owner names"}, c.Field) {
			continue
		}
		name := cmp.Or(map[string]string{"type": "a"}[c.Field], c.Field) + " "
		if c.Old != nil {
			old = append(old, name+c.OldText())
		}
		if c.New != nil {
			new = append(new, name+c.NewText())
		}
	}
	if f.Old {
		line(w, "-", "file", strings.Join(append([]string{f.Path}, old...), ", "))
	}
	if f.New {
		line(w, "+", "file", strings.Join(append([]string{f.Path}, new...), ", "))
	}
}

func printChanges(w io.Writer, changes []imgo.Change) {
	for i := range changes {
		c := &changes[i]
		if c.Old != nil {
			line(w, "-", c.Field, c.OldText())
		}
		if c.New != nil {
			line(w, "+", c.Field, c.NewText())
		}
	}
}

// line writes a side of a difference. Further lines of its value are that side's too.
func line(w io.Writer, sign, name, value string) {
	value = strings.ReplaceAll(value, "\n", "\n"+sign+strings.Repeat(" ", 14))
	fmt.Fprintf(w, "%s %-12s %s\n", sign, name, value)
}
