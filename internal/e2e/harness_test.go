//go:build e2e

package e2e

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// suite is what all tests share. Everything that they write lies below dir.
var suite struct {
	dir     string
	imgo    string   // a copy of IMGO_E2E_BIN that every user can run
	tools   string   // where tools.sh puts what it builds
	modules string   // testdata/mod
	env     []string // of the go command and of those that find their way around
}

func TestMain(m *testing.M) {
	if err := prepare(); err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		os.Exit(1)
	}
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-interrupted
		ending.Store(true)
		removeContainers()
		_ = tearDown()
		os.Exit(130)
	}()
	code := m.Run()
	if err := tearDown(); err != nil {
		fmt.Fprintln(os.Stderr, "e2e: cleaning up:", err)
		code = 1
	}
	os.Exit(code)
}

// components are the programs that setup.sh installs.
var components = []string{
	"docker-registry", "htpasswd", "dockerd", "containerd", "/usr/bin/docker", "podman", "conmon",
	"runc", "skopeo", "umoci", "busybox", "git", "dpkg-query",
}

func prepare() error {
	bin := os.Getenv("IMGO_E2E_BIN")
	if bin == "" {
		return errors.New("IMGO_E2E_BIN must name the imgo to test: run make e2e")
	}
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		return errors.New("these tests run containers and mount file systems: they need Linux and root")
	}
	var err error
	if suite.tools, err = filepath.Abs(cmp.Or(os.Getenv("IMGO_E2E_TOOLS"), "../../bin")); err != nil {
		return err
	}
	needed := append([]string{"go"}, components...)
	for _, c := range cosigns {
		needed = append(needed, c.path())
	}
	for _, c := range needed {
		if _, err := exec.LookPath(c); err != nil {
			return fmt.Errorf("%w: run internal/e2e/setup.sh", err)
		}
	}
	dir, err := os.MkdirTemp("", "imgo-e2e-")
	if err != nil {
		return err
	}
	suite.dir = dir
	// One of the tests builds as another user.
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	suite.imgo = filepath.Join(dir, "bin", "imgo")
	if err := copyFile(suite.imgo, bin, 0o755); err != nil {
		return fmt.Errorf("IMGO_E2E_BIN: %w", err)
	}
	sigstore := filepath.Join(filepath.Dir(bin), "imgo-sigstore")
	if err := copyFile(filepath.Join(dir, "bin", "imgo-sigstore"), sigstore, 0o755); err != nil {
		return fmt.Errorf("beside IMGO_E2E_BIN: %w", err)
	}
	if suite.modules, err = filepath.Abs("../../testdata/mod"); err != nil {
		return err
	}
	return prepareEnv()
}

// prepareEnv makes the environment that sandboxes add to. Of the machine's own only
// what leads to Go modules is taken, and the caches that make compiling quick.
func prepareEnv() error {
	suite.env = []string{"GOENV=off", "GOFLAGS=", "GOTOOLCHAIN=local", "LC_ALL=C.UTF-8"}
	for _, key := range []string{
		"PATH", "GOPROXY", "GOSUMDB", "GONOSUMDB", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
		"http_proxy", "https_proxy", "no_proxy",
	} {
		if v, ok := os.LookupEnv(key); ok {
			suite.env = append(suite.env, key+"="+v)
		}
	}
	for _, key := range []string{"GOCACHE", "GOMODCACHE"} {
		out, err := exec.Command("go", "env", key).Output()
		if err != nil {
			return fmt.Errorf("go env: %w", err)
		}
		suite.env = append(suite.env, key+"="+strings.TrimSpace(string(out)))
	}
	return nil
}

// ending is set when the tests were interrupted: no command begins any more.
var ending atomic.Bool

// removeContainers removes the containers of tests that could not do it. Those of
// docker end with its daemon.
func removeContainers() {
	time.Sleep(time.Second) // for what was just starting one
	if dir := podmanDir(); exists(dir) {
		cmd := exec.Command("podman", "rm", "--force", "--all")
		cmd.Env = append(os.Environ(), podmanEnv(dir)...)
		_ = cmd.Run()
	}
	bundles, _ := os.ReadDir(runcRoot())
	for _, b := range bundles {
		_ = exec.Command("runc", "--root", runcRoot(), "delete", "--force", b.Name()).Run()
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// tearDown ends the daemons and removes all that the tests made.
func tearDown() error {
	stopDaemons()
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return err
	}
	lines := strings.Split(string(mounts), "\n")
	slices.Reverse(lines)
	for _, line := range lines {
		if f := strings.Fields(line); len(f) > 1 && strings.HasPrefix(f[1], suite.dir+"/") {
			_ = syscall.Unmount(f[1], syscall.MNT_DETACH)
		}
	}
	return os.RemoveAll(suite.dir)
}

func copyFile(to, from string, mode os.FileMode) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(to, data, mode); err != nil {
		return err
	}
	return os.Chmod(to, mode)
}
