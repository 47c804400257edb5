package engine

import (
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// environ is an environment as KEY=VALUE; of a key that comes twice the last counts.
type environ []string

func (e environ) get(key string) string {
	for i := len(e) - 1; i >= 0; i-- {
		k, v, ok := strings.Cut(e[i], "=")
		if ok && (k == key || runtime.GOOS == "windows" && strings.EqualFold(k, key)) {
			return v
		}
	}
	return ""
}

// home is the user's directory.
func (e environ) home() string {
	if runtime.GOOS == "windows" {
		return e.get("USERPROFILE")
	}
	return e.get("HOME")
}

// look finds a program in PATH. Relative directories of it are skipped: they would
// be programs of the directory that imgo happens to run in.
func (e environ) look(program string) (path string, ok bool) {
	for _, dir := range filepath.SplitList(e.get("PATH")) {
		if !filepath.IsAbs(dir) {
			continue
		}
		if found, err := exec.LookPath(filepath.Join(dir, program)); err == nil {
			return found, true
		}
	}
	return "", false
}
