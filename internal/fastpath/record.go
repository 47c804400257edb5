package fastpath

import (
	"crypto/sha256"
	"encoding/binary"
	"io/fs"

	"github.com/imgo-build/imgo/internal/stamp"
	"github.com/imgo-build/imgo/pkg/layer"
)

// Record is an outcome with the state that it was worked out from.
type Record struct {
	Snapshot *Snapshot
	Outcome  []byte
}

// version is the first line of a stored record. Whatever changes what a snapshot holds or
// means changes it too.
const version = "imgo fastpath 1\n"

// Load returns the record of a key. One that is damaged, or of another version of this
// package, is a miss.
func Load(results layer.Results, key string) (*Record, bool) {
	data, ok := results.Lookup(key)
	if !ok || len(data) < len(version)+sha256.Size {
		return nil, false
	}
	body, sum := data[:len(data)-sha256.Size], data[len(data)-sha256.Size:]
	if string(body[:len(version)]) != version || sha256.Sum256(body) != hash(sum) {
		return nil, false
	}
	return decode(body[len(version):])
}

// Save stores the record under a key, which names everything else that the outcome
// depends on.
func (r *Record) Save(results layer.Results, key string) error {
	data := r.encode([]byte(version))
	sum := sha256.Sum256(data)
	return results.Remember(key, append(data, sum[:]...))
}

// The format, after the version: lists are preceded by their length, strings too; numbers
// are varints.
//
//	inputs   kind, path, pattern
//	entries  path, flags, aspects; then what the flags announce:
//	         link text and stamp; stamp (of what is there); content hash; header hash
//	outcome

// Flags of an entry. The kind takes the lowest two bits.
const (
	flagKind    = 3
	flagTrusted = 1 << (iota + 1)
	flagLink
	flagContent
	flagHeader
	flagEnd
)

func (r *Record) encode(b []byte) []byte {
	s := r.Snapshot
	b = binary.AppendUvarint(b, uint64(len(s.inputs)))
	for _, in := range s.inputs {
		b = appendString(b, string(in.Kind))
		b = appendString(b, in.Path)
		b = appendString(b, in.Pattern)
	}
	b = binary.AppendUvarint(b, uint64(len(s.entries)))
	for i := range s.entries {
		b = s.entries[i].append(b)
	}
	return appendString(b, string(r.Outcome))
}

func (e *entry) append(b []byte) []byte {
	flags := byte(e.kind)
	set := func(flag byte, on bool) {
		if on {
			flags |= flag
		}
	}
	set(flagTrusted, e.trusted)
	set(flagLink, e.link != "")
	set(flagContent, e.content != hash{})
	set(flagHeader, e.header != hash{})
	b = append(appendString(b, e.path), flags, byte(e.counts))
	if flags&flagLink != 0 {
		b = appendStamp(appendString(b, e.link), e.linkStamp)
	}
	if e.kind.stamped() {
		b = appendStamp(b, e.stamp)
	}
	if flags&flagContent != 0 {
		b = append(b, e.content[:]...)
	}
	if flags&flagHeader != 0 {
		b = append(b, e.header[:]...)
	}
	return b
}

func (k kind) stamped() bool { return k == file || k == dir }

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendStamp(b []byte, s stamp.State) []byte {
	b = binary.AppendVarint(b, s.Size)
	b = binary.AppendUvarint(b, uint64(s.Mode))
	b = binary.AppendVarint(b, s.ModTime)
	b = binary.AppendVarint(b, s.Change)
	return binary.AppendUvarint(b, s.Inode)
}

// decoder reads what encode wrote. After the first mistake it reads nothing but zeros.
type decoder struct {
	rest string // strings that are read are parts of it
	bad  bool
}

func decode(body []byte) (*Record, bool) {
	d := &decoder{rest: string(body)}
	s := &Snapshot{}
	for range d.length(3) {
		s.inputs = append(s.inputs, Input{Kind: Kind(d.string()), Path: d.string(), Pattern: d.string()})
	}
	n := d.length(leastEntry)
	s.entries = make([]entry, n)
	for i := range s.entries {
		s.entries[i] = d.entry()
		if i > 0 && s.entries[i-1].path >= s.entries[i].path {
			d.bad = true
		}
		if d.bad {
			return nil, false
		}
	}
	outcome := []byte(d.string())
	if d.bad || d.rest != "" {
		return nil, false
	}
	return &Record{Snapshot: s, Outcome: outcome}, true
}

// leastEntry is the length of the shortest entry: an empty path, flags, aspects.
const leastEntry = 3

func (d *decoder) entry() entry {
	e := entry{path: d.string()}
	flags, counts := d.byte(), d.byte()
	e.kind, e.counts, e.trusted = kind(flags&flagKind), aspects(counts), flags&flagTrusted != 0
	if flags >= flagEnd || e.counts&^allAspects != 0 {
		d.bad = true
	}
	if flags&flagLink != 0 {
		e.link, e.linkStamp = d.string(), d.stamp()
	}
	if e.kind.stamped() {
		e.stamp = d.stamp()
	}
	if flags&flagContent != 0 {
		e.content = d.hash()
	}
	if flags&flagHeader != 0 {
		e.header = d.hash()
	}
	return e
}

func (d *decoder) stamp() stamp.State {
	return stamp.State{
		Size: d.varint(), Mode: fs.FileMode(d.uvarint()), ModTime: d.varint(), Change: d.varint(), Inode: d.uvarint(),
	}
}

func (d *decoder) hash() (h hash) {
	copy(h[:], d.take(uint64(len(h))))
	return h
}

func (d *decoder) string() string { return d.take(d.uvarint()) }

func (d *decoder) byte() byte {
	if b := d.take(1); b != "" {
		return b[0]
	}
	return 0
}

func (d *decoder) take(n uint64) (s string) {
	if d.bad || n > uint64(len(d.rest)) {
		d.bad = true
		return ""
	}
	s, d.rest = d.rest[:n], d.rest[n:]
	return s
}

// length reads that of a list whose elements take at least so many bytes each, so that
// no more is allocated than the rest can fill.
func (d *decoder) length(least uint64) int {
	n := d.uvarint()
	if n > uint64(len(d.rest))/least {
		d.bad = true
		return 0
	}
	return int(n)
}

func (d *decoder) uvarint() (n uint64) {
	for shift := 0; shift < 64; shift += 7 {
		b := d.byte()
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return n
		}
	}
	d.bad = true
	return 0
}

func (d *decoder) varint() int64 {
	n := d.uvarint()
	return int64(n>>1) ^ -int64(n&1)
}
