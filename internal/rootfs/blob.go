package rootfs

import (
	"bufio"
	"context"
	"errors"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Decompressed reads what a layer's blob holds, whichever way it is compressed. The
// bytes tell, which the media type does not always. The function it returns is to be
// called when all is read.
func Decompressed(raw *bufio.Reader) (io.Reader, func(), error) {
	switch magic, _ := raw.Peek(4); {
	case len(magic) >= 2 && magic[0] == 0x1f && magic[1] == 0x8b: // RFC 1952
		zr, err := gzip.NewReader(raw)
		return zr, func() {}, err
	case len(magic) == 4 && isZstd([4]byte(magic)):
		zr, err := zstd.NewReader(raw,
			zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, nil, err
		}
		return zr, zr.Close, nil
	}
	return raw, func() {}, nil
}

// isZstd recognises a frame of zstd and one that its readers skip (RFC 8878).
func isZstd(magic [4]byte) bool {
	return magic == [4]byte{0x28, 0xb5, 0x2f, 0xfd} || magic[0]&0xf0 == 0x50 && magic[1] == 0x2a && magic[2] == 0x4d && magic[3] == 0x18
}

// Guarded reads until a context ends, and remembers what went wrong.
type Guarded struct {
	Ctx context.Context
	R   io.Reader
	Err error // other than io.EOF
}

func (g *Guarded) Read(p []byte) (int, error) {
	if g.Ctx.Err() != nil {
		g.Err = context.Cause(g.Ctx)
		return 0, g.Err
	}
	n, err := g.R.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		g.Err = err
	}
	return n, err
}
