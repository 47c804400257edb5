//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// mark is the environment variable by which a test finds all processes that came
// from one command.
const mark = "IMGO_E2E_MARK"

// interrupt starts imgo, waits for begun to be closed, sends the signal, and
// returns how imgo ended. It fails the test if that takes long or if a process is
// left.
func interrupt(s *sandbox, sig syscall.Signal, begun <-chan struct{}, args ...string) result {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), s.timeout)
	defer cancel()
	cmd := s.command(ctx, suite.imgo, args...)
	cmd.Env = append(cmd.Env, mark+"="+s.dir)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	finish := func() result {
		<-ended
		r := result{line: cmd.String(), code: cmd.ProcessState.ExitCode(), stdout: stdout.String(), stderr: stderr.String()}
		s.note(r)
		return r
	}
	select {
	case <-begun:
	case <-ended:
		s.t.Fatalf("imgo ended before it could be interrupted:\n%s", finish())
	}
	sent := time.Now()
	if err := cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
	r := finish()
	if took := time.Since(sent); took > 5*time.Second {
		s.t.Errorf("imgo took %s to end after %s", took, sig)
	}
	if left := marked(s.dir); len(left) > 0 {
		s.t.Errorf("processes are left after %s:\n%s", sig, strings.Join(left, "\n"))
	}
	return r
}

// marked lists the processes that inherited the mark.
func marked(value string) []string {
	var out []string
	entries, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range entries {
		env, err := os.ReadFile(path) // empty for a zombie
		if err == nil && bytes.Contains(env, []byte(mark+"="+value+"\x00")) {
			line, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "cmdline"))
			out = append(out, string(bytes.ReplaceAll(line, []byte{0}, []byte{' '})))
		}
	}
	return out
}

// checkInterrupted checks what every interrupted run has to look like.
func checkInterrupted(s *sandbox, r result) {
	s.t.Helper()
	if r.code != 130 || r.stdout != "" {
		s.t.Errorf("want exit code 130 and nothing on standard output:\n%s", r)
	}
	if left := files(s.t, filepath.Join(s.cache, "v1", "tmp")); len(left) > 0 {
		s.t.Errorf("temporary files are left in the cache: %s", left)
	}
	checkBlobs(s)
}

// slowCompiler makes the go command wait at the compilation of package main, for as
// long as it is let. begun is closed when it waits.
func slowCompiler(s *sandbox) (begun chan struct{}) {
	waits := s.path("compiling")
	script := s.write(s.path("toolexec"), `#!/bin/sh
case " $* " in
*" -V=full "*) ;;
*/compile" "*" -p main "*) echo >`+waits+`; sleep 600 ;;
esac
exec "$@"
`, 0o755)
	s.vars["GOFLAGS"] = "-toolexec=" + script
	begun = make(chan struct{})
	go func() {
		if await(time.Minute, func() error { _, err := os.Stat(waits); return err }) == nil {
			close(begun)
		}
	}()
	return begun
}

var endings = []syscall.Signal{syscall.SIGINT, syscall.SIGTERM}

func TestInterruptedCompile(t *testing.T) {
	for _, sig := range endings {
		t.Run(sig.String(), func(t *testing.T) {
			s := newSandbox(t)
			mod := s.module("server", "mod")
			edit(s, mod, s.dir) // so that there is something to compile
			old := s.write(s.path("out/server.tar"), "the last good build", 0o644)
			begun := slowCompiler(s)
			r := interrupt(s, sig, begun, "build", "-C", "mod", "./cmd/server", "-o", s.path("out"))
			checkInterrupted(s, r)
			if got := files(t, s.path("out")); len(got) != 1 {
				t.Errorf("the output directory has %s, want server.tar alone", got)
			}
			if content, err := os.ReadFile(old); err != nil || string(content) != "the last good build" {
				t.Errorf("the existing file was changed (%v)", err)
			}
			delete(s.vars, "GOFLAGS")
			s.imgo("build", "-C", "mod", "./cmd/server", "-o", s.path("out"))
		})
	}
}

func TestInterruptedPush(t *testing.T) {
	for _, sig := range endings {
		t.Run(sig.String(), func(t *testing.T) {
			s := newSandbox(t)
			mod := s.module("server", "mod")
			reg := newTap(t, plainRegistry(t))
			repo := reg.host + "/interrupted/" + strings.ToLower(notInNames.ReplaceAllString(sig.String(), "-"))
			push := []string{"push", "-C", "mod", "./cmd/server", "-t", repo + ":v1"}
			before := digest(t, s.imgo(push...))
			edit(s, mod, s.dir)

			begun, release, once := make(chan struct{}), make(chan struct{}), sync.Once{}
			reg.holdBack(func(r *http.Request) {
				if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/blobs/uploads/") {
					once.Do(func() { close(begun) })
					<-release
				}
			})
			t.Cleanup(func() { close(release) })
			r := interrupt(s, sig, begun, push...)
			checkInterrupted(s, r)
			reg.holdBack(nil)
			if got := rawDigest(s, "docker://"+repo+":v1"); got != before {
				t.Errorf("the tag moved from %s to %s", before, got)
			}
			after := digest(t, s.imgo(push...))
			if got := rawDigest(s, "docker://"+repo+":v1"); got != after || after == before {
				t.Errorf("after the next push the tag is at %s, printed was %s, before it was %s", got, after, before)
			}
		})
	}
}

// While the tarball or the layout is half written, waiting for a layer of the base.
func TestInterruptedWrite(t *testing.T) {
	for _, kind := range []string{"tarball", "layout"} {
		t.Run(kind, func(t *testing.T) {
			s := newSandbox(t)
			s.module("server", "mod")
			reg := newTap(t, plainRegistry(t))
			base := publishDistroless(s, reg.host+"/interrupted/base:v1")
			out := s.path("out")
			if err := os.Mkdir(out, 0o755); err != nil {
				t.Fatal(err)
			}
			arg := filepath.Join(out, "server.tar")
			if kind == "layout" {
				arg = "oci:" + filepath.Join(out, "layout")
			}
			build := []string{"build", "-C", "mod", "./cmd/server", "--base", base, "-o", arg}
			begun, release := make(chan struct{}), make(chan struct{})
			var blobs atomic.Int32 // the config is the first
			var written []os.DirEntry
			reg.holdBack(func(r *http.Request) {
				if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/blobs/") {
					switch n := blobs.Add(1); {
					case n == 2:
						written, _ = os.ReadDir(out)
						close(begun)
						fallthrough
					case n > 2:
						<-release
					}
				}
			})
			t.Cleanup(func() { close(release) })
			checkInterrupted(s, interrupt(s, syscall.SIGTERM, begun, build...))
			if len(written) == 0 {
				t.Error("nothing was written when imgo was interrupted: there was nothing to clean up")
			}
			if got := files(t, out); len(got) > 0 {
				t.Errorf("the output directory has %s, want nothing", got)
			}
		})
	}
}
