//go:build unix

package git

import (
	"os"
	"syscall"
)

// owner is the user whom a path belongs to, which git's trust in a repository depends on.
func owner(path string) (uid uint32, ok bool) {
	info, err := os.Lstat(path)
	if err != nil {
		return 0, false
	}
	sys, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return sys.Uid, true
}
