package configfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// The names of a configuration file. A folder has one of them.
const (
	Name          = ".imgo.yaml"
	AlternateName = ".imgo.yml"
)

// Find looks for a configuration file in dir, an absolute path, and the folders above
// it: up to the root of the git checkout; without one up to the nearest folder with a
// go.mod or go.work; without these only in dir. Farther up would be somebody else's.
// It is not read: it may be a folder, or a link that leads nowhere.
func Find(dir string) (path string, ok bool, err error) {
	last := Project(dir)
	for {
		path, err := inFolder(dir)
		if err != nil || path != "" {
			return path, path != "", err
		}
		if dir == last || filepath.Dir(dir) == dir {
			return "", false, nil
		}
		dir = filepath.Dir(dir)
	}
}

// inFolder returns the configuration file of one folder, or nothing.
func inFolder(dir string) (string, error) {
	var found string
	for _, name := range []string{Name, AlternateName} {
		path := filepath.Join(dir, name)
		switch there, err := exists(path); {
		case err != nil:
			return "", err
		case there && found != "":
			return "", &Errors{List: []*Error{{
				Pos:    Pos{File: path},
				Reason: fmt.Sprintf("%s is in the same folder, and only one of the two can be meant", Name),
				Hint:   "remove one of them",
			}}}
		case there:
			found = path
		}
	}
	return found, nil
}

// Project returns the folder that holds everything which belongs together with dir, an
// absolute path: a git checkout's root, else a module's or workspace's, else dir itself.
// Folders that can't be looked into are none of the checkout's.
func Project(dir string) string {
	has := func(dir, name string) bool {
		there, err := exists(filepath.Join(dir, name))
		return there && err == nil
	}
	module := ""
	for at := dir; ; at = filepath.Dir(at) {
		if has(at, ".git") {
			return at
		}
		if module == "" && (has(at, "go.mod") || has(at, "go.work")) {
			module = at
		}
		if filepath.Dir(at) == at {
			break
		}
	}
	if module == "" {
		return dir
	}
	return module
}

func exists(path string) (bool, error) {
	_, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return false, nil
	}
	return err == nil, err
}
