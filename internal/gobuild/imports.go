package gobuild

import (
	"context"
	"fmt"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/tools/go/packages"

	"github.com/imgo-build/imgo/pkg/build"
)

// Imports is what can be said of a command before it is compiled.
type Imports struct {
	ImportPath string // the command's
	// Err would fail the build: a [*CgoError], or a [*LoadError] of a package that the
	// command imports and that isn't there.
	Err error
	// Notes would be those of the binary (see [build.Binary]).
	Notes []string
}

// CheckImports looks at all that commands import, directly or not, as [Compiler.Compile]
// does once they are built: whether it is there and whether it needs cgo, which the
// settings may not use. Commands without packages of other modules are not suspected.
func (c *Compiler) CheckImports(ctx context.Context, s build.GoSettings, p v1.Platform, importPaths []string) ([]Imports, error) {
	t, err := c.toolchain(s, p)
	if err != nil {
		return nil, err
	}
	commands, err := t.imports(ctx, importPaths...)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	scan := t.newScanner()
	var out []Imports
	for _, command := range commands {
		found := Imports{ImportPath: command.PkgPath}
		cgo := t.env.goenv("CGO_ENABLED", t.dir) != "0"
		switch {
		case found.missing(t, scan, command, cgo):
		case !cgo && hasDeps(command):
			found.cgo(t, findings(command, scan.needsCgo))
		}
		out = append(out, found)
	}
	return out, nil
}

// missing looks for packages that can't be loaded. One of which all files need cgo
// looks like that without it.
func (i *Imports) missing(t *toolchain, scan *scanner, command *packages.Package, cgo bool) bool {
	broken := func(p *packages.Package) bool { return len(p.Errors) > 0 }
	found := findings(command, broken)
	if len(found) == 0 {
		return false
	}
	first := found[0]
	var pkg *packages.Package
	packages.Visit([]*packages.Package{command}, func(p *packages.Package) bool {
		if p.PkgPath == first.Package {
			pkg = p
		}
		return pkg == nil
	}, nil)
	if !cgo && strings.Contains(pkg.Errors[0].Msg, "build constraints exclude all Go files") && scan.lacksCgoFiles(pkg) {
		i.Err = first.cgoError(command.PkgPath, nothingLeft)
		return true
	}
	e := t.loadError(command.PkgPath, pkg)
	if len(first.Chain) > 1 {
		e.Errors = append(e.Errors, "imported by "+strings.Join(first.Chain[:len(first.Chain)-1], " → "))
	}
	i.Err = e
	return true
}

// cgo judges findings as judgeCgo does.
func (i *Imports) cgo(t *toolchain, found []finding) {
	chosen := t.user.goenv("CGO_ENABLED", t.dir) == "0"
	for _, f := range found {
		_, known := cgoOnly[withoutMajor(f.Package)]
		if known && !chosen {
			i.Err = f.cgoError(i.ImportPath, failsLater)
			return
		}
		verb := "seems to work"
		if known {
			verb = "works"
		}
		i.Notes = append(i.Notes, fmt.Sprintf("package %s %s only with cgo, without which %s is built (%s)", f.Package, verb, i.ImportPath, chainText(f.Chain)))
	}
}

// hasDeps reports whether a command is made of more than its own module.
func hasDeps(command *packages.Package) bool {
	found := false
	packages.Visit([]*packages.Package{command}, func(p *packages.Package) bool {
		found = found || p.Module != nil && command.Module != nil && p.Module.Path != command.Module.Path
		return !found
	}, nil)
	return found
}

func (f *finding) cgoError(command, reason string) *CgoError {
	return &CgoError{
		ImportPath: command, Package: f.Package, Module: f.Module, Chain: f.Chain,
		Alternative: cgoOnly[withoutMajor(f.Package)], Reason: reason,
	}
}
