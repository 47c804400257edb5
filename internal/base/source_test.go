package base

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/imgo-build/imgo/pkg/event"
	"github.com/imgo-build/imgo/pkg/image"
	"github.com/imgo-build/imgo/pkg/publish"
)

func TestReferences(t *testing.T) {
	dir := t.TempDir()
	for _, f := range []string{"base.tar", "golang", "with:colon"} {
		if err := os.WriteFile(filepath.Join(dir, f), nil, 0o600); err != nil && !strings.Contains(f, ":") {
			t.Fatal(err)
		}
	}
	s := New(Options{Dir: dir, PlainHTTP: []string{"plain.example"}})
	digest := "sha256:" + strings.Repeat("a", 64)
	for text, want := range map[string]string{
		"distroless":                    "gcr.io/distroless/static-debian13:nonroot",
		"alpine":                        "docker.io/library/alpine:3.24",
		"alpine:3.24":                   "docker.io/library/alpine:3.24",
		"golang":                        "docker.io/library/golang:latest", // the file is not meant
		"index.docker.io/a/b":           "docker.io/a/b:latest",
		"docker.io/a/b:c":               "docker.io/a/b:c",
		"localhost:5000/x@" + digest:    "localhost:5000/x@" + digest,
		"localhost:5000/x:y@" + digest:  "localhost:5000/x:y",
		"alpine:3.24@" + digest:         "docker.io/library/alpine:3.24",
		"plain.example/x":               "plain.example/x:latest",
		"ghcr.io/acme/base.tar/x:1.tar": "",
	} {
		r, err := s.parse(text)
		switch {
		case want == "":
			if err == nil {
				t.Errorf("%s: %+v, want an error", text, r)
			}
		case err != nil || r.remote == nil || r.remote.name != want:
			t.Errorf("%s: %+v, %v, want %s", text, r, err, want)
		}
	}
	if r, err := s.parse("base.tar"); err != nil || r.tarball != filepath.Join(dir, "base.tar") {
		t.Errorf("%+v, %v", r, err)
	}
	if r, err := s.parse("./golang"); err != nil || r.tarball != filepath.Join(dir, "golang") {
		t.Errorf("%+v, %v", r, err)
	}
	for text, want := range map[string]layoutReference{
		"oci:x":           {dir: filepath.Join(dir, "x")},
		"oci:x:tag":       {dir: filepath.Join(dir, "x"), name: "tag"},
		"oci:x:a.b/c:tag": {dir: filepath.Join(dir, "x"), name: "a.b/c:tag"},
	} {
		if r, err := s.parse(text); err != nil || *r.layout != want {
			t.Errorf("%s: %+v, %v", text, r, err)
		}
	}
	for _, bad := range []string{"", "UPPER/case", "a b", "x@sha256:123", "missing.tar", ".", "./", "http://x/y"} {
		if _, err := s.parse(bad); !isA[*ReferenceError](err) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"alpine", "a/b:c", "a@sha256:x", "oci:x:y", "./x.tar", "localhost:5000/x", ""} {
		f.Add(s)
	}
	s := New(Options{Dir: f.TempDir()})
	f.Fuzz(func(t *testing.T, text string) {
		r, err := s.parse(text)
		if err != nil || r.remote == nil {
			return
		}
		again, err := s.parse(r.remote.name)
		if err != nil || again.remote == nil || again.remote.name != r.remote.name {
			t.Fatalf("%q is recorded as %q, which is read as %+v, %v", text, r.remote.name, again, err)
		}
	})
}

func TestScratch(t *testing.T) {
	runtime := must(random.Layer(128, types.OCILayer))
	s := New(Options{Cache: newStore(), RuntimeLayer: func() v1.Layer { return runtime }, RuntimeHistory: "imgo: CA roots 1"})
	platforms, err := s.Platforms(t.Context(), "scratch")
	if err != nil || len(platforms) < 5 {
		t.Fatalf("%v, %v", platforms, err)
	}
	for _, p := range append(platforms, platform("linux/loong64")) {
		b, err := s.Base(t.Context(), "scratch", p)
		if err != nil {
			t.Fatal(err)
		}
		if b.Name != "" || b.Digest != (v1.Hash{}) || b.Index != (v1.Hash{}) {
			t.Errorf("%+v", b)
		}
		img := must(image.Assemble(image.Parts{Base: b.Image, Platform: p, Entrypoint: []string{"/app/x"}}))
		if err := validate.Image(img); err != nil {
			t.Error(err)
		}
		c := must(img.ConfigFile())
		if env := strings.Join(c.Config.Env, " "); env != "PATH="+image.DefaultPath+":/app SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt" {
			t.Error(env)
		}
		if len(c.History) != 1 || c.History[0].CreatedBy != "imgo: CA roots 1" {
			t.Errorf("%+v", c.History)
		}
	}
	if _, err := s.Base(t.Context(), "scratch", platform("linux/pdp11")); !isA[*image.PlatformError](err) {
		t.Errorf("%v", err)
	}
}

// writeLayout makes an OCI layout of artifacts with names.
func writeLayout(t *testing.T, dir string, named map[string]mutate.Appendable) {
	t.Helper()
	p := must(layout.Write(dir, empty.Index))
	for _, n := range slices.Sorted(maps.Keys(named)) {
		opt := layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": n})
		var err error
		switch a := named[n].(type) {
		case v1.ImageIndex:
			err = p.AppendIndex(a, opt)
		case v1.Image:
			err = p.AppendImage(a, opt)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestLayouts(t *testing.T) {
	dir := t.TempDir()
	arm, index := newImage(t, "linux/arm64"), newIndex(t, "linux/amd64", "linux/arm64")
	writeLayout(t, filepath.Join(dir, "one"), map[string]mutate.Appendable{"latest": index})
	writeLayout(t, filepath.Join(dir, "two"), map[string]mutate.Appendable{"arm": arm, "a.b/c:all": index})
	writeLayout(t, filepath.Join(dir, "none"), nil)
	s := New(Options{Cache: newStore(), Dir: dir})
	defer s.Close()

	b := mustBase(t, s, "oci:one", "linux/arm64")
	if b.Name != "" || b.Index != must(index.Digest()) || b.Digest == must(arm.Digest()) {
		t.Errorf("%+v", b)
	}
	if err := validate.Image(b.Image); err != nil {
		t.Error(err)
	}
	if got, err := s.Platforms(t.Context(), "oci:one"); err != nil || len(got) != 2 {
		t.Errorf("%v, %v", got, err)
	}
	if b := mustBase(t, s, "oci:"+filepath.Join(dir, "two")+":arm", "linux/arm64"); b.Digest != must(arm.Digest()) || b.Index != (v1.Hash{}) {
		t.Errorf("%+v", b)
	}
	mustBase(t, s, "oci:two:all", "linux/amd64")
	mustBase(t, s, "oci:two:a.b/c:all", "linux/amd64")
	for ref, want := range map[string]string{
		"oci:two":   "choose one with oci:two:NAME",
		"oci:two:x": `no image named "x"`,
		"oci:none":  "no image",
	} {
		_, err := s.Base(t.Context(), ref, platform("linux/arm64"))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", ref, err, want)
		}
	}
	if _, err := s.Base(t.Context(), "oci:two:arm", platform("linux/amd64")); !isA[*PlatformMissingError](err) {
		t.Errorf("%v", err)
	}
	if _, err := s.Base(t.Context(), "oci:nowhere", platform("linux/amd64")); err == nil || !strings.Contains(err.Error(), `base "oci:nowhere": there is no such directory`) {
		t.Errorf("%v", err)
	}
}

// writeDockerArchive writes what "docker save" does: plain layers, no manifest. The
// name of the layer's file is arbitrary.
func writeDockerArchive(t *testing.T, path string, diffID v1.Hash, plain []byte) {
	t.Helper()
	config := fmt.Sprintf(`{"os":"linux","architecture":"amd64","config":{},"rootfs":{"type":"layers","diff_ids":[%q]}}`, diffID)
	f := must(os.Create(path))
	defer f.Close()
	w := tar.NewWriter(f)
	for _, e := range []struct{ name, content string }{
		{"config.json", config},
		{"x/layer.tar", string(plain)},
		{"manifest.json", `[{"Config":"config.json","RepoTags":["saved:1"],"Layers":["x/layer.tar"]}]`},
	} {
		if err := w.WriteHeader(&tar.Header{Name: e.name, Mode: 0o644, Size: int64(len(e.content))}); err != nil {
			t.Fatal(err)
		}
		_ = must(io.WriteString(w, e.content))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestDockerArchiveIsCompressedOnce(t *testing.T) {
	dir := t.TempDir()
	l := must(random.Layer(64, types.DockerLayer))
	plain, diffID := must(io.ReadAll(must(l.Uncompressed()))), must(l.DiffID())
	writeDockerArchive(t, filepath.Join(dir, "saved.tar"), diffID, plain)
	store := newStore()
	var images []v1.Image
	for range 2 {
		s := New(Options{Cache: store, Dir: dir})
		defer s.Close()
		b := mustBase(t, s, "saved.tar", "linux/amd64")
		if b.Name != "" || b.Digest != (v1.Hash{}) {
			t.Errorf("%+v", b)
		}
		images = append(images, b.Image)
	}
	if err := validate.Image(images[0]); err != nil {
		t.Error(err)
	}
	if must(images[0].Digest()) != must(images[1].Digest()) || len(store.blobs) != 1 {
		t.Errorf("%d blobs", len(store.blobs))
	}
	built := must(image.Assemble(image.Parts{Base: images[0], Platform: platform("linux/amd64")}))
	if m := must(built.Manifest()); m.Layers[0].MediaType != types.OCILayer || !store.has(m.Layers[0].Digest) {
		t.Errorf("%+v", m)
	}

	remembered := len(store.results)
	lie := v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("a", 64)}
	writeDockerArchive(t, filepath.Join(dir, "lie.tar"), lie, plain)
	s := New(Options{Cache: store, Dir: dir})
	defer s.Close()
	_, err := s.Base(t.Context(), "lie.tar", platform("linux/amd64"))
	if err == nil || len(store.results) != remembered || store.staged != 0 {
		t.Errorf("a wrong diff ID: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "junk.tar"), []byte("junk"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Base(t.Context(), "junk.tar", platform("linux/amd64")); !isA[*publish.ArchiveError](err) {
		t.Errorf("junk: %v", err)
	}
}

func TestTarballStaysAsItIs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.tar")
	img := newImage(t, "linux/amd64")
	out := publish.Tarball(path, nil, event.Discard)
	if err := errors.Join(out.Put(t.Context(), img), out.Tag(t.Context(), img), out.Close()); err != nil {
		t.Fatal(err)
	}
	s := New(Options{Cache: newStore()})
	defer s.Close()
	b := mustBase(t, s, path, "linux/amd64")
	if b.Digest != must(img.Digest()) {
		t.Errorf("%+v", b)
	}
	if err := validate.Image(b.Image); err != nil {
		t.Error(err)
	}
}

func TestNoRegularFile(t *testing.T) {
	tarball := filepath.Join(t.TempDir(), "f.tar")
	layout := t.TempDir()
	writeLayout(t, layout, map[string]mutate.Appendable{"x": newImage(t, "linux/amd64")})
	index := filepath.Join(layout, "index.json")
	if err := errors.Join(os.Remove(index), os.Mkdir(index, 0o755), os.Mkdir(tarball, 0o755)); err != nil {
		t.Fatal(err)
	}
	_, archive := isDockerArchive(tarball)
	_, source := newSource(t, newStore()).Base(t.Context(), "oci:"+layout, platform("linux/amd64"))
	for name, err := range map[string]error{"tags": addTags(nil, layout), "archive": archive, "source": source} {
		if e, ok := errors.AsType[*publish.ArchiveError](err); !ok || e.Problem != "is not a regular file" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
