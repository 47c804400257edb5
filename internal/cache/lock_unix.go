//go:build unix

package cache

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

const (
	canRenameOpen = true // a file can be renamed and removed while it is open
	// leftoverAge is how long an unlocked temporary file is left alone: not at all,
	// since it keeps its lock until it is in place.
	leftoverAge time.Duration = 0
)

// tryLock takes the exclusive lock on f, or says that another open file has it. The
// lock belongs to the open file description: child processes that inherit f share
// it, and it ends when the last of them has closed it or died.
func tryLock(f *os.File) (bool, error) {
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, unix.EWOULDBLOCK):
			return false, nil
		case !errors.Is(err, unix.EINTR):
			return false, &os.PathError{Op: "flock", Path: f.Name(), Err: err}
		}
	}
}

func isDiskFull(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT)
}
