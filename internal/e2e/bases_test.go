//go:build e2e

package e2e

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// manifestFor finds an image's digest in an index, read with skopeo.
func manifestFor(s *sandbox, source, arch string) string {
	s.t.Helper()
	for _, d := range indexOf(s, source).Manifests {
		if d.Platform != nil && d.Platform.Architecture == arch {
			return d.Digest.String()
		}
	}
	s.t.Fatalf("%s has no image for %s", source, arch)
	return ""
}

func indexOf(s *sandbox, source string) v1.IndexManifest {
	s.t.Helper()
	var m v1.IndexManifest
	if err := json.Unmarshal(skopeoRaw(s, source), &m); err != nil {
		s.t.Fatal(err)
	}
	return m
}

// configOf is the config of an image, which is no index.
func configOf(s *sandbox, source string) v1.Config {
	s.t.Helper()
	var cf v1.ConfigFile
	if err := json.Unmarshal([]byte(skopeo(s, "inspect", "--config", source)), &cf); err != nil {
		s.t.Fatal(err)
	}
	return cf.Config
}

func TestDistrolessLikeBase(t *testing.T) {
	s := newSandbox(t)
	s.module("server", "mod")
	reg := plainRegistry(t)
	base := publishDistroless(s, reg+"/distroless/static:nonroot")
	tarball := s.path("server.tar")
	s.imgo("build", "-C", "mod", "./cmd/server", "--base", base, "-o", tarball)

	config := configOf(s, "oci-archive:"+tarball)
	want := v1.Config{
		User:       "65534:65534",
		Entrypoint: []string{"/app/server"},
		WorkingDir: "/",
		Env: []string{
			"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/app",
			"SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt",
		},
		Labels: map[string]string{
			"org.opencontainers.image.title":       "server",
			"org.opencontainers.image.base.name":   base,
			"org.opencontainers.image.base.digest": manifestFor(s, "docker://"+base, "amd64"),
		},
	}
	if diff := cmp.Diff(want, config); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
	for _, e := range engines(t) {
		e.load(s, tarball)
		c := e.start(s, "imgo.local/server", "--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL")
		checkServer(t, c)
		c.stop()
	}
}

// What a push records about its base is what the registry says, on every level.
func TestBaseAnnotations(t *testing.T) {
	s := newSandbox(t)
	s.module("server", "mod")
	reg := plainRegistry(t)
	base := publishDistroless(s, reg+"/annotations/base:v1")
	repo := reg + "/annotations/server"
	s.imgo("push", "-C", "mod", "./cmd/server", "--base", base, "--platform", "all", "-t", repo+":v1")

	idx := indexOf(s, "docker://"+repo+":v1")
	var platforms []string
	for _, d := range idx.Manifests {
		platforms = append(platforms, d.Platform.String())
		var m v1.Manifest
		if err := json.Unmarshal(skopeoRaw(s, "docker://"+repo+"@"+d.Digest.String()), &m); err != nil {
			t.Fatal(err)
		}
		want := manifestFor(s, "docker://"+base, d.Platform.Architecture)
		if got := m.Annotations["org.opencontainers.image.base.digest"]; got != want {
			t.Errorf("%s: base.digest is %q, the registry has %s", d.Platform, got, want)
		}
		if got := m.Annotations["org.opencontainers.image.base.name"]; got != base {
			t.Errorf("%s: base.name is %q, want %s", d.Platform, got, base)
		}
	}
	if diff := cmp.Diff([]string{"linux/amd64", "linux/arm64"}, platforms); diff != "" {
		t.Errorf("platforms without the base's attestations (-want +got):\n%s", diff)
	}
	if got := idx.Annotations["org.opencontainers.image.base.digest"]; got != "" && got != rawDigest(s, "docker://"+base) {
		t.Errorf("the index's base.digest is %s, the registry has %s", got, rawDigest(s, "docker://"+base))
	}
	s.imgoFails([]string{"build", "-C", "mod", "./cmd/server", "--base", base, "--platform", "linux/s390x"},
		"linux/s390x", "linux/amd64", "linux/arm64", "hint: ")
}

func TestAlpineLikeBase(t *testing.T) {
	s := newSandbox(t)
	s.module("server", "mod")
	base := publishAlpine(s, plainRegistry(t)+"/alpine:3")
	tarball := s.path("server.tar")
	s.imgo("build", "-C", "mod", "./cmd/server", "--base", base, "-o", tarball)
	for _, e := range engines(t) {
		e.load(s, tarball)
		c := e.start(s, "imgo.local/server")
		checkServer(t, c)
		c.stop()
		out := e.run(s, "run", "--rm", "--network=host", "--entrypoint", "/bin/sh", "imgo.local/server",
			"-c", "id -u; ls /app; command -v server")
		if diff := cmp.Diff([]string{"65534", "server", "/app/server"}, strings.Fields(out)); diff != "" {
			t.Errorf("%s: what a shell in the image sees (-want +got):\n%s", e.name, diff)
		}
	}
}

// A base pinned by digest is in the cache once it was used; a tag has to be asked
// for.
func TestBaseWithoutRegistry(t *testing.T) {
	s := newSandbox(t)
	mod := s.module("server", "mod")
	reg := newTap(t, plainRegistry(t))
	base := publishDistroless(s, reg.host+"/offline/base:v1")
	pinned := reg.host + "/offline/base@" + rawDigest(s, "docker://"+base)
	build := []string{"build", "-C", "mod", "./cmd/server", "-o", s.path("server.tar"), "--base"}

	first := s.imgo(append(build, pinned)...)
	reg.take()
	if again := s.imgo(append(build, pinned)...); again != first {
		t.Errorf("built again: %s, want %s", again, first)
	}
	if got := reg.take(); len(got) > 0 {
		t.Errorf("a base pinned by digest was asked for again:\n%s", strings.Join(got, "\n"))
	}
	reg.close()
	if again := s.imgo(append(build, pinned)...); again != first {
		t.Errorf("built without the registry: %s, want %s", again, first)
	}
	edit(s, mod, "offline")
	s.imgo(append(build, pinned)...)
	e := podman(t)
	e.load(s, s.path("server.tar"))
	checkServer(t, e.start(s, "imgo.local/server"))
	s.imgoFails(append(build, base), base, "hint: ")
}

// Bases on disk, as skopeo and docker write them.
func TestBaseArchives(t *testing.T) {
	s := newSandbox(t)
	s.module("server", "mod")
	base := publishAlpine(s, plainRegistry(t)+"/archives/alpine:3")
	skopeo(s, "copy", "--all", "docker://"+base, "oci:"+s.path("layout"))
	skopeo(s, "copy", "docker://"+base, "oci-archive:"+s.path("oci.tar"))
	skopeo(s, "copy", "docker://"+base, "docker-archive:"+s.path("skopeo.tar")+":base:v1")
	d, p := docker(t), podman(t)
	d.run(s, append(slices.Clone(d.pull), base)...)
	d.forget(s, base)
	d.run(s, "save", "-o", s.path("docker.tar"), base)
	p.run(s, append(slices.Clone(p.pull), base)...)
	p.forget(s, base)
	p.run(s, "save", "-q", "-o", s.path("podman.tar"), base)

	for _, from := range []string{"oci:" + s.path("layout"), s.path("oci.tar"), s.path("skopeo.tar"), s.path("docker.tar"), s.path("podman.tar")} {
		s.imgo("build", "-C", "mod", "./cmd/server", "--base", from, "-o", s.path("server.tar"))
		p.load(s, s.path("server.tar"))
		c := p.start(s, "imgo.local/server")
		checkServer(t, c)
		c.stop()
	}
}
