//go:build unix

package layer

import (
	"flag"
	"fmt"
	"math"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
)

var program = flag.String("program", "", "a file to measure levels of compression with")

// BenchmarkLevels is where the numbers of docs/adr/0016-compression.md come from:
//
//	go test ./pkg/layer -run '^$' -bench Levels -cpu 1,2 -benchtime 5x -program FILE
//
// Of time it reports the least, since other programs only ever add to it.
func BenchmarkLevels(b *testing.B) {
	input := sample(8 << 20)
	if *program != "" {
		var err error
		if input, err = os.ReadFile(*program); err != nil {
			b.Fatal(err)
		}
	}
	for level := 1; level <= 9; level++ {
		c := newCoder(blockSize, windowSize, maxDeflaters, func() encoder { return newDeflater(level) })
		b.Run(fmt.Sprintf("gzip=%d", level), func(b *testing.B) { measureCoder(b, c, input) })
	}
	for level := zstd.SpeedFastest; level <= zstd.SpeedBestCompression; level++ {
		for _, size := range []int{512 << 10, frameSize, 2 << 20} {
			c := newCoder(size, 0, maxZstdEncoders, func() encoder { return newFramer(level, size) })
			b.Run(fmt.Sprintf("zstd=%v/frame=%dK", level, size>>10), func(b *testing.B) { measureCoder(b, c, input) })
		}
	}
}

func measureCoder(b *testing.B, c *coder, input []byte) {
	wall, cpu := math.Inf(1), math.Inf(1)
	var size int64
	b.ReportAllocs() // of one stream: all that it keeps, since nothing is allocated by the block
	for b.Loop() {
		began, used := time.Now(), processTime(b)
		out := &lengthWriter{}
		w := newBlockWriter(out, c, nil)
		w.Write(input)
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
		wall, cpu = min(wall, time.Since(began).Seconds()), min(cpu, (processTime(b)-used).Seconds())
		size = out.n
	}
	b.ReportMetric(wall*1e3, "ms-wall")
	b.ReportMetric(cpu*1e3, "ms-cpu")
	b.ReportMetric(float64(size), "bytes")
	b.ReportMetric(0, "ns/op")
}

type lengthWriter struct{ n int64 }

func (w *lengthWriter) Write(p []byte) (int, error) {
	w.n += int64(len(p))
	return len(p), nil
}

func processTime(b *testing.B) time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
