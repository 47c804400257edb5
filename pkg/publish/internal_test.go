package publish

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestLockWaitsForHolderAndContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := lockFile(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*lockPoll)
	defer cancel()
	if _, err := lockFile(ctx, path); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
	time.AfterFunc(2*lockPoll, unlock)
	again, err := lockFile(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	again()
}

// fullDisk takes some bytes.
type fullDisk struct{ room int }

func (d *fullDisk) Write(p []byte) (int, error) {
	if len(p) > d.room {
		return 0, &fs.PathError{Op: "write", Path: ".out.tar.tmp-1", Err: syscall.ENOSPC}
	}
	d.room -= len(p)
	return len(p), nil
}

func TestFullDiskIsAnOutputError(t *testing.T) {
	entries := []tarEntry{{"a", memory(make([]byte, 5000))}}
	for _, room := range []int{0, 600, 5512} {
		err := writeTar(t.Context(), &outputWriter{&fullDisk{room}, "out.tar"}, entries, func(int64) {})
		oe, ok := errors.AsType[*OutputError](err)
		if !ok || oe.Path != "out.tar" || !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("room for %d: error %v", room, err)
		}
		if want := "writing out.tar: " + syscall.ENOSPC.Error(); ok && oe.Error() != want {
			t.Errorf("error %q, want %q", oe, want)
		}
	}
}

func TestHumanSize(t *testing.T) {
	got := []string{}
	for _, n := range []int64{0, 999, 1500, 999_400, 1_234_567, 12_300_000, 1_234_000_000} {
		got = append(got, humanSize(n))
	}
	if diff := cmp.Diff([]string{"0 B", "999 B", "2 kB", "999 kB", "1.2 MB", "12 MB", "1234 MB"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
