package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/imgo-build/imgo/internal/progress"
	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/image"
)

// The JSON document of build and push. Fields are added, never renamed.
type (
	jsonReport struct {
		Images []jsonImage `json:"images"`
	}
	jsonImage struct {
		Name       string         `json:"name"`
		Package    string         `json:"package,omitempty"`
		References []string       `json:"references"`
		Tags       []string       `json:"tags"`
		Digest     string         `json:"digest,omitempty"`
		MediaType  string         `json:"mediaType,omitempty"`
		Path       string         `json:"path,omitempty"` // of the tarball or layout
		Platforms  []jsonPlatform `json:"platforms,omitempty"`
		Error      string         `json:"error,omitempty"`
	}
	jsonPlatform struct {
		Platform   string      `json:"platform"`
		Digest     string      `json:"digest"`
		BaseName   string      `json:"baseName,omitempty"`
		BaseDigest string      `json:"baseDigest,omitempty"`
		Layers     []jsonLayer `json:"layers"`
	}
	jsonLayer struct {
		Digest    string `json:"digest"`
		Size      int64  `json:"size"` // bytes, compressed
		CreatedBy string `json:"createdBy,omitempty"`
	}
)

func report(results []build.Result) jsonReport {
	out := jsonReport{Images: []jsonImage{}}
	for _, r := range results {
		img := jsonImage{Name: r.Target.Name, Package: r.Target.Package.ImportPath, References: []string{}, Tags: tags(r.Target)}
		if r.Err != nil {
			img.Error = r.Err.Error()
			out.Images = append(out.Images, img)
			continue
		}
		img.References, img.Path = r.References, r.Target.Path
		img.Digest, img.MediaType = r.Digest.String(), string(r.MediaType)
		for _, p := range r.Images {
			jp := jsonPlatform{Platform: image.PlatformString(p.Platform), Digest: p.Digest.String(), BaseName: p.Base, BaseDigest: p.BaseSum}
			for _, l := range p.Layers {
				jp.Layers = append(jp.Layers, jsonLayer{Digest: l.Digest.String(), Size: l.Size, CreatedBy: l.Created})
			}
			img.Platforms = append(img.Platforms, jp)
		}
		out.Images = append(out.Images, img)
	}
	return out
}

// tags are the full names that a target gets.
func tags(t build.Target) []string {
	out := []string{}
	for _, d := range t.Repos {
		for _, tag := range d.Tags {
			out = append(out, tag.Name())
		}
	}
	return out
}

// printSummary tells people what there is now: names, where the bytes are, where
// the time went.
func printSummary(out io.Writer, results []build.Result, stages []progress.Stage, total time.Duration) {
	w := &strings.Builder{}
	done := false
	for _, r := range results {
		if r.Err != nil {
			continue
		}
		done = true
		fmt.Fprintf(w, "%s", strings.Join(tags(r.Target), ", "))
		if r.Target.Path != "" {
			fmt.Fprintf(w, " in %s", r.Target.Path)
		}
		fmt.Fprintln(w)
		for _, p := range r.Images {
			var sum int64
			for _, l := range p.Layers {
				sum += l.Size
			}
			fmt.Fprintf(w, "  %s  %s in %d layers\n", image.PlatformString(p.Platform), progress.Bytes(sum), len(p.Layers))
			for _, l := range p.Layers {
				fmt.Fprintf(w, "    %9s  %s\n", progress.Bytes(l.Size), firstLine(l.Created))
			}
		}
	}
	if !done {
		return
	}
	fmt.Fprintf(w, "  done in %s", progress.Seconds(total))
	for i, s := range stages {
		sep := ", "
		if i == 0 {
			sep = ": "
		}
		fmt.Fprintf(w, "%s%s %s", sep, s.Name, progress.Seconds(s.Time))
	}
	fmt.Fprintln(w)
	fmt.Fprint(out, printable(w.String()))
}

// firstLine shortens a history entry, which in bases can be a whole script.
func firstLine(s string) string {
	const most = 80
	s, _, _ = strings.Cut(s, "\n")
	if r := []rune(s); len(r) > most {
		s = string(r[:most-1]) + "…"
	}
	return s
}
