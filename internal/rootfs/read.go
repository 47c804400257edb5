package rootfs

import (
	"archive/tar"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// passes is how often the layers are read at the most: again where the name of a
// content that is to be kept turned out to be a link to another, and again where
// that was one too.
const passes = 3

// maxWindow bounds what a zstd frame may ask its reader to remember. It is what the
// zstd program accepts at the most without being told ("--long").
const maxWindow = 128 << 20

// MalformedError says that a layer is not what any engine would unpack, or larger
// than any image is.
type MalformedError struct {
	Layer  int    // counted from the bottom, beginning with 1
	Path   string // in the layer; empty where it is about the layer as such
	Reason string
}

func (e *MalformedError) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("layer %d %s", e.Layer, e.Reason)
	}
	return fmt.Sprintf("layer %d: %q %s", e.Layer, e.Path, e.Reason)
}

// Read reads the tree of an image. The contents of the files at the paths of keep
// are kept: of up to 1 MiB each and 4 MiB together. A link among them is followed to
// its file, for which the layers are read again if need be.
//
// Errors: [*MalformedError], and those of the layers.
func Read(ctx context.Context, img v1.Image, keep ...string) (*Tree, error) {
	list := make([]Keep, len(keep))
	for i, p := range keep {
		list[i].Path = p
	}
	return ReadKeeping(ctx, img, list)
}

// ReadKeeping is [Read] for contents that are many, or too large to be kept as they
// are.
func ReadKeeping(ctx context.Context, img v1.Image, keep []Keep) (*Tree, error) {
	layers, err := img.Layers()
	if err != nil {
		return nil, fmt.Errorf("listing the layers: %w", err)
	}
	wanted := wanted{}
	for _, k := range keep {
		if p, ok := clean(k.Path); ok {
			wanted[p] = k
		}
	}
	for pass := 1; ; pass++ {
		r := newReader(wanted)
		for i, l := range layers {
			r.layer = i + 1
			if err := r.readLayer(ctx, l); err != nil {
				return nil, err
			}
		}
		more := r.linked(keep)
		if pass == passes || len(more) == 0 {
			return r.tree, nil
		}
		maps.Copy(wanted, more)
	}
}

// readLayer puts a layer on top of the tree. The blob is read to its end even where
// the tar ends before, or breaks: only there it turns out whether the bytes are the
// right ones, which is the better explanation.
func (r *reader) readLayer(ctx context.Context, l v1.Layer) error {
	blob, err := l.Compressed()
	if err != nil {
		return fmt.Errorf("reading layer %d: %w", r.layer, err)
	}
	defer blob.Close()
	source := &Guarded{Ctx: ctx, R: blob}
	raw := bufio.NewReaderSize(source, 64<<10)
	err = r.readTar(raw)
	if source.Err == nil {
		_, _ = io.Copy(io.Discard, raw)
	}
	switch _, malformed := errors.AsType[*MalformedError](err); {
	case source.Err != nil:
		return fmt.Errorf("reading layer %d: %w", r.layer, source.Err)
	case err == nil || malformed:
		return err
	}
	return r.malformed("", "is no intact archive: %v", err)
}

func (r *reader) readTar(raw *bufio.Reader) error {
	plain, closer, err := Decompressed(raw)
	if err != nil {
		return err
	}
	defer closer()
	for tr := tar.NewReader(plain); ; {
		h, err := tr.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && !errors.Is(err, tar.ErrInsecurePath): // which is looked after below
			return err
		}
		if err := r.apply(h, tr); err != nil {
			return err
		}
	}
}
