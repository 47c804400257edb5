package engine

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
)

// errNoDaemon is the reason of a connection that ended without a word.
var errNoDaemon = errors.New("the connection broke")

// connectError says why there is no connection to an engine at a place.
func connectError(engine, where string, err error) error {
	e := &EngineError{Engine: engine, Kind: Unreachable, Where: where, Err: err}
	reason := connectReason(err)
	if denied(err) {
		e.Kind = Denied
	}
	e.Reason = fmt.Sprintf("no connection to %s: %v", where, reason)
	return e
}

// denied reports whether a connection failed because the user may not use the socket.
func denied(err error) bool { return errors.Is(err, fs.ErrPermission) }

// connectReason is the innermost cause that says something.
func connectReason(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err
	}
	if sys, ok := errors.AsType[*os.SyscallError](err); ok {
		err = sys.Err
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errNoDaemon
	}
	return err
}
