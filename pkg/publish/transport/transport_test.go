package transport_test

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/imgo-build/imgo/pkg/publish/transport"
)

// sleeper records pauses instead of making them.
type sleeper struct{ pauses []time.Duration }

func (s *sleeper) sleep(ctx context.Context, d time.Duration) error {
	s.pauses = append(s.pauses, d)
	return ctx.Err()
}

func (s *sleeper) options() transport.RetryOptions {
	return transport.RetryOptions{
		Attempts: 4, Base: time.Second, Max: time.Minute, Sleep: s.sleep,
		Jitter: func() float64 { return 0.5 },
	}
}

// answers serves the given statuses in turn, the last one for ever.
func answers(t *testing.T, header http.Header, statuses ...int) (url string, bodies *[]string) {
	t.Helper()
	bodies = new([]string)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		status := statuses[min(len(*bodies), len(statuses)-1)]
		*bodies = append(*bodies, string(body))
		if status == 0 {
			panic(http.ErrAbortHandler)
		}
		for k, v := range header {
			w.Header()[k] = v
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(srv.Close)
	return srv.URL, bodies
}

func TestRetry(t *testing.T) {
	for _, tc := range []struct {
		name     string
		method   string
		body     io.Reader
		header   http.Header
		statuses []int
		want     int // status; 0 for an error
		requests int
		pauses   []time.Duration
	}{
		{name: "success", statuses: []int{200}, want: 200, requests: 1},
		{
			name: "back-off doubles", statuses: []int{500, 502, 504, 200}, want: 200, requests: 4,
			pauses: []time.Duration{750 * time.Millisecond, 1500 * time.Millisecond, 3 * time.Second},
		},
		{name: "gives the last answer", statuses: []int{503}, want: 503, requests: 4, pauses: make([]time.Duration, 3)},
		{
			name: "Retry-After in seconds", statuses: []int{429, 200}, header: http.Header{"Retry-After": {"7"}},
			want: 200, requests: 2, pauses: []time.Duration{7 * time.Second},
		},
		{
			name: "Retry-After as a date", statuses: []int{503, 200},
			header: http.Header{"Retry-After": {"Fri, 02 Jan 2026 00:00:05 GMT"}, "Date": {"Fri, 02 Jan 2026 00:00:00 GMT"}},
			want:   200, requests: 2, pauses: []time.Duration{5 * time.Second},
		},
		{
			name: "Retry-After is capped", statuses: []int{408, 200}, header: http.Header{"Retry-After": {"86400"}},
			want: 200, requests: 2, pauses: []time.Duration{time.Minute},
		},
		{name: "501 is final", statuses: []int{501}, want: 501, requests: 1},
		{name: "404 is final", statuses: []int{404}, want: 404, requests: 1},
		{name: "broken connection", method: "HEAD", statuses: []int{0, 0, 200}, want: 200, requests: 3, pauses: make([]time.Duration, 2)},
		{
			name: "body is sent again", method: "PUT", body: strings.NewReader("manifest"), statuses: []int{503, 201},
			want: 201, requests: 2, pauses: make([]time.Duration, 1),
		},
		{
			name: "body that can't be replayed", method: "PUT", body: io.MultiReader(strings.NewReader("manifest")),
			statuses: []int{503}, want: 503, requests: 1,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			url, bodies := answers(t, tc.header, tc.statuses...)
			s := &sleeper{}
			client := &http.Client{Transport: transport.Retry(transport.Default(transport.Options{}), s.options())}
			req, err := http.NewRequest(tc.method, url, tc.body)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != tc.want {
				t.Errorf("status %d, want %d", resp.StatusCode, tc.want)
			}
			if len(*bodies) != tc.requests {
				t.Errorf("%d requests, want %d", len(*bodies), tc.requests)
			}
			for i, b := range *bodies {
				if tc.body != nil && b != "manifest" {
					t.Errorf("request %d had the body %q", i, b)
				}
			}
			if len(tc.pauses) > 0 && tc.pauses[0] == 0 {
				tc.pauses = make([]time.Duration, len(tc.pauses))
				for i := range s.pauses {
					s.pauses[i] = 0
				}
			}
			if diff := cmp.Diff(tc.pauses, s.pauses); diff != "" {
				t.Errorf("pauses (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRetryInsideOfRetryDoesNothing(t *testing.T) {
	url, bodies := answers(t, nil, 503)
	outer, inner := &sleeper{}, &sleeper{}
	rt := transport.Retry(transport.Retry(http.DefaultTransport, inner.options()), outer.options())
	req, _ := http.NewRequest("GET", url, nil)
	resp, err := rt.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if len(*bodies) != 4 || len(inner.pauses) != 0 {
		t.Errorf("%d requests and %d inner pauses, want 4 and 0", len(*bodies), len(inner.pauses))
	}
}

func TestWithoutRetry(t *testing.T) {
	url, bodies := answers(t, nil, 503)
	s := &sleeper{}
	req, _ := http.NewRequestWithContext(transport.WithoutRetry(t.Context()), "GET", url, nil)
	resp, err := transport.Retry(http.DefaultTransport, s.options()).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if len(*bodies) != 1 {
		t.Errorf("%d requests, want 1", len(*bodies))
	}
}

// An authenticating RoundTripper above Retry sends the same request a second time
// when its token has expired: the body must be whole then.
func TestRetryRenewsBodyOfResentRequest(t *testing.T) {
	url, bodies := answers(t, nil, 401, 201)
	rt := transport.Retry(http.DefaultTransport, transport.RetryOptions{})
	req, _ := http.NewRequest("PUT", url, strings.NewReader("blob"))
	for range 2 {
		resp, err := rt.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	if diff := cmp.Diff([]string{"blob", "blob"}, *bodies); diff != "" {
		t.Errorf("bodies (-want +got):\n%s", diff)
	}
}

func TestNoRetryWhereUserShouldHearAtOnce(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refused := "http://" + l.Addr().String()
	l.Close()
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0)
	untrusted.StartTLS()
	defer untrusted.Close()
	for name, url := range map[string]string{
		"refused":     refused,
		"unknown":     "http://registry.invalid",
		"certificate": untrusted.URL,
	} {
		t.Run(name, func(t *testing.T) {
			s := &sleeper{}
			client := &http.Client{Transport: transport.Retry(transport.Default(transport.Options{}), s.options())}
			if _, err := client.Get(url); err == nil {
				t.Fatal("no error")
			}
			if len(s.pauses) != 0 {
				t.Errorf("it was tried %d times", len(s.pauses)+1)
			}
		})
	}
}

func TestRetryEndsWithContext(t *testing.T) {
	url, bodies := answers(t, nil, 503)
	ctx, cancel := context.WithCancel(t.Context())
	rt := transport.Retry(http.DefaultTransport, transport.RetryOptions{Base: time.Hour, Max: time.Hour, Jitter: func() float64 {
		cancel() // as the pause begins
		return 0
	}})
	req, _ := http.NewRequestWithContext(ctx, "GET", url, nil)
	if _, err := rt.RoundTrip(req); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
	if len(*bodies) != 1 {
		t.Errorf("%d requests, want 1", len(*bodies))
	}
}

func TestUserAgent(t *testing.T) {
	var got string
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.UserAgent() }))
	defer srv.Close()
	req, _ := http.NewRequest("GET", srv.URL, nil)
	req.Header.Set("User-Agent", "other")
	resp, err := transport.Default(transport.Options{UserAgent: "imgo/1.2.3"}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if got != "imgo/1.2.3" || req.UserAgent() != "other" {
		t.Errorf("sent %q and left %q in the request", got, req.UserAgent())
	}
}

func TestPlainHTTPAllowed(t *testing.T) {
	allowed := []string{"registry.lan", "mirror.lan:5000", "fd00::1"}
	for host, want := range map[string]bool{
		"localhost": true, "localhost:5000": true, "registry.localhost:80": true,
		"127.0.0.1:5000": true, "127.9.9.9": true, "[::1]:5000": true, "[::ffff:127.0.0.1]": true,
		"registry.lan": true, "REGISTRY.lan:5001": true, "mirror.lan:5000": true, "[fd00::1]:80": true,
		"mirror.lan": false, "mirror.lan:5001": false, "10.0.0.1:5000": false,
		"localhost.example.com": false, "127.0.0.1.example.com": false, "evil-registry.lan": false,
	} {
		if got := transport.PlainHTTPAllowed(host, allowed); got != want {
			t.Errorf("%s: %v, want %v", host, got, want)
		}
	}
}

func TestPlainHTTPGuard(t *testing.T) {
	sent := 0
	base := roundTripper(func(*http.Request) (*http.Response, error) {
		sent++
		return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
	})
	guard := transport.PlainHTTPGuard(base, nil)
	for url, want := range map[string]bool{
		"http://127.0.0.1:5000/v2/": true, "https://example.com/v2/": true, "http://example.com/v2/": false,
	} {
		sent = 0
		req, _ := http.NewRequest("GET", url, nil)
		_, err := guard.RoundTrip(req)
		if (sent == 1) != want || (err == nil) != want {
			t.Errorf("%s: sent %d times, error %v", url, sent, err)
		}
		if ph, ok := errors.AsType[*transport.PlainHTTPError](err); err != nil && (!ok || ph.Host != "example.com") {
			t.Errorf("%s: error %#v", url, err)
		}
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }
