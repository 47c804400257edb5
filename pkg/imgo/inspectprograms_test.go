package imgo

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/imgo-build/imgo/pkg/image"
)

// goProgram is the smallest file that has build info as the go command writes it.
func goProgram(version, modinfo string) string {
	const address, headers = 0x400000, 64 + 56
	var data bytes.Buffer
	data.WriteString("\xff Go buildinf:\x08\x02")
	data.Write(make([]byte, 16))
	for _, s := range []string{version, strings.Repeat("0", 16) + modinfo + strings.Repeat("1", 16)} {
		data.Write(binary.AppendUvarint(nil, uint64(len(s))))
		data.WriteString(s)
	}
	const start = (headers + 15) / 16 * 16
	var b bytes.Buffer
	h := elf.Header64{Type: uint16(elf.ET_EXEC), Machine: uint16(elf.EM_X86_64), Version: 1, Phoff: 64, Ehsize: 64, Phentsize: 56, Phnum: 1}
	copy(h.Ident[:], elf.ELFMAG+string([]byte{byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)}))
	size := uint64(data.Len())
	p := elf.Prog64{Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_W), Off: start, Vaddr: address + start, Filesz: size, Memsz: size}
	for _, part := range []any{h, p, make([]byte, start-headers), data.Bytes()} {
		if err := binary.Write(&b, binary.LittleEndian, part); err != nil {
			panic(err)
		}
	}
	return b.String()
}

const modinfo = `path	example.com/m/cmd/server
mod	example.com/m	v1.2.3	h1:aaa=
dep	example.com/a	v0.1.0	h1:bbb=
dep	example.com/b	v0.2.0
=>	example.com/fork	v0.3.0	h1:ccc=
build	CGO_ENABLED=0
build	vcs.revision=abc
`

func TestBuildInfo(t *testing.T) {
	c := inspector(t)
	server := goProgram("go1.25.1", modinfo)
	img := assemble(t, image.Parts{Layers: []image.Addition{
		layerOf(t, "imgo: /app/old from package m", regular("app/server", goProgram("go1.1", ""), 0o755), regular("app/broken", "\x7fELF and no more", 0o755)),
		layerOf(t, "imgo: /srv from tools", regular("srv/tool", goProgram("go1.24", ""), 0o755), regular("srv/other", "\x7fELF, of another language", 0o755)),
		layerOf(t, "imgo: /app/server from package m", regular("app/server", server, 0o755), regular("app/data", server, 0o644)),
	}})
	out := c.write(t, "out", img)
	found := c.inspectOne(t, out, InspectOptions{}).Images[0]
	want := []InspectedProgram{
		{Path: "/app/broken", Layer: found.Layers[0].Digest, Size: 16, Problem: "unrecognized file format"},
		{
			Path: "/app/server", Layer: found.Layers[2].Digest, Size: int64(len(server)), GoVersion: "go1.25.1",
			Package: "example.com/m/cmd/server", Module: &ProgramModule{Path: "example.com/m", Version: "v1.2.3", Sum: "h1:aaa="},
			Settings: map[string]string{"CGO_ENABLED": "0", "vcs.revision": "abc"},
			Modules: []ProgramModule{
				{Path: "example.com/a", Version: "v0.1.0", Sum: "h1:bbb="},
				{Path: "example.com/b", Version: "v0.2.0", Replace: &ProgramModule{Path: "example.com/fork", Version: "v0.3.0", Sum: "h1:ccc="}},
			},
		},
	}
	if diff := cmp.Diff(want, found.Programs); diff != "" {
		t.Error(diff)
	}
	var paths []string
	for _, p := range c.inspectOne(t, out, InspectOptions{BuildInfo: true}).Images[0].Programs {
		paths = append(paths, p.Path)
	}
	if diff := cmp.Diff([]string{"/app/broken", "/app/server", "/srv/tool"}, paths); diff != "" {
		t.Errorf("with files: %s", diff)
	}
	if left, err := os.ReadDir(c.cache.Directory()); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// Of an image that imgo didn't build, programs are looked for where they may be.
func TestBuildInfoOfOtherImages(t *testing.T) {
	c := inspector(t)
	out := c.write(t, "out", assemble(t, image.Parts{Layers: []image.Addition{
		layerOf(t, "COPY / /", regular("ko-app/x", goProgram("go1.25.1", modinfo), 0o555)),
	}}))
	if found := c.inspectOne(t, out, InspectOptions{}).Images[0]; len(found.Programs) != 0 || found.Layers[0].Kind != OtherLayer {
		t.Errorf("unasked: %+v", found)
	}
	if found := c.inspectOne(t, out, InspectOptions{BuildInfo: true}).Images[0].Programs; len(found) != 1 || found[0].Path != "/ko-app/x" {
		t.Errorf("%+v", found)
	}
}

// debug/elf says that it may panic and take all memory: neither is ours to pass on.
func TestBuildInfoOfHostilePrograms(t *testing.T) {
	good := goProgram("go1.25.1", modinfo)
	for i := range len(good) {
		for _, b := range []byte{0, 0x7f, 0xff} {
			bad := []byte(good)
			bad[i] = b
			_, _ = readBuildInfo(bytes.NewReader(bad))
		}
	}
	r := &limitedReaderAt{r: strings.NewReader(strings.Repeat("x", 10)), left: 15}
	if n, err := r.ReadAt(make([]byte, 10), 0); n != 10 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := r.ReadAt(make([]byte, 6), 0); err == nil {
		t.Error("there is no limit")
	}
	if _, err := readBuildInfo(panicking{}); err == nil || err.Error() != "its headers are malformed" {
		t.Errorf("%v", err)
	}
}

type panicking struct{}

func (panicking) ReadAt([]byte, int64) (int, error) { panic("malformed") }
