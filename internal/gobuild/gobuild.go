// Package gobuild turns Go main packages into Linux binaries with the user's own go
// command: static ones, unless the settings allow others.
//
// It promises that a binary it hands over is one that the go command made of the
// package asked for, in this run: for the platform asked for, without a dynamic
// loader or shared libraries or saying which it needs, with readable build
// information, and without a package in it that is known to fail without cgo, unless
// the user turned cgo off himself. It promises as well that the user's settings count
// as they would for "go build": the environment, the file that GOENV names and
// GOFLAGS, whose -ldflags, -gcflags and -tags are joined with imgo's instead of being
// replaced by them.
//
// Loading and building run the toolchain and git, and nothing that the repository
// brings along: git's hooks and file system monitor are off, and no package driver is
// asked. What flags and variables make them run is the user's own; those that come
// from a file are checked before (internal/goflag).
//
// It is not a build system. What has to be compiled is for the go command to judge;
// gobuild gives it the same output directory for the same packages each time, so that an
// unchanged package is not linked again. Where all files that a result depends on are
// provably as they were, it does not ask the go command at all ([Options].Results): memo.go
// says what that takes, and what is never remembered (cgo, stamped binaries, flags whose effects are
// not known).
//
// Invariants:
//   - The platform decides GOOS, GOARCH and the variant's variable (GOARM and so
//     on), never the machine, so that the digest doesn't depend on the machine.
//   - An output directory is used under an exclusive lock, which the go command
//     inherits: it outlives this process where the go command does.
//   - Binaries are opened before the lock is released. The go command replaces files
//     and never writes into them, so an open one keeps its bytes.
//   - No go command outlives the call that started it.
//   - An unchanged package costs no go command, a changed one costs one, and one whose
//     imports changed two at once. What imports need cgo is looked up when the
//     modules of a binary change, and remembered beside it.
//   - What is remembered was true before a go command began and still when it had ended.
package gobuild

import (
	"context"
	"os"
	"runtime"
	"time"

	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/event"
	"github.com/imgo-build/imgo/pkg/layer"
)

// Dirs hands out persistent build directories. internal/cache has one.
type Dirs interface {
	// Dir locks the directory of a key and returns it, after waiting for other
	// holders of the key, in this process or another. Equal keys get the same
	// directory, run after run.
	Dir(ctx context.Context, key string) (Dir, error)
	// Open opens a file in the directory of a key, whoever holds that, and counts as a
	// use of it.
	Open(key, name string) (*os.File, error)
}

// Dir is a build directory, held exclusively until Release.
type Dir interface {
	Path() string   // where binaries stay from run to run; absolute
	Tmp() string    // for work files, on the same file system; removed by Release
	Lock() *os.File // the locked file, for child processes to inherit; may be nil
	Release() error
}

// Options configures a [Compiler].
type Options struct {
	Env    []string   // the user's whole environment, KEY=VALUE
	Dirs   Dirs       // required by Compile only
	Events event.Sink // nil discards
	Jobs   int        // go commands at once; 0 means GOMAXPROCS
	// Results remember what the go command said and made; nil remembers nothing.
	Results layer.Results
	Now     func() time.Time // required with Results
}

// Compiler runs the go command. It implements [build.Compiler] and is safe for
// concurrent use.
type Compiler struct {
	env    []string
	dirs   Dirs
	events event.Sink
	limit  *limit
	side   side          // what goes on after Compile has returned
	grace  time.Duration // between SIGINT and SIGKILL when a run is canceled

	results layer.Results // nil for none
	now     func() time.Time
}

var _ build.Compiler = (*Compiler)(nil)

// New makes a Compiler.
func New(o Options) *Compiler {
	c := &Compiler{env: o.Env, dirs: o.Dirs, events: o.Events, grace: 5 * time.Second, results: o.Results, now: o.Now}
	if c.events == nil {
		c.events = event.Discard
	}
	jobs := o.Jobs
	if jobs <= 0 {
		jobs = runtime.GOMAXPROCS(0)
	}
	c.limit = newLimit(jobs)
	return c
}
