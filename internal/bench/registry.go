package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
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
