//go:build e2e

package e2e

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// tap stands between imgo and a registry without TLS: it notes every request, can
// hold some back, and can be closed as if the registry were gone.
type tap struct {
	host   string // as in references
	server *httptest.Server

	mu   sync.Mutex
	log  []string // "METHOD path"
	hold func(*http.Request)
}

func newTap(t *testing.T, registry string) *tap {
	t.Helper()
	p := &tap{}
	proxy := &httputil.ReverseProxy{
		// The registry's answers name the host that was asked.
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: registry})
			r.Out.Host = r.In.Host
		},
		ErrorLog: log.New(io.Discard, "", 0),
	}
	p.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.log = append(p.log, r.Method+" "+r.URL.RequestURI())
		hold := p.hold
		p.mu.Unlock()
		if hold != nil {
			hold(r)
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(p.close)
	p.host = strings.Replace(p.server.Listener.Addr().String(), "127.0.0.1", "localhost", 1)
	return p
}

func (p *tap) close() {
	p.server.CloseClientConnections()
	p.server.Close()
}

// holdBack lets f look at each request before it is passed on.
func (p *tap) holdBack(f func(*http.Request)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hold = f
}

// take returns the requests since the last call, without the pings that ask what a
// registry is.
func (p *tap) take() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []string
	for _, r := range p.log {
		if r != "GET /v2/" {
			out = append(out, r)
		}
	}
	p.log = nil
	return out
}

// count is how many requests begin with a method and have a part in their path.
func count(requests []string, method, part string) int {
	n := 0
	for _, r := range requests {
		if strings.HasPrefix(r, method+" ") && strings.Contains(r, part) {
			n++
		}
	}
	return n
}
