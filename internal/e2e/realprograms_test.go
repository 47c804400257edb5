//go:build e2e && real

package e2e

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

var caddy = program{
	module:  "github.com/caddyserver/caddy/v2@v2.11.9",
	command: "./cmd/caddy",
	args: func(port int) []string {
		return []string{"respond", "--listen", fmt.Sprintf("127.0.0.1:%d", port), "hello from caddy"}
	},
	check: func(port int) error {
		got, err := fetch(fmt.Sprintf("http://127.0.0.1:%d/", port))
		if err == nil && got != "hello from caddy" {
			err = fmt.Errorf("it answers %q", got)
		}
		return err
	},
}

var coreDNS = program{
	module:  "github.com/coredns/coredns@v1.15.0",
	command: ".",
	files:   map[string]string{"Corefile": ". {\n\tbind 127.0.0.1\n\twhoami\n}\n"},
	args: func(port int) []string {
		return []string{"-conf", "/files/Corefile", "-dns.port", fmt.Sprint(port)}
	},
	check: dnsAnswers,
}

// TestRealPrograms takes minutes with an empty build cache: make e2e-real.
func TestRealPrograms(t *testing.T) {
	for _, p := range []program{caddy, coreDNS} {
		name := strings.NewReplacer("/", "-", "@", "-").Replace(p.module)
		t.Run(name, func(t *testing.T) { p.vouch(p.test(t), plainRegistry(t)+"/real/"+name) })
	}
}

// vouch pushes the program with all that is told of it, and checks that imgo and cosign
// agree on it.
func (p program) vouch(s *sandbox, repo string) {
	s.t.Helper()
	s.vars["COSIGN_PASSWORD"] = "secret"
	s.write(s.path("empty-root.json"), emptyRoot, 0o644)
	private, public := cosigns[1].keyPair(s, "mine")
	begin := time.Now()
	image := s.imgo("push", "-C", "mod", p.command, "--key", private, "--no-tlog", "--sbom", "spdx,cyclonedx", "-t", repo+":v1")
	s.t.Logf("%s: pushed and signed in %.1fs", p.module, time.Since(begin).Seconds())
	imgoVerifies(s, public, image, 4)
	for _, c := range cosigns {
		c.accepts(s, public, image, "spdxjson", "cyclonedx", "slsaprovenance1")
	}
}

// dnsAnswers asks for the address of a name over UDP (RFC 1035, section 4) and
// checks that the answer belongs to the question and tells of no error.
func dnsAnswers(port int) error {
	conn, err := net.Dial("udp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Second))
	const id = 0x1234
	query := binary.BigEndian.AppendUint16(nil, id)
	query = append(query, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0) // recursion desired, one question
	query = append(query, "\x07example\x03com\x00\x00\x01\x00\x01"...)
	if _, err := conn.Write(query); err != nil {
		return err
	}
	answer := make([]byte, 512)
	n, err := conn.Read(answer)
	if err != nil {
		return err
	}
	if n < 12 || binary.BigEndian.Uint16(answer) != id || answer[2]&0x80 == 0 {
		return fmt.Errorf("%x is no answer to the question", answer[:n])
	}
	if code := answer[3] & 0x0f; code != 0 {
		return fmt.Errorf("the answer has the error code %d", code)
	}
	// whoami puts the client's address into the additional section.
	if binary.BigEndian.Uint16(answer[10:]) == 0 {
		return errors.New("the answer says nothing")
	}
	return nil
}
