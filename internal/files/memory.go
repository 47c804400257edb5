package files

import (
	"encoding/binary"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"time"

	"github.com/imgo-build/imgo/internal/stamp"
	"github.com/imgo-build/imgo/pkg/layer"
)

// detector names the rules by which a content is found to be without secrets: the
// first digits of a hash of the sources of internal/secrets. A test compares them.
const detector = "a5013eea"

// memory is what earlier runs found out about the contents of a group's files. It
// vouches for a file only if its stamp is the one that the content was read under, and
// no write since then can have left that stamp as it is (see internal/stamp). So there
// is an entry only for files that were settled when they were read.
type memory struct {
	results layer.Results // nil remembers nothing
	now     func() time.Time
	key     string
	known   record
}

// recollect reads what is remembered of a group's files. Where they come to lie in the
// image makes no difference to it.
func (t *tree) recollect(g Group, follow bool) {
	t.memory = &memory{}
	if t.given.Results == nil || t.given.Now == nil || !stamp.Reliable {
		return
	}
	key := fmt.Sprintf("files read 1 %s %q %q %q %q %v", detector, t.bounds, t.base, g.From, g.Exclude, follow)
	t.memory = &memory{results: t.given.Results, now: t.given.Now, key: key}
	if value, ok := t.memory.results.Lookup(key); ok {
		t.memory.known, _ = decode(value)
	}
}

// time is when it is, and long ago for who doesn't know, so that nothing is settled.
func (m *memory) time() time.Time {
	if m.now == nil {
		return time.Time{}
	}
	return m.now()
}

// recall gives a node its hash, if its content is known. Where it must not be a secret,
// it has to be known for that, too.
func (m *memory) recall(n *node, mayBeSecret bool) bool {
	e, ok := m.known.find(n.identity())
	if !ok || e.state != n.state || !e.clean && !mayBeSecret {
		return false
	}
	n.sum, n.clean, n.settled, n.recalled = e.sum, e.clean, true, true
	return true
}

// keep remembers the nodes for the next run, if that knows more than this one did. That
// it can't be written costs the next run time, and making a layer tells of it.
func (m *memory) keep(nodes []*node) {
	m.known = record{}
	learned := func(n *node) bool { return n.settled && !n.recalled }
	if m.results != nil && slices.ContainsFunc(nodes, learned) {
		_ = m.results.Remember(m.key, encode(nodes))
	}
}

// forget is for when a content is not what the memory says, which a file system that
// doesn't tell of all writes can bring about.
func (m *memory) forget() {
	if m.results != nil {
		_ = m.results.Remember(m.key, nil)
	}
}

// identity is what decides about the outcome of reading a node, beside its content: the
// file, and the name that is looked at for secrets. Both differ for links only.
func (n *node) identity() string {
	if base := path.Base(n.shown); base != path.Base(n.name) {
		return n.name + "\x00" + base
	}
	return n.name
}

// entry is what is remembered of a file.
type entry struct {
	state stamp.State
	clean bool // was searched for secrets, and has none
	sum   [32]byte
}

// record is the encoded form of entries by the identity of the file, which is what
// 100,000 of them are kept in for the time of a run.
//
// It is recordHeader and, for each entry, two uvarints, how many bytes of its name are
// those of the name before it and how many follow; those; and entrySize bytes.
type record struct {
	data []byte
	at   map[string]int // where in data an entry's fixed part is
}

const (
	recordHeader = "imgo files 1\n"
	entrySize    = 4*8 + 4 + 1 + 32
)

func (r record) find(name string) (e entry, ok bool) {
	at, ok := r.at[name]
	if !ok {
		return e, false
	}
	b, order := r.data[at:at+entrySize], binary.LittleEndian
	e.state = stamp.State{
		Size: int64(order.Uint64(b)), ModTime: int64(order.Uint64(b[8:])), Change: int64(order.Uint64(b[16:])),
		Inode: order.Uint64(b[24:]), Mode: fs.FileMode(order.Uint32(b[32:])),
	}
	e.clean = b[36] == 1
	copy(e.sum[:], b[37:])
	return e, true
}

// encode writes the entries of all nodes that can be remembered.
func encode(nodes []*node) []byte {
	data, order, last := []byte(recordHeader), binary.LittleEndian, ""
	for _, n := range nodes {
		if !n.settled {
			continue
		}
		name := n.identity()
		shared := 0
		for shared < min(len(name), len(last)) && name[shared] == last[shared] {
			shared++
		}
		data = binary.AppendUvarint(data, uint64(shared))
		data = binary.AppendUvarint(data, uint64(len(name)-shared))
		data = append(data, name[shared:]...)
		last = name

		data = order.AppendUint64(data, uint64(n.state.Size))
		data = order.AppendUint64(data, uint64(n.state.ModTime))
		data = order.AppendUint64(data, uint64(n.state.Change))
		data = order.AppendUint64(data, n.state.Inode)
		data = order.AppendUint32(data, uint32(n.state.Mode))
		clean := byte(0)
		if n.clean {
			clean = 1
		}
		data = append(data, clean)
		data = append(data, n.sum[:]...)
	}
	return data
}

// decode finds the entries. Of what is damaged, it takes nothing.
func decode(data []byte) (r record, ok bool) {
	if len(data) < len(recordHeader) || string(data[:len(recordHeader)]) != recordHeader {
		return record{}, false
	}
	r = record{data: data, at: map[string]int{}}
	last, at := "", len(recordHeader)
	for at < len(data) {
		shared, n := binary.Uvarint(data[at:])
		if n <= 0 || shared > uint64(len(last)) {
			return record{}, false
		}
		at += n
		rest, n := binary.Uvarint(data[at:])
		if n <= 0 || rest > uint64(len(data)-at-n) {
			return record{}, false
		}
		at += n
		last = last[:shared] + string(data[at:at+int(rest)])
		at += int(rest)
		if len(data)-at < entrySize {
			return record{}, false
		}
		r.at[last] = at
		at += entrySize
	}
	return r, true
}
