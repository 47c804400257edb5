//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// edit changes the sample server, so that its binary is another one.
func edit(s *sandbox, module, comment string) {
	s.t.Helper()
	s.write(filepath.Join(module, "cmd/server/edit.go"),
		"package main\n\nimport \"log/slog\"\n\nfunc init() { slog.Debug("+`"`+comment+`"`+") }\n", 0o644)
}

// A push to a registry: everybody pulls what was printed, and what is there already
// costs next to nothing.
func TestPush(t *testing.T) {
	s := newSandbox(t)
	mod := s.module("server", "mod")
	reg := newTap(t, plainRegistry(t))
	repo := reg.host + "/push/server"
	// What is told of the image beside it has requests of its own, see TestAttest.
	push := []string{"push", "-C", "mod", "./cmd/server", "--sbom", "none", "-t", repo + ":v1"}

	line := s.imgo(push...)
	want := digest(t, line)
	if line != repo+"@"+want {
		t.Errorf("standard output is %q, want %s@DIGEST", line, repo)
	}
	first := reg.take()
	// Runtime layer, binary, config: three blobs of two requests, and the manifest.
	if n := count(first, "POST", "/blobs/uploads/"); n != 3 || len(first) > 12 {
		t.Errorf("the first push began %d uploads in %d requests, want 3 in at most 12:\n%s", n, len(first), strings.Join(first, "\n"))
	}
	if got := rawDigest(s, "docker://"+repo+":v1"); got != want {
		t.Errorf("skopeo pulls %s, imgo printed %s", got, want)
	}
	for _, e := range engines(t) {
		ref := repo + ":v1"
		e.run(s, append(slices.Clone(e.pull), ref)...)
		e.forget(s, ref)
		if got := e.run(s, "image", "inspect", "--format", "{{json .RepoDigests}}", ref); !strings.Contains(got, want) {
			t.Errorf("%s pulled %s, imgo printed %s", e.name, got, want)
		}
		checkServer(t, e.start(s, ref))
	}

	reg.take()
	if again := s.imgo(push...); again != line {
		t.Errorf("pushed again: %s, want %s", again, line)
	}
	if got := reg.take(); len(got) > 1 || count(got, "HEAD", "/manifests/v1") != 1 {
		t.Errorf("an unchanged push sent more than one question for the tag:\n%s", strings.Join(got, "\n"))
	}

	edit(s, mod, "changed")
	changed := digest(t, s.imgo(push...))
	if changed == want {
		t.Error("a change of the program did not change the digest")
	}
	// The binary and the config; the runtime layer is known to be there.
	requests := reg.take()
	if n := count(requests, "POST", "/blobs/uploads/"); n != 2 || len(requests) > 9 {
		t.Errorf("a changed binary began %d uploads in %d requests, want 2 in at most 9:\n%s", n, len(requests), strings.Join(requests, "\n"))
	}
	if got := rawDigest(s, "docker://"+repo+":v1"); got != changed {
		t.Errorf("the tag is at %s, want the change: %s", got, changed)
	}
}

// What was built before is pushed bit by bit, also by an imgo with an empty cache.
func TestPushArchives(t *testing.T) {
	s := newSandbox(t)
	s.module("server", "mod")
	reg := plainRegistry(t)
	for _, platforms := range []string{"linux/amd64", "linux/amd64,linux/arm64"} {
		repo := reg + "/archives/" + strings.ReplaceAll(strings.ReplaceAll(platforms, ",", "-"), "/", "-")
		direct := digest(t, s.imgo("push", "-C", "mod", "./cmd/server", "--platform", platforms, "-t", repo+"/direct"))
		s.imgo("build", "-C", "mod", "./cmd/server", "--platform", platforms, "-o", s.path("server.tar"))
		layout := s.path("layout-" + filepath.Base(repo))
		s.imgo("build", "-C", "mod", "./cmd/server", "--platform", platforms, "-o", "oci:"+layout)
		if err := os.RemoveAll(s.cache); err != nil {
			t.Fatal(err)
		}
		for i, arg := range []string{s.path("server.tar"), "oci:" + layout} {
			target := repo + "/" + []string{"tarball", "layout"}[i]
			if got := s.imgo("push", arg, "-t", target); got != target+"@"+direct {
				t.Errorf("imgo push %s printed %s, want %s", arg, got, direct)
			}
			if got := rawDigest(s, "docker://"+target+":latest"); got != direct {
				t.Errorf("the registry has %s from %s, want %s", got, arg, direct)
			}
		}
	}
}

// Several names, tags and packages in one push.
func TestPushNames(t *testing.T) {
	s := newSandbox(t)
	s.module("server", "mod")
	reg := plainRegistry(t)
	a, b := reg+"/names/a", reg+"/names/b/c"
	lines := strings.Split(s.imgo("push", "-C", "mod", "./cmd/server", "-t", a+":v1", "-t", b, "-t", a+":v2", "-t", ":also"), "\n")
	want := digest(t, lines[0])
	if diff := cmp.Diff([]string{a + "@" + want, b + "@" + want}, lines); diff != "" {
		t.Errorf("standard output (-want +got):\n%s", diff)
	}
	for _, ref := range []string{a + ":v1", a + ":v2", a + ":also", b + ":latest", b + ":also"} {
		if got := rawDigest(s, "docker://"+ref); got != want {
			t.Errorf("%s is %s, want %s", ref, got, want)
		}
	}

	lines = strings.Split(s.imgo("push", "-C", "mod", "./...", "--repo", reg+"/names/all", "-t", ":v3"), "\n")
	if len(lines) != 2 {
		t.Fatalf("standard output is %q, want two lines", lines)
	}
	for i, name := range []string{"migrate", "server"} {
		ref := reg + "/names/all/" + name
		if got := ref + "@" + rawDigest(s, "docker://"+ref+":v3"); got != lines[i] {
			t.Errorf("line %d is %s, the registry has %s", i+1, lines[i], got)
		}
	}
}

// The layers of the base go from one repository to the other inside the registry.
func TestMountBetweenRepositories(t *testing.T) {
	s := newSandbox(t)
	s.module("server", "mod")
	reg := newTap(t, plainRegistry(t))
	base := publishDistroless(s, reg.host+"/mount/base:v1")
	args := []string{"push", "-C", "mod", "./cmd/server", "--sbom", "none", "--base", base, "-t"}

	s.imgo(append(args, reg.host+"/mount/one")...)
	first := reg.take()
	if n := count(first, "POST", "from=mount%2Fbase"); n != distrolessLayers {
		t.Errorf("%d mounts of the base's %d layers:\n%s", n, distrolessLayers, strings.Join(first, "\n"))
	}
	if n := count(first, "GET", "/blobs/"); n > 1 { // its config
		t.Errorf("%d blobs of the base were downloaded, want its config alone:\n%s", n, strings.Join(first, "\n"))
	}
	// The other repository gets the binary and the config, and no layer of the base.
	s.imgo(append(args, reg.host+"/mount/two")...)
	second := reg.take()
	if m, n := count(second, "POST", "from=mount%2Fbase"), count(second, "PUT", "/blobs/uploads/"); m != distrolessLayers || n > 2 {
		t.Errorf("%d mounts of the base's %d layers, and %d blobs sent, want binary and config:\n%s", m, distrolessLayers, n, strings.Join(second, "\n"))
	}
	for _, name := range []string{"one", "two"} {
		skopeo(s, "copy", "docker://"+reg.host+"/mount/"+name, "oci:"+s.path(name))
	}
}

// A registry that lost a repository gets it again, though imgo remembers what it sent.
func TestRegistryForgets(t *testing.T) {
	s := newSandbox(t)
	s.module("server", "mod")
	repo := plainRegistry(t) + "/forgotten/server"
	push := []string{"push", "-C", "mod", "./cmd/server", "-t", repo}
	line := s.imgo(push...)
	stored := filepath.Join(suite.dir, "registry/data/docker/registry/v2/repositories/forgotten")
	if _, err := os.Stat(stored); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(stored); err != nil {
		t.Fatal(err)
	}
	if again := s.imgo(push...); again != line {
		t.Errorf("pushed again: %s, want %s", again, line)
	}
	skopeo(s, "copy", "docker://"+repo, "oci:"+s.path("layout"))
}

// Two platforms are an index, from which everybody takes the right image.
func TestPushIndex(t *testing.T) {
	s := newSandbox(t)
	s.module("server", "mod")
	repo := plainRegistry(t) + "/index/server"
	line := s.imgo("push", "-C", "mod", "./cmd/server", "--platform", "linux/amd64,linux/arm64", "-t", repo+":v1")
	if got := rawDigest(s, "docker://"+repo+":v1"); got != digest(t, line) {
		t.Errorf("the tag is at %s, imgo printed %s", got, line)
	}
	for _, arch := range []string{"amd64", "arm64"} {
		out := s.run("skopeo", "--insecure-policy", "--override-arch", arch, "inspect", "--tls-verify=false", "docker://"+repo+":v1")
		if !strings.Contains(out, `"Architecture": "`+arch+`"`) {
			t.Errorf("skopeo --override-arch %s finds:\n%s", arch, out)
		}
	}
	for _, e := range engines(t) {
		e.run(s, append(slices.Clone(e.pull), repo+":v1")...)
		e.forget(s, repo+":v1")
		e.start(s, repo+":v1").stop()
	}
	p := podman(t)
	p.run(s, append(slices.Clone(p.pull), "--arch", "arm64", repo+":v1")...)
	if got := p.run(s, "image", "inspect", "--format", "{{.Architecture}}", repo+":v1"); got != "arm64" {
		t.Errorf("podman pull --arch arm64 got an image for %s", got)
	}
}
