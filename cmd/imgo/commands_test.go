package main

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/rogpeppe/go-internal/testscript"
)

// status is "status N PROGRAM ARG...": runs a program like exec and demands its
// exact exit code.
func status(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	if got := exitCode(ts, ts.Exec(args[1], args[2:]...)); got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func exitCode(ts *testscript.TestScript, err error) int {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	ts.Check(err)
	return 0
}

// interrupt is "interrupt INT|TERM FILE PROGRAM ARG...": runs a program, sends it a
// signal once FILE is there, and demands exit code 130. What it wrote is in the files
// stdout.txt and stderr.txt.
func interrupt(ts *testscript.TestScript, neg bool, args []string) {
	path := ""
	for dir := range strings.SplitSeq(ts.Getenv("PATH"), string(os.PathListSeparator)) {
		if found, err := exec.LookPath(dir + string(os.PathSeparator) + args[2]); err == nil {
			path = found
			break
		}
	}
	cmd := exec.Command(path, args[3:]...)
	cmd.Dir = ts.MkAbs(".")
	for _, key := range inherited {
		cmd.Env = append(cmd.Env, key+"="+ts.Getenv(key))
	}
	stdout, err := os.Create(ts.MkAbs("stdout.txt"))
	ts.Check(err)
	defer stdout.Close()
	stderr, err := os.Create(ts.MkAbs("stderr.txt"))
	ts.Check(err)
	defer stderr.Close()
	cmd.Stdout, cmd.Stderr = stdout, stderr
	ts.Check(cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	ts.Defer(func() { _ = cmd.Process.Kill() })
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(ts.MkAbs(args[1])); err == nil {
			break
		}
		if len(ended) > 0 || time.Now().After(deadline) {
			out, _ := os.ReadFile(stderr.Name())
			ts.Fatalf("%s did not appear\n%s", args[1], out)
		}
	}
	sig := os.Interrupt
	if args[0] == "TERM" {
		sig = syscall.SIGTERM
	}
	ts.Check(cmd.Process.Signal(sig))
	select {
	case err := <-ended:
		if got := exitCode(ts, err); got != 130 {
			out, _ := os.ReadFile(stderr.Name())
			ts.Fatalf("exit code %d, want 130\n%s", got, out)
		}
	case <-time.After(10 * time.Second):
		ts.Fatalf("still running 10 seconds after the signal")
	}
}

// inherited are the variables that a program of "interrupt" sees.
var inherited = []string{
	"PATH", "HOME", "WORK", "TMPDIR", "IMGO_CACHE_DIR", "GOCACHE", "GOENV", "GOFLAGS", "GOPROXY", "GOTOOLCHAIN",
}

// capture is "capture VARIABLE FILE REGEXP": the first match of the last group of the
// expression in a file (or stdout, stderr).
func capture(ts *testscript.TestScript, neg bool, args []string) {
	m := regexp.MustCompile("(?m)" + args[2]).FindStringSubmatch(ts.ReadFile(args[1]))
	if m == nil {
		ts.Fatalf("%s has no match for %s", args[1], args[2])
	}
	ts.Setenv(args[0], m[len(m)-1])
}

// extractBinary is "binary TARBALL FILE": the program of an image as docker would
// load it.
func extractBinary(ts *testscript.TestScript, neg bool, args []string) {
	img, err := tarball.ImageFromPath(ts.MkAbs(args[0]), nil)
	ts.Check(err)
	config, err := img.ConfigFile()
	ts.Check(err)
	layers, err := img.Layers()
	ts.Check(err)
	rc, err := layers[len(layers)-1].Uncompressed()
	ts.Check(err)
	defer rc.Close()
	tr := tar.NewReader(rc)
	for {
		h, err := tr.Next()
		ts.Check(err)
		if h.Typeflag != tar.TypeReg || "/"+strings.TrimPrefix(h.Name, "/") != config.Config.Entrypoint[0] {
			continue
		}
		ts.Check(writeProgram(ts.MkAbs(args[1]), tr))
		return
	}
}

// writeProgram writes a file to be run. A process that another script starts meanwhile
// would have it open for writing for a moment, in which it can't be run (ETXTBSY).
func writeProgram(path string, r io.Reader) error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}

// checkFiles is "files DIR NAME...": the directory holds just these.
func checkFiles(ts *testscript.TestScript, neg bool, args []string) {
	entries, err := os.ReadDir(ts.MkAbs(args[0]))
	ts.Check(err)
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	want := slices.Sorted(slices.Values(args[1:]))
	if !slices.Equal(got, want) {
		ts.Fatalf("%s holds %q, want %q", args[0], got, want)
	}
}
