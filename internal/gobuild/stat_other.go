//go:build !linux

package gobuild

import (
	"fmt"
	"os"
)

// stat is a file's state: whatever writes to the file changes it.
func stat(info os.FileInfo) string {
	return fmt.Sprintf("%d %d", info.Size(), info.ModTime().UnixNano())
}
