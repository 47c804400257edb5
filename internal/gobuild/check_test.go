package gobuild

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/pkg/build"
)

// image describes a 64-bit ELF file to make.
type image struct {
	machine elf.Machine
	kind    elf.Type
	order   binary.ByteOrder
	interp  string
	needed  []string
	note    []byte
	funcs   []string        // names in the table of functions
	overrun elf.SectionType // of sections that reach beyond the file
	segment uint64          // size of the loaded segment, if not that of its header
}

// bytes lays the file out: header, one program header, sections' contents, section
// headers.
func (m image) bytes(t *testing.T) []byte {
	t.Helper()
	if m.order == nil {
		m.order = binary.LittleEndian
	}
	const header, progSize, sectionSize = 64, 56, 64
	dynamic := &bytes.Buffer{}
	libs := "\x00"
	for _, lib := range m.needed {
		encode(t, dynamic, m.order, elf.Dyn64{Tag: int64(elf.DT_NEEDED), Val: uint64(len(libs))})
		libs += lib + "\x00"
	}
	if len(m.needed) > 0 {
		encode(t, dynamic, m.order, elf.Dyn64{})
	}
	names := "\x00.note.go.buildid\x00.data.rel.ro.gopclntab\x00"
	contents := []struct {
		section elf.Section64
		data    []byte
	}{
		{elf.Section64{}, nil},
		{elf.Section64{Type: uint32(elf.SHT_STRTAB)}, []byte(libs)},
		{elf.Section64{Type: uint32(elf.SHT_DYNAMIC), Link: 1, Entsize: 16}, dynamic.Bytes()},
		{elf.Section64{Type: uint32(elf.SHT_NOTE), Name: 1}, m.note},
		{elf.Section64{Type: uint32(elf.SHT_STRTAB)}, []byte(names)},
		{elf.Section64{Type: uint32(elf.SHT_PROGBITS), Name: 19}, []byte("\xf1\xff\xff\xff\x00" + strings.Join(m.funcs, "\x00") + "\x00")},
		{elf.Section64{}, []byte(m.interp + "\x00")},
	}
	body := &bytes.Buffer{}
	var sections []elf.Section64
	for _, c := range contents {
		c.section.Off = uint64(header + progSize + body.Len())
		c.section.Size = uint64(len(c.data))
		if m.overrun != elf.SHT_NULL && c.section.Type == uint32(m.overrun) {
			c.section.Size = 1 << 40
		}
		sections = append(sections, c.section)
		body.Write(c.data)
	}
	prog := elf.Prog64{Type: uint32(elf.PT_LOAD), Off: header, Filesz: max(progSize, m.segment)}
	if m.interp != "" {
		last := sections[len(sections)-1]
		prog = elf.Prog64{Type: uint32(elf.PT_INTERP), Off: last.Off, Filesz: last.Size}
	}
	h := elf.Header64{
		Type: uint16(m.kind), Machine: uint16(m.machine), Version: 1,
		Phoff: header, Phentsize: progSize, Phnum: 1, Ehsize: header,
		Shoff: uint64(header + progSize + body.Len()), Shentsize: sectionSize, Shnum: uint16(len(sections)), Shstrndx: 4,
	}
	data := elf.ELFDATA2LSB
	if m.order == binary.BigEndian {
		data = elf.ELFDATA2MSB
	}
	copy(h.Ident[:], elf.ELFMAG)
	copy(h.Ident[elf.EI_CLASS:], []byte{byte(elf.ELFCLASS64), byte(data), 1})
	file := &bytes.Buffer{}
	encode(t, file, m.order, h)
	encode(t, file, m.order, prog)
	file.Write(body.Bytes())
	encode(t, file, m.order, sections)
	return file.Bytes()
}

func encode(t *testing.T, b *bytes.Buffer, order binary.ByteOrder, v any) {
	t.Helper()
	if err := binary.Write(b, order, v); err != nil {
		t.Fatal(err)
	}
}

func TestCheckELF(t *testing.T) {
	good := image{machine: elf.EM_X86_64, kind: elf.ET_EXEC, note: note(binary.LittleEndian, 4, "Go\x00\x00", "a/b/c/d")}
	with := func(change func(*image)) []byte {
		m := good
		change(&m)
		return m.bytes(t)
	}
	whole := good.bytes(t)
	for name, tt := range map[string]struct {
		data []byte
		arch string
		want error
	}{
		"static":        {whole, "amd64", nil},
		"static PIE":    {with(func(m *image) { m.kind = elf.ET_DYN }), "amd64", nil},
		"big-endian":    {with(func(m *image) { m.order, m.machine = binary.BigEndian, elf.EM_PPC64 }), "ppc64", nil},
		"other machine": {whole, "arm64", &PlatformError{}},
		"other order":   {with(func(m *image) { m.machine = elf.EM_PPC64 }), "ppc64", &PlatformError{}},
		"other class":   {with(func(m *image) { m.machine = elf.EM_MIPS }), "mipsle", &PlatformError{}},
		"object":        {with(func(m *image) { m.kind = elf.ET_REL }), "amd64", &PlatformError{}},
		"cut section":   {with(func(m *image) { m.overrun = elf.SHT_NOTE }), "amd64", &PlatformError{}},
		"cut segment":   {with(func(m *image) { m.segment = 1 << 63 }), "amd64", &PlatformError{}},
		"truncated":     {whole[:len(whole)-1], "amd64", &PlatformError{}},
		"empty":         {nil, "amd64", &PlatformError{}},
		"script":        {[]byte("#!/bin/sh\n"), "amd64", &PlatformError{}},
	} {
		j := &job{Unit: build.Unit{Platform: v1.Platform{OS: "linux", Architecture: tt.arch}}}
		f, err := j.checkELF(bytes.NewReader(tt.data), int64(len(tt.data)))
		if tt.want == nil && err != nil || tt.want != nil && !sameType(err, tt.want) {
			t.Errorf("%s: %v, want %T", name, err, tt.want)
		}
		if name == "static" && goBuildID(f) != "a/b/c/d" {
			t.Errorf("build ID is %q", goBuildID(f))
		}
	}
}

// A binary that was cut short after its headers passes no check, though the headers
// of Go's linker come first and read well.
func TestCheckTruncatedBinary(t *testing.T) {
	c := New(Options{Env: testEnv(), Dirs: newDirs(t)})
	whole := buildOne(t, c, build.GoSettings{Dir: write(t, tiny)}, ".")
	for _, missing := range []int64{1, whole.Size / 2} {
		data := make([]byte, whole.Size-missing)
		if _, err := whole.File.ReadAt(data, 0); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "cut")
		if err := os.WriteFile(path, data, 0o755); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := j(whole).check(f); !sameType(err, &PlatformError{}) {
			t.Errorf("%d bytes missing: %v, want a PlatformError", missing, err)
		}
	}
}

func TestCheckInfo(t *testing.T) {
	c := New(Options{Env: testEnv(), Dirs: newDirs(t)})
	b := buildOne(t, c, build.GoSettings{Dir: write(t, tiny)}, ".")
	other := j(b)
	other.Package.ImportPath = "example.com/other"
	if _, err := other.checkInfo(b.File); !sameType(err, &BuildInfoError{}) {
		t.Errorf("another package's: %v, want a BuildInfoError", err)
	}
	other = j(b)
	other.Platform.Architecture = "vax"
	if _, err := other.checkInfo(b.File); !sameType(err, &BuildInfoError{}) {
		t.Errorf("another architecture's: %v, want a BuildInfoError", err)
	}
	data := image{machine: elf.EM_X86_64, kind: elf.ET_EXEC}.bytes(t)
	if _, err := j(b).checkInfo(bytes.NewReader(data)); !sameType(err, &BuildInfoError{}) {
		t.Errorf("none: %v, want a BuildInfoError", err)
	}
}
