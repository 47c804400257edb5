package gobuild

import (
	"debug/buildinfo"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"

	"github.com/imgo-build/imgo/pkg/build"
)

// open opens and checks the binary that a go command left for a job. It must be
// called while the directory is held.
func (j *job) open(dir Dir) (build.Binary, error) {
	f, err := os.Open(filepath.Join(dir.Path(), j.Package.Name))
	if errors.Is(err, os.ErrNotExist) {
		return build.Binary{}, &PlatformError{
			ImportPath: j.Package.ImportPath, Platform: platformName(j.Platform), Reason: "the go command wrote no file",
		}
	}
	if err != nil {
		return build.Binary{}, fmt.Errorf("opening the binary of %s: %w", j.Package.ImportPath, err)
	}
	b, err := j.check(f)
	if err != nil {
		f.Close()
		return build.Binary{}, err
	}
	return b, nil
}

// check verifies a binary and describes it.
func (j *job) check(f *os.File) (build.Binary, error) {
	info, err := f.Stat()
	if err != nil {
		return build.Binary{}, fmt.Errorf("reading the binary of %s: %w", j.Package.ImportPath, err)
	}
	b := build.Binary{File: f, Size: info.Size()}
	id, err := j.checkELF(f, b.Size)
	if err != nil {
		return build.Binary{}, err
	}
	if b.Info, err = j.checkInfo(f); err != nil {
		return build.Binary{}, err
	}
	if b.Key, err = contentKey(id, f, b.Size); err != nil {
		return build.Binary{}, fmt.Errorf("reading the binary of %s: %w", j.Package.ImportPath, err)
	}
	return b, nil
}

// checkELF checks that r is a whole, static executable for the job's platform and
// returns its Go build ID, "" if it has none.
func (j *job) checkELF(r io.ReaderAt, size int64) (string, error) {
	wrong := func(format string, args ...any) error {
		return &PlatformError{
			ImportPath: j.Package.ImportPath, Platform: platformName(j.Platform), Reason: fmt.Sprintf(format, args...),
		}
	}
	f, err := elf.NewFile(r)
	if err != nil {
		return "", wrong("no ELF file: %v", err)
	}
	want := archs[j.Platform.Architecture]
	switch {
	case f.Machine != want.machine || f.Class != want.class || f.Data != want.data:
		return "", wrong("it is for %v, %v, %v", f.Machine, f.Class, f.Data)
	case f.Type != elf.ET_EXEC && f.Type != elf.ET_DYN:
		return "", wrong("it is no executable but %v", f.Type)
	case !whole(f, size):
		return "", wrong("the file is truncated")
	}
	dynamic := &DynamicError{ImportPath: j.Package.ImportPath}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			dynamic.Interp = interpreter(p)
		}
	}
	if dynamic.Needed, err = f.ImportedLibraries(); err != nil {
		return "", wrong("reading its dynamic section: %v", err)
	}
	if dynamic.Interp != "" || len(dynamic.Needed) > 0 {
		return "", dynamic
	}
	return goBuildID(f), nil
}

// whole reports whether all that the headers of an ELF file speak of lies in it.
func whole(f *elf.File, size int64) bool {
	end := uint64(size)
	within := func(offset, length uint64) bool { return offset <= end && length <= end-offset }
	for _, p := range f.Progs {
		if !within(p.Off, p.Filesz) {
			return false
		}
	}
	for _, s := range f.Sections {
		if s.Type != elf.SHT_NOBITS && s.Type != elf.SHT_NULL && !within(s.Offset, s.FileSize) {
			return false
		}
	}
	return true
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

// checkInfo reads the build information and checks that it is the job's: a file that
// an earlier run left must not pass for this one's.
func (j *job) checkInfo(r io.ReaderAt) (*debug.BuildInfo, error) {
	wrong := func(format string, args ...any) error {
		return &BuildInfoError{ImportPath: j.Package.ImportPath, Reason: fmt.Sprintf(format, args...)}
	}
	info, err := buildinfo.Read(r)
	if err != nil {
		return nil, wrong("%v", err)
	}
	if info.Path != j.Package.ImportPath {
		return nil, wrong("it is that of %s", info.Path)
	}
	want := map[string]string{"GOOS": j.Platform.OS, "GOARCH": j.Platform.Architecture}
	for _, s := range info.Settings {
		if w, ok := want[s.Key]; ok && s.Value != w {
			return nil, wrong("%s is %s, not %s", s.Key, s.Value, w)
		}
	}
	return info, nil
}

// contentKey names the content of a binary.
//
// The last part of a build ID that the go command made is a hash of the file's
// content, so that the ID needs no reading of the file. The file's times say nothing:
// the go command touches a binary that it finds up to date. An ID that the user chose
// with -ldflags=-buildid=… says nothing either.
func contentKey(id string, r io.ReaderAt, size int64) (string, error) {
	if isContentID(id) {
		return fmt.Sprintf("gobuildid:%s:%d", id, size), nil
	}
	hex, err := sum(io.NewSectionReader(r, 0, size))
	return "sha256:" + hex, err
}
