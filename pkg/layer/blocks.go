package layer

import (
	"bytes"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
)

// blockWriter compresses with an output that depends on the input alone, while it
// works on several cores.
//
// The input is cut into blocks of a fixed size. Each is compressed by itself, with at
// most the end of the block before it in view, and what comes out is written in the
// order of the input. Close or abort must be called; after it no goroutine is left.
type blockWriter struct {
	dst     io.Writer
	coder   *coder
	tail    []byte      // the end of the block before, as far as the coder looks back
	block   *block      // being filled, or nil
	started chan *block // in the order of the stream; its capacity bounds those in flight
	drained chan struct{}
	err     atomic.Pointer[error]
}

// newBlockWriter begins with the stream's header, which may be empty.
func newBlockWriter(dst io.Writer, c *coder, header []byte) *blockWriter {
	w := &blockWriter{
		dst:     dst,
		coder:   c,
		tail:    make([]byte, 0, c.window),
		started: make(chan *block, min(runtime.GOMAXPROCS(0), cap(c.working))),
		drained: make(chan struct{}),
	}
	c.enter()
	go w.drain(header)
	return w
}

// Write compresses p. An error is that of writing to the destination, possibly of
// bytes that an earlier call took.
func (w *blockWriter) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		if err := w.err.Load(); err != nil {
			return len(p) - len(rest), *err
		}
		// A full block waits for more input, since the last one is closed differently.
		if w.block != nil && w.block.full() {
			w.start(false)
		}
		if w.block == nil {
			w.block = w.coder.next(w.tail)
		}
		rest = rest[w.block.fill(rest):]
	}
	return len(p), nil
}

// Close compresses what is left.
func (w *blockWriter) Close() error {
	if w.block == nil {
		w.block = w.coder.next(w.tail)
	}
	w.start(true)
	w.abort()
	if err := w.err.Load(); err != nil {
		return *err
	}
	return nil
}

// abort gives up; what reached the destination is not a complete stream.
func (w *blockWriter) abort() {
	if w.block != nil {
		w.coder.release(w.block)
		w.block = nil
	}
	close(w.started)
	<-w.drained
	w.coder.leave()
}

// start compresses the block in the background. It waits while there are enough of
// them in flight.
func (w *blockWriter) start(last bool) {
	b := w.block
	w.block = nil // before waiting for another: who holds a block never waits for one
	w.tail = append(w.tail[:0], b.in[max(0, len(b.in)-w.coder.window):]...)
	e := w.coder.take()
	go func() {
		e.compress(&b.out, b.in[:b.dict], b.in[b.dict:], last)
		w.coder.put(e)
		b.done <- struct{}{}
	}()
	w.started <- b
}

// drain writes the header and the compressed blocks in their order. After an
// error it goes on receiving, so that nobody waits for ever.
func (w *blockWriter) drain(header []byte) {
	defer close(w.drained)
	w.emit(header)
	for b := range w.started {
		<-b.done
		w.emit(b.out.Bytes())
		w.coder.release(b)
	}
}

func (w *blockWriter) emit(p []byte) {
	if w.err.Load() != nil {
		return
	}
	if _, err := w.dst.Write(p); err != nil {
		w.err.Store(&err)
	}
}

// block is a piece of the input and what it was compressed to.
type block struct {
	in   []byte // the end of the block before, then the input; its capacity never grows
	dict int    // how long the first part is
	size int    // how much input makes it full
	out  bytes.Buffer
	done chan struct{} // receives once when out is complete
}

func (b *block) full() bool { return len(b.in) == b.dict+b.size }

// fill takes as much of p as has room and returns how much.
func (b *block) fill(p []byte) int {
	n := min(len(p), b.dict+b.size-len(b.in))
	b.in = append(b.in, p[:n]...)
	return n
}

// encoder compresses one block at a time. Writing to a [bytes.Buffer] does not fail.
type encoder interface {
	// compress appends to out what src becomes after dict, the end of the block before.
	compress(out *bytes.Buffer, dict, src []byte, last bool)
}

// coder has the blocks and encoders of one way to compress, for all layers that the
// process makes. It bounds both, so that memory depends neither on how many layers are
// made at once nor on the number of cores; and it keeps them while a layer is being
// made, as they are large.
type coder struct {
	size, window int // bytes of a block, and of the one before that it is compressed with
	create       func() encoder

	held    chan struct{} // one element for each block in use
	working chan struct{} // one element for each encoder in use

	mu       sync.Mutex
	writers  int // that are open
	blocks   []*block
	encoders []encoder // the one that was used last is the next to be used
}

// newCoder makes a coder with so many encoders at the most. Beside the blocks that they
// work at, one may be filled while another is written.
func newCoder(size, window, encoders int, create func() encoder) *coder {
	return &coder{
		size: size, window: window, create: create,
		held: make(chan struct{}, encoders+2), working: make(chan struct{}, encoders),
	}
}

func (c *coder) enter() {
	c.mu.Lock()
	c.writers++
	c.mu.Unlock()
}

// leave lets the memory go when nobody needs it any more.
func (c *coder) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.writers--; c.writers == 0 {
		c.blocks, c.encoders = nil, nil
	}
}

// next waits for an empty block that follows tail. Every block that is held is sooner
// or later released by others: see start.
func (c *coder) next(tail []byte) *block {
	c.held <- struct{}{}
	b, ok := pop(c, &c.blocks)
	if !ok {
		b = &block{in: make([]byte, 0, c.window+c.size), size: c.size, done: make(chan struct{}, 1)}
		// As much as what can't be compressed becomes: memory that isn't written to costs
		// nothing, and a buffer that grows leaves its old one behind.
		b.out.Grow(c.size + c.size/1024 + 64)
	}
	b.out.Reset()
	b.in, b.dict = append(b.in[:0], tail...), len(tail)
	return b
}

func (c *coder) release(b *block) {
	c.mu.Lock()
	c.blocks = append(c.blocks, b)
	c.mu.Unlock()
	<-c.held
}

// take waits for an encoder.
func (c *coder) take() encoder {
	c.working <- struct{}{}
	if e, ok := pop(c, &c.encoders); ok {
		return e
	}
	return c.create()
}

func (c *coder) put(e encoder) {
	c.mu.Lock()
	c.encoders = append(c.encoders, e)
	c.mu.Unlock()
	<-c.working
}

// pop takes the last of a coder's idle things.
func pop[T any](c *coder, list *[]T) (last T, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(*list)
	if n == 0 {
		return last, false
	}
	last, *list = (*list)[n-1], (*list)[:n-1]
	return last, true
}
