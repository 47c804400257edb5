package files

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/imgo-build/imgo/internal/stamp"
	"github.com/imgo-build/imgo/pkg/layer"
	"github.com/imgo-build/imgo/pkg/layer/layertest"
)

// The rules are part of the key under which verdicts are remembered.
func TestDetectorNamesTheRules(t *testing.T) {
	names, err := filepath.Glob("../secrets/*.go")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	h := sha256.New()
	for _, name := range names {
		if !strings.HasSuffix(name, "_test.go") {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(h, "%s %s", filepath.Base(name), strings.ReplaceAll(string(text), "\r\n", "\n"))
		}
	}
	if got := fmt.Sprintf("%x", h.Sum(nil))[:len(detector)]; got != detector {
		t.Errorf("the sources of internal/secrets have the hash %s: make detector that, so that files are searched again", got)
	}
}

// sample is a directory with a memory, whose clock is late enough for everything in it
// to be settled, unless a test sets another.
type sample struct {
	*testing.T
	dir     string
	store   *layertest.Memory
	options Options
	group   Group
}

func newSample(t *testing.T, content map[string]string) *sample {
	if !stamp.Reliable {
		t.Log("nothing is remembered on this system") // the tests hold for that, too
	}
	s := &sample{T: t, dir: t.TempDir(), store: &layertest.Memory{}, group: Group{From: "d", To: "/d"}}
	s.options = Options{Root: s.dir, Bounds: s.dir, Results: s.store, Now: func() time.Time { return time.Now().Add(time.Hour) }}
	for name, text := range content {
		s.write(name, text)
	}
	return s
}

func (s *sample) check(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *sample) path(name string) string { return filepath.Join(s.dir, filepath.FromSlash(name)) }

func (s *sample) write(name, text string) {
	s.Helper()
	s.check(os.MkdirAll(filepath.Dir(s.path(name)), 0o755))
	s.check(os.WriteFile(s.path(name), []byte(text), 0o644))
}

// overwrite changes a content and leaves size and modification time as they are. It
// waits for the clock of the file system to advance, as the memory's is so early.
func (s *sample) overwrite(name, text string) {
	s.Helper()
	before, err := os.Stat(s.path(name))
	s.check(err)
	for range 1000 {
		s.write(name, text)
		s.check(os.Chtimes(s.path(name), time.Time{}, before.ModTime()))
		after, err := os.Stat(s.path(name))
		s.check(err)
		if after.Size() != before.Size() || !after.ModTime().Equal(before.ModTime()) {
			s.Fatal("the edit of the test shows")
		}
		if !stamp.Reliable || stamp.Of(after) != stamp.Of(before) {
			return
		}
		time.Sleep(time.Millisecond)
	}
	s.Fatal("the file system's clock stands still")
}

// collect returns the set, and which files were read.
func (s *sample) collect() (set *Set, read []string, err error) {
	s.Helper()
	settings, err := parse(s.group)
	s.check(err)
	tree, err := openTree(s.options)
	s.check(err)
	defer tree.root.Close()
	tree.recollect(s.group, false)
	nodes, err := tree.find(s.Context(), s.group.From, settings.ignore)
	s.check(err)
	set, err = tree.set(s.Context(), s.group, settings, nodes)
	for _, n := range nodes {
		if n.state.Mode.IsRegular() && !n.recalled {
			read = append(read, n.shown)
		}
	}
	return set, read, err
}

// expect collects, compares the outcome with that of a run without memory, and which
// files were read with those given, which are all where nothing can be remembered.
func (s *sample) expect(read ...string) *Set {
	s.Helper()
	set, got, err := s.collect()
	s.check(err)
	if diff := cmp.Diff(read, got); diff != "" && stamp.Reliable {
		s.Errorf("files that were read (-want +got):\n%s", diff)
	}
	o := s.options
	o.Results = nil
	fresh, err := Collect(s.Context(), o, s.group)
	s.check(err)
	if set.Key != fresh.Key {
		s.Errorf("key %s, without memory %s", set.Key, fresh.Key)
	}
	return set
}

func TestUnchangedFilesAreNotRead(t *testing.T) {
	s := newSample(t, map[string]string{"d/a": "aaa", "d/sub/b": "bbb", "d/sub/c": "ccc"})
	first := s.expect("d/a", "d/sub/b", "d/sub/c")
	s.expect()

	s.overwrite("d/a", "xxx")
	s.expect("d/a")
	s.expect()

	s.overwrite("d/a", "aaa")
	if set := s.expect("d/a"); set.Key != first.Key {
		t.Error("the same content has another key")
	}

	s.check(os.Chtimes(s.path("d/sub/b"), time.Time{}, time.Unix(1e9, 5)))
	s.expect("d/sub/b")
	s.expect()

	s.write("d/new", "new")
	s.check(os.Remove(s.path("d/sub/c")))
	s.expect("d/new")
	s.check(os.Rename(s.path("d/new"), s.path("d/a")))
	s.expect("d/a")
	s.expect()

	s.group.To, s.group.Mode, s.group.Owner = "/elsewhere", "0600", "1:2"
	s.expect()
	s.group.Exclude = []string{"sub"}
	s.expect("d/a")
}

// What a copy of the cache remembers of a directory that is at the same place, with the
// same content, on another machine: nothing that counts.
func TestACopyIsRead(t *testing.T) {
	s := newSample(t, map[string]string{"d/a": "aaa", "d/b": "bbb"})
	first := s.expect("d/a", "d/b")
	s.check(os.Rename(s.path("d"), s.path("old")))
	s.check(os.CopyFS(s.path("d"), os.DirFS(s.path("old"))))
	if set := s.expect("d/a", "d/b"); set.Key != first.Key {
		t.Error("the copy has another key")
	}
	s.expect()
}

// A write in the same tick of the clock as the one before leaves no trace, so that what
// was read between the two must not be remembered.
func TestFreshFilesAreReadAgain(t *testing.T) {
	s := newSample(t, map[string]string{"d/a": "aaa"})
	info, err := os.Stat(s.path("d/a"))
	s.check(err)
	s.options.Now = info.ModTime
	s.expect("d/a")
	s.expect("d/a")
	s.options.Now = func() time.Time { return info.ModTime().Add(5 * time.Second) }
	s.expect("d/a")
	s.expect()
	s.options.Now = nil
	s.expect("d/a")
}

// Put together here, since a file with a secret is refused in many places.
var token = "ghp_" + "Zk3vQ9xL2mN8pR5tY7wB1cD4fG6hJ0sAeU2i"

func TestSecretsInRememberedFiles(t *testing.T) {
	harmless := strings.Repeat("x", len(token))
	s := newSample(t, map[string]string{"d/a": harmless, "d/b": "b"})
	refused := func(file string) {
		t.Helper()
		_, _, err := s.collect()
		var secret *SecretError
		if !errors.As(err, &secret) || secret.File != file {
			t.Errorf("error %v, want a SecretError of %s", err, file)
		}
	}
	s.expect("d/a", "d/b")
	s.overwrite("d/a", token)
	refused("d/a")
	refused("d/a") // not remembered as clean

	s.options.AllowSecrets = []string{"d/a"}
	s.expect("d/a")
	s.expect()
	s.options.AllowSecrets = nil
	refused("d/a") // nor because it was allowed once

	// What was read without being searched is searched once it is no longer allowed.
	s.overwrite("d/a", harmless)
	s.options.AllowSecrets = []string{"**"}
	s.expect("d/a")
	s.options.AllowSecrets = nil
	s.expect("d/a")
	s.options.AllowSecrets = []string{"**"}
	s.expect()
	s.options.AllowSecrets = nil
	s.expect()

	// A name makes a secret, whatever is remembered of the content.
	s.check(os.Rename(s.path("d/b"), s.path("d/.env")))
	refused("d/.env")
	s.options.AllowSecrets = []string{"d/.env"}
	s.expect("d/.env")
	s.expect()
	s.options.AllowSecrets = nil
	refused("d/.env")
}

// Some rules are for files of a certain name, which a link can give to any file.
func TestVerdictsAreForAName(t *testing.T) {
	s := newSample(t, map[string]string{"conf/plain": "_password = Zk3vQ9xL2mN8pR5tY7wB\n", "d/kodata/a": "a"})
	ko := func() error {
		_, err := KoData(t.Context(), s.path("d"), s.options)
		return err
	}
	link := func(name string) {
		if err := os.Symlink(filepath.Join("..", "..", "conf", "plain"), s.path(name)); err != nil {
			t.Logf("no links here: %v", err)
			s.write(name, "_password = Zk3vQ9xL2mN8pR5tY7wB\n")
		}
	}
	link("d/kodata/plain")
	s.check(ko())
	link("d/kodata/.npmrc")
	var secret *SecretError
	if err := ko(); !errors.As(err, &secret) || secret.File != "d/kodata/.npmrc" {
		t.Errorf("error %v, want a SecretError", err)
	}
}

func TestChangesAfterRecallingAreNoticed(t *testing.T) {
	s := newSample(t, map[string]string{"d/a": "aaa"})
	s.expect("d/a")
	set := s.expect()
	pack := func() error {
		_, err := layer.New(t.Context(), s.store, layer.Options{Key: set.Key}, set.Files)
		return err
	}
	s.overwrite("d/a", "xxx")
	var changed *ChangedError
	if err := pack(); !errors.As(err, &changed) || changed.File != "d/a" {
		t.Errorf("error %v, want a ChangedError", err)
	}
	set = s.expect("d/a")
	s.check(pack())
}

// A file system that doesn't tell of a write makes the memory wrong. That must not last
// once it was noticed.
func TestAWrongMemoryIsForgotten(t *testing.T) {
	s := newSample(t, map[string]string{"d/a": "aaa"})
	right, _, err := s.collect()
	s.check(err)
	_, tree := recollected(s)
	value, ok := s.store.Lookup(tree.memory.key)
	if !ok {
		if stamp.Reliable {
			t.Fatal("nothing is remembered")
		}
		return
	}
	value[len(value)-1] ^= 1 // of the hash
	s.check(s.store.Remember(tree.memory.key, value))
	wrong, _, err := s.collect()
	s.check(err)
	if wrong.Key == right.Key {
		t.Fatal("the memory isn't used")
	}
	f, err := wrong.Files[0].Open()
	s.check(err)
	defer f.Close()
	var changed *ChangedError
	if _, err := io.ReadAll(f); !errors.As(err, &changed) {
		t.Errorf("error %v, want a ChangedError", err)
	}
	s.expect("d/a")
}

func recollected(s *sample) (settings, *tree) {
	s.Helper()
	settings, err := parse(s.group)
	s.check(err)
	tree, err := openTree(s.options)
	s.check(err)
	s.Cleanup(func() { tree.root.Close() })
	tree.recollect(s.group, false)
	return settings, tree
}

// Groups of several targets are read at the same time, while somebody writes.
func TestConcurrentCollects(t *testing.T) {
	s := newSample(t, map[string]string{"d/a": "0", "d/b": "b", "d/c": "c"})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 20 {
				_, err := Collect(t.Context(), s.options, s.group)
				var changed *ChangedError
				if err != nil && !errors.As(err, &changed) {
					t.Error(err)
				}
			}
		})
	}
	for i := range 20 {
		s.check(os.WriteFile(s.path("d/a"), []byte{byte('0' + i%10)}, 0o644))
	}
	wg.Wait()
	s.overwrite("d/a", "z") // from here on, nobody writes in the tick that was read in
	set, _, err := s.collect()
	s.check(err)
	s.options.Results = nil
	if fresh, _, _ := s.collect(); fresh.Key != set.Key {
		t.Error("the memory is wrong")
	}
}

func TestRecordRoundTrip(t *testing.T) {
	s := newSample(t, map[string]string{"d/a": "a", "d/ab/c": "c", "d/ab/cd": "d", "d/b\x01\"": "e"})
	settings, tree := recollected(s)
	nodes, err := tree.find(t.Context(), "d", settings.ignore)
	s.check(err)
	_, err = tree.set(t.Context(), s.group, settings, nodes)
	s.check(err)
	want := map[string]entry{}
	for i, n := range nodes {
		n.settled = n.state.Mode.IsRegular()
		if n.settled {
			n.clean = i%2 == 0
			want[n.identity()] = entry{n.state, n.clean, n.sum}
		}
	}
	r, ok := decode(encode(nodes))
	if !ok || !slices.Equal(slices.Sorted(maps.Keys(r.at)), slices.Sorted(maps.Keys(want))) {
		t.Fatalf("names %v", r.at)
	}
	for name, e := range want {
		if got, ok := r.find(name); !ok || got != e {
			t.Errorf("%s: %+v, want %+v", name, got, e)
		}
	}
}

func FuzzDecode(f *testing.F) {
	n := &node{rel: "a", name: "dir/a", shown: "a", settled: true}
	info, err := os.Stat(".")
	if err != nil {
		f.Fatal(err)
	}
	n.state = stamp.Of(info)
	valid := encode([]*node{n, {rel: "b", name: "dir/b", shown: "c", settled: true, clean: true, state: n.state}})
	for _, seed := range [][]byte{nil, valid, valid[:len(valid)-1], []byte(recordHeader), []byte(recordHeader + "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, ok := decode(data)
		if !ok && r.at != nil {
			t.Error("something was taken of a damaged record")
		}
		for name := range r.at {
			if _, ok := r.find(name); !ok {
				t.Errorf("%q isn't found", name)
			}
		}
	})
}

// BenchmarkUnchanged is 300 MB in 3,000 files.
func BenchmarkUnchanged(b *testing.B) {
	dir := b.TempDir()
	text := []byte(strings.Repeat("0123456789", 10_000))
	for i := range 3000 {
		p := filepath.Join(dir, fmt.Sprintf("assets/part%02d/chunk%04d.js", i%50, i))
		if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o755), os.WriteFile(p, text, 0o644)); err != nil {
			b.Fatal(err)
		}
	}
	o := Options{Root: dir, Bounds: dir, Now: func() time.Time { return time.Now().Add(time.Hour) }}
	collect := func(b *testing.B) {
		if _, err := Collect(b.Context(), o, Group{From: "assets", To: "/srv"}); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			collect(b)
		}
	})
	o.Results = &layertest.Memory{}
	collect(b)
	b.Run("again", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			collect(b)
		}
	})
}
