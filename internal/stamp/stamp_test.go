package stamp

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestOf(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	state := func() State {
		t.Helper()
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return Of(info)
	}
	write := func(content string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("one")
	first := state()
	if first != state() || first.Size != 3 || !first.Mode.IsRegular() {
		t.Errorf("the state is %+v, then %+v", first, state())
	}
	if !Reliable {
		return
	}
	time.Sleep(Tick) // so that the clock of the file system has advanced
	write("two")
	if err := os.Chtimes(path, time.Time{}, time.Unix(0, first.ModTime)); err != nil {
		t.Fatal(err)
	}
	if now := state(); now == first || now.Size != first.Size || now.ModTime != first.ModTime {
		t.Errorf("after an edit that keeps size and time the state is %+v, before it was %+v", now, first)
	}
}

func TestSettled(t *testing.T) {
	if !Reliable {
		if (State{Change: 1}).Settled(time.Now()) {
			t.Error("settled without a time of the last change")
		}
		return
	}
	now := time.Unix(1000, 500)
	for _, tt := range []struct {
		change           time.Time
		settled, trusted bool
	}{
		{now.Add(-time.Minute), true, true},
		{now.Add(-Tick - time.Nanosecond), true, true},
		{now.Add(-Tick), false, false},
		{now, false, false},
		{now.Add(time.Minute), false, false},
		{time.Unix(900, 0), true, false}, // a coarse clock, or an image
		{time.Unix(998, 0), false, false},
		{time.Unix(0, 0), false, false}, // no time
	} {
		s := State{Change: tt.change.UnixNano()}
		if settled, trusted := s.Settled(now), s.Trusted(now); settled != tt.settled || trusted != tt.trusted {
			t.Errorf("changed at %v, at %v: settled %v, trusted %v", tt.change, now, settled, trusted)
		}
	}
}
