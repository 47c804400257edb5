// Package transport is the HTTP client side that imgo uses towards registries:
// connections that are reused, with the certificates that single registries need
// ([Default]), requests that survive a flaky registry
// ([Retry]), hosts that can't keep it waiting for ever ([Limit]), and credentials that
// don't travel in the clear ([PlainHTTPGuard]).
//
// Each is an [http.RoundTripper] around another, so that a caller composes what it
// needs. The package knows nothing of the registry protocol or of authentication.
package transport

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// RetryOptions says how often and with which pauses a request is sent again. The
// zero value is what imgo uses.
type RetryOptions struct {
	// Attempts is how often a request is sent in all; 0 means 5.
	Attempts int
	// Base is the pause after the first attempt, doubled after each further one; 0
	// means half a second.
	Base time.Duration
	// Max caps every pause, one that the registry asked for too; 0 means a minute.
	Max time.Duration
	// Sleep pauses, or returns the context's error once it is done.
	Sleep func(context.Context, time.Duration) error
	// Jitter returns a number in [0, 1) that spreads the clients of a registry that
	// just came back: a pause lies between half of its nominal length and all of it.
	Jitter func() float64
	// Waiting is told of a pause of three seconds or more before it is made, which the
	// host may have asked for; may be nil.
	Waiting func(host string, d time.Duration)
}

// Filled returns the options with the zero values replaced by the defaults.
func (o RetryOptions) Filled() RetryOptions {
	if o.Attempts == 0 {
		o.Attempts = 5
	}
	if o.Base == 0 {
		o.Base = 500 * time.Millisecond
	}
	if o.Max == 0 {
		o.Max = time.Minute
	}
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	if o.Jitter == nil {
		o.Jitter = rand.Float64
	}
	return o
}

// Pause is how long to wait after the given number of failed attempts (1, 2, …).
// resp is the last answer, or nil if the connection broke; its Retry-After wins
// over the exponential back-off.
func (o RetryOptions) Pause(failed int, resp *http.Response) time.Duration {
	o = o.Filled()
	if d, ok := retryAfter(resp); ok {
		return min(d, o.Max)
	}
	d := o.Max
	if shift := failed - 1; shift < 20 {
		d = min(o.Base<<shift, o.Max)
	}
	return d/2 + time.Duration(o.Jitter()*float64(d/2))
}

// longPause is one that whoever watches wonders about.
const longPause = 3 * time.Second

// Wait makes the pause after the given number of failed attempts at a request to
// host; see [RetryOptions.Pause].
func (o RetryOptions) Wait(ctx context.Context, host string, failed int, resp *http.Response) error {
	o = o.Filled()
	d := o.Pause(failed, resp)
	if d >= longPause && o.Waiting != nil {
		o.Waiting(host, d)
	}
	return o.Sleep(ctx, d)
}

type retryKey struct{}

// WithoutRetry returns a context whose requests [Retry] sends once only. It is for
// a caller that has to begin further back after a failure, as with an upload whose
// session is lost with the connection.
func WithoutRetry(ctx context.Context) context.Context {
	return context.WithValue(ctx, retryKey{}, true)
}

// Retry returns a RoundTripper that sends a request again, after a pause, where the
// answer is 408, 429 or 5xx (except 501), or the connection broke. What another
// attempt won't change is reported at once: an unknown host, a refused connection,
// a certificate that is not trusted. A [*SlowError] is worth a second attempt and no
// third. A request with a body is sent again only if it has GetBody. After the last
// attempt the answer is returned as it is.
//
// Every attempt, the first one too, takes a fresh body from GetBody. So a request
// that an authenticating RoundTripper above sends a second time, with a new token,
// has a body then.
//
// A Retry inside of another one leaves the retrying to the outer one.
func Retry(base http.RoundTripper, opts RetryOptions) http.RoundTripper {
	return &retrier{base: base, opts: opts.Filled()}
}

type retrier struct {
	base http.RoundTripper
	opts RetryOptions
}

func (r *retrier) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	replayable := req.Body == nil || req.Body == http.NoBody || req.GetBody != nil
	once := ctx.Value(retryKey{}) != nil || !replayable
	if req.GetBody != nil && req.Body != nil {
		defer req.Body.Close() // not sent; every attempt has a body of its own
	}
	slow := 0
	for failed := 1; ; failed++ {
		attempt := req.Clone(WithoutRetry(ctx))
		if req.GetBody != nil && req.Body != nil {
			body, err := req.GetBody()
			if err != nil {
				return nil, err
			}
			attempt.Body = body
		}
		resp, err := r.base.RoundTrip(attempt)
		if resp != nil {
			resp.Request = req
		}
		again := worthAnother(resp, err)
		if _, ok := errors.AsType[*SlowError](err); ok {
			slow++
			again = slow < 2
		}
		if once || failed >= r.opts.Attempts || ctx.Err() != nil || !again {
			return resp, err
		}
		if resp != nil {
			drain(resp.Body)
		}
		if serr := r.opts.Wait(ctx, req.URL.Host, failed, resp); serr != nil {
			return nil, serr
		}
	}
}

func worthAnother(resp *http.Response, err error) bool {
	if err != nil {
		return Temporary(err)
	}
	return TemporaryStatus(resp.StatusCode)
}

// TemporaryStatus reports whether the same request may be answered differently a
// moment later.
func TemporaryStatus(code int) bool {
	switch code {
	case http.StatusRequestTimeout, http.StatusTooManyRequests:
		return true
	case http.StatusNotImplemented:
		return false
	}
	return code >= 500
}

// Temporary reports whether err is that of a connection that broke or timed out on
// the way. A connection that could not be made in the first place is not: the user
// should hear at once of a name that doesn't resolve or a port that nobody listens
// on, and TCP has repeated its attempts by itself where packets were lost.
func Temporary(err error) bool {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	for _, broken := range []error{io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE, net.ErrClosed} {
		if errors.Is(err, broken) {
			return true
		}
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Op == "read" || op.Op == "write"
	}
	if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
		return true
	}
	// The bundled HTTP/2 exports no types for a stream or connection that the
	// server gave up.
	text := err.Error()
	return strings.Contains(text, "stream error: ") || strings.Contains(text, "http2: server sent GOAWAY") ||
		strings.Contains(text, "http2: client conn could not be established")
}

// retryAfter reads Retry-After in both forms of RFC 9110, section 10.2.3. A date is
// taken relative to the answer's own Date, so that a wrong clock here or there
// doesn't matter.
func retryAfter(resp *http.Response) (time.Duration, bool) {
	if resp == nil {
		return 0, false
	}
	value := resp.Header.Get("Retry-After")
	if s, err := strconv.ParseInt(value, 10, 32); err == nil && s >= 0 {
		return time.Duration(s) * time.Second, true
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0, false
	}
	now, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return 0, false
	}
	return max(at.Sub(now), 0), true
}

// drain reads what is left of an answer, if it is little, so that the connection
// can be used again.
func drain(body io.ReadCloser) {
	_, _ = io.CopyN(io.Discard, body, 64<<10)
	body.Close()
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
