//go:build e2e

package e2e

import (
	"strings"
	"testing"
)

// Layers of zstd are pulled, loaded and run by what reads zstd; a docker that doesn't is
// told from the others by the hint.
func TestZstd(t *testing.T) {
	s := newSandbox(t)
	s.module("server", "mod")
	repo := plainRegistry(t) + "/zstd/server"
	ref := repo + ":v1"
	want := digest(t, s.imgo("push", "-C", "mod", "./cmd/server", "--compression", "zstd", "-t", ref))
	if raw := string(skopeoRaw(s, "docker://"+ref)); !strings.Contains(raw, "application/vnd.oci.image.layer.v1.tar+zstd") {
		t.Errorf("the manifest has no layer of zstd:\n%s", raw)
	}
	skopeo(s, "copy", "docker://"+ref, "oci:"+s.path("layout"))
	if got := rawDigest(s, "oci:"+s.path("layout")); got != want {
		t.Errorf("skopeo copied %s, imgo printed %s", got, want)
	}
	p := podman(t)
	p.run(s, append(p.pull, ref)...)
	p.forget(s, ref)
	checkServer(t, p.start(s, ref))

	s.imgo("build", "-C", "mod", "./cmd/server", "--compression", "zstd", "-o", s.path("server.tar"), "-t", "example.com/zstd/tarball:v1")
	p.forget(s, p.load(s, s.path("server.tar"))...)
	checkServer(t, p.start(s, "example.com/zstd/tarball:v1"))

	d := docker(t)
	r := s.tryWith(d.env, "", suite.imgo, "build", "-C", "mod", "./cmd/server", "--compression", "zstd", "--load", "docker", "-t", "example.com/zstd/docker:v1")
	if r.code == 0 {
		d.forget(s, "example.com/zstd/docker:v1")
		checkServer(t, d.start(s, "example.com/zstd/docker:v1"))
	} else if !strings.Contains(r.stderr, "--compression gzip") {
		t.Errorf("this docker can't read zstd, and the hint doesn't say what to do:\n%s", r)
	}
}
