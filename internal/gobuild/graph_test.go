package gobuild

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/go/packages"

	"github.com/imgo-build/imgo/pkg/build"
)

const graphModule = `
-- go.mod --
module example.com/m

go 1.24

require example.com/dep v1.0.0

replace example.com/dep => ./dep
-- dep/go.mod --
module example.com/dep

go 1.24
-- dep/dep.go --
package dep

func F()
-- dep/dep.s --
-- dep/dep.h --
-- dep/c.go --
package dep

import "C"
-- dep/windows_windows.go --
package dep
-- a/main.go --
package main

import (
	"embed"

	"example.com/dep"
	"example.com/m/lib"
)

//go:embed one *.txt
var files embed.FS

func main() { dep.F(); lib.F() }
-- a/one --
-- a/two.txt --
-- b/main.go --
package main

import "net/http"

func main() { http.Get("") }
-- lib/lib.go --
package lib

func F() {}
-- lib/tagged.go --
//go:build special

package lib

import _ "example.com/m/lib/below"
-- lib/below/below.go --
package below
`

// What is listed with low priority is what go/packages lists, except for what it makes up
// itself of the standard library.
func TestGraph(t *testing.T) {
	c := New(Options{Env: testEnv(), Dirs: newDirs(t)})
	choices := [][]string{{"special"}, nil}
	if !long() {
		choices = choices[:1]
	}
	for _, tags := range choices {
		chain, err := c.toolchain(build.GoSettings{Dir: write(t, graphModule), Tags: tags}, native)
		if err != nil {
			t.Fatal(err)
		}
		paths := []string{"example.com/m/a", "example.com/m/b"}
		want, err := chain.imports(t.Context(), paths...)
		if err != nil {
			t.Fatal(err)
		}
		got, err := chain.graph(t.Context(), time.Second, paths...)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(strings.Split(graphText(want), "\n"), strings.Split(graphText(got), "\n")); diff != "" {
			t.Errorf("with tags %v (-go/packages +graph):\n%s", tags, diff)
		}
		if !strings.Contains(graphText(got), "two.txt") && !strings.Contains(graphText(got), "*.txt") {
			t.Errorf("nothing is embedded:\n%s", graphText(got))
		}
		if below := strings.Contains(graphText(got), "example.com/m/lib/below\n"); below != (tags != nil) {
			t.Errorf("with tags %v: lib/below is listed: %v", tags, below)
		}
	}
}

// graphText says of packages what gobuild asks of them.
func graphText(roots []*packages.Package) string {
	var lines []string
	packages.Visit(roots, nil, func(p *packages.Package) {
		text := p.PkgPath + "\n\tname " + p.Name
		if p.Module != nil { // of the standard library, nothing else is asked
			var deps []string
			for path, dep := range p.Imports {
				deps = append(deps, path+" is "+dep.PkgPath)
			}
			slices.Sort(deps)
			text += "\n\timports " + strings.Join(deps, ", ")
			for _, list := range [][]string{p.GoFiles, p.IgnoredFiles, p.OtherFiles, p.EmbedPatterns} {
				slices.Sort(list)
				text += "\n\t" + strings.Join(list, " ")
			}
			text += "\n\tin " + p.Dir + " of " + p.Module.Path + " in " + localModuleDir(p.Module)
		}
		lines = append(lines, text)
	})
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func TestGraphFails(t *testing.T) {
	c := New(Options{Env: testEnv(), Dirs: newDirs(t)})
	chain, err := c.toolchain(build.GoSettings{Dir: write(t, "-- go.mod --\nmodule m\nnonsense\n")}, native)
	if err != nil {
		t.Fatal(err)
	}
	if pkgs, err := chain.graph(t.Context(), time.Second, "m"); err == nil {
		t.Errorf("graph = %v, want an error", pkgs)
	}
}
