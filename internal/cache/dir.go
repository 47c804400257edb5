package cache

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// The three things in a directory of bin.
const (
	lockName  = "lock"
	filesName = "files"
	tmpName   = "tmp"
)

// Dir is a persistent directory that one holder at a time works in.
type Dir struct {
	dir  string // of bin
	lock *os.File
}

// Path is the directory, as an absolute path. What is in it stays for the next
// holder, until it has not been used for some time.
func (d *Dir) Path() string { return filepath.Join(d.dir, filesName) }

// Tmp is a directory for the holder's temporary files, on the same file system. It
// is empty at the start and removed at the end.
func (d *Dir) Tmp() string { return filepath.Join(d.dir, tmpName) }

// Lock is the locked file. On Unix, a child process that inherits it shares the
// lock: the directory stays locked until the child has ended too, even where its
// parent was killed.
func (d *Dir) Lock() *os.File { return d.lock }

// Release removes the temporary files and lets the next holder in. It may be called
// again, which does nothing.
func (d *Dir) Release() error {
	if d.lock == nil {
		return nil
	}
	err := os.RemoveAll(d.Tmp())
	// Closing, not unlocking: unlocking would take the lock from children too.
	err = errors.Join(err, d.lock.Close())
	d.lock = nil
	return err
}

// Dir waits until nobody works in the directory for key, and locks it.
func (c *Cache) Dir(ctx context.Context, key string) (*Dir, error) {
	dir := c.path(binArea, keyHash(key))
	lock, err := c.waitForLock(ctx, dir)
	if err != nil {
		return nil, err
	}
	d := &Dir{dir: dir, lock: lock}
	// Whatever is there is of a holder that was killed.
	if err := os.RemoveAll(d.Tmp()); err != nil {
		return nil, errors.Join(c.writeError(err), d.Release())
	}
	for _, sub := range []string{d.Path(), d.Tmp()} {
		if err := os.MkdirAll(sub, 0o755); err != nil {
			return nil, errors.Join(c.writeError(err), d.Release())
		}
	}
	now := c.now()
	os.Chtimes(lock.Name(), now, now)
	return d, nil
}

// OpenIn opens a file in the directory for key, whoever works there. Whoever replaces
// the file by renaming leaves this one as it is.
func (c *Cache) OpenIn(key, name string) (*os.File, error) {
	dir := c.path(binArea, keyHash(key))
	f, err := os.Open(filepath.Join(dir, filesName, name))
	if err != nil {
		return nil, fmt.Errorf("reading from the cache: %w", err)
	}
	lock := filepath.Join(dir, lockName)
	if info, err := os.Stat(lock); err == nil {
		c.touch(lock, info.ModTime())
	}
	return f, nil
}

// waitForLock locks a directory of bin, which it makes where it does not exist.
func (c *Cache) waitForLock(ctx context.Context, dir string) (*os.File, error) {
	const shortest, longest = 5 * time.Millisecond, 100 * time.Millisecond
	for pause := shortest; ; pause = min(2*pause, longest) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		lock, err := c.lockDir(dir)
		if lock != nil || err != nil {
			return lock, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for another imgo that uses %s: %w", dir, ctx.Err())
		case <-time.After(pause):
		}
	}
}

// lockDir tries to lock a directory of bin, and returns nil where somebody else has
// it or is removing it.
func (c *Cache) lockDir(dir string) (*os.File, error) {
	if err := c.prepare(); err != nil {
		return nil, c.writeError(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, c.writeError(err)
	}
	path := filepath.Join(dir, lockName)
	lock, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, c.writeError(err)
	}
	locked, err := tryLock(lock)
	// A pruner moves the directory away with its lock, which then protects nothing.
	if err == nil && locked && isAt(lock, path) {
		return lock, nil
	}
	lock.Close()
	return nil, c.writeError(err)
}
