package cache

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// temp is a file being written, invisible to readers of the cache. It is locked, so
// that other processes see that it is alive.
type temp struct {
	cache *Cache
	file  *os.File // nil after the end
	path  string
}

// newTemp begins a file.
func (c *Cache) newTemp() (*temp, error) {
	for {
		if err := c.prepare(); err != nil {
			return nil, c.writeError(err)
		}
		path := c.path(tmpArea, rand.Text())
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
		if errors.Is(err, fs.ErrNotExist) {
			continue // the directory was removed behind our back
		}
		if err != nil {
			return nil, c.writeError(err)
		}
		// Before it was locked, another process may have taken it for a leftover.
		locked, err := tryLock(f)
		if err == nil && locked && isAt(f, path) {
			return &temp{cache: c, file: f, path: path}, nil
		}
		f.Close()
		os.Remove(path)
		if err != nil {
			return nil, c.writeError(err)
		}
	}
}

func (t *temp) Write(p []byte) (int, error) {
	n, err := t.file.Write(p)
	return n, t.cache.writeError(err)
}

// moveTo ends the file and makes it visible as path, in place of what is there.
func (t *temp) moveTo(path string) error {
	defer t.discard()
	t.file.Chmod(0o644) // whatever the umask, since a cache may be shared; no matter if it can't be
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return t.cache.writeError(err)
	}
	if !canRenameOpen {
		t.file.Close()
	}
	return t.cache.writeError(os.Rename(t.path, path))
}

// discard removes the file; after moveTo or another discard it does nothing.
func (t *temp) discard() {
	if t.file == nil {
		return
	}
	if canRenameOpen {
		os.Remove(t.path) // still locked; gone already where it was moved
		t.file.Close()
	} else {
		t.file.Close()
		os.Remove(t.path)
	}
	t.file = nil
}

// removeLeftovers removes the temporary files of processes that were killed.
func (c *Cache) removeLeftovers() {
	list, err := os.ReadDir(c.path(tmpArea))
	if err != nil {
		return
	}
	for _, entry := range list {
		path := c.path(tmpArea, entry.Name())
		if entry.IsDir() {
			os.RemoveAll(path) // was moved here to be removed
			continue
		}
		info, err := entry.Info()
		if err != nil || c.now().Sub(info.ModTime()) < leftoverAge {
			continue
		}
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			continue
		}
		if locked, err := tryLock(f); err == nil && locked {
			if !canRenameOpen {
				f.Close()
			}
			os.Remove(path)
		}
		f.Close()
	}
}

// isAt says whether f is still the file at path.
func isAt(f *os.File, path string) bool {
	opened, err := f.Stat()
	if err != nil {
		return false
	}
	current, err := os.Stat(path)
	return err == nil && os.SameFile(opened, current)
}
