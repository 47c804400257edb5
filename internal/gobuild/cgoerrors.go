package gobuild

import (
	"fmt"
	"strings"
)

// CgoError says that a command was built without cgo and has a package in it that
// works only with cgo. It is for packages that are known for this and for those that
// the go command could not build; what is only suspected is a note of the binary.
type CgoError struct {
	ImportPath  string   // of the command
	Package     string   // the one that needs cgo
	Module      string   // that it is in, as PATH@VERSION; empty where that isn't known
	Chain       []string // import paths, each importing the next, from ImportPath to Package
	Alternative string   // pure Go packages for the same purpose; empty where none is known
	Reason      string   // what becomes of the package without cgo, such as "it fails at run time"
	failure     error    // how the go command failed; nil where it didn't
}

func (e *CgoError) Error() string {
	return fmt.Sprintf("%s needs cgo, without which it was built: package %s works only with it: %s (%s)",
		e.ImportPath, e.Package, e.Reason, chainText(e.Chain))
}

// Unwrap returns the [*CompileError], if there was one.
func (e *CgoError) Unwrap() error { return e.failure }

// What becomes of a package that needs cgo and is built without.
const (
	failsLater   = "it compiles without cgo, but fails at run time"
	failsNow     = "it doesn't compile without cgo"
	nothingLeft  = "all of its Go files need cgo"
	partsMissing = "what is used of it isn't there without cgo"
)

// maxChain is how many elements of a chain are shown before its middle is left out.
const maxChain = 8

// chainText says in one line who imports a package.
func chainText(chain []string) string {
	if len(chain) < 2 {
		return "it is the command itself"
	}
	if len(chain) > maxChain {
		start, end := chain[:maxChain/2], chain[len(chain)-maxChain/2:]
		chain = append(append(append([]string{}, start...), "…"), end...)
	}
	return strings.Join(chain, " → ")
}

// NoCCompilerError says that a build with cgo found no C compiler that makes programs
// for the platform.
type NoCCompilerError struct {
	ImportPath string
	Platform   string
	CC         string        // the compiler that was tried; empty for the go command's default
	Missing    bool          // CC was not found; else it could not compile Go's own C files
	Failure    *CompileError // what the go command said
}

func (e *NoCCompilerError) Error() string {
	cc := "the C compiler"
	if e.CC != "" {
		cc = fmt.Sprintf("the C compiler %q", e.CC)
	}
	what := "doesn't compile for this platform"
	if e.Missing {
		what = "was not found"
	}
	return fmt.Sprintf("compiling %s for %s with cgo: %s %s", e.ImportPath, e.Platform, cc, what)
}

// Unwrap returns the [*CompileError].
func (e *NoCCompilerError) Unwrap() error {
	if e.Failure == nil {
		return nil
	}
	return e.Failure
}
