package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/imgo-build/imgo/internal/gobuild"
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
		// The delimiter form, with a delimiter that the value lacks: a value with a line
		// break, such as a path, can't set another output.
		delimiter := outputDelimiter
		for strings.Contains(outputs[key], delimiter) {
			delimiter += "-"
		}
		fmt.Fprintf(&b, "%s<<%s\n%s\n%s\n", key, delimiter, outputs[key], delimiter)
	}
	if err := appendFile(a.getenv("GITHUB_OUTPUT"), b.String()); err != nil {
		return fmt.Errorf("writing the step's outputs: %w", err)
	}
	if err := appendFile(a.getenv("GITHUB_STEP_SUMMARY"), summaryTable(results)); err != nil {
		return fmt.Errorf("writing the step's summary: %w", err)
	}
	return nil
}

// annotateLoadErrors shows what keeps packages from being loaded at the lines at
// fault, as progress does for what the compiler says. dir is where the go command ran.
func (a *app) annotateLoadErrors(results []build.Result, dir string) {
	if a.getenv("GITHUB_ACTIONS") != "true" {
		return
	}
	for _, r := range results {
		load, ok := errors.AsType[*gobuild.LoadError](r.Err)
		if !ok {
			continue
		}
		for _, text := range load.Errors {
			if command := progress.Annotation(a.inWorkspace(dir), printable(text)); command != "" {
				fmt.Fprintln(a.Stderr, command)
			}
		}
	}
}

// inWorkspace is a directory as seen from the root of the repository.
func (a *app) inWorkspace(dir string) string {
	rel, err := filepath.Rel(a.getenv("GITHUB_WORKSPACE"), dir)
	if err != nil {
		return ""
	}
	return rel
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
