package build

// future is a value that is being worked out by a goroutine of its own.
type future[T any] struct {
	done chan struct{}
	v    T
	err  error
}

// start works a value out in the background. Whoever starts a future waits for it
// before returning, so that no goroutine outlives its call.
func start[T any](work func() (T, error)) *future[T] {
	f := &future[T]{done: make(chan struct{})}
	go func() {
		defer close(f.done)
		f.v, f.err = work()
	}()
	return f
}

// wait returns the value once it is there. It needs no context: the work itself
// ends when its context does.
func (f *future[T]) wait() (T, error) {
	<-f.done
	return f.v, f.err
}
