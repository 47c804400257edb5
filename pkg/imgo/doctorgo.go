package imgo

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/imgo-build/imgo/internal/gobuild"
	"github.com/imgo-build/imgo/pkg/build"
)

// describeTools asks the go command about itself.
func (d *doctor) describeTools(ctx context.Context) (*gobuild.Toolchain, error) {
	ctx, cancel := d.limit(ctx)
	defer cancel()
	s := d.req.Default.Go
	s.Dir = d.req.Dir
	return d.client.compiler.Describe(ctx, s, platformOf(&d.req.Default))
}

// goCommand is the check of the go command.
func (d *doctor) goCommand(context.Context) []Check {
	t, err := d.tools()
	if err != nil {
		return []Check{d.failed("go", err)}
	}
	c := Check{Name: "go", Status: StatusOK, Detail: fmt.Sprintf("%s, %s", t.Version, t.Path)}
	if t.Required != "" {
		c.Detail += fmt.Sprintf("; %s asks for %s", filepath.Base(t.Module), t.Required)
	}
	if t.Choice != "" && t.Choice != "auto" {
		c.Detail += "; GOTOOLCHAIN=" + t.Choice
	}
	if t.Shim {
		c.Detail += "; it is a version manager's, and runs the one in " + t.Root
	}
	out := []Check{c}
	note := func(text string) { out = append(out, Check{Name: "go", Status: StatusNote, Detail: text}) }
	if len(t.Flags) > 0 {
		note(fmt.Sprintf("GOFLAGS has %s, which changes what images hold, here and not elsewhere", strings.Join(t.Flags, " ")))
	}
	if t.Ignored {
		note("CGO_ENABLED=1 in the environment doesn't count: images are built without cgo unless --build-env or buildEnv says CGO_ENABLED=1")
	}
	return out
}

// selection is what would be built.
type selection struct {
	targets []build.Target // without templates' values
	err     error          // why nothing is known of them
}

// selectTargets finds the packages as Plan does. Without anything named, all commands
// count where the directory holds none itself.
func (d *doctor) selectTargets(ctx context.Context) selection {
	if d.hostOnly {
		return selection{}
	}
	ctx, cancel := d.limit(ctx)
	defer cancel()
	if len(d.req.Patterns) > 0 || len(d.req.Images) > 0 {
		return d.load(ctx, d.req.Patterns)
	}
	here := d.load(ctx, []string{"."})
	if here.err != nil || here.targets[0].Err() == nil {
		return here
	}
	return d.load(ctx, d.everything())
}

// everything is the pattern for all packages here: those of the module or, in the root
// of a workspace, of all its modules, which "./..." does not mean.
func (d *doctor) everything() []string {
	var out []string
	if t, err := d.tools(); err == nil && filepath.Dir(t.Module) == realPath(d.req.Dir) {
		for _, dir := range t.Modules {
			if rel, err := filepath.Rel(realPath(d.req.Dir), dir); err == nil && filepath.IsLocal(rel) && rel != "." {
				out = append(out, "./"+filepath.ToSlash(rel)+"/...")
			} else if rel == "." {
				out = append(out, "./...")
			}
		}
	}
	if len(out) == 0 {
		return []string{"./..."}
	}
	return out
}

func (d *doctor) load(ctx context.Context, patterns []string) selection {
	req := d.req
	req.Patterns = patterns
	p := planner{client: d.client, req: &req, loaded: map[string][]build.Package{}}
	choices, err := p.choose(ctx)
	if err != nil {
		return selection{err: err}
	}
	targets, err := p.targets(ctx, choices)
	return selection{targets, err}
}

// module is the check of the module and of what is to be built of it.
func (d *doctor) module(context.Context) []Check {
	if d.hostOnly {
		return skipped("module", noConfig)
	}
	s := d.selected()
	if s.err != nil {
		if _, err := d.tools(); err != nil {
			return skipped("module", "the go command has to work first")
		}
		return []Check{d.failed("module", s.err)}
	}
	var failed []Check
	var modules, names []string
	for _, t := range s.targets {
		if err := t.Err(); err != nil {
			failed = append(failed, d.failed("module", err))
			continue
		}
		names = append(names, t.Name)
		if m := t.Package.Module; m != nil {
			text := m.Path
			if m.Version == "" {
				text += " in " + m.Dir
				if _, err := os.Stat(filepath.Join(m.Dir, "vendor", "modules.txt")); err == nil {
					text += " (vendored)"
				}
			}
			if !slices.Contains(modules, text) {
				modules = append(modules, text)
			}
		}
	}
	if len(failed) > 0 {
		return failed
	}
	detail := "commands " + strings.Join(names, ", ")
	if len(names) == 1 {
		detail = "command " + names[0]
	}
	if len(modules) > 0 {
		detail = strings.Join(modules, ", ") + "; " + detail
	}
	return []Check{{Name: "module", Status: StatusOK, Detail: detail}}
}

// valid are the targets that can be built as far as is known.
func (d *doctor) valid() []build.Target {
	return slices.DeleteFunc(slices.Clone(d.selected().targets), func(t build.Target) bool { return t.Err() != nil })
}
