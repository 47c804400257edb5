package config

import (
	"path/filepath"
	"runtime"
)

// CacheDir is where imgo's cache lies: IMGO_CACHE_DIR, else a directory of imgo's
// own in the user's cache directory (see [os.UserCacheDir], whose rules these are).
func CacheDir(getenv func(string) string) (string, error) {
	if dir := getenv("IMGO_CACHE_DIR"); dir != "" {
		return dir, nil
	}
	dir := ""
	switch runtime.GOOS {
	case "windows":
		dir = getenv("LocalAppData")
	case "darwin":
		if home := getenv("HOME"); home != "" {
			dir = filepath.Join(home, "Library", "Caches")
		}
	default:
		if dir = getenv("XDG_CACHE_HOME"); dir == "" {
			if home := getenv("HOME"); home != "" {
				dir = filepath.Join(home, ".cache")
			}
		}
	}
	if !filepath.IsAbs(dir) {
		return "", &Error{Setting: "IMGO_CACHE_DIR", Reason: "there is no home directory to keep the cache in: set IMGO_CACHE_DIR to a directory"}
	}
	return filepath.Join(dir, "imgo"), nil
}
