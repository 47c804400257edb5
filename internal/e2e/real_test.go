//go:build e2e

package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// program is a service that others wrote, from the module proxy.
type program struct {
	module  string // with version
	command string // directory in the module
	files   map[string]string
	args    func(port int) []string
	check   func(port int) error
}

var natsServer = program{
	module:  "github.com/nats-io/nats-server/v2@v2.15.2",
	command: ".",
	args: func(port int) []string {
		return []string{"-a", "127.0.0.1", "-p", fmt.Sprint(port)}
	},
	check: natsGreets,
}

// TestRealProgram builds and runs a service that compiles soon. Larger ones are in
// the file with the build tag real.
func TestRealProgram(t *testing.T) { natsServer.test(t) }

// test builds the program and runs it. Its module is in mod of the sandbox.
func (p program) test(t *testing.T) *sandbox {
	s := newSandbox(t)
	s.timeout = 20 * time.Minute
	s.fetchModule(p.module, "mod")
	for name, content := range p.files {
		s.write(s.path("files", name), content, 0o644)
	}
	tarball := s.path("program.tar")
	begin := time.Now()
	line := s.imgo("build", "-C", "mod", p.command, "-o", tarball, "-t", "example.com/real/program:v1")
	cold := time.Since(begin)
	begin = time.Now()
	if again := s.imgo("build", "-C", "mod", p.command, "-o", tarball, "-t", "example.com/real/program:v1"); again != line {
		t.Errorf("built again: %s, want %s", again, line)
	}
	info, err := os.Stat(tarball)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %d MB, first build %.1fs, unchanged %.2fs", p.module, info.Size()/1e6, cold.Seconds(), time.Since(begin).Seconds())

	for _, e := range engines(t) {
		e.load(s, tarball)
		port := freePort(t)
		args := []string{"run", "-d", "--network=host", "--read-only", "--tmpfs", "/tmp"}
		if len(p.files) > 0 {
			args = append(args, "-v", s.path("files")+":/files:ro")
		}
		args = append(append(args, "example.com/real/program:v1"), p.args(port)...)
		id := e.run(s, args...)
		if err := await(20*time.Second, func() error { return p.check(port) }); err != nil {
			t.Errorf("%s in %s: %v\n%s", p.module, e.name, err, e.try(s, "logs", id))
		}
		e.try(s, "rm", "-f", id)
	}
	return s
}

// fetchModule copies a module from the proxy into the sandbox, writable.
func (s *sandbox) fetchModule(module, to string) {
	s.t.Helper()
	var info struct{ Dir string }
	if err := json.Unmarshal([]byte(s.run("go", "mod", "download", "-json", module)), &info); err != nil {
		s.t.Fatal(err)
	}
	if err := os.CopyFS(s.path(to), os.DirFS(info.Dir)); err != nil {
		s.t.Fatal(err)
	}
	s.run("chmod", "-R", "u+w", s.path(to))
}

// natsGreets checks that a NATS server says who it is, as it does to every client.
func natsGreets(port int) error {
	conn, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", port), time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err == nil && !strings.HasPrefix(line, "INFO {") {
		err = fmt.Errorf("it says %q", line)
	}
	return err
}
