//go:build e2e

package e2e

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What a program finds on the default base: CA roots that can be replaced, time
// zones, a place for files; and that it needs neither a writable root file system
// nor any capability.
func TestInsideScratch(t *testing.T) {
	s := newSandbox(t)
	s.module("server", "mod")
	tarball := s.path("server.tar")
	s.imgo("build", "-C", "mod", "./cmd/server", "-o", tarball)
	ca := newAuthority(t)
	secure := ca.serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	caFile := s.write(s.path("ca.pem"), ca.pem(), 0o644)

	for _, e := range engines(t) {
		t.Run(e.name, func(t *testing.T) {
			s := s.in(t)
			e.load(s, tarball)
			locked := []string{"--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"}
			c := e.start(s, "imgo.local/server",
				append(locked, "-v", caFile+":/etc/ssl/certs/ca-certificates.crt:ro")...)
			checkServer(t, c)
			if got := c.get("/fetch?url=" + url.QueryEscape(secure)); got != "200 OK" {
				t.Errorf("HTTPS by the mounted CA: %q, want 200 OK", got)
			}
			c.stop()

			// Without mounting anything: /tmp is the image's own, and the private CA is
			// unknown to its roots, which are really asked.
			c = e.start(s, "imgo.local/server")
			checkServer(t, c)
			_, err := fetch(c.url + "/fetch?url=" + url.QueryEscape(secure))
			if err == nil || !strings.Contains(err.Error(), "certificate signed by unknown authority") {
				t.Errorf("HTTPS without the CA: %v, want an unknown authority", err)
			}
			r := e.try(s, "run", "--rm", "--network=host", "--entrypoint", "/bin/sh", "imgo.local/server", "-c", "echo there is a shell")
			if r.code == 0 || strings.Contains(r.stdout, "shell") {
				t.Errorf("there is a shell in the image:\n%s", r)
			}
		})
	}
}

// checkServer checks what the sample server needs of any base.
func checkServer(t *testing.T, c *container) {
	t.Helper()
	if got := c.get("/whoami"); got != "65534:65534 /" {
		t.Errorf("it runs as %q, want 65534:65534 in /", got)
	}
	if got := c.get("/tz"); !strings.HasSuffix(got, " -0500") && !strings.HasSuffix(got, " -0400") {
		t.Errorf("the time in New York is %q, want an American offset", got)
	}
	if got := c.get("/tmp"); !strings.HasPrefix(got, "wrote /tmp/") {
		t.Errorf("writing to /tmp: %q", got)
	}
}

// umoci and runc alone: unpacked as a file system, run with everything closed that
// can be closed.
func TestBundle(t *testing.T) {
	s := newSandbox(t)
	s.module("server", "mod")
	s.imgo("build", "-C", "mod", "./cmd/server", "-o", "oci:"+s.path("layout"), "-t", "example.com/server:v1")
	s.run("umoci", "unpack", "--image", s.path("layout")+":example.com/server:v1", s.path("bundle"))

	var got []string
	for _, f := range files(t, s.path("bundle/rootfs")) {
		if !strings.HasPrefix(f, "usr/share/zoneinfo/") {
			got = append(got, f)
		}
	}
	want := []string{
		"app/", "app/server", "etc/", "etc/group", "etc/nsswitch.conf", "etc/passwd", "etc/ssl/",
		"etc/ssl/certs/", "etc/ssl/certs/ca-certificates.crt", "tmp/", "usr/", "usr/share/",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files in the image, time zones aside (-want +got):\n%s", diff)
	}
	c := runBundle(s, s.path("bundle"))
	checkServer(t, c)
}

// The sample module's second command, and several commands in one layout.
func TestSeveralCommands(t *testing.T) {
	s := newSandbox(t)
	s.module("server", "mod")
	lines := strings.Split(s.imgo("build", "-C", "mod", "./...", "-o", s.dir), "\n")
	if len(lines) != 2 || !strings.HasPrefix(lines[0], "imgo.local/migrate@") || !strings.HasPrefix(lines[1], "imgo.local/server@") {
		t.Fatalf("standard output is %q, want migrate and server", lines)
	}
	e := podman(t)
	e.load(s, s.path("migrate.tar"))
	out := e.run(s, "run", "--rm", "--network=host", "imgo.local/migrate", "up", "--now")
	if diff := cmp.Diff([]string{"up", "--now"}, strings.Fields(out)); diff != "" {
		t.Errorf("arguments that reach the program (-want +got):\n%s", diff)
	}
	layout := "oci:" + s.path("layout")
	again := strings.Split(s.imgo("build", "-C", "mod", "./...", "-o", layout), "\n")
	if !slices.Equal(lines, again) {
		t.Errorf("the layout got %q, the tarballs %q", again, lines)
	}
	e.load(s, s.path("server.tar"))
	e.start(s, "imgo.local/server")
}
