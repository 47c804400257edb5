//go:build e2e

package e2e

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The README's first command: what it writes is read by everything that reads
// images, and runs.
func TestFirstCommand(t *testing.T) {
	s := newSandbox(t)
	mod := s.module("server", "mod")
	line := s.imgo("build", "-C", "mod", "./cmd/server")
	want := "imgo.local/server@" + digest(t, line)
	if line != want {
		t.Errorf("standard output is %q, want %q", line, want)
	}
	tarball := filepath.Join(mod, "server.tar")
	for _, e := range engines(t) {
		names := e.load(s, tarball)
		if diff := cmp.Diff([]string{"imgo.local/server:latest"}, names); diff != "" {
			t.Errorf("%s loads other names (-want +got):\n%s", e.name, diff)
		}
		c := e.start(s, "imgo.local/server")
		if got := c.get("/whoami"); got != "65534:65534 /" {
			t.Errorf("%s runs it as %q, want user and group 65534 in /", e.name, got)
		}
		if got := c.get("/"); !strings.Contains(got, "Hello") {
			t.Errorf("%s: the server says %q", e.name, got)
		}
		c.stop()
	}
	if got := rawDigest(s, "oci-archive:"+tarball); got != digest(t, line) {
		t.Errorf("skopeo sees digest %s in the OCI archive, want the printed one: %s", got, line)
	}
	for _, source := range []string{"oci-archive:" + tarball, "docker-archive:" + tarball} {
		img := inspect(s, source)
		if img.Architecture != "amd64" || img.Os != "linux" || len(img.Layers) != 2 {
			t.Errorf("skopeo inspect %s: %+v, want an image for linux/amd64 with two layers", source, img)
		}
	}
}

// imgo inspect and skopeo agree on every kind of place.
func TestInspect(t *testing.T) {
	s := newSandbox(t)
	s.module("server", "mod")
	line := s.imgo("build", "-C", "mod", "./cmd/server", "-o", s.path("server.tar"))
	s.imgo("build", "-C", "mod", "./cmd/server", "-o", "oci:"+s.path("layout"))
	for _, arg := range []string{s.path("server.tar"), "oci:" + s.path("layout")} {
		out := s.imgo("inspect", arg)
		for _, want := range []string{digest(t, line), "65534:65534", "/app/server", "linux/amd64"} {
			if !strings.Contains(out, want) {
				t.Errorf("imgo inspect %s does not say %q:\n%s", arg, want, out)
			}
		}
	}
}

// Archives and layouts survive skopeo's copies in all directions.
func TestSkopeoCopies(t *testing.T) {
	s := newSandbox(t)
	s.module("server", "mod")
	want := digest(t, s.imgo("build", "-C", "mod", "./cmd/server", "-o", s.path("server.tar")))
	s.imgo("build", "-C", "mod", "./cmd/server", "-o", "oci:"+s.path("layout"))
	for i, source := range []string{
		"oci-archive:" + s.path("server.tar"),
		"oci:" + s.path("layout"),
	} {
		for _, target := range []string{
			"dir:" + s.path(fmt.Sprint("dir", i)),
			"oci:" + s.path(fmt.Sprint("oci", i)),
			"oci-archive:" + s.path(fmt.Sprint("archive", i, ".tar")),
		} {
			skopeo(s, "copy", source, target)
			if got := rawDigest(s, target); got != want {
				t.Errorf("copied from %s to %s: digest %s, want %s", source, target, got, want)
			}
		}
	}
	// Back again: what skopeo wrote is pushed by imgo as it is.
	repo := plainRegistry(t) + "/copies/server"
	for _, back := range []string{"oci:" + s.path("oci0"), s.path("archive1.tar")} {
		if got := digest(t, s.imgo("push", back, "-t", repo)); got != want {
			t.Errorf("imgo push %s: digest %s, want %s", back, got, want)
		}
	}
	// A docker-archive has uncompressed layers on its other side: another digest, the
	// same image.
	skopeo(s, "copy", "docker-archive:"+s.path("server.tar"), "docker-archive:"+s.path("docker.tar")+":again/server:v1")
	if got := inspect(s, "docker-archive:"+s.path("docker.tar")); len(got.Layers) != 2 {
		t.Errorf("the copied docker-archive has %d layers, want 2", len(got.Layers))
	}
	d := docker(t)
	d.load(s, s.path("docker.tar"))
	d.start(s, "again/server:v1")
}

// Every combination of names and platforms is taken by every reader.
func TestTarballMatrix(t *testing.T) {
	for _, names := range [][]string{
		{"example.com/matrix/one:v1"},
		{"example.com/matrix/one:v1", "example.com/matrix/two:v2"},
	} {
		for _, platforms := range []string{"linux/amd64", "linux/arm64,linux/amd64"} {
			t.Run(fmt.Sprintf("%d names %s", len(names), platforms), func(t *testing.T) {
				testTarball(t, names, platforms)
			})
		}
	}
}

func testTarball(t *testing.T, names []string, platforms string) {
	s := newSandbox(t)
	s.module("server", "mod")
	tarball := s.path("out.tar")
	args := []string{"build", "-C", "mod", "./cmd/server", "--platform", platforms, "-o", tarball}
	var wantLines []string
	for _, n := range names {
		args = append(args, "-t", n)
		repo, _, _ := strings.Cut(n, ":")
		wantLines = append(wantLines, repo)
	}
	lines := strings.Split(s.imgo(args...), "\n")
	want := digest(t, lines[0])
	for i := range wantLines {
		wantLines[i] += "@" + want
	}
	if diff := cmp.Diff(wantLines, lines); diff != "" {
		t.Errorf("standard output (-want +got):\n%s", diff)
	}

	wantNames := map[string][]string{"docker": names, "podman": names[:1]}
	for _, e := range engines(t) {
		got := e.load(s, tarball)
		if diff := cmp.Diff(wantNames[e.name], got); diff != "" {
			t.Errorf("names in %s (-want +got):\n%s", e.name, diff)
		}
		c := e.start(s, slices.Max(got))
		if got := c.get("/whoami"); got != "65534:65534 /" {
			t.Errorf("%s runs it as %q", e.name, got)
		}
		c.stop()
	}

	if got := rawDigest(s, "oci-archive:"+tarball); got != want {
		t.Errorf("skopeo sees digest %s in the OCI archive, want %s", got, want)
	}
	all := s.path("all")
	skopeo(s, "copy", "--all", "oci-archive:"+tarball, "oci:"+all)
	if got := rawDigest(s, "oci:"+all); got != want {
		t.Errorf("skopeo copied %s from the OCI archive, want %s", got, want)
	}
	for _, source := range []string{"oci-archive:" + tarball, "docker-archive:" + tarball} {
		if img := inspect(s, source); img.Architecture != "amd64" {
			t.Errorf("skopeo inspect %s: %+v, want linux/amd64", source, img)
		}
		skopeo(s, "copy", source, "dir:"+s.path("dir"))
	}
}

// With Docker's media types the image is Docker's throughout.
func TestDockerMediaTypes(t *testing.T) {
	s := newSandbox(t)
	s.module("server", "mod")
	repo := plainRegistry(t) + "/docker/server"
	tarball := s.path("server.tar")
	want := digest(t, s.imgo("build", "-C", "mod", "./cmd/server", "--media-types", "docker", "-o", tarball))
	pushed := digest(t, s.imgo("push", "-C", "mod", "./cmd/server", "--media-types", "docker", "-t", repo+":v1"))
	if pushed != want {
		t.Errorf("pushed %s, the tarball has %s", pushed, want)
	}
	raw := string(skopeoRaw(s, "docker://"+repo+":v1"))
	for _, media := range []string{
		"application/vnd.docker.distribution.manifest.v2+json",
		"application/vnd.docker.container.image.v1+json",
		"application/vnd.docker.image.rootfs.diff.tar.gzip",
	} {
		if !strings.Contains(raw, media) {
			t.Errorf("%s is missing in the manifest:\n%s", media, raw)
		}
	}
	if strings.Contains(raw, "vnd.oci.") {
		t.Errorf("the manifest has OCI media types:\n%s", raw)
	}
	for _, e := range engines(t) {
		e.load(s, tarball)
		e.start(s, "imgo.local/server").stop()
		e.run(s, append(slices.Clone(e.pull), repo+"@"+want)...)
		e.forget(s, repo+"@"+want)
		e.start(s, repo+"@"+want).stop()
	}
}
