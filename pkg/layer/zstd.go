package layer

import (
	"bytes"
	"io"

	"github.com/klauspost/compress/zstd"
)

// The parameters of zstd decide its output, as those of gzip do: a change to one of
// them is a new [ZstdVersion].
const (
	// frameSize is how many bytes of input make a frame, the unit that is compressed on
	// its own (RFC 8878 section 3: frames in a row are one stream). It is the window as
	// well, which is what a reader needs in memory. Half of it makes programs 1 % larger,
	// twice of it 0.7 % smaller.
	frameSize = 1 << 20
	// zstdLevel makes programs 3 % smaller than gzip in some two thirds of its time.
	zstdLevel = zstd.SpeedDefault
)

// maxZstdEncoders bounds how many frames the process compresses at a time; each takes some
// 4 MiB besides its input and output.
const maxZstdEncoders = 4

func newZstdWriter(dst io.Writer) *blockWriter { return newBlockWriter(dst, zstandard, nil) }

var zstandard = newCoder(frameSize, 0, maxZstdEncoders, func() encoder { return newFramer(zstdLevel, frameSize) })

func newFramer(level zstd.EncoderLevel, window int) framer {
	w, err := zstd.NewWriter(nil,
		zstd.WithEncoderLevel(level), zstd.WithWindowSize(window), zstd.WithEncoderCRC(true),
		zstd.WithZeroFrames(true), // nothing is a frame too
		// None of these has a part in the bytes.
		zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true))
	if err != nil {
		panic(err) // an option is out of range
	}
	return framer{w}
}

type framer struct{ w *zstd.Encoder }

func (f framer) compress(out *bytes.Buffer, _, src []byte, _ bool) {
	out.Write(f.w.EncodeAll(src, out.AvailableBuffer()))
}
