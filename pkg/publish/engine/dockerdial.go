package engine

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os/exec"
	"sync"
	"time"

	"github.com/imgo-build/imgo/internal/environ"
)

// transport connects to the daemon, and no proxy is asked.
func (h dockerHost) transport(env environ.Environ) *http.Transport {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		d := net.Dialer{Timeout: 10 * time.Second}
		return d.DialContext(ctx, h.network, h.address)
	}
	if h.network == "" {
		dial = func(ctx context.Context, _, _ string) (net.Conn, error) { return dialStdio(ctx, env) }
	}
	return &http.Transport{
		DialContext:        dial,
		TLSClientConfig:    h.tls,
		DisableCompression: true,
		MaxIdleConns:       2,
	}
}

// url is the base of the daemon's URLs.
func (h dockerHost) url() string {
	switch {
	case h.network != "tcp":
		return "http://docker"
	case h.tls != nil:
		return "https://" + h.address
	}
	return "http://" + h.address
}

// dialStdio lets docker's own program connect to its daemon, wherever that is: it
// knows ssh and named pipes, and finds the same host in the same environment.
func dialStdio(ctx context.Context, env environ.Environ) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p, err := findProgram(Docker, "docker", env)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(p.path, "system", "dial-stdio") // lives longer than ctx
	cmd.Env = env
	c := &stdioConn{program: p, cmd: cmd, said: &tail{limit: 8 << 10}}
	cmd.Stderr = c.said
	cmd.WaitDelay = grace
	ownGroup(cmd)
	if c.in, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	// Not StdoutPipe: that one closes as soon as the program ends, before all is read.
	r, w := io.Pipe()
	c.out, cmd.Stdout = r, w
	if err := cmd.Start(); err != nil {
		return nil, p.failed(err, "")
	}
	c.ended = make(chan struct{})
	go func() {
		c.err = cmd.Wait()
		w.Close()
		close(c.ended)
	}()
	return c, nil
}

// stdioConn is a connection through a program's standard input and output.
type stdioConn struct {
	program *program
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     *io.PipeReader
	said    *tail
	ended   chan struct{}
	err     error // of the program, once it ended
	once    sync.Once
}

// Read returns the program's complaint instead of the end of a connection that never
// came about, and so does Write: which of them comes too late is chance.
func (c *stdioConn) Read(b []byte) (int, error) {
	n, err := c.out.Read(b)
	if err != io.EOF || n > 0 {
		return n, err
	}
	<-c.ended
	return 0, c.complaint(io.EOF)
}

func (c *stdioConn) Write(b []byte) (int, error) {
	n, err := c.in.Write(b)
	if err == nil {
		return n, nil
	}
	timer := time.NewTimer(grace) // the program may have closed its input and go on
	defer timer.Stop()
	select {
	case <-c.ended:
		return n, c.complaint(err)
	case <-timer.C:
		return n, err
	}
}

// complaint is why the program ended, or else err.
func (c *stdioConn) complaint(err error) error {
	if c.err != nil {
		return c.program.failed(c.err, c.said.String())
	}
	return err
}

// Close ends the program.
func (c *stdioConn) Close() error {
	c.once.Do(func() {
		_ = c.in.Close()
		_ = c.out.CloseWithError(net.ErrClosed)
		terminate(c.cmd)
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case <-c.ended:
		case <-timer.C:
		}
		kill(c.cmd)
		<-c.ended
	})
	return nil
}

type stdioAddr struct{}

func (stdioAddr) Network() string { return "stdio" }
func (stdioAddr) String() string  { return "docker system dial-stdio" }

func (*stdioConn) LocalAddr() net.Addr              { return stdioAddr{} }
func (*stdioConn) RemoteAddr() net.Addr             { return stdioAddr{} }
func (*stdioConn) SetDeadline(time.Time) error      { return nil }
func (*stdioConn) SetReadDeadline(time.Time) error  { return nil }
func (*stdioConn) SetWriteDeadline(time.Time) error { return nil }

// daemonError makes an error of what came of a request.
func (h dockerHost) daemonError(err error) error {
	if e, ok := errors.AsType[*EngineError](err); ok {
		return e
	}
	return connectError(Docker, h.name, err)
}
