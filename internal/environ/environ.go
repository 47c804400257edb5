// Package environ reads an environment that comes in as a value: KEY=VALUE, of which
// the last counts where a key comes twice, as in os/exec.
package environ

import (
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// Environ is an environment.
type Environ []string

// Get returns the value of a variable, and an empty string where it is not set.
func (e Environ) Get(key string) string {
	v, _ := e.Lookup(key)
	return v
}

// Lookup returns the value of a variable, and whether it is set. On Windows the case of
// keys makes no difference.
func (e Environ) Lookup(key string) (value string, ok bool) {
	for i := len(e) - 1; i >= 0; i-- {
		k, v, _ := strings.Cut(e[i], "=")
		if k == key || runtime.GOOS == "windows" && strings.EqualFold(k, key) {
			return v, true
		}
	}
	return "", false
}

// Home is the user's directory, or empty.
func (e Environ) Home() string {
	if runtime.GOOS == "windows" {
		return e.Get("USERPROFILE")
	}
	return e.Get("HOME")
}

// Program finds a program in PATH. Relative directories of it are skipped: they would
// be programs of the directory that imgo happens to run in, and so perhaps a stranger's.
func (e Environ) Program(name string) (path string, ok bool) {
	for _, dir := range filepath.SplitList(e.Get("PATH")) {
		if !filepath.IsAbs(dir) {
			continue
		}
		if found, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return found, true
		}
	}
	return "", false
}
