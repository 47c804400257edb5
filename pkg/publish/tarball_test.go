package publish_test

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/imgo-build/imgo/internal/registrytest"
	"github.com/imgo-build/imgo/pkg/image"
	"github.com/imgo-build/imgo/pkg/publish"
)

func tags(t testing.TB, names ...string) []name.Tag {
	t.Helper()
	var out []name.Tag
	for _, n := range names {
		tag, err := name.NewTag(n)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, tag)
	}
	return out
}

func put(ctx context.Context, p publish.Publisher, a image.Artifact) error {
	defer p.Close()
	if err := p.Put(ctx, a); err != nil {
		return err
	}
	return p.Tag(ctx, a)
}

func writeTarball(t testing.TB, path string, a image.Artifact, names ...string) {
	t.Helper()
	if err := put(t.Context(), publish.Tarball(path, tags(t, names...), nil), a); err != nil {
		t.Fatal(err)
	}
}

// files lists what is in a directory, hidden files too.
func files(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	out := []string{}
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func TestTarballIsReadByAll(t *testing.T) {
	single, err := random.Image(10_000, 2)
	if err != nil {
		t.Fatal(err)
	}
	arm, amd := imageOf(t, "arm64", layerOf("arm64"), layerOf("shared")), imageOf(t, "amd64", layerOf("amd64"), layerOf("shared"))
	for _, tc := range []struct {
		name     string
		artifact image.Artifact
		docker   v1.Image // what a reader of docker-archives sees
	}{
		{"one platform", single, single},
		{"two platforms, linux/amd64 not the first", indexOf(arm, amd), amd},
		{"no linux/amd64", indexOf(arm), arm},
		{"no layers", imageOf(t, "amd64"), imageOf(t, "amd64")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "server.tar")
			writeTarball(t, path, tc.artifact, "imgo.local/server:latest", "ubuntu:v1")

			got := openOne(t, path)
			if digestOf(t, got.Artifact) != digestOf(t, tc.artifact) {
				t.Error("another artifact came out of OpenTarball")
			}
			if diff := cmp.Diff([]string{"imgo.local/server:latest", "docker.io/library/ubuntu:v1"}, got.Names); diff != "" {
				t.Errorf("names (-want +got):\n%s", diff)
			}
			readAll(t, got.Artifact)

			// ggcr as a reader of docker-archives; it makes a manifest of its own.
			tag := tags(t, "ubuntu:v1")[0]
			docker, err := tarball.ImageFromPath(path, &tag)
			if err != nil {
				t.Fatal(err)
			}
			if a, b := mustConfig(t, docker), mustConfig(t, tc.docker); a != b {
				t.Errorf("the docker-archive's config is %s, want %s", a, b)
			}

			// ggcr as a reader of OCI layouts.
			dir := untar(t, path)
			idx, err := layout.ImageIndexFromPath(dir)
			if err != nil {
				t.Fatal(err)
			}
			list, err := idx.IndexManifest()
			if err != nil {
				t.Fatal(err)
			}
			mediaType, _ := tc.artifact.MediaType()
			size, _ := tc.artifact.Size()
			want := []v1.Descriptor{{
				MediaType: mediaType, Digest: digestOf(t, tc.artifact), Size: size,
				Annotations: map[string]string{
					"org.opencontainers.image.ref.name": "latest",
					"io.containerd.image.name":          "imgo.local/server:latest",
				},
			}}
			if diff := cmp.Diff(want, list.Manifests); diff != "" {
				t.Errorf("index.json (-want +got):\n%s", diff)
			}
		})
	}
}

// openOne opens an archive with one entry for the length of the test.
func openOne(t testing.TB, path string) publish.Entry {
	t.Helper()
	a, err := publish.OpenTarball(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	if len(a.Entries()) != 1 {
		t.Fatalf("%d entries, want 1", len(a.Entries()))
	}
	return a.Entries()[0]
}

// readAll reads all bytes of an artifact, which checks their digests.
func readAll(t testing.TB, a image.Artifact) {
	t.Helper()
	if idx, ok := a.(v1.ImageIndex); ok {
		list, err := idx.IndexManifest()
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range list.Manifests {
			img, err := idx.Image(d.Digest)
			if err != nil {
				t.Fatal(err)
			}
			readAll(t, img)
		}
		return
	}
	if err := validate.Image(a.(v1.Image), validate.Fast); err != nil {
		t.Error(err)
	}
	layers, err := a.(v1.Image).Layers()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range layers {
		rc, err := l.Compressed()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, rc); err != nil {
			t.Error(err)
		}
		rc.Close()
	}
}

func untar(t testing.TB, path string) string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	dir := t.TempDir()
	tr := tar.NewReader(f)
	for {
		h, err := tr.Next()
		if err == io.EOF {
			return dir
		}
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		out := filepath.Join(dir, h.Name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(out), 0o755), os.WriteFile(out, raw, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTarballIsDeterministic(t *testing.T) {
	idx := indexOf(imageOf(t, "amd64", layerOf("a"), layerOf("s")), imageOf(t, "arm64", layerOf("b"), layerOf("s")))
	dir := t.TempDir()
	one, two := filepath.Join(dir, "1.tar"), filepath.Join(dir, "2.tar")
	writeTarball(t, one, idx, "app:latest")
	writeTarball(t, two, openOne(t, one).Artifact, "app:latest") // through reading too
	a, b := readFile(t, one), readFile(t, two)
	if !bytes.Equal(a, b) {
		t.Error("the same artifact made different tarballs")
	}
	seen := map[string]bool{}
	var order []string
	for tr := tar.NewReader(bytes.NewReader(a)); ; {
		h, err := tr.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Uid != 0 || h.Gid != 0 || h.Uname != "" || h.Mode != 0o644 || h.ModTime.Unix() != 0 || h.Format != tar.FormatUSTAR {
			t.Errorf("header %+v", h)
		}
		if seen[h.Name] {
			t.Errorf("%s is there twice", h.Name)
		}
		seen[h.Name] = true
		order = append(order, h.Name)
	}
	// Three of its own, three manifests, two configs, three layers.
	if len(order) != 11 || !cmp.Equal(order[:3], []string{"oci-layout", "index.json", "manifest.json"}) {
		t.Errorf("entries %q", order)
	}
	if info, _ := os.Stat(one); info.Mode().Perm()&0o600 != 0o600 || info.Mode().Perm()&0o133 != 0 {
		t.Errorf("mode %v", info.Mode())
	}
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestTarballAppearsWithTag(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "server.tar")
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	img := imageOf(t, "amd64", layerOf("x"))
	p := publish.Tarball(path, nil, nil)
	if err := p.Put(t.Context(), img); err != nil {
		t.Fatal(err)
	}
	if string(readFile(t, path)) != "old" {
		t.Error("Put touched the file")
	}
	if err := p.Tag(t.Context(), imageOf(t, "amd64", layerOf("y"))); err == nil {
		t.Error("tagged what was not put")
	}
	if err := errors.Join(p.Close(), p.Close()); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"server.tar"}, files(t, dir)); diff != "" {
		t.Errorf("files after Close (-want +got):\n%s", diff)
	}
	if err := put(t.Context(), p, img); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"server.tar"}, files(t, dir)); diff != "" {
		t.Errorf("files after Tag (-want +got):\n%s", diff)
	}
	if digestOf(t, openOne(t, path).Artifact) != digestOf(t, img) {
		t.Error("another image came out")
	}
}

func TestTarballThroughLink(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "real.tar"), filepath.Join(t.TempDir(), "link.tar")
	if err := errors.Join(os.WriteFile(path, nil, 0o644), os.Symlink(path, link)); err != nil {
		t.Skip("no symbolic links here") // Windows without the privilege
	}
	writeTarball(t, link, imageOf(t, "amd64"))
	openOne(t, path)
	if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Error("the link was replaced")
	}
}

func TestFailedTarballLeavesNothing(t *testing.T) {
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	damaged := layerOf("right")
	damaged.Layer = lying{damaged.Layer, "wrong"}
	short := layerOf("right")
	short.Layer = lying{short.Layer, "r"}
	long := layerOf("right")
	long.Layer = lying{long.Layer, "right and more"}
	unreadable := layerOf("x")
	unreadable.fail = errors.New("cache gone")
	for _, tc := range []struct {
		name  string
		ctx   context.Context
		img   v1.Image
		check func(error) bool
	}{
		{"cancelled", cancelled, imageOf(t, "amd64", layerOf("x")), func(err error) bool { return errors.Is(err, context.Canceled) }},
		{"damaged layer", t.Context(), imageOf(t, "amd64", damaged), isError[*publish.DigestError]},
		{"short layer", t.Context(), imageOf(t, "amd64", short), isError[*publish.DigestError]},
		{"long layer", t.Context(), imageOf(t, "amd64", long), isError[*publish.DigestError]},
		{"unreadable layer", t.Context(), imageOf(t, "amd64", unreadable), func(err error) bool { return errors.Is(err, unreadable.fail) }},
	} {
		for kind, make := range map[string]func(string) publish.Publisher{
			"tarball": func(p string) publish.Publisher { return publish.Tarball(p, nil, nil) },
			"layout":  func(p string) publish.Publisher { return publish.Layout(p, nil, nil) },
		} {
			t.Run(tc.name+"/"+kind, func(t *testing.T) {
				dir := t.TempDir()
				path := filepath.Join(dir, "out")
				err := put(tc.ctx, make(path), tc.img)
				if err == nil || !tc.check(err) || !strings.Contains(err.Error(), path) {
					t.Errorf("error %v", err)
				}
				if got := files(t, dir); len(got) != 0 {
					t.Errorf("left behind: %q", got)
				}
			})
		}
	}
}

func isError[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// lying is a layer with other bytes than its digest promises.
type lying struct {
	v1.Layer
	text string
}

func (l lying) Compressed() (io.ReadCloser, error) {
	return static.NewLayer([]byte(l.text), types.OCILayer).Compressed()
}

func TestOutputErrors(t *testing.T) {
	dir := t.TempDir()
	locked := filepath.Join(dir, "locked")
	if err := os.Mkdir(locked, 0o555); err != nil {
		t.Fatal(err)
	}
	img := imageOf(t, "amd64", layerOf(strings.Repeat("x", 1000)))
	for path, want := range map[string]string{
		dir:                                    "it is a directory",
		filepath.Join(dir, "missing", "x.tar"): "there is no directory " + filepath.Join(dir, "missing"),
		os.DevNull:                             "it is not a regular file",
		filepath.Join(locked, "x.tar"):         "permission denied",
	} {
		if os.Geteuid() == 0 && want == "permission denied" {
			continue // root may
		}
		err := put(t.Context(), publish.Tarball(path, nil, nil), img)
		oe, ok := errors.AsType[*publish.OutputError](err)
		if !ok || oe.Path != path || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), ".tmp") {
			t.Errorf("%s: error %v, want %q", path, err, want)
		}
	}
	err := put(t.Context(), publish.Layout(filepath.Join(dir, "missing", "oci"), nil, nil), img)
	if !isError[*publish.OutputError](err) {
		t.Errorf("layout: error %v", err)
	}
}

func TestPushOfTarballIsBitByBit(t *testing.T) {
	reg := registrytest.New(t, registrytest.Options{})
	idx := indexOf(imageOf(t, "amd64", layerOf("a")), imageOf(t, "arm64", layerOf("b")))
	path := filepath.Join(t.TempDir(), "x.tar")
	writeTarball(t, path, idx)
	repo := repoIn(t, reg, "app")
	r := publish.NewRegistry(new(recorded).options(reg, nil))
	mustPush(t, r, repo, openOne(t, path).Artifact, "latest")
	// Layers out of a file may be a base's: asked about. Configs are sent.
	counts{"GET /v2/": 1, "HEAD manifest": 1, "HEAD blob": 2, "POST upload": 4, "PUT blob": 4, "PUT manifest": 3}.check(t, reg)
	got, err := r.Fetch(t.Context(), repo.Tag("latest"))
	if err != nil {
		t.Fatal(err)
	}
	if digestOf(t, got) != digestOf(t, idx) {
		t.Error("another index came out")
	}
}

func TestOpenDockerArchive(t *testing.T) {
	img, err := random.Image(5_000, 2)
	if err != nil {
		t.Fatal(err)
	}
	other, err := random.Image(5_000, 1)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "saved.tar")
	err = tarball.MultiRefWriteToFile(path, map[name.Reference]v1.Image{
		tags(t, "app:latest")[0]: img, tags(t, "other:v1")[0]: other,
	})
	if err != nil {
		t.Fatal(err)
	}
	a, err := publish.OpenTarball(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	found := map[string]v1.Hash{}
	for _, e := range a.Entries() {
		readAll(t, e.Artifact)
		for _, n := range e.Names {
			found[n] = mustConfig(t, e.Artifact.(v1.Image))
		}
	}
	want := map[string]v1.Hash{"app:latest": mustConfig(t, img), "other:v1": mustConfig(t, other)}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("images (-want +got):\n%s", diff)
	}
}

// What engines of old write: layers that are not compressed, one of which is a link
// to another.
func TestOpenDockerArchiveWithPlainLayers(t *testing.T) {
	var layer bytes.Buffer
	tw := tar.NewWriter(&layer)
	if err := errors.Join(tw.WriteHeader(&tar.Header{Name: "hello", Size: 2, Mode: 0o644}), second(tw.Write([]byte("hi"))), tw.Close()); err != nil {
		t.Fatal(err)
	}
	diffID, _, _ := v1.SHA256(bytes.NewReader(layer.Bytes()))
	config, _ := json.Marshal(v1.ConfigFile{OS: "linux", Architecture: "amd64", RootFS: v1.RootFS{Type: "layers", DiffIDs: []v1.Hash{diffID, diffID}}})
	path := tarOf(t,
		tarred{"1/layer.tar", layer.String(), ""}, tarred{"2/layer.tar", "", "../1/layer.tar"}, tarred{"config.json", string(config), ""},
		tarred{"manifest.json", `[{"Config":"config.json","RepoTags":["old:latest"],"Layers":["1/layer.tar","2/layer.tar"]}]`, ""},
	)
	e := openOne(t, path)
	readAll(t, e.Artifact)
	if err := validate.Image(e.Artifact.(v1.Image)); err != nil {
		t.Error(err)
	}
	again := filepath.Join(t.TempDir(), "again.tar")
	writeTarball(t, again, e.Artifact)
	readAll(t, openOne(t, again).Artifact)
}

func second[T any](_ T, err error) error { return err }

type tarred struct{ name, content, link string }

func tarBytes(t testing.TB, entries ...tarred) []byte {
	t.Helper()
	var buf bytes.Buffer
	tw := tar.NewWriter(&buf)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Size: int64(len(e.content)), Mode: 0o644}
		if e.link != "" {
			h.Typeflag, h.Linkname = tar.TypeSymlink, e.link
		}
		if err := errors.Join(tw.WriteHeader(h), second(tw.Write([]byte(e.content)))); err != nil {
			t.Fatal(err)
		}
	}
	if err := tw.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func tarOf(t testing.TB, entries ...tarred) string {
	t.Helper()
	return fileOf(t, tarBytes(t, entries...))
}

func fileOf(t testing.TB, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "image.tar")
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
