package layer

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
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
func compress(t *testing.T, input []byte, next func() int) []byte {
	t.Helper()
	var out bytes.Buffer
	w := newGzipWriter(&out)
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

func whole() int { return 1 << 40 }

func TestGzipRoundTrip(t *testing.T) {
	input := sample(3*blockSize + 1)
	for _, n := range []int{0, 1, 31, 127, 65535, blockSize - 1, blockSize, blockSize + 1, 2 * blockSize, 3*blockSize + 1} {
		packed := compress(t, input[:n], whole)
		zr, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			t.Fatalf("%d bytes: %v", n, err)
		}
		zr.Multistream(false)
		got, err := io.ReadAll(zr)
		if err != nil {
			t.Fatalf("%d bytes: %v", n, err)
		}
		if !bytes.Equal(got, input[:n]) {
			t.Errorf("%d bytes came back changed", n)
		}
		if zr.Name != "" || !zr.ModTime.IsZero() || zr.OS != 255 {
			t.Errorf("%d bytes: the header names %+v", n, zr.Header)
		}
	}
}

func TestGzipIsTheSameOnAnyNumberOfCores(t *testing.T) {
	input := sample(3*blockSize + 4711)
	want := compress(t, input, whole)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	rng := rand.New(rand.NewPCG(3, 4))
	for _, procs := range []int{1, 2, 7} {
		runtime.GOMAXPROCS(procs)
		splits := map[string]func() int{
			"whole":  whole,
			"block":  func() int { return blockSize },
			"random": func() int { return 1 + rng.IntN(100_000) },
			"small":  func() int { return 1 + rng.IntN(600) },
		}
		for name, next := range splits {
			if !bytes.Equal(compress(t, input, next), want) {
				t.Errorf("GOMAXPROCS=%d, %s writes: other bytes", procs, name)
			}
		}
	}
}

// A pooled encoder must forget what it compressed before.
func TestGzipDoesNotDependOnHistory(t *testing.T) {
	input := sample(2*blockSize + 99)
	want := compress(t, input, whole)
	for i := range 3 {
		compress(t, sample(blockSize + i*150_000)[i*1000:], whole)
		if !bytes.Equal(compress(t, input, whole), want) {
			t.Fatalf("other bytes after %d other streams", i+1)
		}
	}
}

// The bytes are part of images' digests. If this test fails after an update of the
// compressor, the update needs a new Version.
func TestGzipGolden(t *testing.T) {
	sum := sha256.Sum256(compress(t, sample(5<<20), whole))
	const want = "12f1dee88ab1c623e68d5e7a1089604ed3edba45f091fda85846a285838f6f71"
	if got := hex.EncodeToString(sum[:]); got != want {
		t.Errorf("Version %s compresses to %s, want %s", Version, got, want)
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

func TestGzipPassesWriteErrorsOn(t *testing.T) {
	input := sample(6 * blockSize)
	for _, room := range []int{0, 5, 10, 1000, blockSize} {
		w := newGzipWriter(&failingWriter{room})
		_, err := w.Write(input)
		if err == nil {
			err = w.Close()
		} else {
			w.abort()
		}
		if !errors.Is(err, errFull) {
			t.Errorf("room for %d bytes: error %v", room, err)
		}
	}
}

func TestGzipLeavesNoGoroutines(t *testing.T) {
	before := runtime.NumGoroutine()
	input := sample(2 * blockSize)
	for range 10 {
		compress(t, input, whole)
		w := newGzipWriter(io.Discard)
		w.Write(input)
		w.abort()
	}
	// A compressing goroutine may be between its result and its end.
	for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
		time.Sleep(time.Millisecond)
	}
}
