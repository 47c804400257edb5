package publish

import (
	"context"
	"os"
	"time"
)

// lockPoll is the pause between attempts to get a lock that another process holds:
// neither system call can be told to wait and to be interrupted.
const lockPoll = 20 * time.Millisecond

// lockFile takes the lock that path stands for, waiting for other holders in this
// process and in others. The system releases it when the process ends, however it
// does. The file stays: removing it would let two holders lock different files of
// one name.
func lockFile(ctx context.Context, path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	for {
		ok, err := tryLock(f)
		if err != nil {
			f.Close()
			return nil, err
		}
		if ok {
			return func() { f.Close() }, nil // closing unlocks
		}
		select {
		case <-time.After(lockPoll):
		case <-ctx.Done():
			f.Close()
			return nil, ctx.Err()
		}
	}
}
