package layer

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/flate"
)

// The compressor's parameters decide its output; a change to one of them changes
// every digest and is a new [Version].
const (
	// blockSize is how many bytes of input are compressed on their own: a multiple of
	// what the compressor takes at a time, 64 KiB - 1. Twice or half of it changes
	// neither speed nor size by a measurable amount, but memory.
	blockSize = 8 * 65535
	// windowSize is how many bytes before a block its matches may refer to.
	windowSize = 32 << 10
	flateLevel = 6
)

// maxEncoders bounds how many blocks the process compresses at a time, over all
// layers. More would not help: at this many, hashing the input is the bottleneck.
const maxEncoders = 8

// gzipWriter is a gzip writer (RFC 1952) whose output depends on its input alone,
// while it compresses on several cores.
//
// The input is cut into blocks of blockSize. Each is compressed by itself, with the
// end of the block before it as dictionary, and ends at a byte boundary (a sync
// flush, RFC 1951 section 3.2.4), so that the outputs in their order are one valid
// stream. Close or abort must be called; after it no goroutine is left.
type gzipWriter struct {
	dst     io.Writer
	block   *block      // being filled
	started chan *block // in the order of the stream; its capacity bounds those in flight
	idle    chan *block // to be filled again
	drained chan struct{}
	crc     uint32
	size    uint32 // of the input, modulo 2^32 as the trailer has it
	err     atomic.Pointer[error]
}

func newGzipWriter(dst io.Writer) *gzipWriter {
	inFlight := min(runtime.GOMAXPROCS(0), maxEncoders)
	w := &gzipWriter{
		dst:     dst,
		block:   newBlock(),
		started: make(chan *block, inFlight),
		idle:    make(chan *block, inFlight+2),
		drained: make(chan struct{}),
	}
	go w.drain()
	return w
}

// Write compresses p. An error is that of writing to the destination, possibly of
// bytes that an earlier call took.
func (w *gzipWriter) Write(p []byte) (int, error) {
	w.crc = crc32.Update(w.crc, crc32.IEEETable, p)
	w.size += uint32(len(p))
	for rest := p; len(rest) > 0; {
		if err := w.err.Load(); err != nil {
			return len(p) - len(rest), *err
		}
		// A full block waits for more input, since the last one is closed differently.
		if w.block.n == blockSize {
			full := w.block
			w.block = w.successor(full)
			w.start(full)
		}
		rest = rest[w.block.fill(rest):]
	}
	return len(p), nil
}

// Close compresses what is left and writes the trailer.
func (w *gzipWriter) Close() error {
	w.block.last = true
	w.start(w.block)
	w.finish()
	if err := w.err.Load(); err != nil {
		return *err
	}
	var trailer [8]byte
	binary.LittleEndian.PutUint32(trailer[:4], w.crc)
	binary.LittleEndian.PutUint32(trailer[4:], w.size)
	_, err := w.dst.Write(trailer[:])
	return err
}

// abort gives up; what reached the destination is not a complete stream.
func (w *gzipWriter) abort() { w.finish() }

func (w *gzipWriter) finish() {
	w.block = nil
	close(w.started)
	<-w.drained
}

// start compresses b in the background. It waits while there are enough blocks in
// flight.
func (w *gzipWriter) start(b *block) {
	e := encoders.get()
	go func() {
		b.compress(e)
		encoders.put(e)
		b.done <- struct{}{}
	}()
	w.started <- b
}

// drain writes the header and the compressed blocks in their order. After an
// error it goes on receiving, so that nobody waits for ever.
func (w *gzipWriter) drain() {
	defer close(w.drained)
	// Magic, deflate, no flags, no time, no level hint, unknown operating system.
	w.emit([]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff})
	for b := range w.started {
		<-b.done
		w.emit(b.out.Bytes())
		select {
		case w.idle <- b:
		default:
		}
	}
}

func (w *gzipWriter) emit(p []byte) {
	if w.err.Load() != nil {
		return
	}
	if _, err := w.dst.Write(p); err != nil {
		w.err.Store(&err)
	}
}

// successor returns the empty block after the full block b.
func (w *gzipWriter) successor(b *block) *block {
	var next *block
	select {
	case next = <-w.idle:
		next.n = 0
		next.out.Reset()
	default:
		next = newBlock()
	}
	next.dict = copy(next.buf[:windowSize], b.buf[blockSize:])
	return next
}

// block is a piece of the input and what it was compressed to.
type block struct {
	buf  [windowSize + blockSize]byte
	dict int // buf[windowSize-dict:windowSize] is the end of the block before
	n    int // buf[windowSize:windowSize+n] is this block's input
	last bool
	out  bytes.Buffer
	done chan struct{} // receives once when out is complete
}

func newBlock() *block {
	b := &block{done: make(chan struct{}, 1)}
	b.out.Grow(blockSize / 2) // programs take less
	return b
}

// fill takes as much of p as has room and returns how much.
func (b *block) fill(p []byte) int {
	n := copy(b.buf[windowSize+b.n:], p)
	b.n += n
	return n
}

// compress fills out. Writing to a [bytes.Buffer] does not fail.
func (b *block) compress(e *flate.Writer) {
	e.ResetDict(&b.out, b.buf[windowSize-b.dict:windowSize])
	e.Write(b.buf[windowSize : windowSize+b.n])
	if b.last {
		e.Close()
	} else {
		e.Flush()
	}
	e.ResetDict(nil, nil) // an idle encoder must not keep the block's memory alive
}

// encoders are shared by all layers. An encoder has match tables of 1 MiB, which
// makes it worth keeping; the one that was used last is the next to be used.
var encoders = encoderPool{slots: make(chan struct{}, maxEncoders)}

type encoderPool struct {
	slots chan struct{} // one element for each encoder in use
	mu    sync.Mutex
	idle  []*flate.Writer
}

// get waits for an encoder.
func (p *encoderPool) get() *flate.Writer {
	p.slots <- struct{}{}
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.idle); n > 0 {
		e := p.idle[n-1]
		p.idle = p.idle[:n-1]
		return e
	}
	e, err := flate.NewWriter(nil, flateLevel)
	if err != nil {
		panic(err) // flateLevel is out of range
	}
	return e
}

func (p *encoderPool) put(e *flate.Writer) {
	p.mu.Lock()
	p.idle = append(p.idle, e)
	p.mu.Unlock()
	<-p.slots
}
