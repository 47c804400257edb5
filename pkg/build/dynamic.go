package build

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/imgo-build/imgo/internal/rootfs"
)

// LibcError says that a binary is linked dynamically and that its base lacks what it
// needs for that, so that it could not even be started.
type LibcError struct {
	ImportPath string
	Base       string
	Interp     string   // the loader that the binary asks for
	Missing    []string // of the loader and the libraries
	Musl       bool     // the base has musl, another C library than the binary was linked with
	OnlyStdlib bool     // see [Dynamic]
}

func (e *LibcError) Error() string {
	text := fmt.Sprintf("%s is linked dynamically, and base %s lacks %s", e.ImportPath, e.Base, strings.Join(e.Missing, ", "))
	if e.Musl {
		text += " (it has musl instead of glibc)"
	}
	return text
}

// checkDynamic looks in the base for what a dynamically linked binary needs.
func (r *run) checkDynamic(ctx context.Context, t *Target, prog Program, bin Binary, ref string, base Base) error {
	if bin.Dynamic == nil {
		return nil
	}
	tree, err := r.stages.Bases.Rootfs(ctx, base)
	if err != nil {
		return fmt.Errorf("looking for the C library of %s: %w", prog.Package.ImportPath, err)
	}
	e := &LibcError{ImportPath: prog.Package.ImportPath, Base: ref, Interp: bin.Dynamic.Interp, OnlyStdlib: bin.Dynamic.OnlyStdlib}
	if bin.Dynamic.Interp != "" && !isFile(tree, bin.Dynamic.Interp) {
		e.Missing = append(e.Missing, bin.Dynamic.Interp)
	}
	for _, lib := range bin.Dynamic.Needed {
		if !hasLibrary(tree, lib) && !t.brings(lib) {
			e.Missing = append(e.Missing, lib)
		}
	}
	if len(e.Missing) == 0 {
		return nil
	}
	for _, arch := range []string{"x86_64", "aarch64", "armhf", "i386", "riscv64", "ppc64le", "s390x"} {
		e.Musl = e.Musl || isFile(tree, "/lib/ld-musl-"+arch+".so.1")
	}
	e.Musl = e.Musl && !strings.Contains(bin.Dynamic.Interp, "musl")
	return e
}

// libraryDirs are where the loaders of glibc (on Debian with a directory an
// architecture, below) and of musl look.
var libraryDirs = []string{"/lib", "/usr/lib", "/lib64", "/usr/lib64", "/usr/local/lib"}

var multiarch = []string{
	"x86_64-linux-gnu", "aarch64-linux-gnu", "arm-linux-gnueabihf", "arm-linux-gnueabi", "i386-linux-gnu",
	"riscv64-linux-gnu", "powerpc64le-linux-gnu", "s390x-linux-gnu", "loongarch64-linux-gnu", "mips64el-linux-gnuabi64",
}

func hasLibrary(tree *rootfs.Tree, name string) bool {
	if strings.Contains(name, "/") {
		return isFile(tree, name)
	}
	for _, dir := range libraryDirs {
		if isFile(tree, path.Join(dir, name)) {
			return true
		}
		for _, arch := range multiarch {
			if isFile(tree, path.Join(dir, arch, name)) {
				return true
			}
		}
	}
	return false
}

func isFile(tree *rootfs.Tree, p string) bool {
	_, e, ok := tree.Lookup(p)
	return ok && e.Kind == rootfs.File
}

// brings reports whether the user's files may hold a library, which only the loader
// could tell for sure.
func (t *Target) brings(lib string) bool {
	for _, g := range t.Settings.Files {
		if strings.HasSuffix(g.To, "/"+lib) || strings.Contains(g.To, "/lib") {
			return true
		}
	}
	return false
}

func bytesOpener(b []byte) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }
}
