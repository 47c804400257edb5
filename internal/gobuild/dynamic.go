package gobuild

import (
	"bufio"
	"bytes"
	"debug/elf"
	"errors"
	"io"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/imgo-build/imgo/pkg/build"
)

// dynamicNeeds is what an executable needs of the system that it runs on, nil if it
// is static.
func dynamicNeeds(f *elf.File) (*build.Dynamic, error) {
	d := &build.Dynamic{}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			d.Interp = interpreter(p)
		}
	}
	var err error
	if d.Needed, err = f.ImportedLibraries(); err != nil {
		return nil, err
	}
	if d.Interp == "" && len(d.Needed) == 0 {
		return nil, nil
	}
	return d, nil
}

// interpreter is the path in a PT_INTERP header. It is never "": an unreadable one
// asks for a loader all the same.
func interpreter(p *elf.Prog) string {
	const maxPath = 4096
	data, err := io.ReadAll(io.LimitReader(p.Open(), maxPath))
	for len(data) > 0 && data[len(data)-1] == 0 {
		data = data[:len(data)-1]
	}
	if err != nil || len(data) == 0 {
		return "(unnamed)"
	}
	return string(data)
}

// onlyStdlib reports whether a dynamic executable needs the C library only for the
// standard library's net and os/user, which have their own code in Go for all that.
func onlyStdlib(f *elf.File, needed []string, info *debug.BuildInfo) bool {
	ofCLibrary := func(lib string) bool {
		name, _, _ := strings.Cut(lib, ".")
		return slices.Contains([]string{"libc", "libresolv", "libpthread", "libdl"}, name) || strings.HasPrefix(name, "ld-")
	}
	for _, s := range info.Settings {
		if s.Value == "true" && slices.Contains([]string{"-race", "-msan", "-asan"}, s.Key) {
			return false // these are in C
		}
	}
	others := slices.ContainsFunc(needed, func(lib string) bool { return !ofCLibrary(lib) })
	if others || len(needed) == 0 {
		return false
	}
	callers := cgoCallers(f)
	delete(callers, "runtime/cgo")
	found := len(callers) > 0
	delete(callers, "net")
	delete(callers, "os/user")
	return found && len(callers) == 0
}

// cgoCallers lists the packages that call C functions. Each call goes through a
// function that cgo generated, whose name is in the table of functions that stack
// traces are made from, in stripped binaries too.
func cgoCallers(f *elf.File) map[string]bool {
	callers := map[string]bool{}
	i := slices.IndexFunc(f.Sections, func(s *elf.Section) bool { return strings.HasSuffix(s.Name, ".gopclntab") })
	if i < 0 {
		return callers
	}
	r := bufio.NewReaderSize(f.Sections[i].Open(), 64<<10)
	for {
		name, err := r.ReadSlice(0)
		for _, generated := range []string{"._Cfunc_", "._C2func_"} {
			if pkg, _, ok := bytes.Cut(name, []byte(generated)); ok {
				callers[string(pkg)] = true
			}
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return callers
		}
	}
}
