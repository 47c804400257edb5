package gobuild

import (
	"os"
	"os/exec"
)

// prepare does nothing: Windows has neither process groups to signal nor a way for
// os/exec to hand down a file.
func prepare(*exec.Cmd, *os.File) {}

func interrupt(cmd *exec.Cmd) { _ = cmd.Process.Kill() }

func kill(cmd *exec.Cmd) { _ = cmd.Process.Kill() }
