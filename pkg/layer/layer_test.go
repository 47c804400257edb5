package layer_test

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/imgo-build/imgo/pkg/event"
	"github.com/imgo-build/imgo/pkg/layer"
	"github.com/imgo-build/imgo/pkg/layer/layertest"
)

// regular is a file with the given content.
func regular(path string, mode fs.FileMode, content string) layer.File {
	return layer.File{Path: path, Mode: mode, Size: int64(len(content)), Open: func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(content)), nil
	}}
}

func headers(t *testing.T, l *layer.Layer) []*tar.Header {
	t.Helper()
	r, err := l.Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var list []*tar.Header
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if err == io.EOF {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, h)
	}
}

func TestEntries(t *testing.T) {
	long := "/long/" + strings.Repeat("x", 150)
	files := []layer.File{
		regular("/app/server", 0o755, "binary"),
		regular("app-b", fs.ModeSetuid|0o711, ""),
		{Path: "/tmp/", Mode: fs.ModeDir | fs.ModeSticky | 0o777},
		{Path: "/usr/share/zoneinfo/UTC", Mode: fs.ModeSymlink | 0o123, Link: "Etc/UTC"},
		regular(long, 0o600, "y"),
	}
	type row struct {
		Name   string
		Type   string
		Mode   int64
		Size   int64
		Link   string
		Format tar.Format
	}
	want := []row{
		{"app/", "5", 0o755, 0, "", tar.FormatUSTAR},
		{"app-b", "0", 0o4711, 0, "", tar.FormatUSTAR},
		{"app/server", "0", 0o755, 6, "", tar.FormatUSTAR},
		{"long/", "5", 0o755, 0, "", tar.FormatUSTAR},
		{long[1:], "0", 0o600, 1, "", tar.FormatPAX},
		{"tmp/", "5", 0o1777, 0, "", tar.FormatUSTAR},
		{"usr/", "5", 0o755, 0, "", tar.FormatUSTAR},
		{"usr/share/", "5", 0o755, 0, "", tar.FormatUSTAR},
		{"usr/share/zoneinfo/", "5", 0o755, 0, "", tar.FormatUSTAR},
		{"usr/share/zoneinfo/UTC", "2", 0o777, 0, "Etc/UTC", tar.FormatUSTAR},
	}
	var digests []string
	for range 5 {
		l, err := layer.New(t.Context(), &layertest.Memory{}, layer.Options{}, files)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate.Layer(l); err != nil {
			t.Error(err)
		}
		var got []row
		for _, h := range headers(t, l) {
			got = append(got, row{h.Name, string(h.Typeflag), h.Mode, h.Size, h.Linkname, h.Format})
			if h.Uid != 0 || h.Gid != 0 || h.Uname != "" || h.Gname != "" || !h.ModTime.Equal(time.Unix(0, 0)) {
				t.Errorf("%s: owner %d:%d %q:%q, time %v", h.Name, h.Uid, h.Gid, h.Uname, h.Gname, h.ModTime)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("entries (-want +got):\n%s", diff)
		}
		digest, _ := l.Digest()
		digests = append(digests, digest.String())
		rand.Shuffle(len(files), func(i, j int) { files[i], files[j] = files[j], files[i] })
	}
	if len(slices.Compact(digests)) != 1 {
		t.Errorf("the order of the files changes the digest: %q", digests)
	}
}

// Digests are compared over years: if this test fails, the change needs a new
// Version. The key is what keeps the results in people's caches valid.
func TestGolden(t *testing.T) {
	files := []layer.File{
		regular("/app/server", 0o755, strings.Repeat("binary ", 1000)),
		regular("/"+strings.Repeat("long/", 60)+"\u00fc", 0o644, "x"),
		{Path: "/tmp", Mode: fs.ModeDir | fs.ModeSticky | 0o777},
		{Path: "/link", Mode: fs.ModeSymlink, Link: "app/server"},
	}
	store := &keyRecorder{Store: &layertest.Memory{}}
	l, err := layer.New(t.Context(), store, layer.Options{Key: "k"}, files)
	if err != nil {
		t.Fatal(err)
	}
	diffID, _ := l.DiffID()
	digest, _ := l.Digest()
	got := []string{layer.Version, diffID.Hex, digest.Hex, store.key}
	want := []string{"1",
		"e93a40568972284cbc62df15350437fc013b269ca01cb2526660d6ad268a1a81",
		"52d97ed1dde2d2ae45747f2dc79d58071b965f7a2b486b493a480a3ecffa2741",
		"layer 1 4627e98b0fda7fe8a74adad8338ae63359792acdeec549346f863b24dd0e019a " +
			"8254c329a92850f6d539dd376f4816ee2764517da5e0235514af433164480d7a",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("version, diff ID, digest and key of the result (-want +got):\n%s", diff)
	}
}

// keyRecorder notes under which key a result is remembered.
type keyRecorder struct {
	layer.Store
	key string
}

func (k *keyRecorder) Remember(key string, value []byte) error {
	k.key = key
	return k.Store.Remember(key, value)
}

func TestBadEntries(t *testing.T) {
	dir := func(p string) layer.File { return layer.File{Path: p, Mode: fs.ModeDir | 0o755} }
	tests := map[string]struct {
		files []layer.File
		want  string
	}{
		"empty":           {[]layer.File{regular("", 0o644, "")}, "names nothing"},
		"root":            {[]layer.File{dir("/")}, "names nothing"},
		"up":              {[]layer.File{regular("/a/../b", 0o644, "")}, "simplest form"},
		"dot":             {[]layer.File{regular("./b", 0o644, "")}, "simplest form"},
		"double slash":    {[]layer.File{regular("//b", 0o644, "")}, "simplest form"},
		"backslash":       {[]layer.File{regular(`a\b`, 0o644, "")}, "backslash"},
		"zero":            {[]layer.File{regular("a\x00b", 0o644, "")}, "zero byte"},
		"whiteout":        {[]layer.File{regular("/etc/.wh.passwd", 0o644, "")}, "delete files"},
		"trailing slash":  {[]layer.File{regular("a/", 0o644, "")}, "is a file"},
		"twice":           {[]layer.File{regular("/a", 0o644, ""), regular("a", 0o644, "")}, "twice"},
		"directory twice": {[]layer.File{dir("/a"), dir("a/")}, "twice"},
		"file and dir":    {[]layer.File{dir("/a"), regular("a", 0o644, "")}, "twice"},
		"below a file":    {[]layer.File{regular("/a", 0o644, ""), regular("/a/b/c", 0o644, "")}, `"/a" is not a directory`},
		"below a link":    {[]layer.File{{Path: "a", Mode: fs.ModeSymlink, Link: "b"}, regular("/a/c", 0o644, "")}, `"/a" is not a directory`},
		"no target":       {[]layer.File{{Path: "a", Mode: fs.ModeSymlink}}, "can't point"},
		"device":          {[]layer.File{{Path: "a", Mode: fs.ModeDevice}}, "neither"},
		"negative":        {[]layer.File{{Path: "a", Size: -1}}, "negative"},
		"no content":      {[]layer.File{{Path: "a", Size: 1}}, "no content"},
		"owner":           {[]layer.File{{Path: "a", UID: -1}}, "can't belong to -1:0"},
	}
	for name, test := range tests {
		store := &layertest.Memory{}
		_, err := layer.New(t.Context(), store, layer.Options{}, test.files)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, test.want)
		}
		if store.Blobs() != 0 {
			t.Errorf("%s: something was stored", name)
		}
	}
}

func TestOwners(t *testing.T) {
	files := []layer.File{
		{Path: "/data", Mode: fs.ModeDir | 0o750, UID: 65534, GID: 65533},
		{Path: "/data/link", Mode: fs.ModeSymlink, Link: "f", UID: 1},
		{Path: "/data/f", Mode: 0o644, GID: 5_000_000}, // more than USTAR can say
		{Path: "/made/f", Mode: 0o644, UID: 7},
	}
	l, err := layer.New(t.Context(), &layertest.Memory{}, layer.Options{}, files)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][2]int{}
	for _, h := range headers(t, l) {
		got[h.Name] = [2]int{h.Uid, h.Gid}
		if h.Uname != "" || h.Gname != "" {
			t.Errorf("%s has the names %q:%q", h.Name, h.Uname, h.Gname)
		}
	}
	want := map[string][2]int{"data/": {65534, 65533}, "data/link": {1, 0}, "data/f": {0, 5_000_000}, "made/": {0, 0}, "made/f": {7, 0}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("owners (-want +got):\n%s", diff)
	}
}

func TestContentMustMatchItsSize(t *testing.T) {
	for got, content := range map[int64]string{3: "abc", 5: "abcde"} {
		f := regular("/app/server", 0o755, content)
		f.Size = 4
		store := &layertest.Memory{}
		_, err := layer.New(t.Context(), store, layer.Options{}, []layer.File{f})
		var size *layer.SizeError
		if !errors.As(err, &size) {
			t.Fatalf("error %v, want a SizeError", err)
		}
		if diff := cmp.Diff(layer.SizeError{Path: "/app/server", Want: 4, Got: got}, *size); diff != "" {
			t.Error(diff)
		}
		if store.Blobs() != 0 {
			t.Error("something was stored")
		}
	}
}

func TestErrorsAndCancelStoreNothing(t *testing.T) {
	broken := errors.New("broken")
	cancelled, cancel := context.WithCancel(t.Context())
	tests := map[string]struct {
		ctx  context.Context
		open func() (io.ReadCloser, error)
		want error
	}{
		"open": {t.Context(), func() (io.ReadCloser, error) { return nil, broken }, broken},
		"read": {t.Context(), func() (io.ReadCloser, error) {
			return io.NopCloser(io.MultiReader(noise(3<<20), iotest.ErrReader(broken))), nil
		}, broken},
		"cancel": {cancelled, func() (io.ReadCloser, error) {
			return io.NopCloser(io.MultiReader(noise(3<<20), cancelReader(cancel), noise(5<<20))), nil
		}, context.Canceled},
	}
	for name, test := range tests {
		store := &layertest.Memory{}
		f := layer.File{Path: "f", Mode: 0o644, Size: 8 << 20, Open: test.open}
		if _, err := layer.New(test.ctx, store, layer.Options{Key: "k"}, []layer.File{f}); !errors.Is(err, test.want) {
			t.Errorf("%s: error %v, want %v", name, err, test.want)
		}
		if store.Blobs() != 0 {
			t.Errorf("%s: something was stored", name)
		}
	}
}

// cancelReader is empty and cancels when it is read.
func cancelReader(cancel func()) io.Reader {
	return readerFunc(func([]byte) (int, error) { cancel(); return 0, io.EOF })
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// noise is n incompressible bytes.
func noise(n int64) io.Reader {
	return io.LimitReader(rand.NewChaCha8([32]byte{1}), n)
}

func TestRemembersByKey(t *testing.T) {
	store := &layertest.Memory{}
	reads := 0
	file := func(path, content string) layer.File {
		f := regular(path, 0o644, content)
		open := f.Open
		f.Open = func() (io.ReadCloser, error) { reads++; return open() }
		return f
	}
	owned := file("a", "one")
	owned.GID = 1
	steps := []struct {
		name  string
		key   string
		file  layer.File
		reads int
	}{
		{"first", "k", file("a", "one"), 1},
		{"same", "k", file("a", "one"), 0},
		{"other key", "l", file("a", "two"), 1},
		{"other path", "k", file("b", "one"), 1},
		{"other size", "k", file("a", "three"), 1},
		{"other owner", "k", owned, 1},
		{"no key", "", file("a", "one"), 1},
		{"no key again", "", file("a", "one"), 1},
		{"first key still", "k", file("a", "one"), 0},
	}
	var first *layer.Layer
	for _, s := range steps {
		reads = 0
		l, err := layer.New(t.Context(), store, layer.Options{Key: s.key}, []layer.File{s.file})
		if err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		if reads != s.reads {
			t.Errorf("%s: %d reads, want %d", s.name, reads, s.reads)
		}
		if err := validate.Layer(l); err != nil {
			t.Errorf("%s: %v", s.name, err)
		}
		if first == nil {
			first = l
		}
	}

	digest, _ := first.Digest()
	store.Remove(digest)
	reads = 0
	if _, err := layer.New(t.Context(), store, layer.Options{Key: "k"}, []layer.File{file("a", "one")}); err != nil {
		t.Fatal(err)
	}
	if reads != 1 {
		t.Errorf("with the blob gone: %d reads, want 1", reads)
	}
}

func TestFromTar(t *testing.T) {
	store := &layertest.Memory{}
	made, err := layer.New(t.Context(), store, layer.Options{}, []layer.File{regular("a", 0o644, "one")})
	if err != nil {
		t.Fatal(err)
	}
	stream, err := made.Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	l, err := layer.FromTar(t.Context(), store, layer.Options{Key: "k"}, stream)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Layer(l); err != nil {
		t.Error(err)
	}
	want, _ := made.Digest()
	if got, _ := l.Digest(); got != want {
		t.Errorf("digest %s, want %s", got, want)
	}
	again, err := layer.FromTar(t.Context(), store, layer.Options{Key: "k"}, iotest.ErrReader(errors.New("read")))
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := again.Digest(); got != want {
		t.Errorf("remembered digest %s, want %s", got, want)
	}
}

func TestProgress(t *testing.T) {
	var events []event.Event
	sink := event.Func(func(e event.Event) { events = append(events, e) })
	opts := layer.Options{Key: "k", Events: sink, Subject: "./cmd/server linux/amd64"}
	store := &layertest.Memory{}
	const size = 9 << 20
	f := layer.File{Path: "f", Mode: 0o644, Size: size, Open: func() (io.ReadCloser, error) {
		return io.NopCloser(noise(size)), nil
	}}
	for range 2 {
		if _, err := layer.New(t.Context(), store, opts, []layer.File{f}); err != nil {
			t.Fatal(err)
		}
	}
	e := event.Event{Stage: event.Layer, Subject: opts.Subject}
	with := func(change func(*event.Event)) event.Event { e := e; change(&e); return e }
	want := []event.Event{
		with(func(e *event.Event) { e.Kind = event.Started }),
		with(func(e *event.Event) { e.Kind, e.Current, e.Total = event.Advanced, 4<<20, size }),
		with(func(e *event.Event) { e.Kind, e.Current, e.Total = event.Advanced, 8<<20, size }),
		with(func(e *event.Event) { e.Kind = event.Finished }),
		with(func(e *event.Event) { e.Kind = event.Started }),
		with(func(e *event.Event) { e.Kind, e.Text = event.Finished, "cached" }),
	}
	if diff := cmp.Diff(want, events); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// discardStore counts what it is given and keeps nothing.
type discardStore struct{ layer.Store }

func (discardStore) Stage(context.Context) (layer.Pending, error) { return discardPending{}, nil }

type discardPending struct{ layer.Pending }

func (discardPending) Write(p []byte) (int, error) { return len(p), nil }
func (discardPending) Commit(v1.Hash) error        { return nil }
func (discardPending) Discard()                    {}

func TestMemoryDoesNotGrowWithTheLayer(t *testing.T) {
	for _, c := range []layer.Compression{layer.Gzip, layer.Zstd} {
		t.Run(c.String(), func(t *testing.T) { testMemory(t, c) })
	}
}

func testMemory(t *testing.T, c layer.Compression) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(16))
	const limit = 32 << 20
	var peak atomic.Uint64
	sampled := 0
	chunk := make([]byte, 256<<10)
	rand.NewChaCha8([32]byte{}).Read(chunk[:4<<10])
	content := readerFunc(func(p []byte) (int, error) {
		if sampled++; sampled%20 == 0 {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			peak.Store(max(peak.Load(), m.HeapInuse))
		}
		return copy(p, chunk), nil
	})
	runtime.GC()
	f := layer.File{Path: "big", Mode: 0o644, Size: bigSize, Open: func() (io.ReadCloser, error) {
		return io.NopCloser(io.LimitReader(content, bigSize)), nil
	}}
	if _, err := layer.New(t.Context(), discardStore{}, layer.Options{Compression: c}, []layer.File{f}); err != nil {
		t.Fatal(err)
	}
	t.Logf("peak heap %.1f MiB", float64(peak.Load())/(1<<20))
	if peak.Load() > limit {
		t.Errorf("peak heap of %d bytes, want at most %d", peak.Load(), limit)
	}
}
