package archtest

import (
	"fmt"
	"go/ast"
	"go/build/constraint"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Check reads the Go files of a module and returns what breaks the policy, one line
// each, by folder and file. The error is for files that can't be read or parsed.
func Check(module fs.FS, p Policy) (violations []string, err error) {
	c := &checker{policy: p, files: token.NewFileSet()}
	err = fs.WalkDir(module, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return c.directory(module, name)
		}
		if path.Ext(name) != ".go" {
			return nil
		}
		source, err := fs.ReadFile(module, name)
		if err != nil {
			return err
		}
		return c.file(name, source)
	})
	return c.violations, err
}

type checker struct {
	policy     Policy
	files      *token.FileSet
	violations []string
	unknown    []string // folders that were reported
}

// directory leaves out what the go command leaves out too.
func (c *checker) directory(module fs.FS, name string) error {
	if name == "." {
		return nil
	}
	base := path.Base(name)
	if base == "testdata" || base == "vendor" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") {
		return fs.SkipDir
	}
	if _, err := fs.Stat(module, path.Join(name, "go.mod")); err == nil {
		return fs.SkipDir
	}
	return nil
}

func (c *checker) file(name string, source []byte) error {
	f, err := parser.ParseFile(c.files, name, source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	folder, test := path.Dir(name), strings.HasSuffix(name, "_test.go")
	if ignored(f) {
		return nil
	}
	if !c.policy.knows(folder) {
		if !slices.Contains(c.unknown, folder) {
			c.unknown = append(c.unknown, folder)
			c.report(name, "folder %s is not in the table: add it to rules.go, to the level that it belongs to", folder)
		}
		return nil
	}
	for _, spec := range f.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return err
		}
		if test {
			c.testImport(name, folder, imported)
		} else {
			c.ownImport(name, folder, imported)
			c.otherImport(name, folder, imported)
		}
	}
	if !test && f.Name.Name != "main" {
		c.uses(name, folder, f)
	}
	if !test && f.Name.Name == "main" && !within(folder, c.policy.ProgramFolder) && !c.policy.isApart(folder) {
		c.report(name, "a main package belongs below %s", c.policy.ProgramFolder)
	}
	return nil
}

// ignored reports whether a file is a program that only "go run" knows.
func ignored(f *ast.File) bool {
	for _, group := range f.Comments {
		if group.Pos() > f.Package {
			return false
		}
		for _, comment := range group.List {
			if expr, err := constraint.Parse(comment.Text); err == nil && expr.String() == "ignore" {
				return true
			}
		}
	}
	return false
}

func (c *checker) report(name, format string, args ...any) {
	c.violations = append(c.violations, name+": "+fmt.Sprintf(format, args...))
}

// ownImport checks an import of a package of the module.
func (c *checker) ownImport(name, folder, imported string) {
	target, ok := strings.CutPrefix(imported, Module+"/")
	if !ok {
		return
	}
	if a := c.policy.apart(folder); a != nil {
		if !slices.Contains(a.Imports, target) {
			c.report(name, "%s must not import %s", folder, target)
		}
		return
	}
	from, to := c.policy.level(folder), c.policy.level(target)
	switch {
	case c.policy.isApart(target):
		c.report(name, "%s must not import %s except in tests", folder, target)
	case to < 0:
		c.report(name, "%s imports %s, which is not in the table", folder, target)
	case to == from:
		c.report(name, "%s must not import %s: both are %s", folder, target, c.policy.Levels[to].Name)
	case to > from:
		c.report(name, "%s (%s) must not import %s, which is above it (%s)",
			folder, c.policy.Levels[from].Name, target, c.policy.Levels[to].Name)
	}
}

// otherImport checks an import of a package of another module.
func (c *checker) otherImport(name, folder, imported string) {
	for _, o := range c.policy.Owned {
		owned := slices.ContainsFunc(o.Imports, func(prefix string) bool { return within(imported, prefix) })
		if owned && !slices.Contains(o.Folders, folder) {
			c.report(name, "%s must not import %s: only %s may", folder, imported, strings.Join(o.Folders, ", "))
		}
	}
}

func (c *checker) testImport(name, folder, imported string) {
	target, ok := strings.CutPrefix(imported, Module+"/")
	level := c.policy.level(folder)
	if ok && level >= 0 && level < c.policy.TestsBelow && slices.Contains(c.policy.TestsNever, target) {
		c.report(name, "a test of %s must not import %s", folder, target)
	}
}

// uses finds names that are forbidden.
func (c *checker) uses(name, folder string, f *ast.File) {
	imports := map[string]string{} // by the name in the file
	for _, spec := range f.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value)
		local := path.Base(imported)
		if spec.Name != nil {
			local = spec.Name.Name
		}
		imports[local] = imported
		if local == "." && slices.ContainsFunc(c.policy.Forbidden, func(b Forbidden) bool { return b.Import == imported }) {
			c.report(name, "%s is imported with a dot, which would hide what is used of it", imported)
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok {
				c.use(n.Pos(), folder, imports[x.Name], n.Sel.Name)
			}
		case *ast.CallExpr:
			if fun, ok := n.Fun.(*ast.Ident); ok && (fun.Name == "print" || fun.Name == "println") {
				c.report(c.line(n.Pos()), "%s must not be used: streams come in as values", fun.Name)
			}
		}
		return true
	})
}

func (c *checker) use(pos token.Pos, folder, imported, name string) {
	for _, b := range c.policy.Forbidden {
		if b.Import == imported && slices.Contains(b.Names, name) && !slices.Contains(b.Except, folder) {
			c.report(c.line(pos), "%s.%s must not be used in %s: %s", path.Base(imported), name, folder, b.Why)
		}
	}
}

func (c *checker) line(pos token.Pos) string {
	p := c.files.Position(pos)
	return fmt.Sprintf("%s:%d", p.Filename, p.Line)
}

// level returns the index of a folder's level, or -1.
func (p Policy) level(folder string) int {
	return slices.IndexFunc(p.Levels, func(l Level) bool { return slices.Contains(l.Folders, folder) })
}

func (p Policy) apart(folder string) *Apart {
	for i, a := range p.Apart {
		if a.Folder == folder {
			return &p.Apart[i]
		}
	}
	return nil
}

func (p Policy) isApart(folder string) bool { return p.apart(folder) != nil }

func (p Policy) knows(folder string) bool { return p.level(folder) >= 0 || p.isApart(folder) }

// within reports whether a path is another or below it.
func within(name, prefix string) bool {
	return name == prefix || strings.HasPrefix(name, prefix+"/")
}
