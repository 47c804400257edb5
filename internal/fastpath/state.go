package fastpath

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/imgo-build/imgo/internal/stamp"
)

// UnreadableError is about a path whose state can't be told.
type UnreadableError struct {
	Path string // as the operating system takes it
	Err  error  // of the operating system; or that it is neither file nor directory, or keeps changing
}

func (e *UnreadableError) Error() string {
	return fmt.Sprintf("reading the state of %s: %v", e.Path, e.Err)
}

func (e *UnreadableError) Unwrap() error { return e.Err }

var (
	errIrregular = errors.New("it is neither a file nor a directory")
	errChanging  = errors.New("it changes while it is being read")
)

// kind is what is found at the end of a path, links followed.
type kind uint8

const (
	absent kind = iota
	file
	dir
	anything // not looked at: only the link counts
	kinds
)

// hash is a SHA-256. Zero: not known.
type hash [sha256.Size]byte

// entry is the state of one path.
type entry struct {
	path            string
	kind            kind
	counts          aspects
	trusted         bool   // the same stamps later mean the same bytes
	link            string // its text; "" where the path is no link
	stamp           stamp.State
	linkStamp       stamp.State
	content, header hash // of a file, where they count
}

func (e *entry) exists() bool { return e.kind != absent || e.link != "" }

// settled reports whether any write since t would have changed a stamp of e.
func (e *entry) settled(t time.Time) bool {
	if e.link != "" && !e.linkStamp.Settled(t) {
		return false
	}
	return e.kind != file && e.kind != dir || e.stamp.Settled(t)
}

// look returns the state of a path without its content.
func (t *taker) look(p string, counts aspects) (entry, error) {
	e := entry{path: p, counts: counts}
	full := t.full(p)
	info, err := os.Lstat(full)
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		e.linkStamp = stamp.Of(info)
		if e.link, err = os.Readlink(full); err != nil {
			return e, &UnreadableError{Path: full, Err: err}
		}
		if counts == aspectVia {
			e.kind, e.trusted = anything, e.linkStamp.Trusted(t.now)
			return e, nil
		}
		info, err = os.Stat(full)
	}
	switch {
	case isAbsent(err):
	case err != nil:
		return e, &UnreadableError{Path: full, Err: err}
	case info.Mode().IsRegular():
		e.kind, e.stamp = file, stamp.Of(info)
	case info.IsDir():
		e.kind, e.stamp = dir, stamp.Of(info)
	default:
		return e, &UnreadableError{Path: full, Err: errIrregular}
	}
	e.trusted = (e.link == "" || e.linkStamp.Trusted(t.now)) && (e.kind == absent || e.stamp.Trusted(t.now))
	return e, nil
}

// isAbsent also covers paths below a file.
func isAbsent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// tries is how often a file is read that somebody writes to.
const tries = 4

// state returns the state of a path, with the content of a file where it counts: taken
// over from the known snapshot where the stamp proves it, else read.
func (t *taker) state(ctx context.Context, p string, counts aspects) (e entry, read bool, err error) {
	if l := t.listed[p]; l != nil {
		e = l.entry
		e.counts = counts
	} else if e, err = t.look(p, counts); err != nil {
		return e, false, err
	}
	if e.kind != file || counts&(aspectHeader|aspectContent) == 0 || t.takeOver(&e) {
		return e, false, nil
	}
	for range tries {
		before := e
		if err := e.read(ctx, t.full(p)); err != nil && !isAbsent(err) {
			return e, true, err
		}
		after, err := t.look(p, counts)
		if err != nil {
			return e, true, err
		}
		if after == before {
			return e, true, nil
		}
		if e = after; e.kind != file {
			return e, true, nil
		}
	}
	return e, true, &UnreadableError{Path: t.full(p), Err: errChanging}
}

// takeOver gives e the hashes that were known of it. Links are followed anew each
// time, so only the stamp of the file counts, whatever led to it.
func (t *taker) takeOver(e *entry) bool {
	old := t.known.find(e.path)
	if old == nil || !old.trusted || old.kind != file || old.stamp != e.stamp || old.content == (hash{}) {
		return false
	}
	e.content, e.header = old.content, old.header
	return true
}

// goLimit is the size from which on a Go file isn't held in memory: all of it counts as
// its header.
const goLimit = 16 << 20

// read hashes the file's content, and its header if it is a Go file.
func (e *entry) read(ctx context.Context, full string) error {
	f, err := os.Open(full)
	if err != nil {
		return &UnreadableError{Path: full, Err: err}
	}
	defer f.Close()
	if isGo(e.path) && e.stamp.Size < goLimit {
		src := make([]byte, e.stamp.Size)
		if _, err := io.ReadFull(f, src); err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				return nil // somebody cut it, which its stamp tells
			}
			return &UnreadableError{Path: full, Err: err}
		}
		e.content, e.header = sha256.Sum256(src), sha256.Sum256(Header(src))
		return nil
	}
	h := sha256.New()
	if _, err := io.Copy(h, contextReader{ctx, f}); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return &UnreadableError{Path: full, Err: err}
	}
	h.Sum(e.content[:0])
	if isGo(e.path) {
		e.header = e.content
	}
	return nil
}

type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (r contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

// full returns the path for the operating system.
func (t *taker) full(p string) string {
	native := filepath.FromSlash(p)
	if filepath.IsAbs(native) {
		return native
	}
	return filepath.Join(t.root, native)
}
