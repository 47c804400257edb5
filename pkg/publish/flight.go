package publish

import (
	"context"
	"errors"
	"sync"
)

// flight does each piece of work once per key: callers that come while it is being
// done wait for it, later ones get its result. What failed is done again by the
// next caller.
type flight[K comparable, V any] struct {
	mu    sync.Mutex
	calls map[K]*call[V]
}

type call[V any] struct {
	done  chan struct{}
	value V
	err   error
}

// do returns the result of work for key. shared tells whether another call did it.
// Where that one was cancelled and this one wasn't, the work is done after all.
func (f *flight[K, V]) do(ctx context.Context, key K, work func() (V, error)) (value V, shared bool, err error) {
	for {
		c, leader := f.join(key)
		if leader {
			c.value, c.err = work()
			if c.err != nil {
				f.forget(func(k K) bool { return k == key })
			}
			close(c.done)
			return c.value, false, c.err
		}
		select {
		case <-c.done:
		case <-ctx.Done():
			return value, true, ctx.Err()
		}
		if errors.Is(c.err, context.Canceled) || errors.Is(c.err, context.DeadlineExceeded) {
			if ctx.Err() == nil {
				continue
			}
		}
		return c.value, true, c.err
	}
}

func (f *flight[K, V]) join(key K) (c *call[V], leader bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c, ok := f.calls[key]; ok {
		return c, false
	}
	if f.calls == nil {
		f.calls = map[K]*call[V]{}
	}
	c = &call[V]{done: make(chan struct{})}
	f.calls[key] = c
	return c, true
}

// forget drops the results whose keys match.
func (f *flight[K, V]) forget(match func(K) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for k := range f.calls {
		if match(k) {
			delete(f.calls, k)
		}
	}
}
