package rootfs

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/klauspost/compress/gzip"
)

// The form of a tree in a cache: gzip of formatMagic and a record for each entry, the
// root first, then each directory followed by its entries in the order of their
// names. Numbers are unsigned varints, strings a length and their bytes (names need
// not be UTF-8). A record is the depth, the kind, the mode, the owner, the group, the
// size, the name, the link, and the content with its length plus one, or zero where
// none is kept.
const formatMagic = "imgo rootfs 1\n"

// ErrFormat is returned for what [Tree.Marshal] did not make.
var ErrFormat = errors.New("not a tree as it is kept")

// Marshal returns the tree in a compact form, the same for equal trees.
func (t *Tree) Marshal() ([]byte, error) {
	var out bytes.Buffer
	zw, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	w := bufio.NewWriter(zw) // its first error is returned by Flush
	_, _ = w.WriteString(formatMagic)
	var buf []byte
	var write func(n *node, depth int)
	write = func(n *node, depth int) {
		buf = n.record(buf[:0], depth)
		_, _ = w.Write(buf)
		for _, name := range slices.Sorted(maps.Keys(n.children)) {
			write(n.children[name], depth+1)
		}
	}
	write(&t.root, 0)
	err = errors.Join(w.Flush(), zw.Close())
	return out.Bytes(), err
}

func (n *node) record(b []byte, depth int) []byte {
	for _, v := range []uint64{
		uint64(depth), uint64(n.Kind), uint64(n.Mode), uint64(n.UID), uint64(n.GID), uint64(n.Size), uint64(len(n.name)),
	} {
		b = binary.AppendUvarint(b, v)
	}
	b = append(b, n.name...)
	b = binary.AppendUvarint(b, uint64(len(n.Link)))
	b = append(b, n.Link...)
	if n.content == nil {
		return binary.AppendUvarint(b, 0)
	}
	b = binary.AppendUvarint(b, uint64(len(n.content))+1)
	return append(b, n.content...)
}

// Unmarshal reads what [Tree.Marshal] returned. The error matches [ErrFormat] where
// data is something else, or of another version.
func Unmarshal(data []byte) (*Tree, error) {
	t, err := unmarshal(data)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return t, nil
}

func unmarshal(data []byte) (*Tree, error) {
	zr, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	d := &decoder{r: bufio.NewReader(zr)}
	if magic := d.bytes(uint64(len(formatMagic))); d.err != nil || string(magic) != formatMagic {
		return nil, errors.New("it begins with something else")
	}
	t := &Tree{}
	parents := []*node{} // the way to the entry before
	for count := 0; ; count++ {
		if _, err := d.r.Peek(1); errors.Is(err, io.EOF) && count > 0 {
			return t, nil
		}
		depth, n := d.record()
		switch {
		case d.err != nil:
			return nil, d.err
		case count > maxEntries:
			return nil, errors.New("it has too many entries")
		case depth > uint64(len(parents)) || depth == 0 && count > 0 || depth > maxDepth+1:
			return nil, errors.New("an entry is below none")
		case depth == 0 && (n.name != "" || n.Kind != Dir):
			return nil, errors.New("its root is none")
		case depth == 0:
			t.root = n
			parents = append(parents, &t.root)
			continue
		}
		parent := parents[depth-1]
		if parent.Kind != Dir || parent.children[n.name] != nil || !validName(n.name) {
			return nil, fmt.Errorf("%q can't be where it is", n.name)
		}
		added := parent.add(n.name, n.Entry, 0)
		added.content = n.content
		parents = append(parents[:depth], added)
	}
}

func validName(name string) bool {
	return name != "" && name != "." && name != ".." && !strings.ContainsAny(name, "/\x00")
}

// decoder reads records. After an error it returns nothing of use.
type decoder struct {
	r   *bufio.Reader
	err error
}

func (d *decoder) record() (depth uint64, n node) {
	depth = d.number(maxDepth + 1)
	n.Kind = Kind(d.number(uint64(Other)))
	n.Mode = fs.FileMode(d.number(math.MaxUint32))
	n.UID = int(d.number(math.MaxInt))
	n.GID = int(d.number(math.MaxInt))
	n.Size = int64(d.number(math.MaxInt64))
	n.name = string(d.bytes(d.number(maxPath)))
	n.Link = string(d.bytes(d.number(maxPath)))
	if size := d.number(maxContent + 1); size > 0 {
		n.content = d.bytes(size - 1)
	}
	return depth, n
}

func (d *decoder) number(limit uint64) uint64 {
	if d.err != nil {
		return 0
	}
	v, err := binary.ReadUvarint(d.r)
	switch {
	case err != nil:
		d.err = err
	case v > limit:
		d.err = fmt.Errorf("%d is larger than it can be", v)
	default:
		return v
	}
	return 0
}

func (d *decoder) bytes(size uint64) []byte {
	if d.err != nil {
		return nil
	}
	b := make([]byte, size)
	_, d.err = io.ReadFull(d.r, b)
	return b
}
