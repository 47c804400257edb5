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
	file, err := j.checkELF(f, b.Size)
	if err != nil {
		return build.Binary{}, err
	}
	if b.Info, err = j.checkInfo(f); err != nil {
		return build.Binary{}, err
	}
	if b.Dynamic, err = j.checkDynamic(file, b.Info); err != nil {
		return build.Binary{}, err
	}
	if b.Key, err = contentKey(goBuildID(file), f, b.Size); err != nil {
		return build.Binary{}, fmt.Errorf("reading the binary of %s: %w", j.Package.ImportPath, err)
	}
	return b, nil
}

// checkELF checks that r is a whole executable for the job's platform.
func (j *job) checkELF(r io.ReaderAt, size int64) (*elf.File, error) {
	wrong := func(format string, args ...any) error {
		return &PlatformError{
			ImportPath: j.Package.ImportPath, Platform: platformName(j.Platform), Reason: fmt.Sprintf(format, args...),
		}
	}
	f, err := elf.NewFile(r)
	if err != nil {
		return nil, wrong("no ELF file: %v", err)
	}
	want := archs[j.Platform.Architecture]
	switch {
	case f.Machine != want.machine || f.Class != want.class || f.Data != want.data:
		return nil, wrong("it is for %v, %v, %v", f.Machine, f.Class, f.Data)
	case f.Type != elf.ET_EXEC && f.Type != elf.ET_DYN:
		return nil, wrong("it is no executable but %v", f.Type)
	case !whole(f, size):
		return nil, wrong("the file is truncated")
	}
	return f, nil
}

// checkDynamic checks that an executable is static, or says what it needs if the job
// allows that.
func (j *job) checkDynamic(f *elf.File, info *debug.BuildInfo) (*build.Dynamic, error) {
	d, err := dynamicNeeds(f)
	if err != nil {
		return nil, &PlatformError{
			ImportPath: j.Package.ImportPath, Platform: platformName(j.Platform), Reason: fmt.Sprintf("reading its dynamic section: %v", err),
		}
	}
	if d == nil {
		return nil, nil
	}
	d.OnlyStdlib = onlyStdlib(f, d.Needed, info)
	if !j.Go.AllowDynamic {
		return nil, &DynamicError{ImportPath: j.Package.ImportPath, Interp: d.Interp, Needed: d.Needed, OnlyStdlib: d.OnlyStdlib}
	}
	return d, nil
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
