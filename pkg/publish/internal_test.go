package publish

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestFlight(t *testing.T) {
	var f flight[string, int]
	began, finish := make(chan struct{}), make(chan struct{})
	leaderCtx, cancel := context.WithCancel(t.Context())
	var runs atomic.Int32
	leader := make(chan error)
	go func() {
		_, _, err := f.do(leaderCtx, "k", func() (int, error) {
			runs.Add(1)
			close(began)
			<-finish
			return 0, leaderCtx.Err()
		})
		leader <- err
	}()
	<-began
	impatient, stop := context.WithCancel(t.Context())
	stop()
	if _, _, err := f.do(impatient, "k", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled follower got %v", err)
	}
	follower := make(chan int)
	go func() {
		v, _, err := f.do(t.Context(), "k", func() (int, error) { runs.Add(1); return 7, nil })
		if err != nil {
			t.Error(err)
		}
		follower <- v
	}()
	cancel()
	close(finish)
	if err := <-leader; !errors.Is(err, context.Canceled) {
		t.Errorf("the leader got %v", err)
	}
	if v := <-follower; v != 7 {
		t.Errorf("the follower got %d instead of doing the work itself", v)
	}
	if v, shared, err := f.do(t.Context(), "k", nil); v != 7 || !shared || err != nil {
		t.Errorf("later: %d, %v, %v", v, shared, err)
	}
	if runs.Load() != 2 {
		t.Errorf("the work was done %d times", runs.Load())
	}
	f.forget(func(k string) bool { return k == "k" })
	if v, shared, _ := f.do(t.Context(), "k", func() (int, error) { return 8, nil }); v != 8 || shared {
		t.Errorf("after forget: %d, %v", v, shared)
	}
}

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
