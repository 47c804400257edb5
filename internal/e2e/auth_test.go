//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const (
	user     = "gopher"
	password = "correct horse: battery/staple"
)

// guarded is a registry with TLS by a private CA and basic authentication.
type guarded struct {
	host string
	ca   string // file
}

var startGuarded = sync.OnceValues(func() (guarded, error) {
	ca, err := makeAuthority()
	if err != nil {
		return guarded{}, err
	}
	cert, key, err := ca.leafPEM()
	if err != nil {
		return guarded{}, err
	}
	users, err := exec.Command("htpasswd", "-B", "-b", "-n", "-C", "5", user, password).Output()
	if err != nil {
		return guarded{}, fmt.Errorf("htpasswd: %w", err)
	}
	dir := filepath.Join(suite.dir, "guarded-files")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return guarded{}, err
	}
	for name, content := range map[string]string{"ca.pem": ca.pem(), "cert.pem": cert, "key.pem": key, "users": string(users)} {
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644))
	}
	if err != nil {
		return guarded{}, err
	}
	tls := fmt.Sprintf("  tls: {certificate: %s, key: %s}\n", filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"))
	auth := fmt.Sprintf("auth:\n  htpasswd: {realm: e2e, path: %s}\n", filepath.Join(dir, "users"))
	host, err := startRegistry("guarded", ca.client(), "https", tls, auth)
	return guarded{host: host, ca: filepath.Join(dir, "ca.pem")}, err
})

// guardedRegistry returns the registry and a sandbox that trusts its CA and knows
// no credentials.
func guardedRegistry(t *testing.T) (guarded, *sandbox) {
	t.Helper()
	g, err := startGuarded()
	if err != nil {
		t.Fatal(err)
	}
	s := newSandbox(t)
	s.vars["SSL_CERT_FILE"] = g.ca
	s.vars["XDG_RUNTIME_DIR"] = s.path("runtime")
	if err := os.Mkdir(s.path("runtime"), 0o700); err != nil {
		t.Fatal(err)
	}
	s.module("server", "mod")
	return g, s
}

// pushes checks that a push works, and that what is pushed is there.
func (g guarded) pushes(s *sandbox, repo string) {
	s.t.Helper()
	ref := g.host + "/" + repo
	want := digest(s.t, s.imgo("push", "-C", "mod", "./cmd/server", "-t", ref))
	out := s.run("skopeo", "inspect", "--tls-verify=false", "--creds", user+":"+password, "docker://"+ref)
	if !strings.Contains(out, want) {
		s.t.Errorf("%s is not at %s:\n%s", ref, want, out)
	}
}

func TestLogin(t *testing.T) {
	g, s := guardedRegistry(t)
	push := []string{"push", "-C", "mod", "./cmd/server", "-t", g.host + "/login/server"}

	s.imgoFails(push, "hint: ", "imgo login "+g.host)

	config := filepath.Join(s.home, ".docker", "config.json")
	r := s.tryWith(nil, "wrong\n", suite.imgo, "login", g.host, "-u", user, "--password-stdin")
	checkFailure(t, r, "hint: ")
	if _, err := os.Stat(config); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("wrong credentials were stored (%v)", err)
	}

	r = s.tryWith(nil, password+"\n", suite.imgo, "login", g.host, "-u", user, "--password-stdin")
	if r.code != 0 {
		t.Fatalf("imgo login failed:\n%s", r)
	}
	if strings.Contains(r.stdout+r.stderr, password) {
		t.Errorf("the password is in the output:\n%s", r)
	}
	if info, err := os.Stat(config); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the credentials lie in %s with %v (%v), want mode 0600", config, info.Mode(), err)
	}
	g.pushes(s, "login/server")

	// What imgo stored serves the others as well.
	s.run("skopeo", "inspect", "--tls-verify=false", "docker://"+g.host+"/login/server")
}

// Credentials that docker and podman's tools wrote.
func TestForeignCredentials(t *testing.T) {
	for _, c := range []struct {
		name  string
		login func(g guarded, s *sandbox) []string
	}{
		{"podman with a file", func(g guarded, s *sandbox) []string {
			s.vars["REGISTRY_AUTH_FILE"] = s.path("auth.json")
			return []string{"podman", "login", "--tls-verify=false", "--authfile", s.path("auth.json")}
		}},
		{"podman", func(g guarded, s *sandbox) []string {
			return []string{"podman", "login", "--tls-verify=false"}
		}},
		{"skopeo", func(g guarded, s *sandbox) []string {
			return []string{"skopeo", "login", "--tls-verify=false"}
		}},
		{"docker", func(g guarded, s *sandbox) []string {
			return []string{"/usr/bin/docker", "login"}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, s := guardedRegistry(t)
			argv := append(c.login(g, s), "-u", user, "--password-stdin", g.host)
			env := podman(t).env
			if strings.HasSuffix(argv[0], "docker") {
				env = docker(t).env
			}
			if r := s.tryWith(env, password, argv[0], argv[1:]...); r.code != 0 {
				t.Fatalf("%s failed:\n%s", c.name, r)
			}
			g.pushes(s, "foreign/"+strings.ReplaceAll(c.name, " ", "-"))
		})
	}
}

// A credential helper, a program that docker's configuration names.
func TestCredentialHelper(t *testing.T) {
	g, s := guardedRegistry(t)
	s.write(s.path("bin/docker-credential-e2e"), fmt.Sprintf(`#!/bin/sh
[ "$1" = get ] || exit 1
read -r server
echo "$server" >>%s
echo '{"ServerURL": "'"$server"'", "Username": "%s", "Secret": "%s"}'
`, s.path("asked"), user, password), 0o755)
	s.vars["PATH"] = s.path("bin") + ":" + os.Getenv("PATH")
	s.write(filepath.Join(s.home, ".docker/config.json"), fmt.Sprintf(`{"credHelpers": {%q: "e2e"}}`, g.host), 0o600)
	g.pushes(s, "helper/server")
	if asked, err := os.ReadFile(s.path("asked")); err != nil || string(asked) != g.host+"\n" {
		t.Errorf("the helper was asked for %q (%v), want %s once", asked, err, g.host)
	}

	s.write(filepath.Join(s.home, ".docker/config.json"), fmt.Sprintf(`{"credHelpers": {%q: "missing"}}`, g.host), 0o600)
	s.imgoFails([]string{"push", "-C", "mod", "./cmd/server", "-t", g.host + "/helper/missing"}, "docker-credential-missing", "hint: ")
}

func TestUnknownAuthority(t *testing.T) {
	g, s := guardedRegistry(t)
	delete(s.vars, "SSL_CERT_FILE")
	push := []string{"push", "-C", "mod", "./cmd/server", "-t", g.host + "/unknown/server"}
	s.imgoFails(push, "certificate", "hint: ", "--registry-ca")

	r := s.tryWith(nil, password, suite.imgo, "login", g.host, "-u", user, "--password-stdin")
	checkFailure(t, r, "certificate", "--registry-ca")
	if _, err := os.Stat(filepath.Join(s.home, ".docker", "config.json")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("credentials were stored (%v)", err)
	}
}

// An account that may log in and not write there.
func TestDenied(t *testing.T) {
	s := newSandbox(t)
	s.module("server", "mod")
	ca := newAuthority(t)
	s.vars["SSL_CERT_FILE"] = s.write(s.path("ca.pem"), ca.pem(), 0o644)
	url := ca.serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch name, secret, _ := r.BasicAuth(); {
		case name != user || secret != password:
			w.Header().Set("WWW-Authenticate", `Basic realm="e2e"`)
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path != "/v2/":
			http.Error(w, `{"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}`, http.StatusForbidden)
		}
	}))
	host := strings.TrimPrefix(url, "https://")
	if r := s.tryWith(nil, password, suite.imgo, "login", host, "-u", user, "--password-stdin"); r.code != 0 {
		t.Fatalf("imgo login failed:\n%s", r)
	}
	s.imgoFails([]string{"push", "-C", "mod", "./cmd/server", "-t", host + "/a/b"}, host+"/a/b", "403", "hint: check that the account may write")
}
