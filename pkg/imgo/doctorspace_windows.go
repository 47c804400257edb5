package imgo

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"
)

// freeSpace is what this user may still write below a directory.
func freeSpace(dir string) (space, error) {
	path, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return space{}, err
	}
	s := space{where: filepath.VolumeName(dir)}
	err = windows.GetDiskFreeSpaceEx(path, &s.bytes, nil, nil)
	return s, os.NewSyscallError("GetDiskFreeSpaceEx", err)
}
