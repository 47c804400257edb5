package fastpath

import (
	"path"
	"strings"
)

// relevantExts are the extensions that go/build sorts the files of a package by,
// whatever the system and whether cgo is on.
var relevantExts = map[string]bool{
	".go": true,
	".c":  true, ".cc": true, ".cpp": true, ".cxx": true, ".m": true,
	".h": true, ".hh": true, ".hpp": true, ".hxx": true,
	".f": true, ".F": true, ".for": true, ".f90": true,
	".s": true, ".S": true, ".sx": true,
	".swig": true, ".swigcxx": true,
	".syso": true,
}

// Relevant reports whether name, of a file in a package's directory, is one that the go
// command may read: a source or object file, the profile default.pgo, or go.mod, which
// would make the directory another module's. It never reads names that begin with
// "_" or ".".
func Relevant(name string) bool {
	if strings.HasPrefix(name, "_") || strings.HasPrefix(name, ".") {
		return false
	}
	return name == "default.pgo" || name == "go.mod" || relevantExts[path.Ext(name)]
}

// aspects are what of a path counts as its state.
type aspects uint8

const (
	aspectVia     aspects = 1 << iota // if it is a link: its text; on the way to another path
	aspectStamp                       // if it is there: its stamp, which tells of writes to a directory
	aspectName                        // that it exists, as what, and the text of a link
	aspectHeader                      // of a Go file, what Header returns
	aspectContent                     // of a file
	allAspects    = aspectVia | aspectStamp | aspectName | aspectHeader | aspectContent
)

// ofPackage returns what counts of a relevant file in a Package.
func ofPackage(name string) aspects {
	if strings.HasSuffix(name, "_test.go") {
		return aspectName | aspectHeader
	}
	return aspectName | aspectContent
}

// ofHeaders returns what counts of a relevant file in Headers and Tree.
func ofHeaders(name string) aspects {
	if isGo(name) {
		return aspectName | aspectHeader
	}
	return aspectName
}

func isGo(name string) bool { return strings.HasSuffix(name, ".go") }
