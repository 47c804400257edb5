package fastpathtest

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/imgo-build/imgo/internal/cli"
)

var seedFlag = flag.Uint64("seed", 8, "of the random operations; 0 takes the time")

// TestMain is imgo where the test binary is called so, since some builds must happen in
// a process of their own.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "imgo" {
		os.Exit(beImgo())
	}
	os.Exit(m.Run())
}

func beImgo() int {
	dir, err := os.Getwd()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return cli.ExitFailed
	}
	return cli.Main(context.Background(), cli.Process{
		Args: os.Args[1:], Env: os.Environ(), Dir: dir,
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Now: time.Now,
	})
}
