package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/imgo-build/imgo/internal/progress"
	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/image"
)

// writeGitHub hands the results of the action's step to the steps after it
// (GITHUB_OUTPUT) and to people (GITHUB_STEP_SUMMARY).
func (a *app) writeGitHub(results []build.Result) error {
	if !a.github {
		return nil
	}
	var done []build.Result
	references := []string{}
	for _, r := range results {
		if r.Err == nil {
			done = append(done, r)
			references = append(references, r.References...)
		}
	}
	list, err := json.Marshal(references)
	if err != nil {
		return err
	}
	outputs := map[string]string{"references": string(list), "reference": "", "digest": "", "tarball": ""}
	if len(done) > 0 {
		outputs["digest"] = done[0].Digest.String()
		outputs["tarball"] = done[0].Target.Path
		if len(references) > 0 {
			outputs["reference"] = references[0]
		}
	}
	var b strings.Builder
	for _, key := range []string{"reference", "digest", "references", "tarball"} {
		// The delimiter form: a value with a line break can't set another output.
		fmt.Fprintf(&b, "%s<<%s\n%s\n%s\n", key, outputDelimiter, strings.ReplaceAll(outputs[key], outputDelimiter, ""), outputDelimiter)
	}
	if err := appendFile(a.getenv("GITHUB_OUTPUT"), b.String()); err != nil {
		return fmt.Errorf("writing the step's outputs: %w", err)
	}
	if err := appendFile(a.getenv("GITHUB_STEP_SUMMARY"), summaryTable(results)); err != nil {
		return fmt.Errorf("writing the step's summary: %w", err)
	}
	return nil
}

const outputDelimiter = "imgo-end-of-output"

func summaryTable(results []build.Result) string {
	var b strings.Builder
	b.WriteString("### Images\n\n| image | platform | size | reference |\n|---|---|---|---|\n")
	for _, r := range results {
		if r.Err != nil {
			fmt.Fprintf(&b, "| %s | | | failed: %s |\n", cell(r.Target.Name), cell(r.Err.Error()))
			continue
		}
		ref := strings.Join(r.References, " ")
		for _, p := range r.Images {
			var size int64
			for _, l := range p.Layers {
				size += l.Size
			}
			fmt.Fprintf(&b, "| %s | %s | %s | `%s` |\n", cell(r.Target.Name), image.PlatformString(p.Platform), progress.Bytes(size), cell(ref))
		}
		if len(r.Images) == 0 {
			fmt.Fprintf(&b, "| %s | | | `%s` |\n", cell(r.Target.Name), cell(ref))
		}
	}
	return b.String() + "\n"
}

// cell keeps a text inside its cell of a Markdown table.
func cell(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return strings.NewReplacer("|", "\\|", "`", "'", "<", "&lt;").Replace(s)
}

func appendFile(path, text string) error {
	if path == "" {
		return nil
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if _, err := f.WriteString(text); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}
