package rootfs

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/zstd"
)

// image is an image that has nothing but layers.
type image struct {
	v1.Image
	layers []v1.Layer
}

func (i image) Layers() ([]v1.Layer, error) { return i.layers, nil }

// archive writes a tar. An entry is written as "dir/", "file=content", "link->target",
// "name=>hard link's target", "pipe|", and may have "mode " in front.
func archive(entries ...string) []byte {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, e := range entries {
		h := &tar.Header{Mode: 0o644, Typeflag: tar.TypeReg, Format: tar.FormatPAX}
		if before, after, ok := strings.Cut(e, " "); ok {
			_, _ = fmt.Sscanf(before, "%o", &h.Mode)
			e = after
		}
		var content string
		if name, target, ok := strings.Cut(e, "->"); ok {
			h.Name, h.Linkname, h.Typeflag = name, target, tar.TypeSymlink
		} else if name, target, ok := strings.Cut(e, "=>"); ok {
			h.Name, h.Linkname, h.Typeflag = name, target, tar.TypeLink
		} else if name, ok := strings.CutSuffix(e, "|"); ok {
			h.Name, h.Typeflag = name, tar.TypeFifo
		} else if h.Name, content, _ = strings.Cut(e, "="); strings.HasSuffix(h.Name, "/") {
			h.Typeflag = tar.TypeDir
		}
		h.Size = int64(len(content))
		if err := w.WriteHeader(h); err != nil {
			panic(err)
		}
		_, _ = io.WriteString(w, content)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return out.Bytes()
}

func imageOf(blobs ...[]byte) image {
	var i image
	for _, b := range blobs {
		i.layers = append(i.layers, static.NewLayer(b, types.OCIUncompressedLayer))
	}
	return i
}

// list describes all of a tree.
func list(t *Tree) []string {
	var out []string
	var walk func(n *node)
	walk = func(n *node) {
		for _, name := range slices.Sorted(maps.Keys(n.children)) {
			c := n.children[name]
			s := c.path()
			switch c.Kind {
			case Dir:
				s += "/"
			case Symlink:
				s += "->" + c.Link
			case Other:
				s += "|"
			case File:
				s += fmt.Sprintf("=%d", c.Size)
			}
			out = append(out, s)
			walk(c)
		}
	}
	walk(&t.root)
	return out
}

func TestLayersMakeATree(t *testing.T) {
	for name, c := range map[string]struct {
		layers [][]string
		want   []string
	}{
		"one layer, parents implied": {
			[][]string{{"./", "./etc/passwd=root", "/usr/bin/x=1", "run/p|", "bin->usr/bin"}},
			[]string{"bin->usr/bin", "etc/", "etc/passwd=4", "run/", "run/p|", "usr/", "usr/bin/", "usr/bin/x=1"},
		},
		"replaced files": {
			[][]string{{"a=1", "b/", "b/c=1", "d->x"}, {"a->b", "b=22", "d/", "d/e=1"}},
			[]string{"a->b", "b=2", "d/", "d/e=1"},
		},
		"a directory over another keeps what is in it": {
			[][]string{{"a/", "a/b=1"}, {"a/", "a/c=1"}},
			[]string{"a/", "a/b=1", "a/c=1"},
		},
		"whiteouts": {
			[][]string{{"a=1", "b/c=1", "b/d=1", "e/f/g=1"}, {".wh.a", "b/.wh.c", ".wh.e", "h/.wh.nothing"}},
			[]string{"b/", "b/d=1", "h/"},
		},
		"a whiteout hides lower layers only, wherever it stands": {
			[][]string{{"a/b/c=1", "a/d=1"}, {"a/b/new=1", ".wh.a", "x=1", ".wh.x"}},
			[]string{"a/", "a/b/", "a/b/new=1", "x=1"},
		},
		"an opaque directory, at the end of its layer": {
			[][]string{{"a/b=1", "a/c/d=1", "z=1"}, {"a/e=1", "a/.wh..wh..opq"}},
			[]string{"a/", "a/e=1", "z=1"},
		},
		"files of aufs are none": {
			[][]string{{"a=1", ".wh..wh.plnk/", ".wh..wh.aufs="}},
			[]string{"a=1"},
		},
		"hard links": {
			[][]string{{"bin/busybox=12345", "bin/sh=>bin/busybox", "bin/ls=>/bin/busybox", "l->bin", "bin/l2=>l"}, {"sh2=>bin/sh"}},
			[]string{"bin/", "bin/busybox=5", "bin/l2->bin", "bin/ls=5", "bin/sh=5", "l->bin", "sh2=5"},
		},
		"links of the same layer lead on": {
			[][]string{{"lib->usr/lib", "lib/x=1", "abs->/usr", "abs/y=1", "up->../../..", "up/z=1"}},
			[]string{"abs->/usr", "lib->usr/lib", "up->../../..", "usr/", "usr/lib/", "usr/lib/x=1", "usr/y=1", "z=1"},
		},
		"those of lower layers are hidden by a directory": {
			[][]string{{"lib->usr/lib", "usr/lib/x=1", "f=1"}, {"lib/y=1", "f/g=1"}},
			[]string{"f/", "f/g=1", "lib/", "lib/y=1", "usr/", "usr/lib/", "usr/lib/x=1"},
		},
		"harmless ways to write a path": {
			[][]string{{"//a//b/../c=1", "./d/./e=1"}},
			[]string{"a/", "a/c=1", "d/", "d/e=1"},
		},
		"nothing": {[][]string{{}}, nil},
	} {
		var blobs [][]byte
		for _, l := range c.layers {
			blobs = append(blobs, archive(l...))
		}
		tree, err := Read(t.Context(), imageOf(blobs...))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(c.want, list(tree)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		checkCounts(t, imageOf(blobs...))
		checkMarshal(t, tree)
	}
}

// checkCounts reads a tree and counts what the reader says it has counted.
func checkCounts(t *testing.T, img image) {
	t.Helper()
	r := newReader(wanted{"etc/passwd": {}, "a": {}})
	for i, l := range img.layers {
		r.layer = i + 1
		if r.readLayer(t.Context(), l) != nil {
			return
		}
	}
	entries, text, kept := 0, 0, 0
	var walk func(n *node)
	walk = func(n *node) {
		for name, c := range n.children {
			if c.parent != n || c.name != name || c.Kind != Dir && len(c.children) > 0 {
				t.Errorf("%s is not where it should be", c.path())
			}
			entries, text, kept = entries+1, text+len(name)+len(c.Link), kept+len(c.content)
			walk(c)
		}
	}
	walk(&r.tree.root)
	if entries != r.entries || text != r.text || kept != r.kept {
		t.Errorf("counted %d entries, %d bytes, %d kept, there are %d, %d, %d", r.entries, r.text, r.kept, entries, text, kept)
	}
}

func checkMarshal(t *testing.T, tree *Tree) {
	t.Helper()
	data, err := tree.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Unmarshal(data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(list(tree), list(again)); diff != "" {
		t.Errorf("after Unmarshal (-before +after):\n%s", diff)
	}
	if twice, err := again.Marshal(); err != nil || !bytes.Equal(data, twice) {
		t.Errorf("an equal tree has another form (%v)", err)
	}
}

func TestMarshalKeepsEverything(t *testing.T) {
	tree := &Tree{}
	tree.root.Mode = 0o555
	etc := tree.root.add("etc", Entry{Kind: Dir, Mode: 0o755 | 1<<20, UID: 7}, 1)
	passwd := etc.add("pass\xffwd", Entry{Kind: File, UID: 1<<31 - 1, GID: 3, Size: 1 << 40}, 1)
	passwd.content = []byte("\x00\xff")
	etc.add("none", Entry{Kind: File}, 1).content = []byte{}
	etc.add("pass\xfewd", Entry{Kind: Symlink, Link: "\xfe"}, 2)
	data, err := tree.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Unmarshal(data)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"/", "etc", "etc/pass\xffwd", "etc/none"} {
		_, want, _ := tree.Lookup(p)
		_, got, ok := again.Lookup(p)
		wantContent, wantKept := tree.Content(p)
		content, kept := again.Content(p)
		if !ok || want != got || kept != wantKept || !bytes.Equal(content, wantContent) {
			t.Errorf("%q: %+v, %q, %t, want %+v", p, got, content, kept, want)
		}
	}
	for i := range data {
		if _, err := Unmarshal(data[:i]); !errors.Is(err, ErrFormat) {
			t.Errorf("%d of %d bytes: %v", i, len(data), err)
		}
	}
}

func TestLookup(t *testing.T) {
	tree, err := Read(t.Context(), imageOf(archive(
		"4755 usr/bin/su=x", "bin->usr/bin", "1777 tmp/", "etc/alternatives/awk->/usr/bin/mawk", "usr/bin/awk->/etc/alternatives/awk",
		"usr/bin/mawk=1", "loop->pool", "pool->loop", "up->../../../usr", "gone->/nowhere", "self->.", "c/1->2", "c/2->../bin/su",
	)))
	if err != nil {
		t.Fatal(err)
	}
	for p, want := range map[string]string{
		"/usr/bin/su": "usr/bin/su", "usr/bin/su": "usr/bin/su", "/bin/su": "usr/bin/su", "bin/": "usr/bin",
		"/bin/awk": "usr/bin/mawk", "/": ".", "": ".", ".": ".", "/..": ".", "up/bin//./su": "usr/bin/su",
		"self/self/self/tmp": "tmp", "c/1": "usr/bin/su", "usr/../tmp": "tmp", "bin/../bin": "usr/bin",
		"loop": "-", "gone": "-", "usr/bin/su/x": "-", "usr/bin/su/..": "-", "nowhere": "-", "nowhere/..": "-",
		strings.Repeat("self/", 40) + "tmp": "tmp", strings.Repeat("self/", 41) + "tmp": "-",
	} {
		got, e, ok := tree.Lookup(p)
		if !ok {
			got = "-"
		}
		if got != want || ok && e.Kind == Symlink {
			t.Errorf("%q is %q, want %q", p, got, want)
		}
	}
	_, su, _ := tree.Lookup("bin/su")
	if su.Mode.String() != "urwxr-xr-x" || su.Kind != File || su.Size != 1 {
		t.Errorf("%+v, %s", su, su.Mode)
	}
	if _, tmp, _ := tree.Lookup("tmp"); tmp.Mode.String() != "trwxrwxrwx" {
		t.Errorf("/tmp has %s", tmp.Mode)
	}
	var none Tree
	if p, e, ok := none.Lookup("/"); p != "." || e.Kind != Dir || !ok {
		t.Errorf("the root of an empty tree: %q, %+v, %t", p, e, ok)
	}
	if _, ok := none.Content("etc/passwd"); ok {
		t.Error("an empty tree has a content")
	}
}

func TestContents(t *testing.T) {
	big := strings.Repeat("x", maxContent+1)
	most := strings.Repeat("y", maxContent)
	for name, c := range map[string]struct {
		layers [][]string
		want   string // of etc/passwd
	}{
		"plain":                  {[][]string{{"etc/passwd=root"}}, "root"},
		"empty":                  {[][]string{{"etc/passwd="}}, ""},
		"replaced":               {[][]string{{"etc/passwd=root"}, {"etc/passwd=other"}}, "other"},
		"hidden":                 {[][]string{{"etc/passwd=root"}, {"etc/.wh.passwd"}}, "-"},
		"too large":              {[][]string{{"etc/passwd=" + big}}, "-"},
		"a link":                 {[][]string{{"etc/passwd->/nix/passwd", "nix/passwd=nix"}}, "nix"},
		"a link to a link":       {[][]string{{"etc/passwd->/nix/1", "nix/1->/nix/2", "nix/2=nix"}}, "nix"},
		"below a link":           {[][]string{{"etc->/nix/etc", "nix/etc/passwd=nix"}}, "nix"},
		"below one of the layer": {[][]string{{"etc->/nix/etc", "etc/passwd=nix"}}, "nix"},
		"a hard link":            {[][]string{{"usr/passwd=usr", "etc/passwd=>usr/passwd"}}, "usr"},
		"a link to a hard link":  {[][]string{{"a=usr", "b=>a", "etc/passwd->/b"}}, "usr"},
		"a link that leads away": {[][]string{{"etc/passwd->/nowhere"}}, "-"},
		"too much in all, first": {[][]string{{"a=" + most, "b=" + most, "c=" + most, "d=" + most, "etc/passwd=x"}}, "-"},
		"too much, but replaced": {[][]string{{"a=" + most, "b=" + most, "c=" + most, "d=" + most}, {"d=1", ".wh.a", "etc/passwd=x"}}, "x"},
		"large, and then not":    {[][]string{{"etc/passwd=" + big}, {"etc/passwd=x"}}, "x"},
	} {
		var blobs [][]byte
		for _, l := range c.layers {
			blobs = append(blobs, archive(l...))
		}
		tree, err := Read(t.Context(), imageOf(blobs...), "/etc/passwd", "a", "b", "c", "d", "../x")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, ok := tree.Content("etc/passwd")
		if !ok {
			got = []byte("-")
		}
		if string(got) != c.want {
			t.Errorf("%s: %.20q, want %q", name, got, c.want)
		}
		checkCounts(t, imageOf(blobs...))
		checkMarshal(t, tree)
	}
}

func TestCompressions(t *testing.T) {
	plain := archive("a=1", "b="+strings.Repeat("x", 100_000))
	var zipped bytes.Buffer
	zw := gzip.NewWriter(&zipped)
	_, _ = zw.Write(plain)
	zw.Close()
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	zst := enc.EncodeAll(plain, nil)
	skippable := append([]byte{0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3}, zst...)
	for name, blob := range map[string][]byte{"plain": plain, "gzip": zipped.Bytes(), "zstd": zst, "zstd behind a skipped frame": skippable} {
		tree, err := Read(t.Context(), imageOf(blob))
		if err != nil || len(list(tree)) != 2 {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := Read(t.Context(), imageOf(blob[:len(blob)/2])); name != "plain" && !isMalformed(err, "is no intact archive") {
			t.Errorf("%s, half of it: %v", name, err)
		}
	}
	if tree, err := Read(t.Context(), imageOf(nil)); err != nil || len(list(tree)) != 0 {
		t.Errorf("an empty blob: %v", err)
	}
}
