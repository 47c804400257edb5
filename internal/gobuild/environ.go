package gobuild

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"

	osenv "github.com/imgo-build/imgo/internal/environ"
)

// environ is an [osenv.Environ] that knows what the go command makes of it.
type environ []string

func (e environ) get(key string) string { return osenv.Environ(e).Get(key) }

// goenv is what the go command's own lookup yields: the environment, then the file
// that GOENV names. An empty variable counts as unset.
func (e environ) goenv(key, dir string) string {
	if v := e.get(key); v != "" {
		return v
	}
	file := e.goenvFile()
	if file == "" {
		return ""
	}
	if !filepath.IsAbs(file) {
		file = filepath.Join(dir, file)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return "" // the go command ignores a missing file too
	}
	value := ""
	for line := range strings.Lines(string(data)) {
		k, v, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		if ok && k == key {
			value = v
		}
	}
	return value
}

// goenvFile is where "go env -w" writes, or "" for nowhere.
func (e environ) goenvFile() string {
	switch file := e.get("GOENV"); file {
	case "":
	case "off":
		return ""
	default:
		return file
	}
	dir := e.userConfigDir()
	if dir == "" {
		return ""
	}
	return filepath.Join(dir, "go", "env")
}

// userConfigDir is os.UserConfigDir on this environment.
func (e environ) userConfigDir() string {
	home := func(elem ...string) string {
		if h := e.get("HOME"); h != "" {
			return filepath.Join(append([]string{h}, elem...)...)
		}
		return ""
	}
	switch runtime.GOOS {
	case "windows":
		return e.get("AppData")
	case "darwin":
		return home("Library", "Application Support")
	}
	if dir := e.get("XDG_CONFIG_HOME"); dir != "" {
		if !filepath.IsAbs(dir) {
			return ""
		}
		return dir
	}
	return home(".config")
}

func (e environ) home() string { return osenv.Environ(e).Home() }

// goCommand finds the go command in PATH. Directories relative to the current one
// don't count, as in os/exec.
func (e environ) goCommand() (string, error) {
	path, ok := osenv.Environ(e).Program("go")
	if !ok {
		return "", &NoGoError{}
	}
	return path, nil
}
