package imgo

import (
	"archive/tar"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"
)

// FileComparison is a file that is not the same on both sides. Of one that is on one
// side only, all facts are changes: type, mode, owner, size, content and so on.
type FileComparison struct {
	Path    string   `json:"path"`
	Old     bool     `json:"old"` // is on the old side
	New     bool     `json:"new"`
	Changes []Change `json:"changes"`
}

// What a list of files may cost. An image of a whole distribution with a desktop has a
// few hundred thousand files.
const (
	maxFiles    = 1_000_000
	maxFileText = 256 << 20 // of paths, targets and names, in bytes
)

// fileTable is the files of some layers, by path. Of several at one path the last one
// counts, which is that of the upper layer.
type fileTable struct {
	files map[string]fileState
	text  int
}

// fileState is all that a tar says of a file. It holds no content.
type fileState struct {
	kind     byte
	mode     int64
	uid, gid int
	names    string // user:group, or empty
	size     int64
	sum      [sha256.Size]byte // of a regular file's content
	target   string
	device   [2]int64
	modified time.Time
	records  [sha256.Size]byte // of what else there is, such as extended attributes; zero for none
}

// compareFiles lists what differs between the layers that the two sides don't share.
// It reads each of them once.
func compareFiles(ctx context.Context, a, b imageSide, layers []LayerComparison) ([]FileComparison, error) {
	var old, new []InspectedLayer
	for i := range layers {
		l := &layers[i]
		if l.Same || l.Recompressed() {
			continue
		}
		if l.Old != nil {
			old = append(old, *l.Old)
		}
		if l.New != nil {
			new = append(new, *l.New)
		}
	}
	var before, after fileTable
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return a.readFiles(ctx, old, &before) })
	g.Go(func() error { return b.readFiles(ctx, new, &after) })
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return before.compare(&after), nil
}

// readFiles adds the files of an image's layers to a table, from the bottom.
func (s imageSide) readFiles(ctx context.Context, layers []InspectedLayer, t *fileTable) error {
	t.files = map[string]fileState{}
	buf := make([]byte, 64<<10)
	// Where layers are listed in pairs, those of one side may be out of order.
	at := func(l InspectedLayer) int {
		return slices.IndexFunc(s.Layers, func(o InspectedLayer) bool { return o.Digest == l.Digest })
	}
	slices.SortStableFunc(layers, func(l, o InspectedLayer) int { return cmp.Compare(at(l), at(o)) })
	for _, l := range layers {
		err := s.readLayer(ctx, s.image, l, func(name string, h *tar.Header, content io.Reader) error {
			if h.Typeflag == tar.TypeXGlobalHeader {
				return nil
			}
			state := stateOf(h)
			if state.kind == tar.TypeReg {
				sum := sha256.New()
				if _, err := io.CopyBuffer(sum, content, buf); err != nil {
					return err
				}
				state.sum = [sha256.Size]byte(sum.Sum(nil))
			}
			return t.add(l, name, state)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *fileTable) add(l InspectedLayer, name string, state fileState) error {
	t.text += len(name) + len(state.target) + len(state.names)
	t.files[name] = state
	if len(t.files) > maxFiles || t.text > maxFileText {
		return &LayerError{l.Digest, fmt.Errorf("it is one too many: more than %d files are not compared", maxFiles)}
	}
	return nil
}

func stateOf(h *tar.Header) fileState {
	f := fileState{
		kind: h.Typeflag, mode: h.Mode, uid: h.Uid, gid: h.Gid, size: h.Size, target: h.Linkname,
		device: [2]int64{h.Devmajor, h.Devminor}, modified: h.ModTime.UTC(),
	}
	switch h.Typeflag {
	case 0, tar.TypeCont, tar.TypeGNUSparse:
		f.kind = tar.TypeReg
	}
	if h.Uname != "" || h.Gname != "" {
		f.names = h.Uname + ":" + h.Gname
	}
	sum := sha256.New()
	more := false
	for _, key := range slices.Sorted(maps.Keys(h.PAXRecords)) {
		switch key {
		case "path", "linkpath", "size", "uid", "gid", "uname", "gname", "mtime":
			continue // is said above
		}
		more = true
		fmt.Fprintf(sum, "%q %q\n", key, h.PAXRecords[key])
	}
	if more {
		f.records = [sha256.Size]byte(sum.Sum(nil))
	}
	return f
}

func fileKinds() map[byte]string {
	return map[byte]string{
		tar.TypeReg: "file", tar.TypeDir: "directory", tar.TypeSymlink: "symbolic link", tar.TypeLink: "hard link",
		tar.TypeChar: "character device", tar.TypeBlock: "block device", tar.TypeFifo: "pipe",
	}
}

// facts are what there is to say of a file.
func (f *fileState) facts() []Fact {
	out := []Fact{
		{"type", "", cmp.Or(fileKinds()[f.kind], strconv.QuoteRune(rune(f.kind)))},
		{"mode", "", fmt.Sprintf("%04o", f.mode)},
		{"owner", "", fmt.Sprintf("%d:%d", f.uid, f.gid)},
		{"owner names", "", f.names},
	}
	if f.kind == tar.TypeReg {
		out = append(out, Fact{"size", "", strconv.FormatInt(f.size, 10)}, Fact{"content", "", "sha256:" + hex.EncodeToString(f.sum[:])})
	}
	out = append(out, Fact{"target", "", f.target})
	if f.device != [2]int64{} {
		out = append(out, Fact{"device", "", fmt.Sprintf("%d:%d", f.device[0], f.device[1])})
	}
	out = append(out, Fact{"time", "", f.modified.Format(time.RFC3339Nano)})
	if f.records != [sha256.Size]byte{} {
		out = append(out, Fact{"attributes", "", "sha256:" + hex.EncodeToString(f.records[:])})
	}
	return known(out)
}

// compare lists the paths whose files differ, in order.
func (t *fileTable) compare(other *fileTable) []FileComparison {
	paths := map[string]bool{}
	for p, f := range t.files {
		if o, ok := other.files[p]; !ok || f != o {
			paths[p] = true
		}
	}
	for p := range other.files {
		if _, ok := t.files[p]; !ok {
			paths[p] = true
		}
	}
	out := make([]FileComparison, 0, len(paths))
	for _, p := range slices.Sorted(maps.Keys(paths)) {
		old, isOld := t.files[p]
		new, isNew := other.files[p]
		c := FileComparison{Path: p, Old: isOld, New: isNew}
		var before, after []Fact
		if isOld {
			before = old.facts()
		}
		if isNew {
			after = new.facts()
		}
		if c.Changes = changes(before, after); len(c.Changes) > 0 {
			out = append(out, c)
		}
	}
	return out
}
