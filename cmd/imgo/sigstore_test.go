package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
)

// sigstoreProgram is imgo-sigstore, built once for all scripts that ask for it.
var sigstoreProgram struct {
	once sync.Once
	dir  string
	err  error
}

// haveSigstore puts imgo-sigstore into PATH: "sigstore".
func haveSigstore(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: sigstore")
	}
	p := &sigstoreProgram
	p.once.Do(func() {
		if p.dir, p.err = os.MkdirTemp("", "imgo-sigstore"); p.err != nil {
			return
		}
		cmd := exec.Command("go", "build", "-o", filepath.Join(p.dir, "imgo-sigstore"), "../imgo-sigstore")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		cmd.Stderr = os.Stderr
		p.err = cmd.Run()
	})
	ts.Check(p.err)
	ts.Setenv("PATH", p.dir+string(filepath.ListSeparator)+ts.Getenv("PATH"))
}
