package layer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/pkg/event"
)

// Versions name the form of the bytes that this package writes. One is raised with
// every change that gives the same files another digest.
const (
	// Version is that of the tar's headers, and of gzip with its parameters.
	Version = "1"
	// ZstdVersion is that of zstd with its parameters. It counts beside Version, where
	// zstd is used.
	ZstdVersion = "1"
)

// copySize is the size of the buffer between a content and the tar.
const copySize = 256 << 10

// progressStep is how many bytes of content lie between two progress events.
const progressStep = 4 << 20

// Options are the circumstances of making a layer.
type Options struct {
	// Key names the content of all files (or of the stream): equal keys, equal
	// bytes. That is the caller's promise. With a key the outcome is remembered in
	// the store; without one the files are read and compressed every time.
	Key string
	// Compression makes other bytes of the same files, and so another layer.
	Compression Compression
	// Events receives the progress; nil drops it.
	Events event.Sink
	// Subject is what progress calls the layer.
	Subject string
}

// New makes a layer of files. Missing parent directories are added with mode 0755.
// Content is read only where the store does not have the layer already.
//
// A path that appears twice or lies below a file is an error, and so is content
// that is not as long as announced ([*SizeError]).
func New(ctx context.Context, store Store, opts Options, files []File) (*Layer, error) {
	list, err := entries(files)
	if err != nil {
		return nil, err
	}
	var total int64
	for _, e := range list {
		total += e.header.Size
	}
	return opts.make(ctx, store, recipe(list), total, func(w io.Writer, buf []byte, read readerFunc) error {
		return writeTar(w, list, buf, read)
	})
}

// FromTar makes a layer of an uncompressed tar stream, which it keeps byte by byte
// and does not look into. Where the store remembers the key, nothing is read.
func FromTar(ctx context.Context, store Store, opts Options, r io.Reader) (*Layer, error) {
	return opts.make(ctx, store, "stream", 0, func(w io.Writer, buf []byte, read readerFunc) error {
		_, err := io.CopyBuffer(w, read(r), buf)
		return err
	})
}

// readerFunc wraps a reader so that reading makes progress visible and stops when
// the context ends.
type readerFunc func(io.Reader) io.Reader

// make looks the layer up under the key and the recipe, and else lets write
// produce its tar.
func (o Options) make(ctx context.Context, store Store, recipe string, total int64,
	write func(w io.Writer, buf []byte, read readerFunc) error) (_ *Layer, err error) {
	if o.Events == nil {
		o.Events = event.Discard
	}
	text := ""
	done := event.Track(o.Events, event.Layer, o.Subject)
	defer func() { done(text, err) }()

	key := o.resultKey(recipe)
	if f, ok := lookup(store, key); ok {
		text = "cached"
		return &Layer{blobs: store, facts: f, compression: o.Compression}, nil
	}
	f, err := o.Compression.pack(ctx, store, func(w io.Writer) error {
		return write(w, make([]byte, copySize), o.metered(ctx, total))
	})
	if err != nil {
		return nil, err
	}
	if err := remember(store, key, f); err != nil {
		o.Events.Emit(event.Event{Kind: event.Warning, Stage: event.Layer, Subject: o.Subject,
			Text: fmt.Sprintf("remembering the layer for the next run: %v", err)})
	}
	return &Layer{blobs: store, facts: f, compression: o.Compression}, nil
}

// compressor is a writer that is closed or, where that makes no sense any more,
// aborted.
type compressor interface {
	io.WriteCloser
	abort()
}

func (c Compression) writer(w io.Writer) compressor {
	if c == Zstd {
		return newZstdWriter(w)
	}
	return newGzipWriter(w)
}

// pack stores what write writes: tar, hash, compress, hash, store in one pass.
func (c Compression) pack(ctx context.Context, store Blobs, write func(io.Writer) error) (facts, error) {
	if err := ctx.Err(); err != nil {
		return facts{}, err
	}
	pending, err := store.Stage(ctx)
	if err != nil {
		return facts{}, err
	}
	defer pending.Discard()

	blob := &hasher{dst: pending, sum: sha256.New()}
	zw := c.writer(blob)
	content := &hasher{dst: zw, sum: sha256.New()}
	if err := write(content); err != nil {
		zw.abort()
		return facts{}, err
	}
	if err := zw.Close(); err != nil {
		return facts{}, err
	}
	if err := ctx.Err(); err != nil {
		return facts{}, err
	}
	f := facts{Digest: blob.hash(), Size: blob.n, DiffID: content.hash(), UncompressedSize: content.n}
	return f, pending.Commit(f.Digest)
}

// hasher passes bytes on, hashed and counted.
type hasher struct {
	dst io.Writer
	sum hash.Hash
	n   int64
}

func (h *hasher) Write(p []byte) (int, error) {
	h.sum.Write(p)
	h.n += int64(len(p))
	return h.dst.Write(p)
}

func (h *hasher) hash() v1.Hash {
	return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(h.sum.Sum(nil))}
}

// metered returns a function that wraps the readers of all contents of one layer.
func (o Options) metered(ctx context.Context, total int64) readerFunc {
	var done, reported int64
	return func(r io.Reader) io.Reader {
		return readFunc(func(p []byte) (int, error) {
			if err := ctx.Err(); err != nil {
				return 0, err
			}
			n, err := r.Read(p)
			done += int64(n)
			if done-reported >= progressStep {
				reported = done
				o.Events.Emit(event.Event{Kind: event.Advanced, Stage: event.Layer,
					Subject: o.Subject, Current: done, Total: total})
			}
			return n, err
		})
	}
}

// readFunc is a reader with no other method, so that a copy goes through the buffer.
type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

// recipe is all that makes up the tar apart from the contents.
func recipe(list []entry) string {
	sum := sha256.New()
	enc := json.NewEncoder(sum)
	for _, e := range list {
		// Strings go in as bytes, since JSON would merge all invalid UTF-8.
		fields := []any{e.header.Typeflag, []byte(e.header.Name), []byte(e.header.Linkname), e.header.Mode, e.header.Size}
		// Root's files are written down as before there were owners, so that what
		// caches remember of them stays valid.
		if e.header.Uid != 0 || e.header.Gid != 0 {
			fields = append(fields, e.header.Uid, e.header.Gid)
		}
		enc.Encode(fields)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// resultKey is where the outcome is remembered, empty for nowhere.
func (o Options) resultKey(recipe string) string {
	if o.Key == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(o.Key))
	version := Version
	if o.Compression == Zstd {
		version += " zstd " + ZstdVersion
	}
	return "layer " + version + " " + recipe + " " + hex.EncodeToString(sum[:])
}

func lookup(store Store, key string) (facts, bool) {
	if key == "" {
		return facts{}, false
	}
	value, ok := store.Lookup(key)
	if !ok {
		return facts{}, false
	}
	var f facts
	dec := json.NewDecoder(bytes.NewReader(value))
	dec.DisallowUnknownFields()
	if dec.Decode(&f) != nil || f.Size <= 0 {
		return facts{}, false
	}
	blob, err := store.Open(f.Digest)
	if err != nil {
		return facts{}, false
	}
	return f, blob.Close() == nil
}

func remember(store Results, key string, f facts) error {
	if key == "" {
		return nil
	}
	value, err := json.Marshal(f)
	if err != nil {
		return err
	}
	return store.Remember(key, value)
}
