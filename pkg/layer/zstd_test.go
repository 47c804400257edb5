package layer

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io"
	"testing"

	"github.com/klauspost/compress/zstd"
)

func TestZstdRoundTrip(t *testing.T) {
	input := sample(3*frameSize + 1)
	for n, frames := range map[int]int{0: 1, 1: 1, 31: 1, 128 << 10: 1, frameSize - 1: 1, frameSize: 1, frameSize + 1: 2, 2 * frameSize: 2, 3*frameSize + 1: 4} {
		packed := compress(t, Zstd, input[:n], whole)
		// A window of a frame is all that a reader has to allow.
		zr, err := zstd.NewReader(bytes.NewReader(packed), zstd.WithDecoderMaxWindow(frameSize))
		if err != nil {
			t.Fatalf("%d bytes: %v", n, err)
		}
		got, err := io.ReadAll(zr)
		zr.Close()
		if err != nil {
			t.Fatalf("%d bytes: %v", n, err)
		}
		if !bytes.Equal(got, input[:n]) {
			t.Errorf("%d bytes came back changed", n)
		}
		if got := countFrames(t, packed); got != frames {
			t.Errorf("%d bytes are %d frames, want %d", n, got, frames)
		}
	}
}

// countFrames walks over the frames of a stream (RFC 8878 section 3.1.1) and checks
// that each tells its size and has a checksum.
func countFrames(t *testing.T, p []byte) (n int) {
	t.Helper()
	for ; len(p) > 0; n++ {
		var h zstd.Header
		if err := h.Decode(p); err != nil {
			t.Fatalf("frame %d: %v", n+1, err)
		}
		if !h.HasFCS && len(p) > 256 || !h.HasCheckSum && len(p) > 16 || h.Skippable || h.DictionaryID != 0 {
			t.Errorf("frame %d: %+v", n+1, h)
		}
		p = p[h.HeaderSize:]
		for last := false; !last; {
			head := binary.LittleEndian.Uint32(append(bytes.Clone(p[:3]), 0))
			size := int(head >> 3)
			if head>>1&3 == 1 { // the one byte is repeated
				size = 1
			}
			last, p = head&1 == 1, p[3+size:]
		}
		if h.HasCheckSum {
			p = p[4:]
		}
	}
	return n
}

// The bytes are part of images' digests. If this test fails after an update of the
// compressor, the update needs a new ZstdVersion.
func TestZstdGolden(t *testing.T) {
	sum := sha256.Sum256(compress(t, Zstd, sample(5<<20), whole))
	const want = "21f7515fbd198df9c34d17f454a9654675b76dfc8503a10ab1a620f40504408e"
	if got := hex.EncodeToString(sum[:]); got != want {
		t.Errorf("Version %s compresses to %s, want %s", ZstdVersion, got, want)
	}
}
