package layer

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"testing"
)

func TestGzipRoundTrip(t *testing.T) {
	input := sample(3*blockSize + 1)
	for _, n := range []int{0, 1, 31, 127, 65535, blockSize - 1, blockSize, blockSize + 1, 2 * blockSize, 3*blockSize + 1} {
		packed := compress(t, Gzip, input[:n], whole)
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

// The bytes are part of images' digests. If this test fails after an update of the
// compressor, the update needs a new Version.
func TestGzipGolden(t *testing.T) {
	sum := sha256.Sum256(compress(t, Gzip, sample(5<<20), whole))
	const want = "12f1dee88ab1c623e68d5e7a1089604ed3edba45f091fda85846a285838f6f71"
	if got := hex.EncodeToString(sum[:]); got != want {
		t.Errorf("Version %s compresses to %s, want %s", Version, got, want)
	}
}
