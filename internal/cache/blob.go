package cache

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"syscall"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/pkg/layer"
)

var _ layer.Store = (*Cache)(nil)

// CorruptError says that a blob's bytes in the cache did not match its digest. The
// blob has been removed, so that doing the same again makes or fetches it anew.
type CorruptError struct {
	Digest v1.Hash
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("the cached blob %s was damaged and has been removed", e.Digest)
}

// MissingError says that the cache has no such blob. It matches [fs.ErrNotExist].
type MissingError struct {
	Digest v1.Hash
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("blob %s is not in the cache", e.Digest)
}

// Is implements the matching of [errors.Is].
func (e *MissingError) Is(target error) bool { return target == fs.ErrNotExist }

// blobPath is where a blob is. A digest that no blob can have does not exist.
func (c *Cache) blobPath(digest v1.Hash) (string, error) {
	raw, err := hex.DecodeString(digest.Hex)
	if err != nil || digest.Algorithm != "sha256" || len(raw) != sha256.Size || hex.EncodeToString(raw) != digest.Hex {
		return "", &fs.PathError{Op: "open", Path: digest.String(), Err: fs.ErrNotExist}
	}
	return c.sharded(blobsArea, digest.Hex), nil
}

// Stage begins a blob.
func (c *Cache) Stage(ctx context.Context) (layer.Pending, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	t, err := c.newTemp()
	if err != nil {
		return nil, err
	}
	return &pending{t}, nil
}

type pending struct{ *temp }

// Commit puts the blob in place, also where there is one: bytes that were just
// hashed are better than any that were not.
//
// Nothing waits for the bytes to reach the disk. A machine that crashes may leave a
// blob of the right name with the wrong bytes; reading it finds out.
func (p *pending) Commit(digest v1.Hash) error {
	path, err := p.cache.blobPath(digest)
	if err != nil {
		return err
	}
	staged, err := p.file.Stat()
	if err != nil {
		return p.cache.writeError(err)
	}
	if there, err := os.Lstat(path); err == nil && !there.Mode().IsRegular() {
		os.RemoveAll(path) // no blob, and if a directory then nothing that a file can replace
	}
	err = p.moveTo(path)
	if err == nil {
		return nil
	}
	// Windows does not replace a file that somebody is reading.
	if there, statErr := os.Stat(path); statErr == nil && there.Mode().IsRegular() && there.Size() == staged.Size() {
		return nil
	}
	return err
}

func (p *pending) Discard() { p.discard() }

// Has says whether the cache has a blob, and its size in bytes. Only reading it
// shows whether it is intact.
func (c *Cache) Has(digest v1.Hash) (size int64, ok bool) {
	path, err := c.blobPath(digest)
	if err != nil {
		return 0, false
	}
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return 0, false
	}
	c.touch(path, info.ModTime())
	return info.Size(), true
}

// Open returns a blob's bytes. The error is a [*MissingError] where there is no such
// blob, or something else than a file in its place. A reader whose bytes turn out wrong returns a [*CorruptError] with the
// last of them.
func (c *Cache) Open(digest v1.Hash) (io.ReadCloser, error) {
	path, err := c.blobPath(digest)
	if err != nil {
		return nil, &MissingError{digest}
	}
	// Before it is opened, since to open a pipe may take for ever.
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, &MissingError{digest}
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		// Whoever goes on to write the blob gets the error that says what is wrong.
		return nil, &MissingError{digest}
	}
	if err != nil {
		return nil, fmt.Errorf("reading from the cache: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("reading from the cache: %w", err), f.Close())
	}
	c.touch(path, info.ModTime())
	return &verifier{file: f, digest: digest, sum: sha256.New(), left: info.Size()}, nil
}

// verifier checks a blob while it is read.
type verifier struct {
	file   *os.File
	digest v1.Hash
	sum    hash.Hash
	left   int64 // bytes up to the end as it was when the file was opened
	bad    bool
}

// Read checks the digest as soon as the last byte is read, not at the end of the
// file only: a reader that knows the size may never ask for the end.
func (v *verifier) Read(p []byte) (int, error) {
	if v.bad {
		return 0, &CorruptError{v.digest}
	}
	n, err := v.file.Read(p)
	v.sum.Write(p[:n])
	v.left -= int64(n)
	if err != nil && err != io.EOF {
		return n, fmt.Errorf("reading from the cache: %w", err)
	}
	if err == io.EOF || n > 0 && v.left <= 0 {
		if hex.EncodeToString(v.sum.Sum(nil)) != v.digest.Hex {
			v.bad = true
			v.remove()
			return n, &CorruptError{v.digest}
		}
	}
	return n, err
}

// remove removes the blob, unless another process has replaced it by now.
func (v *verifier) remove() {
	path := v.file.Name()
	if isAt(v.file, path) {
		if !canRenameOpen {
			v.file.Close()
		}
		os.Remove(path)
	}
}

func (v *verifier) Close() error { return v.file.Close() }
