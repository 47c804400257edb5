package imgo

import (
	"archive/tar"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/internal/rootfs"
	"github.com/imgo-build/imgo/pkg/publish"
)

// LayerError is a layer whose content is not what a layer's should be.
type LayerError struct {
	Digest string
	Err    error
}

func (e *LayerError) Error() string {
	return fmt.Sprintf("layer %s can't be read: %v", e.Digest, e.Err)
}
func (e *LayerError) Unwrap() error { return e.Err }

// maxLayer is how many bytes there may be in a layer, however small they are compressed.
const maxLayer = 64 << 30

// entryFunc gets the entries of a layer: the path from the root, and the content, which
// it may leave unread.
type entryFunc func(name string, h *tar.Header, content io.Reader) error

// readLayer hands over the entries of a layer, in one pass. The blob is read to its end
// whatever becomes of the tar: only there it turns out whether the bytes are the right
// ones, which is the better explanation.
func (s *subject) readLayer(ctx context.Context, img v1.Image, l InspectedLayer, do entryFunc) error {
	if l.elsewhere {
		return &LayerError{l.Digest, errors.New("its bytes are kept elsewhere")}
	}
	digest, err := v1.NewHash(l.Digest)
	if err != nil {
		return &LayerError{l.Digest, err}
	}
	layer, err := img.LayerByDigest(digest)
	if err != nil {
		return s.classify(err)
	}
	blob, err := layer.Compressed()
	if err = s.classify(err); lacking(err) {
		return &LayerError{l.Digest, errors.New("the registry lacks it")}
	} else if err != nil {
		return fmt.Errorf("reading layer %s: %w", l.Digest, err)
	}
	defer blob.Close()
	source := &rootfs.Guarded{Ctx: ctx, R: blob}
	raw := bufio.NewReaderSize(source, 64<<10)
	err = readTar(ctx, raw, do)
	if source.Err == nil {
		_, _ = io.Copy(io.Discard, raw)
	}
	switch theirs, isTheirs := errors.AsType[*callError](err); {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case source.Err != nil:
		return fmt.Errorf("reading layer %s: %w", l.Digest, s.classify(source.Err))
	case isTheirs:
		return theirs.err
	case err != nil:
		return &LayerError{l.Digest, err}
	}
	return nil
}

// lacking reports whether a registry says that it has no such blob.
func lacking(err error) bool {
	e, ok := errors.AsType[*publish.RegistryError](err)
	return ok && e.Status == http.StatusNotFound
}

// callError is an error of an entryFunc, on its way past those of the tar.
type callError struct{ err error }

func (e *callError) Error() string { return e.err.Error() }

func readTar(ctx context.Context, raw *bufio.Reader, do entryFunc) error {
	plain, closer, err := rootfs.Decompressed(raw)
	if err != nil {
		return err
	}
	defer closer()
	size := int64(0)
	for tr := tar.NewReader(plain); ; {
		h, err := tr.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && !errors.Is(err, tar.ErrInsecurePath): // nothing is written anywhere
			return err
		}
		// A sparse file has holes for which nothing is read.
		if size += h.Size; h.Size < 0 || size > maxLayer {
			return fmt.Errorf("it holds more than %d GiB", maxLayer>>30)
		}
		content := &rootfs.Guarded{Ctx: ctx, R: tr}
		err = do(path.Clean("/"+h.Name), h, content)
		switch {
		case content.Err != nil:
			return content.Err
		case err != nil:
			return &callError{err}
		}
	}
}
