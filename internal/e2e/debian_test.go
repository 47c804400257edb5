//go:build e2e

package e2e

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// rootfs collects a layer of a base from what Debian packages installed on this
// machine.
type rootfs struct {
	t    *testing.T
	buf  bytes.Buffer
	tw   *tar.Writer
	seen map[string]bool
}

func newRootfs(t *testing.T) *rootfs {
	r := &rootfs{t: t, seen: map[string]bool{}}
	r.tw = tar.NewWriter(&r.buf)
	return r
}

func (r *rootfs) add(h tar.Header, content []byte) {
	r.t.Helper()
	if parent := path.Dir(strings.TrimSuffix(h.Name, "/")); parent != "." && !r.seen[parent+"/"] {
		r.dir(parent, 0o755, 0)
	}
	if r.seen[h.Name] {
		return
	}
	r.seen[h.Name] = true
	h.Size = int64(len(content))
	err := r.tw.WriteHeader(&h)
	if err == nil {
		_, err = r.tw.Write(content)
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *rootfs) dir(name string, mode int64, id int) {
	r.add(tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: mode, Uid: id, Gid: id}, nil)
}

func (r *rootfs) file(name, content string, mode int64) {
	r.add(tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode}, []byte(content))
}

func (r *rootfs) link(name, target string) {
	r.add(tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777}, nil)
}

// copy takes a file of this machine.
func (r *rootfs) copy(name string) {
	r.t.Helper()
	info, err := os.Lstat("/" + name)
	if err != nil {
		r.t.Fatal(err)
	}
	switch {
	case info.IsDir():
		r.dir(name, int64(info.Mode().Perm()), 0)
	case info.Mode()&os.ModeSymlink != 0:
		target, err := os.Readlink("/" + name)
		if err != nil {
			r.t.Fatal(err)
		}
		r.link(name, target)
	default:
		content, err := os.ReadFile("/" + name)
		if err != nil {
			r.t.Fatal(err)
		}
		r.file(name, string(content), int64(info.Mode().Perm()))
	}
}

// debian takes the files of a package below some directories, and what dpkg knows
// about it, where distroless images have that.
func (r *rootfs) debian(name string, below ...string) {
	r.t.Helper()
	list, err := exec.Command("dpkg-query", "-L", name).Output()
	if err != nil {
		r.t.Fatalf("dpkg-query -L %s: %v", name, err)
	}
	n := 0
	for line := range strings.Lines(string(list)) {
		file := strings.TrimPrefix(strings.TrimSpace(line), "/")
		for _, dir := range below {
			if strings.HasPrefix(file, dir) {
				r.copy(file)
				n++
			}
		}
	}
	if n == 0 {
		r.t.Fatalf("the package %s has no files below %s", name, below)
	}
	status, err := exec.Command("dpkg-query", "-s", name).Output()
	if err != nil {
		r.t.Fatalf("dpkg-query -s %s: %v", name, err)
	}
	r.file("var/lib/dpkg/status.d/"+name, string(status), 0o644)
}

// layer ends the collection.
func (r *rootfs) layer() v1.Layer {
	r.t.Helper()
	if err := r.tw.Close(); err != nil {
		r.t.Fatal(err)
	}
	data := r.buf.Bytes()
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(data)), nil
	}, tarball.WithMediaType(types.OCILayer), tarball.WithCompressedCaching)
	if err != nil {
		r.t.Fatal(err)
	}
	return l
}

// baseImage is an image for one platform.
func baseImage(t *testing.T, arch string, config v1.Config, layers ...v1.Layer) v1.Image {
	t.Helper()
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	img, err := mutate.AppendLayers(img, layers...)
	if err != nil {
		t.Fatal(err)
	}
	cf, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	cf = cf.DeepCopy()
	cf.OS, cf.Architecture, cf.Config = "linux", arch, config
	if img, err = mutate.ConfigFile(img, cf); err != nil {
		t.Fatal(err)
	}
	return img
}

// publish puts an index of images for amd64 and arm64, with an attestation beside
// each as buildx makes them, to a registry without TLS.
func publish(s *sandbox, ref string, config v1.Config, layers ...v1.Layer) {
	s.t.Helper()
	idx := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, arch := range []string{"amd64", "arm64"} {
		img := baseImage(s.t, arch, config, layers...)
		digest, err := img.Digest()
		if err != nil {
			s.t.Fatal(err)
		}
		attestation, err := mutate.AppendLayers(
			mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON),
			static.NewLayer([]byte(`{"_type":"https://in-toto.io/Statement/v0.1","subject":[{"name":"`+arch+`"}]}`), "application/vnd.in-toto+json"))
		if err != nil {
			s.t.Fatal(err)
		}
		idx = mutate.AppendManifests(idx,
			mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}}},
			mutate.IndexAddendum{Add: attestation, Descriptor: v1.Descriptor{
				Platform: &v1.Platform{OS: "unknown", Architecture: "unknown"},
				Annotations: map[string]string{
					"vnd.docker.reference.digest": digest.String(),
					"vnd.docker.reference.type":   "attestation-manifest",
				},
			}})
	}
	dir := s.path("base-" + notInNames.ReplaceAllString(ref, "-"))
	p, err := layout.Write(dir, empty.Index)
	if err = errors.Join(err, p.AppendIndex(idx)); err != nil {
		s.t.Fatal(err)
	}
	skopeo(s, "copy", "--all", "oci:"+dir, "docker://"+ref)
}

const basePath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// distrolessLayers is how many layers publishDistroless makes.
const distrolessLayers = 3

// publishDistroless pushes a base like distroless' static:nonroot, except that it has
// labels and annotations, which an image built on it is not to inherit.
func publishDistroless(s *sandbox, ref string) string {
	s.t.Helper()
	files := newRootfs(s.t)
	files.debian("base-files", "etc/debian_version", "etc/host.conf", "usr/lib/os-release")
	files.file("etc/passwd", "root:x:0:0:root:/root:/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n", 0o644)
	files.file("etc/group", "root:x:0:\nnobody:x:65534:\nnonroot:x:65532:\n", 0o644)
	files.dir("root", 0o700, 0)
	files.dir("home/nonroot", 0o700, 65532)
	files.dir("tmp", 0o1777, 0)
	zones := newRootfs(s.t)
	zones.debian("tzdata", "usr/share/zoneinfo/")
	roots := newRootfs(s.t)
	roots.copy("etc/ssl/certs/ca-certificates.crt")
	roots.debian("ca-certificates", "usr/share/doc/ca-certificates/copyright")
	publish(s, ref, v1.Config{
		User:       "65532",
		WorkingDir: "/home/nonroot",
		Env:        []string{basePath, "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"},
		Labels: map[string]string{
			"org.opencontainers.image.title": "a base", "maintainer": "somebody else", "update-available": "yes",
		},
	}, files.layer(), zones.layer(), roots.layer())
	return ref
}

// publishAlpine pushes a base like Alpine: one layer with busybox and no user.
func publishAlpine(s *sandbox, ref string) string {
	s.t.Helper()
	r := newRootfs(s.t)
	r.busybox("bin")
	r.users("")
	r.copy("etc/ssl/certs/ca-certificates.crt")
	r.debian("tzdata", "usr/share/zoneinfo/America/", "usr/share/zoneinfo/Europe/")
	r.dir("tmp", 0o1777, 0)
	r.dir("run", 0o755, 0)
	r.link("var/run", "../run")
	publish(s, ref, v1.Config{Cmd: []string{"/bin/sh"}, Env: []string{basePath}}, r.layer())
	return ref
}

// publishDebian pushes a base like Debian, where /lib and others are links to below
// /usr, and with the C library, which its shell needs.
func publishDebian(s *sandbox, ref string) string {
	s.t.Helper()
	r := newRootfs(s.t)
	for _, dir := range []string{"bin", "sbin", "lib", "lib64"} {
		r.dir("usr/"+dir, 0o755, 0)
		r.link(dir, "usr/"+dir)
	}
	r.debian("base-files", "etc/debian_version", "usr/lib/os-release")
	r.program("usr/bin/dash", "dash")
	r.link("usr/bin/sh", "dash")
	r.program("usr/lib64/ld-linux-x86-64.so.2", "/lib64/ld-linux-x86-64.so.2")
	for _, lib := range []string{"libc.so.6", "libresolv.so.2", "libpthread.so.0"} {
		r.program("usr/lib/x86_64-linux-gnu/"+lib, "/lib/x86_64-linux-gnu/"+lib)
	}
	r.users("nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n")
	r.copy("etc/ssl/certs/ca-certificates.crt")
	r.debian("tzdata", "usr/share/zoneinfo/America/")
	r.dir("tmp", 0o1777, 0)
	r.dir("run/lock", 0o1777, 0)
	r.link("var/run", "/run")
	r.link("var/lock", "/run/lock")
	publish(s, ref, v1.Config{Cmd: []string{"bash"}, Env: []string{basePath}}, r.layer())
	return ref
}

// busybox adds busybox and some of its programs to a directory.
func (r *rootfs) busybox(dir string) {
	r.t.Helper()
	r.program(dir+"/busybox", "busybox")
	for _, applet := range []string{"sh", "ls", "cat", "id", "wget", "mkdir", "chown", "chmod", "grep"} {
		r.link(dir+"/"+applet, "/"+dir+"/busybox")
	}
}

// program adds an executable or a library of this machine.
func (r *rootfs) program(name, from string) {
	r.t.Helper()
	path, err := exec.LookPath(from)
	if err != nil && filepath.IsAbs(from) {
		path, err = from, nil // a library need not be executable
	}
	if err == nil {
		path, err = filepath.EvalSymlinks(path)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	binary, err := os.ReadFile(path)
	if err != nil {
		r.t.Fatal(err)
	}
	r.file(name, string(binary), 0o755)
}

// users adds Debian's users and groups, and one line of passwd.
func (r *rootfs) users(more string) {
	r.t.Helper()
	for name, master := range map[string]string{"etc/passwd": "passwd.master", "etc/group": "group.master"} {
		content, err := os.ReadFile("/usr/share/base-passwd/" + master)
		if err != nil {
			r.t.Fatal(err)
		}
		if name == "etc/passwd" {
			content = append(content, more...)
		}
		r.file(name, string(content), 0o644)
	}
}
