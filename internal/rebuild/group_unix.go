//go:build unix

package rebuild

import (
	"os/exec"
	"syscall"
)

// ownGroup lets the command be interrupted with all that it has started.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
}
