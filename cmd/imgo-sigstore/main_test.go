package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/imgo-build/imgo/internal/attest/sigstore"
	"github.com/imgo-build/imgo/internal/attest/wire"
)

// TestMain is the program itself where the environment says so.
func TestMain(m *testing.M) {
	if os.Getenv("BE_IMGO_SIGSTORE") != "" {
		main()
	}
	os.Exit(m.Run())
}

// program is the program, and its standard error.
func program(t *testing.T, args ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Env = append(os.Environ(), "BE_IMGO_SIGSTORE=1")
	stderr := &bytes.Buffer{}
	cmd.Stderr = stderr
	return cmd, stderr
}

func exitCode(err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	if err != nil {
		return -1
	}
	return 0
}

func TestMisuse(t *testing.T) {
	for name, test := range map[string]struct {
		args  []string
		stdin string
	}{
		"arguments":    {args: []string{"--help"}},
		"no request":   {},
		"not JSON":     {stdin: "hello"},
		"not requests": {stdin: `{"version":"one"}`},
	} {
		t.Run(name, func(t *testing.T) {
			cmd, stderr := program(t, test.args...)
			cmd.Stdin = strings.NewReader(test.stdin)
			out, err := cmd.Output()
			if exitCode(err) != 2 || len(out) > 0 || !strings.Contains(stderr.String(), "imgo, which runs it") {
				t.Errorf("%v, %q, %q", err, out, stderr)
			}
		})
	}
}

func privateKey(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// The client and the program understand each other.
func TestClient(t *testing.T) {
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := dir + string(os.PathSeparator) + sigstore.Program
	if strings.HasSuffix(self, ".exe") {
		path += ".exe"
	}
	b, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o755); err != nil {
		t.Fatal(err)
	}
	c := sigstore.New(sigstore.Options{Path: dir, Env: append(os.Environ(), "BE_IMGO_SIGSTORE=1")})
	if _, err := c.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	statement, err := wire.SignatureStatement("sha256:" + strings.Repeat("0", 64))
	if err != nil {
		t.Fatal(err)
	}
	made, err := c.Sign(t.Context(), &wire.SignRequest{Signer: wire.Signer{Key: privateKey(t), NoLog: true}, Statements: [][]byte{statement}})
	if err != nil {
		t.Fatal(err)
	}
	seen, err := c.Verify(t.Context(), &wire.VerifyRequest{KeyPEM: made.Identity.PublicKeyPEM, IgnoreLog: true, Bundles: made.Bundles})
	if err != nil {
		t.Fatal(err)
	}
	if v := seen.Bundles[0]; !v.OK || string(v.Payload) != string(statement) {
		t.Errorf("got %+v", v)
	}
	_, err = c.Sign(t.Context(), &wire.SignRequest{Signer: wire.Signer{Key: "key", NoLog: true}})
	if e := (*wire.Error)(nil); !errors.As(err, &e) || e.Code != wire.CodeBadKey {
		t.Error(err)
	}
}

func TestOtherVersion(t *testing.T) {
	cmd, _ := program(t)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(in, `{"version":7,"sign":"something new"}`); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.Output()
	var resp wire.Response
	if err := errors.Join(err, json.Unmarshal(out, &resp)); err != nil {
		t.Fatal(err)
	}
	if resp.Version != wire.Version || resp.Error == nil || resp.Error.Code != wire.CodeVersion || !strings.Contains(resp.Error.Message, "version 7") {
		t.Errorf("got %s", out)
	}
}

// A program whose imgo was killed ends, though a service keeps it waiting.
func TestAbandoned(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	cmd, stderr := program(t)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	req := wire.Request{Version: wire.Version, Sign: &wire.SignRequest{
		Signer:     wire.Signer{Key: privateKey(t), RekorURL: "http://" + silent.Addr().String()},
		Statements: [][]byte{[]byte("{}")},
	}}
	if err := json.NewEncoder(in).Encode(req); err != nil {
		t.Fatal(err)
	}
	conn, err := silent.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = in.Close()
	if err := cmd.Wait(); exitCode(err) != 1 || !strings.Contains(stderr.String(), "interrupted") {
		t.Errorf("%v, %q", err, stderr)
	}
}
