package gobuild

import (
	"context"
	"go/ast"
	stdbuild "go/build"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"

	"github.com/imgo-build/imgo/internal/pattern"
)

// finding is a package that needs cgo, in a command that was built without.
type finding struct {
	Package string   `json:"package"`
	Module  string   `json:"module,omitempty"` // PATH@VERSION
	Local   bool     `json:"local,omitempty"`  // its files may change while its module's version stays
	Chain   []string `json:"chain"`            // import paths, from the command to the package
}

// imports runs go list for commands and all that they import, directly or not.
func (t *toolchain) imports(ctx context.Context, importPaths ...string) ([]*packages.Package, error) {
	return t.list(ctx, lean|packages.NeedImports|packages.NeedDeps|packages.NeedEmbedPatterns, importPaths...)
}

// findings lists the packages that a command imports, directly or not, and for which
// needsCgo holds, each with a shortest chain of imports, nearest first.
func findings(command *packages.Package, needsCgo func(*packages.Package) bool) []finding {
	var found []finding
	importer := map[*packages.Package]*packages.Package{command: nil}
	for queue := []*packages.Package{command}; len(queue) > 0; queue = queue[1:] {
		p := queue[0]
		if needsCgo(p) {
			f := finding{Package: p.PkgPath}
			if m := p.Module; m != nil {
				f.Module = strings.TrimSuffix(m.Path+"@"+m.Version, "@")
				f.Local = m.Version == "" || m.Replace != nil && m.Replace.Version == ""
			}
			for q := p; q != nil; q = importer[q] {
				f.Chain = append(f.Chain, q.PkgPath)
			}
			slices.Reverse(f.Chain)
			found = append(found, f)
		}
		for _, path := range slices.Sorted(maps.Keys(p.Imports)) {
			dep := p.Imports[path]
			if _, seen := importer[dep]; !seen {
				importer[dep] = p
				queue = append(queue, dep)
			}
		}
	}
	return found
}

// scanner judges packages by their files.
type scanner struct {
	with    stdbuild.Context // which files a build with cgo takes
	leftOut map[*packages.Package]bool
}

func (t *toolchain) newScanner() *scanner {
	return &scanner{
		with: stdbuild.Context{
			GOOS: t.platform.OS, GOARCH: t.platform.Architecture, Compiler: "gc", CgoEnabled: true,
			BuildTags: t.tags, ReleaseTags: stdbuild.Default.ReleaseTags,
		},
		leftOut: map[*packages.Package]bool{},
	}
}

// needsCgo reports whether a package is known to need cgo, or looks like it.
func (s *scanner) needsCgo(p *packages.Package) bool {
	if !s.lacksCgoFiles(p) {
		return false
	}
	_, known := cgoOnly[withoutMajor(p.PkgPath)]
	return known || s.stubbed(p.GoFiles)
}

// lacksCgoFiles reports whether a package outside of the standard library has files
// that a build with cgo would take and that say import "C".
func (s *scanner) lacksCgoFiles(p *packages.Package) bool {
	if p.Module == nil {
		return false
	}
	lacks, ok := s.leftOut[p]
	if !ok {
		lacks = slices.ContainsFunc(p.IgnoredFiles, s.isCgoFile)
		s.leftOut[p] = lacks
	}
	return lacks
}

// dirNeedsCgo does the same for the files of a directory.
func (s *scanner) dirNeedsCgo(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err == nil && slices.ContainsFunc(entries, func(e os.DirEntry) bool {
		return s.isCgoFile(filepath.Join(dir, e.Name()))
	})
}

// isCgoFile reports whether a build with cgo would take a file, which says import "C".
func (s *scanner) isCgoFile(path string) bool {
	if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || !s.takes(path) {
		return false
	}
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
	return err == nil && slices.ContainsFunc(f.Imports, func(i *ast.ImportSpec) bool { return i.Path.Value == `"C"` })
}

// takes reports whether the constraints and the name of a file let it into a build
// with cgo.
func (s *scanner) takes(path string) bool {
	ok, err := s.with.MatchFile(filepath.Dir(path), filepath.Base(path))
	return err == nil && ok
}

// stubbed reports whether what is left of a package without cgo looks like stubs: no
// declarations in any file that a build with cgo takes too, and in those that take the
// place of cgo's either functions that do nothing, or words about cgo. A package that
// has more in any build is taken to have a use for it: wrong warnings teach people to
// read none.
func (s *scanner) stubbed(files []string) bool {
	stubs, aboutCgo := true, false
	for _, path := range files {
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return false
		}
		declares := slices.ContainsFunc(f.Decls, func(d ast.Decl) bool {
			imports, ok := d.(*ast.GenDecl)
			return !ok || imports.Tok != token.IMPORT
		})
		switch {
		case !declares:
		case s.takes(path):
			return false
		default:
			stubs = stubs && !slices.ContainsFunc(f.Decls, doesSomething)
			aboutCgo = aboutCgo || speaksOfCgo(f)
		}
	}
	return stubs || aboutCgo
}

// doesSomething reports whether a declaration is a function, other than init, with
// more in it than panic or the return of errors and constants.
func doesSomething(d ast.Decl) bool {
	f, ok := d.(*ast.FuncDecl)
	if !ok || f.Name.Name == "init" && f.Recv == nil || f.Body == nil {
		return false
	}
	for _, stmt := range f.Body.List {
		switch stmt := stmt.(type) {
		case *ast.ReturnStmt:
			if !slices.ContainsFunc(stmt.Results, computes) {
				continue
			}
		case *ast.ExprStmt:
			if call, ok := stmt.X.(*ast.CallExpr); ok && isName(call.Fun, "panic") {
				continue
			}
		}
		return true
	}
	return false
}

// computes reports whether an expression is more than a constant, a variable, an
// empty value or a new error.
func computes(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BasicLit, *ast.Ident, *ast.SelectorExpr:
		return false
	case *ast.CompositeLit:
		return len(e.Elts) > 0
	case *ast.UnaryExpr:
		return computes(e.X)
	case *ast.CallExpr:
		if f, ok := e.Fun.(*ast.SelectorExpr); ok {
			return !isName(f.X, "errors") && !(isName(f.X, "fmt") && f.Sel.Name == "Errorf")
		}
	}
	return true
}

func isName(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

var cgoWord = pattern.New(`(?i)\bcgo(_enabled)?\b`)

// speaksOfCgo reports whether a string in a file has the word in it, as messages
// have that say what to do.
func speaksOfCgo(f *ast.File) bool {
	found := false
	ast.Inspect(f, func(n ast.Node) bool {
		lit, ok := n.(*ast.BasicLit)
		found = found || ok && lit.Kind == token.STRING && cgoWord.MatchString(lit.Value)
		return !found
	})
	return found
}
