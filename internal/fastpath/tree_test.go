package fastpath

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/imgo-build/imgo/internal/stamp"
)

// tree is a directory to play with.
type tree struct {
	t    testing.TB
	root string
}

func newTree(t testing.TB, files map[string]string) tree {
	t.Helper()
	tr := tree{t, t.TempDir()}
	for name, content := range files {
		tr.write(name, content)
	}
	return tr
}

func (tr tree) path(name string) string { return filepath.Join(tr.root, filepath.FromSlash(name)) }

func (tr tree) must(err error) {
	tr.t.Helper()
	if err != nil {
		tr.t.Fatal(err)
	}
}

func (tr tree) write(name, content string) {
	tr.t.Helper()
	tr.must(os.MkdirAll(filepath.Dir(tr.path(name)), 0o755))
	tr.must(os.WriteFile(tr.path(name), []byte(content), 0o644))
}

func (tr tree) link(target, name string) {
	tr.t.Helper()
	tr.must(os.MkdirAll(filepath.Dir(tr.path(name)), 0o755))
	if err := os.Symlink(target, tr.path(name)); err != nil {
		tr.t.Skip("no symbolic links here:", err)
	}
}

func (tr tree) remove(name string) {
	tr.t.Helper()
	tr.must(os.RemoveAll(tr.path(name)))
}

func (tr tree) rename(from, to string) {
	tr.t.Helper()
	tr.must(os.Rename(tr.path(from), tr.path(to)))
}

// overwrite edits a file so that only the time of the inode's last change tells.
func (tr tree) overwrite(name, content string) {
	tr.t.Helper()
	info, err := os.Stat(tr.path(name))
	tr.must(err)
	if int64(len(content)) != info.Size() {
		tr.t.Fatalf("%s must keep its size", name)
	}
	tr.write(name, content)
	tr.must(os.Chtimes(tr.path(name), info.ModTime(), info.ModTime()))
}

// tick waits until the file system's clock has moved on, so that stamps from before are
// as good as settled.
func (tr tree) tick() {
	tr.t.Helper()
	if !stamp.Reliable {
		return
	}
	probe := filepath.Join(filepath.Dir(tr.root), "probe")
	write := func() int64 {
		tr.must(os.WriteFile(probe, []byte("x"), 0o644))
		info, err := os.Stat(probe)
		tr.must(err)
		return stamp.Of(info).Change
	}
	for first := write(); write() == first; {
	}
}

// take takes a snapshot whose stamps are all trusted.
func (tr tree) take(known *Snapshot, inputs ...Input) *Snapshot {
	tr.t.Helper()
	tr.tick()
	s, err := Take(tr.t.Context(), tr.root, inputs, known, tr.later())
	tr.must(err)
	return s
}

// takeErr returns the error of a snapshot that can't be taken.
func (tr tree) takeErr(inputs ...Input) error {
	tr.t.Helper()
	_, err := Take(tr.t.Context(), tr.root, inputs, nil, time.Now())
	if err == nil {
		tr.t.Fatal("no error")
	}
	return err
}

// changed checks that edits change a tree's inputs in the ways that are told by want
// ("path what"), both with and without the earlier state at hand.
func (tr tree) changed(edit func(), inputs []Input, want ...string) {
	tr.t.Helper()
	before := tr.take(nil, inputs...)
	edit()
	after := tr.take(before, inputs...)
	var got []string
	for _, c := range after.Changes(before) {
		got = append(got, c.String())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		tr.t.Errorf("changes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(tr.take(nil, inputs...).Changes(before), after.Changes(before)); diff != "" {
		tr.t.Errorf("what was known made a difference (-without +with):\n%s", diff)
	}
	if len(want) > 0 && after.Untouched(before) {
		tr.t.Error("changed, and yet untouched")
	}
}

// later is a time at which all stamps are old.
func (tr tree) later() time.Time { return time.Now().Add(time.Hour) }

func inputs(in ...Input) []Input { return in }
