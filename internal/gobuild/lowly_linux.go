package gobuild

import (
	"runtime"
	"syscall"
)

// runLowly calls start with the least priority, which the processes have that it starts.
func runLowly(start func() error) error {
	ended := make(chan error, 1)
	go func() {
		// A thread's priority can't be raised again: locked, it ends with the goroutine.
		runtime.LockOSThread()
		_ = syscall.Setpriority(syscall.PRIO_PROCESS, 0, 19) // 0 is this thread
		ended <- start()
	}()
	return <-ended
}
