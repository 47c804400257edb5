package cache

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/imgo-build/imgo/pkg/layer"
)

// Another process makes the layer once more without reading the file.
func TestLayersAreRemembered(t *testing.T) {
	dir := t.TempDir()
	content := pattern(1, 3<<20)
	sources := []io.Reader{bytes.NewReader(content), iotest.ErrReader(errors.New("read again"))}
	for _, source := range sources {
		f := layer.File{Path: "/app/server", Mode: 0o755, Size: int64(len(content)), Open: func() (io.ReadCloser, error) {
			return io.NopCloser(source), nil
		}}
		l, err := layer.New(t.Context(), open(t, dir), layer.Options{Key: "binary"}, []layer.File{f})
		if err != nil {
			t.Fatal(err)
		}
		if err := validate.Layer(l); err != nil {
			t.Error(err)
		}
	}
}

func TestAFailedLayerLeavesNothing(t *testing.T) {
	c := open(t, t.TempDir())
	broken := errors.New("broken")
	f := layer.File{Path: "f", Size: 3 << 20, Open: func() (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(bytes.NewReader(pattern(1, 2<<20)), iotest.ErrReader(broken))), nil
	}}
	if _, err := layer.New(t.Context(), c, layer.Options{Key: "k"}, []layer.File{f}); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	if left := append(files(t, c, tmpArea), files(t, c, blobsArea)...); len(left) != 0 {
		t.Errorf("left behind: %q", left)
	}
}
