package transport_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imgo-build/imgo/pkg/publish/transport"
)

// zeros is a body without an end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// slowly gives one byte in a while.
type slowly struct {
	pause time.Duration
	left  int
}

func (s *slowly) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	time.Sleep(s.pause)
	s.left--
	p[0] = 'x'
	return 1, nil
}

// pipeline answers with the bytes of body, and like net/http's transport stops doing
// so when the request is cancelled.
func pipeline(body io.Reader) roundTripper {
	return func(req *http.Request) (*http.Response, error) {
		r, w := io.Pipe()
		go func() {
			_, err := io.Copy(w, body)
			w.CloseWithError(err)
		}()
		context.AfterFunc(req.Context(), func() { w.CloseWithError(context.Cause(req.Context())) })
		return &http.Response{StatusCode: http.StatusOK, Body: r}, nil
	}
}

func silent(req *http.Request) (*http.Response, error) {
	<-req.Context().Done()
	return nil, req.Context().Err()
}

// get reads an answer to its end.
func get(rt http.RoundTripper, method, url string, body io.Reader) (int64, error) {
	req, err := http.NewRequest(method, url, body)
	if err != nil {
		return 0, err
	}
	resp, err := (&http.Client{Transport: rt}).Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	return io.Copy(struct{ io.Writer }{io.Discard}, resp.Body)
}

func checkSlow(t *testing.T, err error, host string, after time.Duration) {
	t.Helper()
	slow, ok := errors.AsType[*transport.SlowError](err)
	if !ok || slow.Host != host || slow.After != after {
		t.Errorf("error %v, want a SlowError of %s after %v", err, host, after)
	}
}

// In a bubble no goroutine may be left over, and a minute takes no time.
func TestLimitOfSilence(t *testing.T) {
	const blob = "http://r.example/v2/app/blobs/sha256:0123"
	for _, tc := range []struct {
		name  string
		base  roundTripper
		url   string
		after time.Duration // in all; 0 for success
	}{
		{"no answer", silent, "http://r.example/v2/", time.Minute},
		{"a byte a second", pipeline(&slowly{time.Second, 1e9}), "http://r.example/v2/", time.Minute},
		{"a blob of a byte a second", pipeline(&slowly{time.Second, 1e9}), blob, time.Minute},
		{"small and not too slow", pipeline(&slowly{time.Second, 50}), "http://r.example/v2/", 0},
		{"a blob, slowly", pipeline(&slowly{time.Millisecond, 200_000}), blob, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				_, err := get(transport.Limit(tc.base, transport.Limits{}), "GET", tc.url, nil)
				if tc.after == 0 {
					if err != nil {
						t.Error(err)
					}
					return
				}
				checkSlow(t, err, "r.example", time.Minute)
				if !strings.HasSuffix(err.Error(), "r.example did not answer within 60s") {
					t.Errorf("error %q", err)
				}
				if got := time.Since(began); got != tc.after {
					t.Errorf("it took %v", got)
				}
				time.Sleep(time.Second) // lets a sleeping body notice that nobody reads on
			})
		})
	}
}

// What is done with the bytes of a blob may take longer than the limit.
func TestLimitDoesNotCountTheReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := transport.Limit(pipeline(strings.NewReader(strings.Repeat("x", 20_000))), transport.Limits{})
		req, _ := http.NewRequest("GET", "http://r.example/v2/app/blobs/sha256:0123", nil)
		resp, err := rt.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		buf := make([]byte, 10_000)
		for range 3 {
			if _, err = resp.Body.Read(buf); err != nil {
				break
			}
			time.Sleep(time.Hour)
		}
		if err != nil && err != io.EOF {
			t.Error(err)
		}
	})
}

func TestSlowHostIsAskedTwice(t *testing.T) {
	asked := 0
	base := roundTripper(func(req *http.Request) (*http.Response, error) {
		asked++
		return silent(req)
	})
	s := &sleeper{}
	rt := transport.Retry(transport.Limit(base, transport.Limits{Answer: time.Millisecond}), s.options())
	_, err := get(rt, "GET", "http://r.example/", nil)
	checkSlow(t, err, "r.example", time.Millisecond)
	if asked != 2 {
		t.Errorf("asked %d times", asked)
	}
}

// Through a real connection: the time until the answer to an upload begins when the
// body is sent, and making the body may take longer.
func TestLimitOfUpload(t *testing.T) {
	const short = 100 * time.Millisecond
	pause := atomic.Int64{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		time.Sleep(time.Duration(pause.Load()))
		w.WriteHeader(http.StatusCreated)
	}))
	defer srv.Close()
	host := strings.TrimPrefix(srv.URL, "http://")
	base := transport.Default(transport.Options{})
	limits := transport.Limits{Answer: short, Upload: time.Hour, Idle: short}
	if _, err := get(transport.Limit(base, limits), "PUT", srv.URL, &slowly{3 * short, 1}); err != nil {
		t.Errorf("a slow source: %v", err)
	}
	pause.Store(int64(3 * short))
	if _, err := get(transport.Limit(base, limits), "PUT", srv.URL, strings.NewReader("x")); err != nil {
		t.Errorf("digesting: %v", err)
	}
	limits.Upload = short
	_, err := get(transport.Limit(base, limits), "PUT", srv.URL, strings.NewReader("x"))
	checkSlow(t, err, host, short)
	_, err = get(transport.Limit(base, transport.Limits{Answer: short}), "POST", srv.URL, strings.NewReader("x"))
	checkSlow(t, err, host, short)
}

func TestLimitOfUploadThatNobodyReads(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() // connections stay in its queue
	rt := transport.Limit(transport.Default(transport.Options{}), transport.Limits{Idle: 100 * time.Millisecond})
	_, err = get(rt, "PUT", "http://"+l.Addr().String(), zeros{})
	checkSlow(t, err, l.Addr().String(), 100*time.Millisecond)
}

func TestLimitOfBodies(t *testing.T) {
	const mib = 1 << 20
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/error"):
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.Copy(w, zeros{})
		case strings.HasSuffix(r.URL.Path, ":elsewhere"):
			http.Redirect(w, r, "/storage/1234", http.StatusTemporaryRedirect)
		case strings.HasPrefix(r.URL.Path, "/v2/app/manifests/"):
			_, _ = io.Copy(w, zeros{})
		default:
			_, _ = io.CopyN(w, zeros{}, 20*mib)
		}
	}))
	defer srv.Close()
	rt := transport.Retry(transport.Limit(transport.Default(transport.Options{}), transport.Limits{}), transport.RetryOptions{})
	for path, want := range map[string]int64{
		"/v2/app/blobs/sha256:0123":           20 * mib,
		"/v2/app/blobs/sha256:elsewhere":      20 * mib,
		"/storage/1234":                       -8 * mib,
		"/v2/app/manifests/latest":            -8 * mib,
		"/v2/app/blobs/uploads/1":             -8 * mib,
		"/v2/a/blobs/b/manifests/sha256:0123": -8 * mib,
		"/error/blobs/sha256:0123":            64 << 10,
	} {
		n, err := get(rt, "GET", srv.URL+path, nil)
		large, ok := errors.AsType[*transport.LargeError](err)
		if want > 0 && (n != want || err != nil) || want < 0 && (n != -want || !ok || large.Max != -want) {
			t.Errorf("%s: %d bytes, %v", path, n, err)
		}
	}
}

func TestLimitKeepsConnections(t *testing.T) {
	var opened atomic.Int32
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(w, bytes.NewReader(make([]byte, 10_000)))
	}))
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened.Add(1)
		}
	}
	srv.Start()
	defer srv.Close()
	rt := transport.Limit(transport.Default(transport.Options{}), transport.Limits{})
	for range 20 {
		for _, method := range []string{"GET", "HEAD"} {
			if _, err := get(rt, method, srv.URL, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := opened.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

func TestLimitLeavesCancelling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, base := range map[string]roundTripper{"head": silent, "body": pipeline(&slowly{10 * time.Second, 1})} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			began := time.Now()
			req, _ := http.NewRequestWithContext(ctx, "GET", "http://r.example/", nil)
			resp, err := transport.Limit(base, transport.Limits{}).RoundTrip(req)
			if err == nil {
				_, err = io.ReadAll(resp.Body)
				resp.Body.Close()
			}
			if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
				t.Errorf("%s: %v after %v", name, err, time.Since(began))
			}
			cancel()
			time.Sleep(time.Minute)
		}
	})
}

func TestRetryTellsOfLongPauses(t *testing.T) {
	url, _ := answers(t, http.Header{"Retry-After": {"60"}}, 429, 200)
	s := &sleeper{}
	opts := s.options()
	var told []time.Duration
	opts.Waiting = func(host string, d time.Duration) {
		if !strings.HasSuffix(url, host) || len(s.pauses) != 0 {
			t.Errorf("told of %s after %d pauses", host, len(s.pauses))
		}
		told = append(told, d)
	}
	if _, err := get(transport.Retry(http.DefaultTransport, opts), "GET", url, nil); err != nil {
		t.Fatal(err)
	}
	url, _ = answers(t, http.Header{"Retry-After": {"2"}}, 429, 200)
	if _, err := get(transport.Retry(http.DefaultTransport, opts), "GET", url, nil); err != nil {
		t.Fatal(err)
	}
	if len(told) != 1 || told[0] != time.Minute {
		t.Errorf("told of %v", told)
	}
}
