package layer

import (
	"bytes"
	"context"
	"io"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

func BenchmarkCompress(b *testing.B) {
	input := sample(32 << 20)
	for _, c := range []Compression{Gzip, Zstd} {
		b.Run(c.String(), func(b *testing.B) { benchmarkCompress(b, c, input) })
	}
}

func benchmarkCompress(b *testing.B, c Compression, input []byte) {
	b.SetBytes(int64(len(input)))
	b.ReportAllocs()
	for b.Loop() {
		w := c.writer(io.Discard)
		w.Write(input)
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNew(b *testing.B) {
	input := sample(32 << 20)
	files := []File{{Path: "/app/server", Mode: 0o755, Size: int64(len(input)), Open: func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(input)), nil
	}}}
	b.SetBytes(int64(len(input)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := New(context.Background(), nowhere{}, Options{}, files); err != nil {
			b.Fatal(err)
		}
	}
}

// nowhere is a store that drops everything.
type nowhere struct{ Store }

func (nowhere) Stage(context.Context) (Pending, error) { return dropped{}, nil }

type dropped struct{}

func (dropped) Write(p []byte) (int, error) { return len(p), nil }
func (dropped) Commit(v1.Hash) error        { return nil }
func (dropped) Discard()                    {}
