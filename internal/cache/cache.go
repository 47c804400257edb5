// Package cache keeps, in one directory, what a later run would otherwise do again:
// blobs by digest, small results by key, and persistent directories for compiled
// programs.
//
// What it promises:
//
//   - Any number of processes and goroutines use one directory at once. What a
//     process leaves behind when it is killed is never taken for a result, and is
//     removed by a later run.
//   - Nothing wrong comes out. A blob is hashed while it is read; one that does not
//     match its digest is an error instead of its end, and is removed. A result that
//     is damaged in any way is not found.
//   - A cache that can't be written still serves what is in it.
//
// It is not a place for what can't be made again: whatever was not used for some
// time is removed ([Cache.Trim]), and nothing waits for the disk to have it written.
//
// Invariants: below DIR/v1, files in blobs and results appear by rename, complete.
// Those in tmp and a directory of bin are locked (flock, LockFileEx) while somebody
// works on them; what is unlocked in tmp belongs to nobody. The modification time
// of a file says when it was last used, give or take an hour.
package cache

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// Cache is a cache directory. Its methods are safe for concurrent use.
type Cache struct {
	dir   string
	now   func() time.Time
	sweep sync.Once // of what killed runs left, before the first write
}

// Options are the circumstances of a cache.
type Options struct {
	// Now is the clock that the age of things is judged by; nil is the system's.
	Now func() time.Time
}

// Open returns the cache in dir, which is made when something is written to it.
func Open(dir string, opts Options) (*Cache, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("opening the cache: %w", err)
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	return &Cache{dir: dir, now: opts.Now}, nil
}

// Directory is where the cache is, as an absolute path.
func (c *Cache) Directory() string { return c.dir }

// Now is the time by the cache's clock.
func (c *Cache) Now() time.Time { return c.now() }

// AccessError says that the cache's directory can't be made or written. A full disk
// is not an AccessError; it matches [syscall.ENOSPC].
type AccessError struct {
	Dir string // the cache's
	Err error
}

func (e *AccessError) Error() string {
	return fmt.Sprintf("writing to the cache in %s: %v", e.Dir, e.Err)
}

func (e *AccessError) Unwrap() error { return e.Err }

// writeError gives the error of a write its type; nil stays nil.
func (c *Cache) writeError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("writing to the cache in %s: %w", c.dir, err)
	case isDiskFull(err):
		return fmt.Errorf("writing to the cache in %s: %w (%w)", c.dir, err, syscall.ENOSPC)
	}
	return &AccessError{Dir: c.dir, Err: err}
}

// path joins the elements below the directory of this version of the layout.
func (c *Cache) path(elements ...string) string {
	return filepath.Join(append([]string{c.dir, "v1"}, elements...)...)
}

// The areas of the layout.
const (
	blobsArea   = "blobs/sha256"
	resultsArea = "results"
	binArea     = "bin"
	tmpArea     = "tmp"
)

// sharded is the path of a file with a hexadecimal name in an area.
func (c *Cache) sharded(area, hex string) string {
	return c.path(area, hex[:2], hex)
}

// notes tell backup programs and people what the directory is.
func notes() map[string]string {
	return map[string]string{
		"CACHEDIR.TAG": "Signature: 8a477f597d28d172789f06886806bc55\n" +
			"# This file marks a cache directory, which backups leave out: https://bford.info/cachedir/\n",
		"README": "imgo keeps here what it need not do again. It can be removed at any time: imgo cache prune --all\n",
	}
}

// prepare makes the directory for temporary files, after the notes. It all lies
// below v1, since the cache's directory may not be ours alone.
func (c *Cache) prepare() error {
	_, err := os.Stat(c.path(tmpArea))
	if err == nil {
		c.sweep.Do(c.removeLeftovers)
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(c.path(), 0o755); err != nil {
		return err
	}
	for name, text := range notes() {
		if err := os.WriteFile(c.path(name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return os.MkdirAll(c.path(tmpArea), 0o755)
}

// touchInterval is how precisely the last use of a file is known.
const touchInterval = time.Hour

// touch notes that the file is in use. A cache that can't be written is fine.
func (c *Cache) touch(path string, modified time.Time) {
	if now := c.now(); now.Sub(modified).Abs() >= touchInterval {
		os.Chtimes(path, now, now)
	}
}
