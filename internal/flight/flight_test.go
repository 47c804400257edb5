package flight_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/imgo-build/imgo/internal/flight"
)

func TestDoesWorkOnce(t *testing.T) {
	var g flight.Group[string, int]
	n := 0
	work := func() (int, error) { n++; return n, nil }
	for i, wantShared := range []bool{false, true, true} {
		v, shared, err := g.Do(t.Context(), "k", work)
		if v != 1 || shared != wantShared || err != nil {
			t.Errorf("call %d: %d, %v, %v", i, v, shared, err)
		}
	}
	g.Forget(func(k string) bool { return k == "k" })
	if v, _, _ := g.Do(t.Context(), "k", work); v != 2 {
		t.Errorf("after Forget: %d, want the work done again", v)
	}
}

func TestFailuresAreNotKept(t *testing.T) {
	var g flight.Group[int, string]
	broken := errors.New("broken")
	if _, _, err := g.Do(t.Context(), 1, func() (string, error) { return "", broken }); err != broken {
		t.Fatalf("got %v", err)
	}
	if v, shared, err := g.Do(t.Context(), 1, func() (string, error) { return "fine", nil }); v != "fine" || shared || err != nil {
		t.Errorf("second try: %q, %v, %v", v, shared, err)
	}
}

func TestCancellationIsNotShared(t *testing.T) {
	var g flight.Group[int, string]
	started, end := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_, _, err := g.Do(t.Context(), 1, func() (string, error) {
			close(started)
			<-end
			return "", context.Canceled
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("the first call got %v", err)
		}
	})
	<-started
	wg.Go(func() {
		v, _, err := g.Do(t.Context(), 1, func() (string, error) { return "done after all", nil })
		if v != "done after all" || err != nil {
			t.Errorf("the second call got %q, %v", v, err)
		}
	})
	waiting, cancel := context.WithCancel(t.Context())
	cancel()
	if _, shared, err := g.Do(waiting, 1, nil); !shared || !errors.Is(err, context.Canceled) {
		t.Errorf("a call that was cancelled while it waited: %v, %v", shared, err)
	}
	close(end)
	wg.Wait()
}
