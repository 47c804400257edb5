package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// traffic is what went to a registry.
type traffic struct {
	requests int
	methods  map[string]int
	bytes    int64 // of the bodies of requests
}

// String is the number of requests, and by method.
func (t traffic) String() string {
	if t.requests == 0 {
		return "0"
	}
	var methods []string
	for method, n := range t.methods {
		methods = append(methods, fmt.Sprintf("%d %s", n, method))
	}
	slices.Sort(methods)
	return fmt.Sprintf("%d (%s)", t.requests, strings.Join(methods, ", "))
}

// counter is a proxy before the registry that counts what passes. By its address it is
// another registry with the same content.
type counter struct {
	proxy *httputil.ReverseProxy
	mutex sync.Mutex
	seen  traffic
}

// startCounter serves until stop is called.
func startCounter(registry string) (c *counter, host string, stop func(), err error) {
	c = &counter{seen: traffic{methods: map[string]int{}}, proxy: &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: registry})
			r.Out.Host = r.In.Host // the registry forms locations of uploads from it
		},
	}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", nil, err
	}
	server := &http.Server{Handler: c, ReadHeaderTimeout: time.Minute}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(l)
	}()
	return c, l.Addr().String(), func() { _ = server.Close(); <-ended }, nil
}

func (c *counter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mutex.Lock()
	c.seen.requests++
	c.seen.methods[r.Method]++
	c.mutex.Unlock()
	r.Body = &countedBody{r.Body, c}
	c.proxy.ServeHTTP(w, r)
}

// take returns what was counted and begins anew.
func (c *counter) take() traffic {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	seen := c.seen
	c.seen = traffic{methods: map[string]int{}}
	return seen
}

// countedBody counts what is read.
type countedBody struct {
	io.ReadCloser
	c *counter
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.c.mutex.Lock()
	b.c.seen.bytes += int64(n)
	b.c.mutex.Unlock()
	return n, err
}
