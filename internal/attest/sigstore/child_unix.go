//go:build unix

package sigstore

import (
	"os/exec"
	"syscall"
)

// ownGroup lets the program be killed with all that it has started, a browser apart
// that has made a group for itself.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
