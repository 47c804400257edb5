package gobuild

import (
	"fmt"
	"os"
	"syscall"
)

// stat is a file's state: whatever writes to the file changes it. The inode's change
// time can't be set back, unlike the time of modification.
func stat(info os.FileInfo) string {
	s := fmt.Sprintf("%d %d", info.Size(), info.ModTime().UnixNano())
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		s += fmt.Sprintf(" %d %d.%d", sys.Ino, sys.Ctim.Sec, sys.Ctim.Nsec)
	}
	return s
}
