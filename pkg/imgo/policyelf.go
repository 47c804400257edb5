package imgo

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"io"
)

// linkage says what a program needs to start.
type linkage byte

const (
	unknownLinkage linkage = iota // it is no program that Linux runs by itself, or a strange one
	linkedStatically
	linkedDynamically
)

// maxHeaders is how far from the beginning of a program its headers may end. Linkers put
// them first.
const maxHeaders = 64 << 10

// linkageOf reads the program headers at the beginning of a program (ELF, gABI chapter 5)
// as the kernel does: one of the type PT_INTERP names a dynamic linker. debug/elf would
// need all of the file, and is not made for those that mean harm.
func linkageOf(r io.Reader) linkage {
	head, err := io.ReadAll(io.LimitReader(r, maxHeaders))
	if err != nil || len(head) < elf.EI_NIDENT || !bytes.HasPrefix(head, []byte(elf.ELFMAG)) {
		return unknownLinkage
	}
	var order binary.ByteOrder = binary.LittleEndian
	if elf.Data(head[elf.EI_DATA]) == elf.ELFDATA2MSB {
		order = binary.BigEndian
	}
	var offset uint64
	var size, count, least uint64
	switch elf.Class(head[elf.EI_CLASS]) {
	case elf.ELFCLASS32:
		var h elf.Header32
		if binary.Read(bytes.NewReader(head), order, &h) != nil {
			return unknownLinkage
		}
		offset, size, count, least = uint64(h.Phoff), uint64(h.Phentsize), uint64(h.Phnum), uint64(binary.Size(elf.Prog32{}))
	case elf.ELFCLASS64:
		var h elf.Header64
		if binary.Read(bytes.NewReader(head), order, &h) != nil {
			return unknownLinkage
		}
		offset, size, count, least = h.Phoff, uint64(h.Phentsize), uint64(h.Phnum), uint64(binary.Size(elf.Prog64{}))
	default:
		return unknownLinkage
	}
	if size < least || count == 0 || offset > maxHeaders || offset+size*count > uint64(len(head)) {
		return unknownLinkage
	}
	for i := range count {
		if elf.ProgType(order.Uint32(head[offset+i*size:])) == elf.PT_INTERP {
			return linkedDynamically
		}
	}
	return linkedStatically
}
