package cli

import (
	"fmt"
	"strings"

	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/image"
)

// jsonPlan is the document of --dry-run --json.
type jsonPlan struct {
	Base      string       `json:"base,omitempty"` // this and the next two only where something is built
	Platforms []string     `json:"platforms,omitempty"`
	User      string       `json:"user,omitempty"`
	Output    string       `json:"output"`
	Targets   []jsonTarget `json:"targets"`
}

type jsonTarget struct {
	Name    string   `json:"name"`
	Package string   `json:"package,omitempty"`
	Source  string   `json:"source,omitempty"` // the archive that is pushed
	Tags    []string `json:"tags"`
	Path    string   `json:"path,omitempty"`
	Error   string   `json:"error,omitempty"`
}

// printPlan shows what a run would do.
func (a *app) printPlan(p *build.Plan, asJSON bool) error {
	doc := jsonPlan{Output: string(p.Output.Kind), Targets: []jsonTarget{}}
	for _, t := range p.Targets {
		if t.Artifact == nil {
			doc.Base, doc.User, doc.Platforms = p.Base, p.Config.User, platforms(p)
		}
		jt := jsonTarget{Name: t.Name, Package: t.Package.ImportPath, Source: t.Origin, Tags: tags(t), Path: t.Path}
		if t.Package.Err != nil {
			jt.Error = t.Package.Err.Error()
		}
		doc.Targets = append(doc.Targets, jt)
	}
	if asJSON {
		return a.printJSON(doc)
	}
	var b strings.Builder
	for _, t := range doc.Targets {
		fmt.Fprintf(&b, "%s\n", t.Name)
		for _, row := range [][2]string{
			{"package", t.Package}, {"archive", t.Source}, {"error", t.Error},
			{"base", doc.Base}, {"platforms", strings.Join(doc.Platforms, ", ")}, {"user", doc.User},
			{"tags", strings.Join(t.Tags, ", ")}, {doc.Output, t.Path},
		} {
			if row[1] != "" {
				fmt.Fprintf(&b, "  %-10s %s\n", row[0], row[1])
			}
		}
	}
	_, err := fmt.Fprint(a.Stdout, printable(b.String()))
	return err
}

func platforms(p *build.Plan) []string {
	if p.AllPlatforms {
		return []string{"all"}
	}
	var out []string
	for _, platform := range p.Platforms {
		out = append(out, image.PlatformString(platform))
	}
	return out
}
