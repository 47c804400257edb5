package cache

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Usage is how much something is.
type Usage struct {
	Count int
	Bytes int64
}

// Info is what a cache holds, or what was removed from it.
type Info struct {
	Dir      string
	Blobs    Usage
	Results  Usage
	Binaries Usage // directories for compiled programs; Bytes counts all of their files
}

// keepUnused is how long what is not used stays without anybody asking.
const keepUnused = 14 * 24 * time.Hour

// trimInterval is how often [Cache.Trim] does something.
const trimInterval = 24 * time.Hour

// PruneOptions say what [Cache.Prune] removes.
type PruneOptions struct {
	// OlderThan spares what was used within this time; 0 is two weeks.
	OlderThan time.Duration
	// All removes everything that is not locked, whatever its age. Builds that run
	// meanwhile may miss what they have just made, and fail.
	All bool
}

// Info measures the cache. One that does not exist is empty.
func (c *Cache) Info(ctx context.Context) (Info, error) {
	info := Info{Dir: c.dir}
	err := c.visit(ctx, &info, func(string, time.Time) bool { return true }, func(string, time.Time) bool { return true })
	if err != nil {
		return info, fmt.Errorf("measuring the cache: %w", err)
	}
	return info, nil
}

// Prune removes what has not been used for some time, and returns what that was.
// What is locked stays.
func (c *Cache) Prune(ctx context.Context, opts PruneOptions) (Info, error) {
	if opts.OlderThan == 0 {
		opts.OlderThan = keepUnused
	}
	// The last use may have been up to one interval after what was noted of it.
	limit := c.now().Add(-opts.OlderThan - touchInterval)
	old := func(used time.Time) bool { return opts.All || used.Before(limit) }

	removed := Info{Dir: c.dir}
	var failed error
	file := func(path string, used time.Time) bool {
		if !old(used) {
			return false
		}
		err := os.Remove(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = errors.Join(failed, err)
		}
		return err == nil
	}
	dir := func(path string, used time.Time) bool {
		if !old(used) {
			return false
		}
		ok, err := c.removeDir(path, old)
		failed = errors.Join(failed, err)
		return ok
	}
	c.removeLeftovers()
	err := c.visit(ctx, &removed, file, dir)
	if err := errors.Join(err, c.writeError(failed)); err != nil {
		return removed, fmt.Errorf("pruning the cache: %w", err)
	}
	return removed, nil
}

// Trim keeps the cache from growing for ever: once a day it removes what has not
// been used for two weeks. It is for the end of every run and does nothing most of
// the time, also where there is no cache.
func (c *Cache) Trim(ctx context.Context) error {
	if _, err := os.Stat(c.path()); err != nil {
		return nil
	}
	marker := c.path("trimmed")
	info, err := os.Stat(marker)
	if err == nil && c.now().Sub(info.ModTime()).Abs() < trimInterval {
		return nil
	}
	// Marked first, so that several runs that end together don't all do it.
	if err := os.WriteFile(marker, nil, 0o644); err != nil {
		return c.writeError(err)
	}
	now := c.now()
	if err := os.Chtimes(marker, now, now); err != nil {
		return c.writeError(err)
	}
	_, err = c.Prune(ctx, PruneOptions{})
	return err
}

// visit calls file for every blob and result and dir for every directory of bin,
// with the time of the last use, and counts those for which they return true.
func (c *Cache) visit(ctx context.Context, info *Info, file, dir func(path string, used time.Time) bool) error {
	areas := []struct {
		name  string
		usage *Usage
	}{{blobsArea, &info.Blobs}, {resultsArea, &info.Results}}
	for _, area := range areas {
		err := walkFiles(ctx, c.path(area.name), func(path string, fi fs.FileInfo) {
			if file(path, fi.ModTime()) {
				area.usage.Count++
				area.usage.Bytes += fi.Size()
			}
		})
		if err != nil {
			return err
		}
	}
	list, err := os.ReadDir(c.path(binArea))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, entry := range list {
		path := c.path(binArea, entry.Name())
		lock, err := os.Stat(filepath.Join(path, lockName))
		if err != nil {
			continue // being made or removed
		}
		var bytes int64
		err = walkFiles(ctx, path, func(_ string, fi fs.FileInfo) { bytes += fi.Size() })
		if err != nil {
			return err
		}
		if dir(path, lock.ModTime()) {
			info.Binaries.Count++
			info.Binaries.Bytes += bytes
		}
	}
	return nil
}

// walkFiles calls visit for the regular files below root. What disappears meanwhile
// is left out.
func walkFiles(ctx context.Context, root string, visit func(path string, fi fs.FileInfo)) error {
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		fi, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		visit(path, fi)
		return nil
	})
}

// removeDir removes a directory of bin that nobody works in and that is still old
// once it is locked.
func (c *Cache) removeDir(dir string, old func(used time.Time) bool) (bool, error) {
	lock, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer lock.Close()
	locked, err := tryLock(lock)
	if err != nil || !locked || !isAt(lock, lock.Name()) {
		return false, err
	}
	info, err := lock.Stat()
	if err != nil || !old(info.ModTime()) {
		return false, err
	}
	// Moved away in one step, so that nobody finds it half removed. Where the lock has
	// to be closed first, somebody who opens it then makes the move fail.
	if err := c.prepare(); err != nil {
		return false, err
	}
	if !canRenameOpen {
		lock.Close()
	}
	grave := c.path(tmpArea, rand.Text())
	if err := os.Rename(dir, grave); err != nil {
		if !canRenameOpen {
			return false, nil
		}
		return false, err
	}
	return true, os.RemoveAll(grave)
}
