package layer_test

import (
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/imgo-build/imgo/pkg/layer"
	"github.com/imgo-build/imgo/pkg/layer/layertest"
)

// Both compressions of the same files are remembered beside each other under one key.
func TestCompressions(t *testing.T) {
	store := &layertest.Memory{}
	files := []layer.File{regular("app/server", 0o755, "the program")}
	diffs := map[v1.Hash]bool{}
	for range 2 {
		for c, want := range map[layer.Compression]types.MediaType{layer.Gzip: types.OCILayer, layer.Zstd: types.OCILayerZStd} {
			l, err := layer.New(t.Context(), store, layer.Options{Key: "k", Compression: c}, files)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := l.MediaType(); got != want || err != nil {
				t.Errorf("%v: media type %s, %v", c, got, err)
			}
			if c == layer.Gzip { // validate knows no other compression
				if err := validate.Layer(l); err != nil {
					t.Error(err)
				}
			}
			rc, err := l.Uncompressed()
			if err != nil {
				t.Fatal(err)
			}
			diffID, size, err := v1.SHA256(rc)
			if err != nil || rc.Close() != nil || size != l.UncompressedSize() {
				t.Errorf("%v: %d bytes of %d, %v", c, size, l.UncompressedSize(), err)
			}
			if own, _ := l.DiffID(); own != diffID {
				t.Errorf("%v: the tar is %s, not %s", c, diffID, own)
			}
			diffs[diffID] = true
		}
	}
	if got := []int{store.Blobs(), len(diffs)}; !cmp.Equal(got, []int{2, 1}) {
		t.Errorf("blobs and tars: %v, want 2 and 1", got)
	}
}

func TestDamagedBlobsAreErrors(t *testing.T) {
	for _, c := range []layer.Compression{layer.Gzip, layer.Zstd} {
		store := &layertest.Memory{}
		l, err := layer.New(t.Context(), store, layer.Options{Compression: c}, []layer.File{regular("a", 0o644, "one")})
		if err != nil {
			t.Fatal(err)
		}
		digest, _ := l.Digest()
		p, _ := store.Stage(t.Context())
		if _, err := p.Write([]byte("neither of the two")); err != nil {
			t.Fatal(err)
		}
		if err := p.Commit(digest); err != nil {
			t.Fatal(err)
		}
		rc, err := l.Uncompressed()
		if err == nil {
			_, err = io.ReadAll(rc)
			rc.Close()
		}
		if err == nil {
			t.Errorf("%v: a damaged blob was read", c)
		}
	}
}

func TestParseCompression(t *testing.T) {
	for _, c := range []layer.Compression{layer.Gzip, layer.Zstd} {
		if got, err := layer.ParseCompression(c.String()); got != c || err != nil {
			t.Errorf("%v: %v, %v", c, got, err)
		}
	}
	if _, err := layer.ParseCompression("GZIP"); err == nil {
		t.Error("GZIP was taken")
	}
}
