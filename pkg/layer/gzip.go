package layer

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"

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
	// flateLevel is that of the least time for compressing and sending together, on any
	// line below 1 Gbit/s: see docs/adr/0016-compression.md.
	flateLevel = 6
)

// maxDeflaters bounds how many blocks the process compresses at a time. More would not
// help: at this many, hashing the input is the bottleneck.
const maxDeflaters = 8

// gzipWriter is a gzip writer (RFC 1952). Each block ends at a byte boundary (a sync
// flush, RFC 1951 section 3.2.4), so that the blocks in their order are one valid
// stream.
type gzipWriter struct {
	*blockWriter
	crc  uint32
	size uint32 // of the input, modulo 2^32 as the trailer has it
}

// gzipHeader is the magic number, deflate, no flags, no time, no hint at the level,
// and an unknown operating system.
var gzipHeader = []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff}

func newGzipWriter(dst io.Writer) *gzipWriter {
	return &gzipWriter{blockWriter: newBlockWriter(dst, deflate, gzipHeader)}
}

func (w *gzipWriter) Write(p []byte) (int, error) {
	w.crc = crc32.Update(w.crc, crc32.IEEETable, p)
	w.size += uint32(len(p))
	return w.blockWriter.Write(p)
}

// Close compresses what is left and writes the trailer.
func (w *gzipWriter) Close() error {
	if err := w.blockWriter.Close(); err != nil {
		return err
	}
	var trailer [8]byte
	binary.LittleEndian.PutUint32(trailer[:4], w.crc)
	binary.LittleEndian.PutUint32(trailer[4:], w.size)
	_, err := w.dst.Write(trailer[:])
	return err
}

// deflate has encoders with match tables of 1 MiB.
var deflate = newCoder(blockSize, windowSize, maxDeflaters, func() encoder { return newDeflater(flateLevel) })

func newDeflater(level int) deflater {
	w, err := flate.NewWriter(nil, level)
	if err != nil {
		panic(err) // the level is out of range
	}
	return deflater{w}
}

type deflater struct{ w *flate.Writer }

func (d deflater) compress(out *bytes.Buffer, dict, src []byte, last bool) {
	d.w.ResetDict(out, dict)
	d.w.Write(src)
	if last {
		d.w.Close()
	} else {
		d.w.Flush()
	}
	d.w.ResetDict(nil, nil) // an idle encoder must not keep the block's memory alive
}
