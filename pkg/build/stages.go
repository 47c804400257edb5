// Package build carries a plan from packages to published images.
//
// A [Request] is what the user asked for; [NewPlan] settles the names once the
// packages are known; [Run] compiles, layers, assembles and publishes, as much of it
// at once as the plan's job limit allows. The stages are interfaces where a process or
// a network lies behind them ([Compiler], [BaseSource], [Registry]); everything else is
// called directly. The package reads no environment and prints nothing.
package build

import (
	"context"
	"os"
	"runtime/debug"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/internal/rootfs"
)

// GoSettings is all that changes what the go command makes of a package, apart
// from the package and the platform.
type GoSettings struct {
	Dir      string   // where patterns are resolved and the go command runs; absolute
	Ldflags  []string // each element is one -ldflags value, in order of rising precedence
	Gcflags  []string // likewise for -gcflags
	Tags     []string // build tags
	BuildEnv []string // KEY=VALUE for the go command, over the user's environment
	VCS      bool     // stamp the binary with the state of the repository
	// GitConfig are settings, key and value, for the git that the go command runs to
	// stamp the binary; they go over those of the repository.
	GitConfig [][2]string
	Jobs      int // the go command's -p; 0 leaves it to the go command
	// AllowDynamic accepts binaries that need a dynamic loader, since the base may
	// have it; see [Binary.Dynamic].
	AllowDynamic bool
}

// Module is the module that a package belongs to.
type Module struct {
	Path    string // module path
	Version string // empty for the main module
	Dir     string // absolute
}

// Package is a main package that patterns were resolved to.
type Package struct {
	ImportPath string
	Name       string // the command's name as the go command forms it: "/v2" skipped, no ".exe"
	Dir        string // absolute
	Pattern    string // the argument that brought it in, as the user typed it
	Module     *Module
	Err        error // why this package can't be built; the others can
}

// Unit is one compile: a package for a platform.
type Unit struct {
	Package  Package
	Platform v1.Platform
	Go       GoSettings
}

// Binary is the outcome of compiling a [Unit].
//
// File is open for reading and refers to the bytes as they were when the compile
// ended, whatever other processes do to the path afterwards. The receiver closes it.
type Binary struct {
	File *os.File         // nil where Err is set
	Size int64            // bytes
	Key  string           // names the content: equal keys, equal bytes
	Info *debug.BuildInfo // as embedded by the go command
	Err  error            // why this unit failed; the others may have succeeded
	// Dynamic says what a binary needs of the image beside itself. Nil for a static one.
	Dynamic *Dynamic
	// Notes are for the user, who need not act on them, such as a package that works
	// only with cgo. Each was emitted as an event.Warning too.
	Notes []string
}

// Dynamic is what a dynamically linked binary asks of the system it runs on.
type Dynamic struct {
	Interp string   // PT_INTERP; empty if none
	Needed []string // DT_NEEDED
	// OnlyStdlib says that the standard library's net and os/user alone brought the C
	// library in, which Go can do without.
	OnlyStdlib bool
}

// Compiler turns packages into binaries.
type Compiler interface {
	// Load resolves patterns to main packages for a platform, in argument order and
	// without duplicates. A package that can't be built comes back with Err set. The
	// error is for what stops everything: no go command, no module, no main package.
	Load(ctx context.Context, s GoSettings, p v1.Platform, patterns []string) ([]Package, error)
	// Compile builds the units and returns their binaries in the order of the units.
	// Units that share platform and settings go to one go command.
	Compile(ctx context.Context, units []Unit) ([]Binary, error)
	// Wait returns when what Compile goes on doing for later runs has ended. The
	// binaries stay open, and the contexts valid, until then.
	Wait()
}

// Base is a base image for one platform, pinned.
type Base struct {
	Image  v1.Image
	Name   string  // the reference it was asked for by, fully qualified; empty where none can be recorded
	Digest v1.Hash // of this platform's manifest
	Index  v1.Hash // of the index that the manifest was chosen from; zero where there was none
}

// BaseSource finds bases. References are "scratch", "distroless", "alpine", any
// image reference, "oci:DIR" or a tarball's path.
type BaseSource interface {
	// Base resolves ref for a platform. One source resolves a tag once, so that
	// all platforms of a run come from the same index.
	Base(ctx context.Context, ref string, p v1.Platform) (Base, error)
	// Platforms lists what ref offers, for "--platform all".
	Platforms(ctx context.Context, ref string) ([]v1.Platform, error)
	// Rootfs reads what files a base has. It may have to download the base, which it
	// does once for each digest.
	Rootfs(ctx context.Context, b Base) (*rootfs.Tree, error)
}
