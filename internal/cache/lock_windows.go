package cache

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/windows"
)

const (
	canRenameOpen = false
	// leftoverAge is how long an unlocked temporary file is left alone: long enough
	// for its owner, who has to close it before it can put it in place.
	leftoverAge = time.Hour
)

// tryLock takes the exclusive lock on f, or says that another handle has it. It
// ends when f is closed or the process dies. Locks bind everybody on Windows, so
// this one lies on a byte far behind the content.
func tryLock(f *os.File) (bool, error) {
	err := windows.LockFileEx(windows.Handle(f.Fd()),
		windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY,
		0, 1, 0, &windows.Overlapped{OffsetHigh: 1 << 30})
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, windows.ERROR_LOCK_VIOLATION), errors.Is(err, windows.ERROR_IO_PENDING):
		return false, nil
	}
	return false, &os.PathError{Op: "LockFileEx", Path: f.Name(), Err: err}
}

func isDiskFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}
