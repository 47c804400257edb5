//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// engine is docker or podman: something that loads, pulls and runs images.
type engine struct {
	name string
	bin  string
	env  []string
	pull []string // the command that pulls from a registry without TLS
}

// engines starts and returns both.
func engines(t *testing.T) []engine { return []engine{docker(t), podman(t)} }

func docker(t *testing.T) engine {
	t.Helper()
	socket, err := startDockerd()
	if err != nil {
		t.Fatal(err)
	}
	return engine{
		name: "docker",
		bin:  "/usr/bin/docker", // another one in PATH may speak too new a protocol
		env:  []string{"DOCKER_HOST=unix://" + socket},
		pull: []string{"pull", "-q"},
	}
}

func podman(t *testing.T) engine {
	t.Helper()
	dir, err := preparePodman()
	if err != nil {
		t.Fatal(err)
	}
	return engine{
		name: "podman",
		bin:  "podman",
		env:  podmanEnv(dir),
		pull: []string{"pull", "-q", "--tls-verify=false"},
	}
}

func podmanDir() string { return filepath.Join(suite.dir, "podman") }

func podmanEnv(dir string) []string {
	return []string{
		"CONTAINERS_CONF=" + filepath.Join(dir, "containers.conf"),
		"CONTAINERS_STORAGE_CONF=" + filepath.Join(dir, "storage.conf"),
	}
}

// preparePodman gives podman a place of its own. It needs no daemon.
var preparePodman = sync.OnceValues(func() (string, error) {
	dir := podmanDir()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	driver := "vfs"
	if overlays(dir) {
		driver = "overlay"
	}
	storage := fmt.Sprintf("[storage]\ndriver = %q\ngraphroot = %q\nrunroot = %q\n",
		driver, filepath.Join(dir, "root"), filepath.Join(dir, "run"))
	// Raising limits needs more rights than a container of our own may have.
	containers := fmt.Sprintf(`[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "none"
lock_type = "file"
tmp_dir = %q
`, filepath.Join(dir, "tmp"))
	err := os.WriteFile(filepath.Join(dir, "storage.conf"), []byte(storage), 0o644)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "containers.conf"), []byte(containers), 0o644)
	}
	return dir, err
})

// overlays reports whether directories below dir can be laid over one another: not in
// a container whose own root is such a file system. Without that, every layer of an
// image is a copy of all below it, which takes podman seconds.
func overlays(dir string) bool {
	at := func(name string) string { return filepath.Join(dir, "overlay-"+name) }
	for _, name := range []string{"lower", "upper", "work", "merged"} {
		if os.Mkdir(at(name), 0o755) != nil {
			return false
		}
	}
	options := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", at("lower"), at("upper"), at("work"))
	return syscall.Mount("overlay", at("merged"), "overlay", 0, options) == nil && syscall.Unmount(at("merged"), 0) == nil
}

// try runs the engine's command in a sandbox.
func (e engine) try(s *sandbox, args ...string) result {
	s.t.Helper()
	return s.tryWith(e.env, "", e.bin, args...)
}

// run runs the engine's command, which must succeed.
func (e engine) run(s *sandbox, args ...string) string {
	s.t.Helper()
	r := e.try(s, args...)
	if r.code != 0 {
		s.t.Fatalf("%s failed:\n%s", e.name, r)
	}
	return strings.TrimSpace(r.stdout)
}

// load loads a tarball and returns the names that the engine reports. The images go
// away with the test.
func (e engine) load(s *sandbox, tarball string) []string {
	s.t.Helper()
	var names []string
	for line := range strings.Lines(e.run(s, "load", "-i", tarball)) {
		if _, list, ok := strings.Cut(line, "Loaded image"); ok {
			_, list, _ = strings.Cut(list, ": ")
			for name := range strings.SplitSeq(strings.TrimSpace(list), ",") {
				names = append(names, strings.TrimSpace(name))
			}
		}
	}
	if len(names) == 0 {
		s.t.Fatalf("%s names no image that it loaded from %s", e.name, tarball)
	}
	e.forget(s, names...)
	slices.Sort(names)
	return names
}

// forget removes images when the test is over.
func (e engine) forget(s *sandbox, names ...string) {
	s.t.Cleanup(func() { e.try(s, append([]string{"rmi", "-f"}, names...)...) })
}

// container is a running container with a web server.
type container struct {
	t    *testing.T
	name string // of what runs it
	url  string // without a slash at the end
	logs func() string
	kill func()
	once sync.Once
}

// start runs an image with options on the machine's network, with PORT in its
// environment, and waits for its web server to answer.
func (e engine) start(s *sandbox, image string, options ...string) *container {
	s.t.Helper()
	port := freePort(s.t)
	args := slices.Concat([]string{"run", "-d", "--network=host", "-e", fmt.Sprintf("PORT=%d", port)}, options, []string{image})
	id := e.run(s, args...)
	c := &container{
		t: s.t, name: e.name, url: fmt.Sprintf("http://127.0.0.1:%d", port),
		logs: func() string { return e.try(s, "logs", id).String() },
		kill: func() { e.try(s, "rm", "-f", id) },
	}
	s.t.Cleanup(c.stop)
	c.await("/healthz")
	return c
}

// detach runs an image without a network and returns the container's ID. Commands are
// run in it by [engine.exec]; it goes away with the test.
func (e engine) detach(s *sandbox, image string, options ...string) string {
	s.t.Helper()
	id := e.run(s, slices.Concat([]string{"run", "-d", "--network=none"}, options, []string{image})...)
	s.t.Cleanup(func() { e.try(s, "rm", "-f", "-v", id) })
	return id
}

// exec runs a command in a container, as its user, and returns its output.
func (e engine) exec(s *sandbox, id string, command ...string) string {
	s.t.Helper()
	return e.run(s, append([]string{"exec", id}, command...)...)
}

// health makes sure that a container's health check was run, and returns its result.
// Without systemd podman has no clock for it.
func (e engine) health(s *sandbox, id string) string {
	s.t.Helper()
	if e.name == "podman" {
		e.try(s, "healthcheck", "run", id)
	}
	return e.run(s, "inspect", "--format", "{{.State.Health.Status}}", id)
}

// stop ends the container, which the end of the test does too.
func (c *container) stop() { c.once.Do(c.kill) }

func (c *container) await(path string) {
	c.t.Helper()
	err := await(10*time.Second, func() error {
		_, err := fetch(c.url + path)
		return err
	})
	if err != nil {
		c.t.Fatalf("%s: the container does not answer: %v\n%s", c.name, err, c.logs())
	}
}

// get returns what the server answers, which must be a success.
func (c *container) get(path string) string {
	c.t.Helper()
	body, err := fetch(c.url + path)
	if err != nil {
		c.t.Fatalf("%s: GET %s: %v\n%s", c.name, path, err, c.logs())
	}
	return body
}

// await repeats f until it succeeds, for at most a time.
func await(most time.Duration, f func() error) error {
	deadline := time.Now().Add(most)
	for {
		err := f()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// direct is a client that keeps no connection, so that none goes to a server of the
// same port that is gone.
var direct = &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

// fetch returns the body of a successful answer without white space around it.
func fetch(url string) (string, error) {
	resp, err := direct.Get(url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, body)
	}
	return strings.TrimSpace(string(body)), err
}
