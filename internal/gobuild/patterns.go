package gobuild

import (
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/tools/go/packages"

	"github.com/imgo-build/imgo/internal/pattern"
)

// isWildcard reports whether a pattern may match several packages.
func isWildcard(pattern string) bool {
	switch pattern {
	case "all", "std", "cmd", "tool", "work":
		return true
	}
	return strings.Contains(pattern, "...")
}

// isPath reports whether a pattern is a path rather than an import path.
func isPath(pattern string) bool {
	return filepath.IsAbs(pattern) || pattern == "" || pattern == "." || pattern == ".." ||
		strings.HasPrefix(pattern, "./") || strings.HasPrefix(pattern, "../") ||
		strings.HasPrefix(pattern, `.\`) || strings.HasPrefix(pattern, `..\`)
}

var majorVersion = pattern.New(`^v([2-9]|[1-9][0-9]+)$`)

// commandName is the name that the go command gives to the binary of a package: the
// last element of its import path, or the one before if that is a major version.
func commandName(importPath string) string {
	dir, elem := path.Split(importPath)
	if dir != "" && majorVersion.MatchString(elem) {
		return path.Base(dir)
	}
	return elem
}

// names reports whether a pattern without wildcards is a name of pkg.
func (t *toolchain) names(pattern string, pkg *packages.Package) bool {
	if pattern == pkg.PkgPath {
		return true
	}
	return isPath(pattern) && pkg.Dir != "" && t.abs(pattern) == filepath.Clean(pkg.Dir)
}

// abs is the directory or file that a pattern names, if it is a path.
func (t *toolchain) abs(pattern string) string { return joined(t.dir, pattern) }
