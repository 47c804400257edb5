package layer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"
)

// sample makes n bytes that exercise the compressor: text, noise, zeros and
// repetitions at all distances.
func sample(n int) []byte {
	rng := rand.New(rand.NewPCG(1, 2))
	out := make([]byte, 0, n+(64<<10))
	for len(out) < n {
		switch rng.IntN(5) {
		case 0:
			for range rng.IntN(2000) {
				out = fmt.Appendf(out, "func f%d(x int) int { return x + %d }\n", rng.IntN(500), rng.IntN(100))
			}
		case 1:
			for range rng.IntN(20000) {
				out = append(out, byte(rng.Uint32()))
			}
		case 2:
			out = append(out, make([]byte, rng.IntN(40000))...)
		case 3:
			if len(out) > 0 {
				from := rng.IntN(len(out))
				out = append(out, out[from:min(len(out), from+rng.IntN(40000))]...)
			}
		case 4:
			for range rng.IntN(5000) {
				out = append(out, byte(rng.IntN(16)), 0, byte(rng.IntN(4)), 0x48)
			}
		}
	}
	return out[:n]
}

// compress writes the input in pieces of the sizes that next returns.
func compress(t *testing.T, c Compression, input []byte, next func() int) []byte {
	t.Helper()
	var out bytes.Buffer
	w := c.writer(&out)
	for rest := input; len(rest) > 0; {
		n := min(next(), len(rest))
		if wrote, err := w.Write(rest[:n]); wrote != n || err != nil {
			t.Fatalf("Write of %d bytes: %d, %v", n, wrote, err)
		}
		rest = rest[n:]
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func whole() int { return math.MaxInt }

// forms are the ways to compress, with the size of a block.
var forms = map[Compression]int{Gzip: blockSize, Zstd: frameSize}

func TestTheSameBytesOnAnyNumberOfCores(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	rng := rand.New(rand.NewPCG(3, 4))
	for c, size := range forms {
		input := sample(size + 4711)
		want := compress(t, c, input, whole)
		for _, procs := range []int{1, 2, 8} {
			runtime.GOMAXPROCS(procs)
			splits := map[string]func() int{
				"whole":  whole,
				"block":  func() int { return size },
				"random": func() int { return 1 + rng.IntN(100_000) },
				"small":  func() int { return 1 + rng.IntN(6000) },
			}
			for name, next := range splits {
				if !bytes.Equal(compress(t, c, input, next), want) {
					t.Errorf("%v, GOMAXPROCS=%d, %s writes: other bytes", c, procs, name)
				}
			}
		}
	}
}

// A pooled encoder must forget what it compressed before.
func TestBytesDoNotDependOnHistory(t *testing.T) {
	for c, size := range forms {
		input := sample(size + 99)
		want := compress(t, c, input, whole)
		for i := range 2 {
			compress(t, c, sample(size + i*150_000)[i*1000:], whole)
			if !bytes.Equal(compress(t, c, input, whole), want) {
				t.Fatalf("%v: other bytes after %d other streams", c, i+1)
			}
		}
	}
}

// Blocks are shared by all streams of the process: far more streams than there are
// blocks must not wait for each other for ever.
func TestManyStreamsShareFewBlocks(t *testing.T) {
	for c, size := range forms {
		input := sample(size + 5000)
		want := compress(t, c, input, whole)
		var wg sync.WaitGroup
		for range 2 * cap(zstandard.held) {
			wg.Go(func() {
				if !bytes.Equal(compress(t, c, input, func() int { return size / 3 }), want) {
					t.Errorf("%v: other bytes beside other streams", c)
				}
			})
		}
		wg.Wait()
	}
	for c, held := range map[Compression]int{Gzip: len(deflate.held), Zstd: len(zstandard.held)} {
		if held != 0 {
			t.Errorf("%v: %d blocks were not given back", c, held)
		}
	}
}

type failingWriter struct{ left int }

var errFull = errors.New("full")

func (w *failingWriter) Write(p []byte) (int, error) {
	if w.left -= len(p); w.left < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestWriteErrorsArePassedOn(t *testing.T) {
	for c, size := range forms {
		input := sample(2 * size)
		for _, room := range []int{0, 10, size / 4} {
			w := c.writer(&failingWriter{room})
			_, err := w.Write(input)
			if err == nil {
				err = w.Close()
			} else {
				w.abort()
			}
			if !errors.Is(err, errFull) {
				t.Errorf("%v, room for %d bytes: error %v", c, room, err)
			}
		}
	}
}

func TestNoGoroutineIsLeft(t *testing.T) {
	before := runtime.NumGoroutine()
	for c, size := range forms {
		input := sample(size + 1)
		for range 2 {
			compress(t, c, input, whole)
			w := c.writer(io.Discard)
			w.Write(input)
			w.abort()
		}
	}
	// A compressing goroutine may be between its result and its end.
	for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
		time.Sleep(time.Millisecond)
	}
}
