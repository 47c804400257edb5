package main

import (
	"os"
	"os/exec"
	"syscall"
)

// adopt sees to it that a command ends with the bench, with all that it started:
// on an interrupt by way of its context, else by the kernel.
func adopt(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
}

// largest is the peak of resident memory, in bytes, of the largest process among
// the one that ended and its descendants.
func largest(p *os.ProcessState) int64 {
	usage, ok := p.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	return usage.Maxrss << 10
}
