package gobuild

import (
	"context"
	"os"
	"os/exec"
	"time"
)

// runChild runs cmd in a process group of its own and waits for it. When ctx ends,
// the group is interrupted, upon which the go command removes its work files, and
// killed if it has not ended after the grace period. The child inherits lock, so
// that what is locked stays so while a child lives that lost its parent.
func runChild(ctx context.Context, cmd *exec.Cmd, lock *os.File, grace time.Duration) error {
	prepare(cmd, lock)
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	interrupt(cmd)
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case err := <-ended:
		// The child may have left children behind that ignore interrupts.
		kill(cmd)
		return err
	case <-timer.C:
		kill(cmd)
		return <-ended
	}
}
