package rootfs

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

func isMalformed(err error, reason string) bool {
	e, ok := errors.AsType[*MalformedError](err)
	return ok && strings.Contains(e.Error(), reason)
}

func TestHostileLayers(t *testing.T) {
	deep := strings.Repeat("d/", 2000)
	for name, c := range map[string]struct {
		entries []string
		want    string
	}{
		"out of the root":       {[]string{"../etc/passwd=x"}, `layer 1: "../etc/passwd" leads out of the root`},
		"out of it, later":      {[]string{"a/../../b=x"}, "leads out of the root"},
		"the root itself":       {[]string{"./=x", "/->/etc"}, "replaces the root"},
		"hard link out of it":   {[]string{"a=>../../etc/passwd"}, "leads out of the root"},
		"hard link to nothing":  {[]string{"a=>b"}, `is a hard link to "b", which is not there`},
		"hard link to a dir":    {[]string{"b/", "a=>b"}, "which is a directory"},
		"a loop of links":       {[]string{"a->b", "b->a", "a/x=1"}, "too many symbolic links"},
		"below a file":          {[]string{"a=1", "a/b=1"}, "below something that is no directory"},
		"below a pipe":          {[]string{"a|", "a/b/c=1"}, "below something that is no directory"},
		"a whiteout of nothing": {[]string{"a/.wh."}, "whiteout of nothing"},
		"a whiteout of dots":    {[]string{"a/.wh..."}, "whiteout of nothing"},
		"a long path":           {[]string{strings.Repeat("x", 5000) + "=1"}, "more than 4096 bytes"},
		"a long link":           {[]string{"a->" + strings.Repeat("x", 5000)}, "more than 4096 bytes"},
		"deeper and deeper":     {[]string{deep, "s->" + deep, "s/" + deep}, "below more than 2048 directories"},
		"exponential links": {func() []string {
			out := []string{"l0->."}
			for i := range 30 {
				out = append(out, fmt.Sprintf("l%d->l%d/l%d", i+1, i, i))
			}
			return append(out, "l30/x=1")
		}(), "too many symbolic links"},
	} {
		_, err := Read(t.Context(), imageOf(archive(c.entries...)))
		if !isMalformed(err, c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if _, err := Read(t.Context(), imageOf(archive("a=1"), []byte(strings.Repeat("junk", 1000)))); !isMalformed(err, "layer 2 is no intact archive") {
		t.Errorf("junk: %v", err)
	}
	var negative bytes.Buffer
	w := tar.NewWriter(&negative)
	_ = w.WriteHeader(&tar.Header{Name: "a", Uid: -2, Format: tar.FormatGNU})
	w.Close()
	if _, err := Read(t.Context(), imageOf(negative.Bytes())); !isMalformed(err, "negative") {
		t.Errorf("negative owner: %v", err)
	}
}

// Nobody sees a tree of a million files in a test: the limits are approached from above.
func TestLimits(t *testing.T) {
	for name, spent := range map[string]func(*reader){
		"is one too many": func(r *reader) { r.entries = maxEntries - 1 },
		"one too many":    func(r *reader) { r.text = maxText - 3 },
		"have more than":  func(r *reader) { r.headers = maxHeaders - 1 },
		"too many direct": func(r *reader) { r.steps = maxSteps - 1 },
	} {
		r := newReader(nil)
		spent(r)
		err := r.readLayer(t.Context(), imageOf(archive("a=1", "bcd=1")).layers[0])
		if !isMalformed(err, name) {
			t.Errorf("%v, want %q", err, name)
		}
	}
}

// broken is a layer whose reading ends in an error.
type broken struct {
	v1.Layer
	content []byte
	open    error
	end     error
}

func (b broken) Compressed() (io.ReadCloser, error) {
	return io.NopCloser(io.MultiReader(bytes.NewReader(b.content), failing{b.end})), b.open
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestErrorsOfTheLayer(t *testing.T) {
	damaged := errors.New("damaged")
	for name, l := range map[string]broken{
		"at once":           {open: damaged, end: io.EOF},
		"within":            {content: archive("a=1")[:700], end: damaged},
		"behind the tar":    {content: archive("a=1"), end: damaged},
		"behind a bad tar":  {content: []byte(strings.Repeat("junk", 1000)), end: damaged},
		"behind a bad gzip": {content: []byte("\x1f\x8bjunkjunkjunk"), end: damaged},
	} {
		_, err := Read(t.Context(), image{layers: []v1.Layer{l}})
		if _, malformed := errors.AsType[*MalformedError](err); !errors.Is(err, damaged) || malformed || !strings.HasPrefix(err.Error(), "reading layer 1: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Read(ctx, imageOf(archive("a=1"))); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// endless is a file of zeros as large as said, which no tar of a test could hold.
type endless struct{ left int64 }

func (e *endless) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), e.left)
	clear(p[:n])
	e.left -= n
	return int(n), nil
}

func TestLargeFilesCostNoMemory(t *testing.T) {
	const size = 64 << 20
	var head bytes.Buffer
	_ = tar.NewWriter(&head).WriteHeader(&tar.Header{Name: "etc/passwd", Size: size})
	l := stream{func() io.Reader {
		return io.MultiReader(bytes.NewReader(head.Bytes()), &endless{size}, bytes.NewReader(archive("b=1")))
	}}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	tree, err := Read(t.Context(), image{layers: []v1.Layer{l}}, "etc/passwd")
	runtime.ReadMemStats(&after)
	if err != nil || len(list(tree)) != 3 {
		t.Fatal(err)
	}
	if got := after.TotalAlloc - before.TotalAlloc; got > 1<<20 {
		t.Errorf("%d bytes for a file of %d", got, size)
	}
}

type stream struct{ open func() io.Reader }

func (s stream) Compressed() (io.ReadCloser, error)   { return io.NopCloser(s.open()), nil }
func (s stream) Uncompressed() (io.ReadCloser, error) { return nil, errors.New("not needed") }
func (s stream) Digest() (v1.Hash, error)             { return v1.Hash{}, nil }
func (s stream) DiffID() (v1.Hash, error)             { return v1.Hash{}, nil }
func (s stream) Size() (int64, error)                 { return 0, nil }
func (s stream) MediaType() (types.MediaType, error)  { return types.OCILayer, nil }

func FuzzRead(f *testing.F) {
	f.Add(archive("etc/passwd=root", "a->b", "b->/etc", "b/c=1"), archive(".wh.a", "b/.wh..wh..opq", "x=>etc/passwd"))
	f.Add(archive("l0->.", "l1->l0/l0", "l1/../x=1"), archive("a/../../x=1"))
	f.Add([]byte("\x1f\x8b"), []byte("\x28\xb5\x2f\xfd"))
	f.Fuzz(func(t *testing.T, one, two []byte) {
		img := imageOf(one, two)
		tree, err := Read(t.Context(), img, "etc/passwd", "a")
		if err != nil {
			if _, ok := errors.AsType[*MalformedError](err); !ok {
				t.Fatal(err)
			}
			return
		}
		checkCounts(t, img)
		checkMarshal(t, tree)
		for _, p := range list(tree) {
			tree.Lookup(p)
		}
	})
}

func FuzzUnmarshal(f *testing.F) {
	f.Add([]byte(formatMagic))
	tree, _ := Read(f.Context(), imageOf(archive("etc/passwd=root", "a->b", "p|")), "etc/passwd")
	data, _ := tree.Marshal()
	zr, _ := gzip.NewReader(bytes.NewReader(data))
	plain, _ := io.ReadAll(zr)
	f.Add(plain)
	f.Fuzz(func(t *testing.T, plain []byte) {
		var zipped bytes.Buffer
		zw := gzip.NewWriter(&zipped)
		_, _ = zw.Write(plain)
		zw.Close()
		tree, err := Unmarshal(zipped.Bytes())
		if err != nil {
			if !errors.Is(err, ErrFormat) {
				t.Fatal(err)
			}
			return
		}
		checkMarshal(t, tree)
	})
}
