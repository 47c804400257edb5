package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/imgo-build/imgo/internal/environ"
)

// program is an engine's command-line program.
type program struct {
	engine string // for errors
	name   string
	path   string
	env    []string
	prefix []string // arguments before those of a run
}

// findProgram looks for a program in PATH.
func findProgram(engine, name string, env environ.Environ) (*program, error) {
	path, ok := env.Program(name)
	if !ok {
		return nil, &EngineError{Engine: engine, Kind: Missing, Where: name,
			Reason: fmt.Sprintf("there is no program %s in PATH", name)}
	}
	return &program{engine: engine, name: name, path: path, env: env}, nil
}

// with returns the program with more arguments before those of a run.
func (p *program) with(args ...string) *program {
	q := *p
	q.prefix = append(append([]string(nil), p.prefix...), args...)
	return &q
}

// feeder writes a program's standard input.
type feeder func(ctx context.Context, w io.Writer) error

// grace is how long a program may take to end when it is told to, and a program that
// ended may have its output held open by children.
const grace = 500 * time.Millisecond

// run runs the program and returns its standard output. What it fails with is an
// [*EngineError], except where reading what it is fed with failed. When ctx ends its
// process group is ended, and killed after the grace period.
func (p *program) run(ctx context.Context, feed feeder, args ...string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	cmd := exec.Command(p.path, append(append([]string(nil), p.prefix...), args...)...)
	cmd.Env = p.env
	stdout, stderr := &head{limit: 8 << 20}, &tail{limit: 8 << 10}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.WaitDelay = grace
	ownGroup(cmd)
	var in io.WriteCloser
	var err error
	if feed != nil {
		if in, err = cmd.StdinPipe(); err != nil {
			return "", p.failed(err, "")
		}
	}
	if err := cmd.Start(); err != nil {
		return "", p.failed(err, "")
	}
	err = attend(ctx, cmd, feed, in)
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil // it succeeded, and left a child behind, as podman does without root
	}
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if read, ok := errors.AsType[*feedError](err); ok {
		return "", read.err
	}
	if err == nil && stdout.over {
		err = errors.New("its output is too long")
	}
	if err != nil {
		return "", p.failed(err, stderr.String())
	}
	return stdout.String(), nil
}

// feedError says that a program's input could not be made.
type feedError struct{ err error }

func (e *feedError) Error() string { return e.err.Error() }

// attend feeds a program that was started, and waits for it.
func attend(ctx context.Context, cmd *exec.Cmd, feed feeder, in io.WriteCloser) error {
	feeding, stop := context.WithCancel(ctx)
	defer stop()
	fed := make(chan error, 1)
	if feed == nil {
		fed = nil
	} else {
		go func() { fed <- feed(feeding, in) }()
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case err := <-ended:
			stop()
			if fed != nil {
				<-fed // Wait closed the pipe
			}
			return err
		case err := <-fed:
			fed = nil
			if err == nil || hungUp(err) {
				_ = in.Close()
				continue
			}
			// The input stays open until the program is gone: it must not take the
			// end of it for the end of the image.
			finish(cmd, ended)
			return &feedError{err}
		case <-ctx.Done():
			finish(cmd, ended)
			if fed != nil {
				<-fed
			}
			return ctx.Err()
		}
	}
}

// finish ends a program's process group.
func finish(cmd *exec.Cmd, ended <-chan error) {
	terminate(cmd)
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-ended:
		kill(cmd) // children that it left behind
	case <-timer.C:
		kill(cmd)
		<-ended
	}
}

// hungUp reports whether a write failed because the program does not read any more.
// Why, it says itself.
func hungUp(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, os.ErrClosed) || errors.Is(err, io.ErrClosedPipe)
}

// failed makes an error of how the program ended and what it said.
func (p *program) failed(err error, stderr string) error {
	e := &EngineError{Engine: p.engine, Kind: Refused, Where: p.name, Err: err}
	said := complaint(p.name, stderr)
	e.Reason = fmt.Sprintf("%s failed: %s", p.name, said)
	if said == "" {
		e.Reason = fmt.Sprintf("%s failed: %v", p.name, err)
	}
	switch lower := strings.ToLower(stderr); {
	case errors.Is(err, fs.ErrPermission), strings.Contains(lower, "permission denied"):
		e.Kind = Denied
	case unreachable(lower):
		e.Kind = Unreachable
	}
	return e
}

// unreachable reports whether a program complains that its engine does not answer.
func unreachable(said string) bool {
	for _, s := range []string{
		"connection refused", "cannot connect to", "unable to connect to", "failed to dial",
		"is the docker daemon running", "is not running",
	} {
		if strings.Contains(said, s) {
			return true
		}
	}
	return false
}

// complaint is the part of a program's standard error that says why it failed: from
// the last line on that looks like an error's, without the progress before it.
func complaint(program, stderr string) string {
	lines := strings.Split(strings.TrimSpace(stderr), "\n")
	from := 0
	for i, line := range lines {
		line = strings.ToLower(line)
		if strings.HasPrefix(line, "error") || strings.HasPrefix(line, program+":") {
			from = i
		}
	}
	return oneLine(strings.Join(lines[from:], " "))
}

// head keeps the beginning of what is written to it.
type head struct {
	limit int
	buf   []byte
	over  bool
}

func (h *head) Write(p []byte) (int, error) {
	room := min(h.limit-len(h.buf), len(p))
	h.buf = append(h.buf, p[:room]...)
	h.over = h.over || room < len(p)
	return len(p), nil
}

func (h *head) String() string { return string(h.buf) }

// tail keeps the end of what is written to it. It can be read while it is written.
type tail struct {
	limit int
	mu    sync.Mutex
	buf   []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if over := len(t.buf) - t.limit; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.buf)
}

// exitCode is the status with which a program ended, or -1.
func exitCode(err error) int {
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		return e.ExitCode()
	}
	return -1
}
