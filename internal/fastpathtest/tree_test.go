package fastpathtest

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// tree is all files of a directory, without git's own.
type tree map[string]entry // by path with slashes

type entry struct {
	mode    fs.FileMode
	modTime time.Time
	data    []byte // of a file
	link    string // of a link
}

// readTree remembers a directory.
func readTree(dir string) (tree, error) {
	t := tree{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		if d.Name() == ".git" {
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil // a worktree's
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		e := entry{mode: info.Mode(), modTime: info.ModTime()}
		switch {
		case info.Mode().IsRegular():
			e.data, err = os.ReadFile(path)
		case info.Mode()&fs.ModeSymlink != 0:
			e.link, err = os.Readlink(path)
		}
		rel, _ := filepath.Rel(dir, path)
		t[filepath.ToSlash(rel)] = e
		return err
	})
	return t, err
}

// paths are sorted, directories before what is in them.
func (t tree) paths() []string {
	out := make([]string, 0, len(t))
	for path := range t {
		out = append(out, path)
	}
	slices.Sort(out)
	return out
}

// restore makes a directory as it was, and leaves alone what is as it was. With times,
// what it writes gets the times that it had, as from a backup.
func (t tree) restore(dir string, times bool) error {
	now, err := readTree(dir)
	if err != nil {
		return err
	}
	old := now.paths()
	slices.Reverse(old)
	for _, path := range old {
		if e, ok := t[path]; !ok || e.mode.Type() != now[path].mode.Type() {
			if err := os.RemoveAll(filepath.Join(dir, filepath.FromSlash(path))); err != nil {
				return err
			}
			delete(now, path)
		}
	}
	for _, path := range t.paths() {
		was, is := t[path], now[path]
		if was.mode == is.mode && bytes.Equal(was.data, is.data) && was.link == is.link {
			continue
		}
		if err := was.write(filepath.Join(dir, filepath.FromSlash(path)), times); err != nil {
			return err
		}
	}
	return nil
}

func (e entry) write(path string, times bool) error {
	switch {
	case e.mode.IsDir():
		if err := os.MkdirAll(path, 0o755); err != nil {
			return err
		}
		return os.Chmod(path, e.mode.Perm())
	case e.mode&fs.ModeSymlink != 0:
		_ = os.Remove(path)
		return os.Symlink(e.link, path)
	}
	if err := os.WriteFile(path, e.data, e.mode.Perm()); err != nil {
		return err
	}
	if err := os.Chmod(path, e.mode.Perm()); err != nil {
		return err
	}
	if times {
		return os.Chtimes(path, e.modTime, e.modTime)
	}
	return nil
}

// copyTree copies a directory, git's own files included, as cp -r does: without times.
func copyTree(to, from string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(from, path)
		info, err := d.Info()
		if err != nil {
			return err
		}
		e := entry{mode: info.Mode()}
		switch {
		case info.Mode().IsRegular():
			e.data, err = os.ReadFile(path)
		case info.Mode()&fs.ModeSymlink != 0:
			e.link, err = os.Readlink(path)
		case !info.IsDir():
			return nil
		}
		if err != nil {
			return err
		}
		return e.write(filepath.Join(to, rel), false)
	})
}
