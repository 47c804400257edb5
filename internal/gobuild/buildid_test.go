package gobuild

import (
	"encoding/binary"
	"strings"
	"testing"
)

// note encodes one ELF note.
func note(order binary.ByteOrder, kind uint32, name, desc string) []byte {
	pad := func(s string) string { return s + strings.Repeat("\x00", -len(s)&3) }
	var b []byte
	for _, n := range []uint32{uint32(len(name)), uint32(len(desc)), kind} {
		b = order.(binary.AppendByteOrder).AppendUint32(b, n)
	}
	return append(b, pad(name)+pad(desc)...)
}

func TestParseBuildIDNote(t *testing.T) {
	le, be := binary.LittleEndian, binary.BigEndian
	gnu := note(le, 3, "GNU\x00", "12345")
	goNote := note(le, 4, "Go\x00\x00", "a/b/c/d")
	for name, tt := range map[string]struct {
		data  []byte
		order binary.ByteOrder
		want  string
	}{
		"empty":           {nil, le, ""},
		"little-endian":   {goNote, le, "a/b/c/d"},
		"big-endian":      {note(be, 4, "Go\x00\x00", "x"), be, "x"},
		"after another":   {append(gnu[:len(gnu):len(gnu)], goNote...), le, "a/b/c/d"},
		"other type":      {note(le, 5, "Go\x00\x00", "x"), le, ""},
		"other name":      {note(le, 4, "No\x00\x00", "x"), le, ""},
		"cut short":       {goNote[:len(goNote)-5], le, ""},
		"without padding": {goNote[:len(goNote)-1], le, "a/b/c/d"},
		"lengths overrun": {[]byte("\xff\xff\xff\xff\xff\xff\xff\xff\x04\x00\x00\x00Go\x00\x00"), le, ""},
	} {
		if got := parseBuildIDNote(tt.data, tt.order); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

func FuzzParseBuildIDNote(f *testing.F) {
	f.Add(note(binary.LittleEndian, 4, "Go\x00\x00", "a/b"))
	f.Add(append(note(binary.LittleEndian, 3, "GNU\x00", "1"), note(binary.LittleEndian, 4, "Go\x00\x00", "c")...))
	f.Fuzz(func(t *testing.T, data []byte) {
		if id := parseBuildIDNote(data, binary.LittleEndian); !strings.Contains(string(data), id) {
			t.Errorf("%q is not in %q", id, data)
		}
		parseBuildIDNote(data, binary.BigEndian)
	})
}

func TestIsContentID(t *testing.T) {
	part := "abcdefghijABCDEFG-_9"
	for id, want := range map[string]bool{
		strings.Join([]string{part, part, part, part}, "/"):           true,
		strings.Join([]string{part, part, part}, "/"):                 false,
		strings.Join([]string{part, part, part, part[1:]}, "/"):       false,
		strings.Join([]string{part, part, part, "+" + part[1:]}, "/"): false,
		"":   false,
		"v1": false,
	} {
		if got := isContentID(id); got != want {
			t.Errorf("isContentID(%q) = %v", id, got)
		}
	}
}
