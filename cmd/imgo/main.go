// Command imgo builds OCI images from Go main packages.
//
// This file is where the process ends: signals and the values of the operating
// system go in, an exit code comes out. Everything else is in internal/cli.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/term"

	"github.com/imgo-build/imgo/internal/cli"
)

// version is set by the release build.
var version string

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The first signal asks imgo to clean up and end; a second one ends it at once.
	context.AfterFunc(ctx, stop)

	// net/http writes what it finds odd about a connection ("Unsolicited response …") to
	// the standard logger, between imgo's own lines. What matters comes back as an error.
	log.SetOutput(io.Discard)

	dir, err := os.Getwd()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error: finding the current directory:", err)
		return cli.ExitFailed
	}
	executable, _ := os.Executable() // it only helps to find imgo-sigstore
	return cli.Main(ctx, cli.Process{
		Args:        os.Args[1:],
		Env:         os.Environ(),
		Dir:         dir,
		Stdin:       os.Stdin,
		Stdout:      os.Stdout,
		Stderr:      os.Stderr,
		StdinTTY:    term.IsTerminal(int(os.Stdin.Fd())),
		StderrWidth: width(os.Stderr),
		Executable:  executable,
		Version:     version,
		Now:         time.Now,
		ReadPassword: func() ([]byte, error) {
			return term.ReadPassword(int(os.Stdin.Fd()))
		},
	})
}

// width is the terminal's in columns, or 0 where f is none.
func width(f *os.File) int {
	if !term.IsTerminal(int(f.Fd())) {
		return 0
	}
	if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
		return w
	}
	return 80
}
