// Package flight does a piece of work once for each key, however many ask for it at
// once, and keeps the result for those who ask later.
//
// Unlike golang.org/x/sync/singleflight it remembers what succeeded, and somebody
// who waits for another's work doesn't inherit the other's cancellation.
package flight

import (
	"context"
	"errors"
	"sync"
)

// Group is a set of keys and the work on them. The zero value is empty and ready to
// use, by several goroutines.
type Group[K comparable, V any] struct {
	mu    sync.Mutex
	calls map[K]*call[V]
}

type call[V any] struct {
	done  chan struct{}
	value V
	err   error
}

// Do returns the result of work for key: by an earlier call, by one that is under
// way, or by doing it. shared tells whether another call did it. Failures are not
// kept. Where the other call was cancelled and this one isn't, the work is done
// after all.
func (g *Group[K, V]) Do(ctx context.Context, key K, work func() (V, error)) (value V, shared bool, err error) {
	for {
		c, leader := g.join(key)
		if leader {
			c.value, c.err = work()
			if c.err != nil {
				g.Forget(func(k K) bool { return k == key })
			}
			close(c.done)
			return c.value, false, c.err
		}
		select {
		case <-c.done:
		case <-ctx.Done():
			return value, true, context.Cause(ctx)
		}
		cancelled := errors.Is(c.err, context.Canceled) || errors.Is(c.err, context.DeadlineExceeded)
		if !cancelled || ctx.Err() != nil {
			return c.value, true, c.err
		}
	}
}

func (g *Group[K, V]) join(key K) (c *call[V], leader bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c, ok := g.calls[key]; ok {
		return c, false
	}
	if g.calls == nil {
		g.calls = map[K]*call[V]{}
	}
	c = &call[V]{done: make(chan struct{})}
	g.calls[key] = c
	return c, true
}

// Forget drops the results whose keys match.
func (g *Group[K, V]) Forget(match func(K) bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for k := range g.calls {
		if match(k) {
			delete(g.calls, k)
		}
	}
}
