//go:build darwin || freebsd || linux

package imgo

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// freeSpace is what an ordinary user may still write below a directory.
func freeSpace(dir string) (space, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return space{}, os.NewSyscallError("statfs", err)
	}
	return space{
		bytes: uint64(max(st.Bavail, 0)) * uint64(st.Bsize),
		where: fmt.Sprint(st.Fsid, st.Blocks), // some file systems have no ID
	}, nil
}
