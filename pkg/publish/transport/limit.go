package transport

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"path"
	"strings"
	"time"
)

// SlowError says that a host accepted a request and then kept silent, or sent or took
// next to nothing of a body.
type SlowError struct {
	Host  string // host or host:port
	After time.Duration
}

func (e *SlowError) Error() string {
	return fmt.Sprintf("%s did not answer within %gs", e.Host, e.After.Seconds())
}

// LargeError says that a host's answer, where a small one was expected, goes on and on.
type LargeError struct {
	Host string // host or host:port
	Max  int64  // bytes that were read
}

func (e *LargeError) Error() string {
	return fmt.Sprintf("%s gave an answer larger than %d MiB", e.Host, e.Max>>20)
}

// The bounds of what a host may say.
const (
	maxAnswer = 8 << 20  // of manifests, tokens and the like; registries accept manifests of 4 MiB
	maxReport = 64 << 10 // of the text of an error, which is cut off there
	blobPace  = 4 << 10  // of a blob, in Limits.Idle at the least, unless less is asked for
	pace      = 1 << 20  // of all else
)

// Limits says how long a host may keep a request waiting. The zero value is what imgo
// uses.
type Limits struct {
	// Answer is the time for the head of an answer to come, once the request is sent,
	// and for the connection before that; 0 means a minute.
	Answer time.Duration
	// Upload is the same after a PUT or PATCH, since a registry may take minutes to
	// digest what it was sent; 0 means ten minutes.
	Upload time.Duration
	// Idle is the time in which a body has to get on, in either direction; 0 means a
	// minute. It doesn't pass while it is this side that the body waits for.
	Idle time.Duration
}

// Limit returns a RoundTripper that gives up with a [*SlowError] where a host exceeds
// the limits, and with a [*LargeError] in a body of more than 8 MiB that is no blob.
// Errors of the second kind come from the body, as may those of the first.
func Limit(base http.RoundTripper, limits Limits) http.RoundTripper {
	for _, d := range []struct {
		value *time.Duration
		unset time.Duration
	}{{&limits.Answer, time.Minute}, {&limits.Upload, 10 * time.Minute}, {&limits.Idle, time.Minute}} {
		if *d.value == 0 {
			*d.value = d.unset
		}
	}
	return &limiter{base: base, limits: limits}
}

type limiter struct {
	base   http.RoundTripper
	limits Limits
}

func (l *limiter) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(req.Context())
	w := &watch{host: req.URL.Host, cancel: cancel}
	resp, err := l.base.RoundTrip(l.watched(req, ctx, w))
	w.end()
	if slow := w.expired(); slow != nil {
		if resp != nil && resp.Body != nil {
			resp.Body.Close()
		}
		return nil, slow
	}
	if err != nil {
		cancel()
		return resp, err
	}
	resp.Request = req
	if resp.Body == nil || resp.Body == http.NoBody {
		cancel()
		return resp, nil
	}
	a := &answer{body: resp.Body, idle: l.limits.Idle, watch: &watch{host: req.URL.Host, cancel: cancel}, left: maxAnswer}
	switch {
	case resp.StatusCode >= 400:
		a.left, a.report = maxReport, true
	case blobWanted(req):
		a.blob = true
	}
	resp.Body = a
	return resp, nil
}

// watched returns the request with a watch over how it is sent.
func (l *limiter) watched(req *http.Request, ctx context.Context, w *watch) *http.Request {
	reply := l.limits.Answer
	if req.Method == http.MethodPut || req.Method == http.MethodPatch {
		reply = l.limits.Upload
	}
	out := req.Clone(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		WroteRequest: func(httptrace.WroteRequestInfo) { w.arm(reply) },
	}))
	if req.Body != nil && req.Body != http.NoBody {
		out.Body = &sending{ReadCloser: req.Body, watch: w, idle: l.limits.Idle}
	}
	if req.GetBody != nil {
		out.GetBody = func() (io.ReadCloser, error) {
			body, err := req.GetBody()
			if err != nil {
				return nil, err
			}
			return &sending{ReadCloser: body, watch: w, idle: l.limits.Idle}, nil
		}
	}
	w.arm(l.limits.Answer)
	return out
}

// blobWanted reports whether a request is for a blob, also where the registry
// redirected it to a place of any name.
func blobWanted(req *http.Request) bool {
	for req.Response != nil && req.Response.Request != nil {
		req = req.Response.Request
	}
	dir, file := path.Split(req.URL.Path)
	return req.Method == http.MethodGet && strings.HasSuffix(dir, "/blobs/") && strings.Contains(file, ":")
}

// sending is the body of a request. Between two reads it is the host that is waited
// for.
type sending struct {
	io.ReadCloser
	watch *watch
	idle  time.Duration
}

func (s *sending) Read(p []byte) (int, error) {
	s.watch.disarm()
	n, err := s.ReadCloser.Read(p)
	s.watch.arm(s.idle)
	return n, err
}

// answer is the body of an answer.
type answer struct {
	body   io.ReadCloser
	watch  *watch
	idle   time.Duration
	blob   bool  // of any length
	report bool  // of an error
	left   int64 // bytes that may come
	due    int64 // bytes until there is time again
	err    error // of all reads from now on
}

func (a *answer) Read(p []byte) (n int, err error) {
	if a.err != nil {
		return 0, a.err
	}
	if a.blob {
		n, err = a.readBlob(p)
	} else {
		n, err = a.readSmall(p)
	}
	if err == nil {
		return n, nil
	}
	a.watch.end()
	if slow := a.watch.expired(); slow != nil && err != io.EOF {
		err = slow
	}
	a.err = err
	a.watch.cancel()
	return n, err
}

// readBlob collects several pieces, so that single bytes don't pass for progress. The
// clock stands still between the calls: what the bytes are for may take its time.
func (a *answer) readBlob(p []byte) (n int, err error) {
	a.watch.arm(a.idle)
	for want := min(len(p), blobPace); n < want && err == nil; {
		var m int
		m, err = a.body.Read(p[n:])
		n += m
	}
	a.watch.disarm()
	return n, err
}

func (a *answer) readSmall(p []byte) (int, error) {
	if a.due <= 0 {
		a.due = pace
		a.watch.arm(a.idle)
	}
	if int64(len(p)) > a.left+1 {
		p = p[:a.left+1]
	}
	n, err := a.body.Read(p)
	a.due -= int64(n)
	a.left -= int64(n)
	switch {
	case a.left >= 0:
		return n, err
	case a.report:
		return n - 1, io.EOF
	}
	return n - 1, &LargeError{Host: a.watch.host, Max: maxAnswer}
}

func (a *answer) Close() error {
	a.watch.end()
	a.watch.cancel() // first, so that closing can't wait for the host
	return a.body.Close()
}
