package base

import (
	"context"
	"errors"
	"sync"
)

// memo does a piece of work once for each key and remembers what came of it.
// Failures are not remembered.
type memo[V any] struct {
	mu    sync.Mutex
	calls map[string]*call[V]
}

type call[V any] struct {
	done  chan struct{}
	value V
	err   error
}

// do returns the result for key, which comes from work, from an earlier call or
// from one that is under way. Who waits for another call that was cancelled does the
// work itself.
func (m *memo[V]) do(ctx context.Context, key string, work func() (V, error)) (V, error) {
	for {
		c, mine := m.join(key)
		if mine {
			c.value, c.err = work()
			if c.err != nil {
				m.forget(key)
			}
			close(c.done)
			return c.value, c.err
		}
		select {
		case <-c.done:
		case <-ctx.Done():
			var none V
			return none, context.Cause(ctx)
		}
		cancelled := errors.Is(c.err, context.Canceled) || errors.Is(c.err, context.DeadlineExceeded)
		if !cancelled || ctx.Err() != nil {
			return c.value, c.err
		}
	}
}

func (m *memo[V]) join(key string) (c *call[V], mine bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c, ok := m.calls[key]; ok {
		return c, false
	}
	if m.calls == nil {
		m.calls = map[string]*call[V]{}
	}
	c = &call[V]{done: make(chan struct{})}
	m.calls[key] = c
	return c, true
}

func (m *memo[V]) forget(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.calls, key)
}
