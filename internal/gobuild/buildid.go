package gobuild

import (
	"debug/elf"
	"encoding/binary"
	"io"
	"strings"
)

// maxNote bounds what is read of the note section.
const maxNote = 64 << 10

// goBuildID reads the build ID that the go command put into the section
// ".note.go.buildid", "" if there is none.
func goBuildID(f *elf.File) string {
	s := f.Section(".note.go.buildid")
	if s == nil || s.Type != elf.SHT_NOTE {
		return ""
	}
	data, err := io.ReadAll(io.LimitReader(s.Open(), maxNote))
	if err != nil {
		return ""
	}
	return parseBuildIDNote(data, f.ByteOrder)
}

// parseBuildIDNote finds Go's note (name "Go", type 4) among ELF notes: each has
// three words, the lengths of its name and description and its type, and then both,
// padded to words.
func parseBuildIDNote(data []byte, order binary.ByteOrder) string {
	const header, goBuildIDType = 12, 4
	for len(data) >= header {
		nameLen := uint64(order.Uint32(data))
		descLen := uint64(order.Uint32(data[4:]))
		kind := order.Uint32(data[8:])
		data = data[header:]
		nameEnd := (nameLen + 3) &^ 3
		if nameEnd+descLen > uint64(len(data)) {
			return ""
		}
		name, desc := data[:nameLen], data[nameEnd:nameEnd+descLen]
		if kind == goBuildIDType && string(name) == "Go\x00\x00" {
			return string(desc)
		}
		data = data[min(nameEnd+(descLen+3)&^3, uint64(len(data))):]
	}
	return ""
}

// isContentID reports whether a build ID is one that the go command made of hashes:
// four parts of 20 characters of base64.
func isContentID(id string) bool {
	parts := strings.Split(id, "/")
	if len(parts) != 4 {
		return false
	}
	for _, part := range parts {
		if len(part) != 20 || strings.Trim(part, base64URL) != "" {
			return false
		}
	}
	return true
}

const base64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
