package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

const registryConfig = `version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage:
  filesystem: {rootdirectory: %q}
http:
  addr: %s
`

// startRegistry runs docker-registry on a port of its own. Everything that it
// stores lies in dir.
func startRegistry(ctx context.Context, dir string) (host string, stop func(), err error) {
	path, err := exec.LookPath("docker-registry")
	if err != nil {
		return "", nil, fmt.Errorf("%w: install it (on Debian and Ubuntu: apt-get install docker-registry)", err)
	}
	if host, err = unusedAddress(); err != nil {
		return "", nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", nil, err
	}
	config := filepath.Join(dir, "config.yml")
	text := fmt.Sprintf(registryConfig, filepath.Join(dir, "data"), host)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		return "", nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	cmd := exec.CommandContext(ctx, path, "serve", config)
	var log bytes.Buffer // it calls every 404 an error
	cmd.Stderr = &log
	adopt(cmd)
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Start(); err != nil {
		cancel()
		return "", nil, err
	}
	stop = func() {
		cancel()
		_ = cmd.Wait()
	}
	if err := awaitRegistry(ctx, host); err != nil {
		stop()
		return "", nil, fmt.Errorf("starting docker-registry: %w\n%s", err, log.Bytes())
	}
	return host, stop, nil
}

func unusedAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

func awaitRegistry(ctx context.Context, host string) error {
	for range 100 {
		resp, err := http.Get("http://" + host + "/v2/")
		if err == nil {
			return resp.Body.Close()
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(100 * time.Millisecond):
		}
	}
	return errors.New("it doesn't answer")
}

// counter is a proxy before the registry that counts requests. By its address it is
// another registry with the same content.
type counter struct {
	proxy  *httputil.ReverseProxy
	mutex  sync.Mutex
	counts map[string]int // by method
}

// startCounter serves until stop is called.
func startCounter(registry string) (c *counter, host string, stop func(), err error) {
	c = &counter{counts: map[string]int{}, proxy: &httputil.ReverseProxy{
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
	c.counts[r.Method]++
	c.mutex.Unlock()
	c.proxy.ServeHTTP(w, r)
}

// take returns what was counted and begins anew.
func (c *counter) take() string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	total, methods := 0, []string(nil)
	for method, n := range c.counts {
		total += n
		methods = append(methods, fmt.Sprintf("%d %s", n, method))
	}
	clear(c.counts)
	if total == 0 {
		return "0"
	}
	slices.Sort(methods)
	return fmt.Sprintf("%d (%s)", total, strings.Join(methods, ", "))
}
