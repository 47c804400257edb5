package gobuild

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"go/version"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	osenv "github.com/imgo-build/imgo/internal/environ"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/mod/modfile"

	"github.com/imgo-build/imgo/internal/goflag"
	"github.com/imgo-build/imgo/pkg/build"
)

// Toolchain is what the go command says of itself, run as a build would run it.
type Toolchain struct {
	Path     string   // of the go command that PATH names; absolute
	Shim     bool     // a program at Path chooses the go command, as version managers do
	Version  string   // such as "go1.26.8", after what go.mod and GOTOOLCHAIN made of it
	Root     string   // GOROOT
	Choice   string   // GOTOOLCHAIN
	Module   string   // the go.work or else the go.mod that counts; empty where there is none
	Required string   // the version that Module asks for, such as "1.25"; may be empty
	Modules  []string // those of a go.work, absolute
	Cache    string   // GOCACHE
	Temp     string   // GOTMPDIR; empty for the system's
	Cgo      bool     // builds use cgo
	// Ignored says that CGO_ENABLED=1 is in the user's own environment, where it doesn't
	// count: builds use cgo only if the build environment says so.
	Ignored bool
	// Flags are those of GOFLAGS that change what is built, without their values.
	Flags []string
}

// Describe asks the go command about itself. Errors: [*NoGoError], [*GoVersionError]
// where the version is too low, and those of settings (see [Compiler.Load]). Any other
// has the go command's own words.
func (c *Compiler) Describe(ctx context.Context, s build.GoSettings, p v1.Platform) (*Toolchain, error) {
	t, err := c.toolchain(s, p)
	if err != nil {
		return nil, err
	}
	var env struct{ GOVERSION, GOROOT, GOTOOLCHAIN, GOWORK, GOMOD, GOCACHE, GOTMPDIR string }
	out, err := t.output(ctx, "env", "-json", "GOVERSION", "GOROOT", "GOTOOLCHAIN", "GOWORK", "GOMOD", "GOCACHE", "GOTMPDIR")
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(out, &env); err != nil {
		return nil, fmt.Errorf("running %s env: its answer is no JSON: %w", t.path, err)
	}
	d := &Toolchain{
		Path: t.path, Shim: isShim(t.path, env.GOROOT), Version: env.GOVERSION, Root: env.GOROOT, Choice: env.GOTOOLCHAIN,
		Cache: env.GOCACHE, Temp: env.GOTMPDIR, Flags: changing(t.user.goenv("GOFLAGS", s.Dir)),
		Cgo: t.env.goenv("CGO_ENABLED", s.Dir) != "0",
	}
	d.Ignored = !d.Cgo && environ(c.env).goenv("CGO_ENABLED", s.Dir) == "1"
	for _, file := range []string{env.GOWORK, env.GOMOD} {
		if d.Module == "" && file != "" && file != "off" && file != os.DevNull {
			d.Module = file
			d.readModule()
		}
	}
	if version.IsValid(d.Version) && d.Required != "" && version.Compare(d.Version, "go"+d.Required) < 0 {
		running := strings.TrimPrefix(d.Version, "go")
		return nil, &GoVersionError{Required: d.Required, Running: running, Output: fmt.Sprintf(
			"%s requires go >= %s (running go %s; GOTOOLCHAIN=%s)", filepath.Base(d.Module), d.Required, running, d.Choice)}
	}
	return d, nil
}

// childWait is how long a child that was told to end may take.
const childWait = time.Second

// output runs the go command and returns what it printed.
func (t *toolchain) output(ctx context.Context, args ...string) ([]byte, error) {
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(t.path, args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = t.dir, t.env, &stdout, &stderr, childWait
	err := runChild(ctx, cmd, nil, childWait)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		words := strings.TrimPrefix(strings.TrimSpace(stderr.String()), "go: ")
		if m := needsVersion.FindStringSubmatch(words); m != nil {
			return nil, &GoVersionError{Required: m[1], Running: m[2], Output: words}
		}
		return nil, fmt.Errorf("running %s %s: %w: %s", t.path, args[0], err, words)
	}
	return stdout.Bytes(), nil
}

// isShim reports whether a program in the place of the go command is another one,
// which finds the real one. root is the GOROOT that the go command tells.
func isShim(path, root string) bool {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return false
	}
	if f, err := os.Open(real); err == nil {
		start := make([]byte, 2)
		n, _ := f.Read(start)
		f.Close()
		if string(start[:n]) == "#!" {
			return true
		}
	}
	// Every distribution of Go has a file VERSION; root may be that of another one, which
	// the first switched to.
	if _, err := os.Stat(filepath.Join(filepath.Dir(filepath.Dir(real)), "VERSION")); err == nil {
		return false
	}
	own, err := filepath.EvalSymlinks(filepath.Join(root, "bin", filepath.Base(path)))
	return err != nil || own != real
}

// readModule reads what can be read of the go.mod or go.work. What is wrong with it is
// for the go command to say.
func (d *Toolchain) readModule() {
	raw, err := os.ReadFile(d.Module)
	if err != nil {
		return
	}
	if filepath.Base(d.Module) == "go.mod" {
		if f, err := modfile.ParseLax(d.Module, raw, nil); err == nil && f.Go != nil {
			d.Required = f.Go.Version
		}
		return
	}
	f, err := modfile.ParseWork(d.Module, raw, nil)
	if err != nil {
		return
	}
	if f.Go != nil {
		d.Required = f.Go.Version
	}
	for _, use := range f.Use {
		dir := filepath.FromSlash(use.Path)
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(filepath.Dir(d.Module), dir)
		}
		d.Modules = append(d.Modules, dir)
	}
}

// harmless are flags of GOFLAGS that say how packages are found and shown, and those
// that imgo sets itself.
var harmless = []string{"mod", "modcacherw", "p", "v", "x", "work", "buildvcs", "trimpath", "json"}

// changing names the flags in a value of GOFLAGS that change what is built.
func changing(goflags string) []string {
	fields, err := goflag.Split(goflags)
	if err != nil {
		return nil // was reported as such
	}
	var out []string
	for _, f := range fields {
		name, _, _ := strings.Cut(strings.TrimLeft(f, "-"), "=")
		if flag := "-" + name; !slices.Contains(harmless, name) && !slices.Contains(out, flag) {
			out = append(out, flag)
		}
	}
	return out
}

// macros are what C compilers define for an architecture.
var macros = map[string]string{
	"386": "__i386__", "amd64": "__x86_64__", "arm": "__arm__", "arm64": "__aarch64__", "loong64": "__loongarch64",
	"mips": "__mips__", "mipsle": "__mips__", "mips64": "__mips64", "mips64le": "__mips64",
	"ppc64": "__powerpc64__", "ppc64le": "__powerpc64__", "riscv64": "__riscv", "s390x": "__s390x__",
}

// CheckC lets the C compiler that a build with cgo would use read a program that only
// one for the platform, with its C library's headers, accepts. It returns how the
// compiler is called. The error is a [*NoCCompilerError], or as for [Compiler.Describe].
func (c *Compiler) CheckC(ctx context.Context, s build.GoSettings, p v1.Platform) (string, error) {
	t, err := c.toolchain(s, p)
	if err != nil {
		return "", err
	}
	out, err := t.output(ctx, "env", "CC")
	if err != nil {
		return "", err
	}
	cc := strings.TrimSpace(string(out))
	fields, err := goflag.Split(cc)
	if err != nil || len(fields) == 0 {
		return "", &FlagError{Flag: "CC", Reason: "it names no program"}
	}
	failure := &NoCCompilerError{
		ImportPath: "programs", Platform: platformName(p), CC: cc,
		Failure: &CompileError{ImportPath: "programs", Platform: platformName(p), ExitCode: -1},
	}
	path, ok := t.env.program(fields[0])
	if !ok {
		failure.Missing = true
		return "", failure
	}
	var output bytes.Buffer
	cmd := exec.Command(path, append(fields[1:], "-E", "-x", "c", "-")...)
	cmd.Dir, cmd.Env, cmd.Stderr, cmd.WaitDelay = t.dir, t.env, &output, childWait
	cmd.Stdin = strings.NewReader(fmt.Sprintf(
		"#include <stdlib.h>\n#if !defined(__linux__) || !defined(%s)\n#error not for %s\n#endif\n", macros[p.Architecture], platformName(p)))
	err = runChild(ctx, cmd, nil, childWait)
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if err != nil {
		failure.Failure.Output, failure.Failure.Reason = output.String(), err.Error()
		return "", failure
	}
	return cc, nil
}

// program finds a program as os/exec would with this environment.
func (e environ) program(name string) (string, bool) {
	if strings.ContainsAny(name, `/\`) {
		path, err := exec.LookPath(name)
		return path, err == nil
	}
	return osenv.Environ(e).Program(name)
}
