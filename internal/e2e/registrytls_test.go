//go:build e2e

package e2e

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// secured is a registry with TLS by a private CA, with the files that its users have.
type secured struct {
	host      string
	ca        string // file
	cert, key string // files of a client certificate; empty where none is asked for
}

// startSecured starts a registry of an authority's. A mutual one speaks only to clients
// that the authority vouches for.
func startSecured(t *testing.T, name string, mutual bool) secured {
	t.Helper()
	authority := newAuthority(t)
	dir := filepath.Join(suite.dir, name+"-files")
	put := func(file, content string) string {
		path := filepath.Join(dir, file)
		if err := errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	cert, key, err := authority.leafPEM()
	if err != nil {
		t.Fatal(err)
	}
	r := secured{ca: put("ca.pem", authority.pem())}
	settings := fmt.Sprintf("  tls: {certificate: %s, key: %s}\n", put("server.pem", cert), put("server.key", key))
	ready := authority.client()
	if mutual {
		settings = strings.Replace(settings, "}", ", clientcas: ["+r.ca+"]}", 1)
		if cert, key, err = authority.clientPEM(); err != nil {
			t.Fatal(err)
		}
		r.cert, r.key = put("client.pem", cert), put("client.key", key)
		pair, err := tls.LoadX509KeyPair(r.cert, r.key)
		if err != nil {
			t.Fatal(err)
		}
		ready.Transport.(*http.Transport).TLSClientConfig.Certificates = []tls.Certificate{pair}
	}
	if r.host, err = startRegistry(name, ready, "https", settings, ""); err != nil {
		t.Fatal(err)
	}
	return r
}

// put lays the registry's files where imgo, podman and skopeo look for them.
func (r secured) put(s *sandbox) {
	s.t.Helper()
	s.vars["XDG_CONFIG_HOME"] = filepath.Join(s.home, ".config")
	dir := filepath.Join(s.vars["XDG_CONFIG_HOME"], "containers/certs.d", r.host)
	for name, file := range map[string]string{"ca.crt": r.ca, "client.cert": r.cert, "client.key": r.key} {
		if file == "" {
			continue
		}
		if err := copyFile(filepath.Join(dir, name), file, 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
}

// The CA of a registry by a flag, by the variable of the same name, and by the
// directory that podman has for it.
func TestRegistryCA(t *testing.T) {
	r := startSecured(t, "secured", false)
	s := newSandbox(t)
	s.module("server", "mod")
	push := func(name string) []string {
		return []string{"push", "-C", "mod", "./cmd/server", "-t", r.host + "/ca/" + name + ":v1"}
	}
	s.imgoFails(push("none"), "certificate", "hint: ", "--registry-ca")

	line := s.imgo(append(push("flag"), "--registry-ca", r.host+"="+r.ca)...)
	if got := s.imgo(append(push("host"), "--registry-ca", "localhost="+r.ca)...); digest(t, got) != digest(t, line) {
		t.Errorf("without the port: %s, want %s", got, line)
	}
	s.vars["IMGO_REGISTRY_CA"] = r.host + "=" + r.ca
	s.imgo(push("variable")...)
	out := s.imgo("inspect", r.host+"/ca/variable:v1")
	if !strings.Contains(out, digest(t, line)) {
		t.Errorf("imgo inspect lacks %s:\n%s", line, out)
	}
	delete(s.vars, "IMGO_REGISTRY_CA")
	s.imgoFails(push("none"), "certificate")

	r.put(s)
	s.imgo(push("directory")...)
	checkOthers(s, r.host+"/ca/directory:v1", digest(t, line))
}

// checkOthers lets podman and skopeo read an image by the same directory.
func checkOthers(s *sandbox, ref, digest string) {
	s.t.Helper()
	if out := s.run("skopeo", "--insecure-policy", "inspect", "docker://"+ref); !strings.Contains(out, digest) {
		s.t.Errorf("skopeo does not find %s:\n%s", digest, out)
	}
	p := podman(s.t)
	p.run(s, "pull", "-q", ref)
	p.forget(s, ref)
}

// A registry that asks its clients for a certificate.
func TestClientCertificate(t *testing.T) {
	r := startSecured(t, "mutual", true)
	s := newSandbox(t)
	s.module("server", "mod")
	ca := []string{"--registry-ca", r.host + "=" + r.ca}
	push := func(name string, flags ...string) []string {
		return append([]string{"push", "-C", "mod", "./cmd/server", "-t", r.host + "/client/" + name + ":v1"}, flags...)
	}
	refused(s, push("none", ca...))

	stranger := newAuthority(t)
	cert, key, err := stranger.clientPEM()
	if err != nil {
		t.Fatal(err)
	}
	wrong := s.write(s.path("wrong.pem"), cert, 0o644) + "," + s.write(s.path("wrong.key"), key, 0o600)
	refused(s, push("wrong", append(ca, "--registry-cert", r.host+"="+wrong)...))
	refused(s, push("other", append(ca, "--registry-cert", "r.example="+r.cert+","+r.key)...))

	line := s.imgo(push("flags", append(ca, "--registry-cert", r.host+"="+r.cert+","+r.key)...)...)
	r.put(s)
	s.imgo(push("directory")...)
	checkOthers(s, r.host+"/client/directory:v1", digest(t, line))
	if out := s.imgo("inspect", r.host+"/client/directory:v1"); !strings.Contains(out, digest(t, line)) {
		t.Errorf("imgo inspect lacks %s:\n%s", line, out)
	}
	testSecuredMirror(s, r)
}

// refused runs imgo, which must fail and say that a client certificate is wanted. With
// TLS 1.3 a registry looks at that only when imgo's first request is on its way. It then
// closes the connection, and what it says about the certificate may be lost: so there
// are several attempts, each of which has to fail.
func refused(s *sandbox, args []string) {
	s.t.Helper()
	var r result
	for range 5 {
		if r = s.try(suite.imgo, args...); r.code != 1 || r.stdout != "" || strings.Contains(r.stderr, "client certificate") {
			break
		}
	}
	checkFailure(s.t, r, "client certificate", "hint: ", "--registry-cert")
}

// testSecuredMirror takes a base from a mirror with a client certificate, and from the
// registry itself where the mirror is gone or lacks it.
func testSecuredMirror(s *sandbox, r secured) {
	s.t.Helper()
	base := publishAlpine(s, plainRegistry(s.t)+"/behind/alpine:1")
	// The client certificate that skopeo sends is that of the directory.
	s.run("skopeo", "--insecure-policy", "copy", "--all", "--src-tls-verify=false", "docker://"+base, "docker://"+r.host+"/mirror/acme/alpine:1")
	build := []string{"build", "-C", "mod", "./cmd/server", "-o", s.path("server.tar"), "--base"}

	line := s.imgo(append(build, "r.example/acme/alpine:1", "--registry-mirror", "r.example="+r.host+"/mirror")...)
	if out := s.imgo("inspect", s.path("server.tar")); !strings.Contains(out, "r.example/acme/alpine:1") {
		s.t.Errorf("the base is not called by its own name:\n%s", out)
	}
	s.imgoFails(append(build, "r.example/acme/missing:1", "--registry-mirror", "r.example="+r.host+"/mirror"), "r.example", "hint: ")

	host, _, _ := strings.Cut(base, "/")
	direct := s.imgo(append(build, base)...)
	for _, mirror := range []string{r.host + "/elsewhere", fmt.Sprintf("localhost:%d", freePort(s.t))} {
		if got := s.imgo(append(build, base, "--registry-mirror", host+"="+mirror)...); got != direct || got == line {
			s.t.Errorf("with the mirror %s: %s, want %s", mirror, got, direct)
		}
	}
}
