package gobuild

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/tools/go/packages"

	"github.com/imgo-build/imgo/pkg/build"

	"github.com/imgo-build/imgo/internal/pattern"
)

var (
	noCompiler = pattern.New(`(?:C compiler "([^"]+)" not found|running ([^\s"]+) failed: exec: )`)
	// The packages of the standard library that have C files compile wherever a C
	// compiler with its library does.
	stdlibInC     = pattern.New(`(?m)^# (?:runtime/cgo|net|os/user)$`)
	excludedDir   = pattern.New(`(?m): build constraints exclude all Go files in (.+)$`)
	failedPackage = pattern.New(`^# (\S+)$`)
	undefinedName = pattern.New(`^(\S+\.go):[0-9]+(?::[0-9]+)?: undefined: (?:(\w+)\.)?\w+`)
)

// explainFailure says more of a failed build where cgo is what it failed for.
func (c *Compiler) explainFailure(ctx context.Context, j *job, failure *CompileError) error {
	t := j.chain
	if t.env.goenv("CGO_ENABLED", t.dir) != "0" {
		if e := compilerFailure(failure, t.env.goenv("CC", t.dir)); e != nil {
			return e
		}
		return failure
	}
	// The imports are looked at only if there is something to find: most often, a
	// package that doesn't compile is one that the user is working on.
	scan := t.newScanner()
	suspects := scan.suspects(failure.Output, t.dir, j.Package.Module)
	if len(suspects) == 0 || ctx.Err() != nil {
		return failure
	}
	commands, err := t.imports(ctx, j.Package.ImportPath)
	if err != nil || len(commands) != 1 {
		return failure
	}
	reason := ""
	found := findings(commands[0], func(p *packages.Package) bool {
		why := suspects[p.PkgPath] + suspects[p.Dir]
		if why == "" || !scan.lacksCgoFiles(p) {
			return false
		}
		if reason == "" {
			reason = why
		}
		return true
	})
	if len(found) == 0 {
		return failure
	}
	f := found[0]
	return &CgoError{
		ImportPath: j.Package.ImportPath, Package: f.Package, Module: f.Module, Chain: f.Chain,
		Alternative: cgoOnly[withoutMajor(f.Package)], Reason: reason, failure: failure,
	}
}

// compilerFailure finds in the output of a build with cgo that the C compiler is to
// blame. It returns nil where the package itself may be.
func compilerFailure(e *CompileError, cc string) *NoCCompilerError {
	found := &NoCCompilerError{ImportPath: e.ImportPath, Platform: e.Platform, CC: cc, Failure: e}
	if m := noCompiler.FindStringSubmatch(e.Output); m != nil {
		found.CC, found.Missing = m[1]+m[2], true
		return found
	}
	if stdlibInC.MatchString(e.Output) {
		return found
	}
	return nil
}

// suspects finds in the output of a build without cgo the packages that may have
// failed for the lack of it, by directory or import path, and what became of them:
// those without any files; those in which names are not defined; and of those that are
// known to need cgo, the ones from which a name was missed. dir is where the go
// command ran.
func (s *scanner) suspects(output, dir string, own *build.Module) map[string]string {
	found := map[string]string{}
	if m := excludedDir.FindStringSubmatch(output); m != nil && s.dirNeedsCgo(m[1]) {
		found[m[1]] = nothingLeft
	}
	pkg := ""
	for line := range strings.Lines(output) {
		line = strings.TrimRight(line, "\r\n")
		if m := failedPackage.FindStringSubmatch(line); m != nil {
			pkg = m[1]
		}
		m := undefinedName.FindStringSubmatch(line)
		switch {
		case m == nil || pkg == "":
		case m[2] == "":
			if found[pkg] == "" && s.mayNeedCgo(pkg, own) {
				found[pkg] = failsNow
			}
		default:
			if !filepath.IsAbs(m[1]) {
				m[1] = filepath.Join(dir, m[1])
			}
			if known := importOfCgoOnly(m[1], m[2]); known != "" {
				found[known] = partsMissing
			}
		}
	}
	return found
}

// mayNeedCgo reports whether a package may have files that need cgo. It is certain
// for packages of the user's own module.
func (s *scanner) mayNeedCgo(pkg string, own *build.Module) bool {
	if own == nil || own.Version != "" || pkg != own.Path && !strings.HasPrefix(pkg, own.Path+"/") {
		return true
	}
	return s.dirNeedsCgo(filepath.Join(own.Dir, filepath.FromSlash(strings.TrimPrefix(pkg, own.Path))))
}

// importOfCgoOnly finds the package that a name stands for in a file, if it is one that
// is known to need cgo.
func importOfCgoOnly(file, name string) string {
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		return ""
	}
	for _, i := range f.Imports {
		pkg, err := strconv.Unquote(i.Path.Value)
		if _, known := cgoOnly[withoutMajor(pkg)]; err == nil && known && importName(i, pkg) == name {
			return pkg
		}
	}
	return ""
}

// importName is the name that an import has in its file, as far as its path tells.
func importName(i *ast.ImportSpec, pkg string) string {
	if i.Name != nil {
		return i.Name.Name
	}
	base := path.Base(withoutMajor(pkg))
	return strings.TrimPrefix(base, "go-")
}
