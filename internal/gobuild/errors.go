package gobuild

import (
	"fmt"
	"strings"
	"syscall"
)

// NoGoError says that PATH has no go command.
type NoGoError struct{}

func (*NoGoError) Error() string { return "no go command found in PATH" }

// GoVersionError says that the go command is too old for the module or for imgo.
type GoVersionError struct {
	Required string // such as "1.27"
	Running  string // the go command's version; empty where it didn't say
	Output   string // the go command's own words
}

func (e *GoVersionError) Error() string {
	return "the go command is too old: " + e.Output
}

// NoModuleError says that a directory lies in no module and no workspace.
type NoModuleError struct {
	Dir string // absolute
}

func (e *NoModuleError) Error() string {
	return fmt.Sprintf("no go.mod found in %s or any directory above it", e.Dir)
}

// NoMainError says that patterns matched packages, none of which is a command.
type NoMainError struct {
	Patterns []string
}

func (e *NoMainError) Error() string {
	return fmt.Sprintf("no main package matches %s", strings.Join(e.Patterns, " "))
}

// NotMainError says that a package named on its own is not a command.
type NotMainError struct {
	ImportPath string
	Name       string // the package clause's
}

func (e *NotMainError) Error() string {
	return fmt.Sprintf("%s is not a main package but package %s", e.ImportPath, e.Name)
}

// GoFilesError says that a pattern names a .go file.
type GoFilesError struct {
	Pattern string
}

func (e *GoFilesError) Error() string {
	return fmt.Sprintf("%s is a file: packages are named by directory or import path", e.Pattern)
}

// LoadError holds what the go command said about a package that it can't load.
type LoadError struct {
	Pattern    string   // the argument; empty where the trouble is the module's
	ImportPath string   // empty where there is no package
	Errors     []string // the go command's own words, each with its position
	// LacksDot says that the pattern was taken for an import path but, with "./"
	// in front, would name a directory.
	LacksDot bool
}

func (e *LoadError) Error() string {
	what := e.ImportPath
	if what == "" {
		what = e.Pattern
	}
	msg := strings.Join(e.Errors, "\n")
	if what == "" {
		return "loading packages: " + msg
	}
	return fmt.Sprintf("loading %s: %s", what, msg)
}

// BuildEnvError says that an entry of the build environment can't be honoured.
type BuildEnvError struct {
	Name   string // the variable, or the entry where it has no "="
	Reason string
}

func (e *BuildEnvError) Error() string {
	return fmt.Sprintf("build environment variable %q: %s", e.Name, e.Reason)
}

// FlagError says that a flag for the go command can't be honoured. Values are
// left out: they may hold what should not be printed.
type FlagError struct {
	Flag   string // such as "GOFLAGS" or "-ldflags"
	Reason string
}

func (e *FlagError) Error() string { return e.Flag + ": " + e.Reason }

// BuildModeError says that GOFLAGS asks for something other than an executable.
type BuildModeError struct {
	Mode string
}

func (e *BuildModeError) Error() string {
	return fmt.Sprintf("GOFLAGS sets -buildmode=%s, which makes no executable", e.Mode)
}

// UnsupportedOSError says that images for an operating system can't be built.
type UnsupportedOSError struct {
	OS string
}

func (e *UnsupportedOSError) Error() string {
	return fmt.Sprintf("operating system %q is not supported: images are built for linux", e.OS)
}

// UnsupportedPlatformError says that Go has no such Linux architecture or variant.
type UnsupportedPlatformError struct {
	Platform string
	Reason   string
}

func (e *UnsupportedPlatformError) Error() string {
	return fmt.Sprintf("platform %s: %s", e.Platform, e.Reason)
}

// CompileError says that the go command could not build a package.
type CompileError struct {
	ImportPath string
	Platform   string
	ExitCode   int    // -1 where a signal ended it
	Reason     string // how the go command ended, such as "exit status 1"
	Output     string // the end of what it printed
}

func (e *CompileError) Error() string {
	return fmt.Sprintf("compiling %s for %s: go build: %s", e.ImportPath, e.Platform, e.Reason)
}

// Unwrap returns [syscall.ENOSPC] where a full disk stopped the compiler or linker,
// who say so in words only.
func (e *CompileError) Unwrap() error {
	if strings.Contains(e.Output, syscall.ENOSPC.Error()) {
		return syscall.ENOSPC
	}
	return nil
}

// DynamicError says that a binary needs a dynamic loader or shared libraries,
// which an image may not have.
type DynamicError struct {
	ImportPath string
	Interp     string   // PT_INTERP; empty if none
	Needed     []string // DT_NEEDED
	OnlyStdlib bool     // only net and os/user of the standard library need the C library
}

func (e *DynamicError) Error() string {
	var has []string
	if e.Interp != "" {
		has = append(has, "the loader "+e.Interp)
	}
	if len(e.Needed) > 0 {
		has = append(has, strings.Join(e.Needed, ", "))
	}
	return fmt.Sprintf("%s is not statically linked: it needs %s", e.ImportPath, strings.Join(has, " and "))
}

// PlatformError says that a binary is for another platform than asked for, or no
// whole ELF executable at all.
type PlatformError struct {
	ImportPath string
	Platform   string
	Reason     string
}

func (e *PlatformError) Error() string {
	return fmt.Sprintf("%s is not a binary for %s: %s", e.ImportPath, e.Platform, e.Reason)
}

// BuildInfoError says that a binary's build information is unreadable or another
// package's.
type BuildInfoError struct {
	ImportPath string
	Reason     string
}

func (e *BuildInfoError) Error() string {
	return fmt.Sprintf("build information of %s: %s", e.ImportPath, e.Reason)
}
