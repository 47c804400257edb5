package transport

import (
	"context"
	"sync"
	"time"
)

// watch cancels a request that makes no progress in the time that it was armed with.
type watch struct {
	host   string
	cancel context.CancelFunc

	mu    sync.Mutex
	timer *time.Timer
	turn  int // counts arm and disarm: a timer that fires late is not of this turn
	ended bool
	slow  *SlowError
}

// arm sets the time, in place of what is left of the one before.
func (w *watch) arm(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stop()
	if w.ended {
		return
	}
	turn := w.turn
	w.timer = time.AfterFunc(d, func() { w.expire(turn, d) })
}

func (w *watch) disarm() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stop()
}

// end disarms the watch for good.
func (w *watch) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stop()
	w.ended = true
}

func (w *watch) stop() {
	w.turn++
	if w.timer != nil {
		w.timer.Stop()
		w.timer = nil
	}
}

func (w *watch) expire(turn int, d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.turn == turn {
		w.slow = &SlowError{Host: w.host, After: d}
		w.cancel()
	}
}

// expired returns the error of a request that was cancelled, or nil.
func (w *watch) expired() *SlowError {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.slow
}
