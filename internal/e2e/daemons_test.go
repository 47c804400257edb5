//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

// daemon is a process that serves all tests, until stopDaemons.
type daemon struct {
	name string
	log  string // file
	cmd  *exec.Cmd
	done chan struct{} // closed when the process ended
}

var running struct {
	sync.Mutex
	daemons []*daemon
}

// startDaemon starts a program and waits until ready says so. Its working directory
// is dir, its log is dir/log.
func startDaemon(name, dir string, ready func() error, args ...string) (*daemon, error) {
	d := &daemon{name: name, log: filepath.Join(dir, "log"), cmd: exec.Command(args[0], args[1:]...), done: make(chan struct{})}
	log, err := os.Create(d.log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	d.cmd.Dir, d.cmd.Stdout, d.cmd.Stderr = dir, log, log
	d.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir}
	// An interrupt from the terminal is for the tests, which end the daemons in
	// order; should the tests be killed, the kernel tells the daemons.
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // Pdeathsig goes by the thread that started the process
		err := d.cmd.Start()
		started <- err
		if err == nil {
			_ = d.cmd.Wait()
			close(d.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	running.Lock()
	running.daemons = append(running.daemons, d)
	running.Unlock()
	return d, d.await(ready)
}

func (d *daemon) await(ready func() error) error {
	deadline := time.Now().Add(30 * time.Second)
	for {
		err := ready()
		if err == nil {
			return nil
		}
		select {
		case <-d.done:
			err = errors.New("it ended")
		case <-time.After(50 * time.Millisecond):
			if time.Now().Before(deadline) {
				continue
			}
		}
		log, _ := os.ReadFile(d.log)
		return fmt.Errorf("starting %s: %w; its log:\n%s", d.name, err, log)
	}
}

func (d *daemon) stop() {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		_ = d.cmd.Process.Signal(sig)
		select {
		case <-d.done:
			return
		case <-time.After(15 * time.Second):
		}
	}
}

func stopDaemons() {
	running.Lock()
	defer running.Unlock()
	for _, d := range slices.Backward(running.daemons) {
		d.stop()
	}
	running.daemons = nil
}

// freePort is a port that nobody listens on.
func freePort(t *testing.T) int {
	t.Helper()
	port, err := unusedPort()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func unusedPort() (int, error) {
	l, err := net.Listen("tcp", ":0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// startDockerd starts a docker daemon that does not touch the machine's network.
var startDockerd = sync.OnceValues(func() (socket string, err error) {
	dir := filepath.Join(suite.dir, "dockerd")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	socket = filepath.Join(dir, "sock")
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			return net.Dial("unix", socket)
		},
	}}
	_, err = startDaemon("dockerd", dir, func() error { return answers(&client, "http://docker/_ping") },
		"dockerd", "--iptables=false", "--bridge=none", "--data-root", filepath.Join(dir, "data"),
		"--exec-root", filepath.Join(dir, "exec"), "-H", "unix://"+socket, "--pidfile", filepath.Join(dir, "pid"))
	return socket, err
})

// startRegistry starts docker-registry; extra is appended to its configuration's
// section http, and auth is its section auth.
func startRegistry(name string, ready *http.Client, scheme, extra, auth string) (host string, err error) {
	dir := filepath.Join(suite.dir, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	port, err := unusedPort()
	if err != nil {
		return "", err
	}
	config := fmt.Sprintf(`version: 0.1
log: {level: warn, accesslog: {disabled: true}}
storage:
  filesystem: {rootdirectory: %s}
http:
  addr: 127.0.0.1:%d
%s%s`, filepath.Join(dir, "data"), port, extra, auth)
	file := filepath.Join(dir, "config.yml")
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		return "", err
	}
	host = "localhost:" + strconv.Itoa(port)
	_, err = startDaemon(name, dir, func() error { return answers(ready, scheme+"://"+host+"/v2/") },
		"docker-registry", "serve", file)
	return host, err
}

func answers(client *http.Client, url string) error {
	resp, err := client.Get(url)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode >= 500 {
		return errors.New(resp.Status)
	}
	return nil
}

// plainRegistry is the host of a registry without TLS that takes whatever comes.
func plainRegistry(t *testing.T) string {
	t.Helper()
	host, err := startPlainRegistry()
	if err != nil {
		t.Fatal(err)
	}
	return host
}

var startPlainRegistry = sync.OnceValues(func() (string, error) {
	return startRegistry("registry", http.DefaultClient, "http", "", "")
})
