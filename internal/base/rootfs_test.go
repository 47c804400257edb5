package base

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/imgo-build/imgo/internal/attest/packages"
	"github.com/imgo-build/imgo/internal/base/runtimelayer"
	"github.com/imgo-build/imgo/internal/rootfs"
	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/publish"
)

// tarOf is a tar of files, written as "path=content".
func tarOf(t *testing.T, files ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, f := range files {
		path, content, _ := strings.Cut(f, "=")
		if err := w.WriteHeader(&tar.Header{Name: path, Mode: 0o644, Size: int64(len(content))}); err != nil {
			t.Fatal(err)
		}
		_ = must(io.WriteString(w, content))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// imageOfFiles is an image for linux/amd64 with a layer for each list of files.
func imageOfFiles(t *testing.T, created time.Time, layers ...[]string) v1.Image {
	t.Helper()
	img := mutate.MediaType(empty.Image, types.OCIManifestSchema1)
	for _, files := range layers {
		plain := tarOf(t, files...)
		l := must(tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(plain)), nil }))
		img = must(mutate.AppendLayers(img, l))
	}
	config := must(img.ConfigFile()).DeepCopy()
	config.OS, config.Architecture, config.Created, config.History = "linux", "amd64", v1.Time{Time: created}, nil
	return must(mutate.ConfigFile(img, config))
}

func content(tree *rootfs.Tree, path string) string {
	b, ok := tree.Content(path)
	if !ok {
		return "-"
	}
	return string(b)
}

func TestRootfsIsReadOnce(t *testing.T) {
	r := newRegistry(t)
	ref := r.push(t, "base:1", imageOfFiles(t, time.Time{},
		[]string{"etc/passwd=old", "etc/group=g", "bin/x=1", "usr/lib/os-release=ID=x"},
		[]string{"etc/passwd=new", "etc/shadow=secret", "bin/.wh.x="}))
	store := newStore()
	s := newSource(t, store)
	var b build.Base
	for i, c := range []struct {
		before   func() // what happened to the cache
		requests int    // for layers
	}{
		{func() {}, 2},
		{func() {}, 0},
		{func() { s = newSource(t, store) }, 0},
		{func() { s = newSource(t, store); store.damage(t) }, 0},
		{func() { s = newSource(t, store); clear(store.blobs) }, 2},
		{func() { s = newSource(t, store); clear(store.results) }, 0},
	} {
		c.before()
		b = mustBase(t, s, ref, "linux/amd64")
		r.requests()
		tree, err := s.Rootfs(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprint(content(tree, "/etc/passwd"), content(tree, "etc/group"), content(tree, "/usr/lib/os-release"), content(tree, "etc/shadow"))
		if got != "newgID=x-" {
			t.Errorf("%d: contents %s", i, got)
		}
		if _, _, ok := tree.Lookup("/bin/x"); ok {
			t.Errorf("%d: a hidden file is there", i)
		}
		if log := r.requests(); count(log, "/blobs/") != c.requests || count(log, "/manifests/") != 0 {
			t.Errorf("%d: requests %q, want %d", i, log, c.requests)
		}
	}
	for _, l := range must(b.Image.Layers()) {
		if !store.has(must(l.Digest())) {
			t.Error("a layer that was read is not in the cache")
		}
	}
	if store.staged != 0 {
		t.Errorf("%d blobs are left staged", store.staged)
	}
	broken := newStore()
	broken.broken = true
	s = newSource(t, broken)
	if tree, err := s.Rootfs(t.Context(), mustBase(t, s, ref, "linux/amd64")); err != nil || content(tree, "etc/passwd") != "new" {
		t.Errorf("without a cache: %v", err)
	}
}

// damage damages what results refer to.
func (m *memoryStore) damage(t *testing.T) {
	t.Helper()
	for _, value := range m.results {
		h := must(v1.NewHash(string(value)))
		if m.blobs[h] == nil {
			t.Error("a result refers to nothing")
		}
		m.blobs[h] = []byte("damaged")
	}
}

func TestRootfsOfOtherBases(t *testing.T) {
	dir := t.TempDir()
	plain := tarOf(t, "etc/passwd=saved")
	diffID, _, err := v1.SHA256(bytes.NewReader(plain))
	if err != nil {
		t.Fatal(err)
	}
	writeDockerArchive(t, filepath.Join(dir, "saved.tar"), diffID, plain)
	writeLayout(t, filepath.Join(dir, "layout"), map[string]mutate.Appendable{"x": imageOfFiles(t, time.Time{}, []string{"etc/passwd=laid out"})})
	s := New(Options{Cache: newStore(), Dir: dir, RuntimeLayer: runtimelayer.Layer})
	defer s.Close()
	for ref, want := range map[string]string{"saved.tar": "saved", "oci:layout": "laid out", "scratch": "root:x:0:0:"} {
		tree, err := s.Rootfs(t.Context(), mustBase(t, s, ref, "linux/amd64"))
		if err != nil || !strings.HasPrefix(content(tree, "etc/passwd"), want) {
			t.Errorf("%s: %q, %v", ref, content(tree, "etc/passwd"), err)
		}
	}
	before := len(s.opts.Cache.(*memoryStore).results)
	if _, err := s.Rootfs(t.Context(), mustBase(t, s, "scratch", "linux/arm64")); err != nil || len(s.opts.Cache.(*memoryStore).results) != before {
		t.Errorf("the empty base was read for each platform: %v", err)
	}
	if tree, err := s.Rootfs(t.Context(), build.Base{}); err != nil || content(tree, "etc/passwd") != "-" {
		t.Errorf("no image: %v", err)
	}
}

func TestRootfsErrors(t *testing.T) {
	r := newRegistry(t)
	bad := r.push(t, "bad:1", imageOfFiles(t, time.Time{}, []string{"../etc/passwd=x"}))
	good := r.push(t, "good:1", imageOfFiles(t, time.Time{}, []string{"etc/passwd=x"}))
	s := newSource(t, newStore())
	_, err := s.Rootfs(t.Context(), mustBase(t, s, bad, "linux/amd64"))
	if !isA[*rootfs.MalformedError](err) || !strings.HasPrefix(err.Error(), "reading the files of base "+bad+": layer 1") {
		t.Errorf("%v", err)
	}
	b := mustBase(t, s, good, "linux/amd64")
	r.answer(func(w http.ResponseWriter, req *http.Request) bool {
		fmt.Fprint(w, "junk")
		return true
	})
	if _, err := s.Rootfs(t.Context(), b); !isA[*publish.DigestError](err) {
		t.Errorf("damaged on the way: %v", err)
	}
	r.answer(nil)
	if tree, err := s.Rootfs(t.Context(), b); err != nil || content(tree, "etc/passwd") != "x" {
		t.Errorf("asked again: %v", err)
	}
}

func TestPins(t *testing.T) {
	r := newRegistry(t)
	index := newIndex(t, "linux/amd64")
	ref := r.push(t, "base:1", index)
	old := mustBase(t, newSource(t, newStore()), ref, "linux/amd64")
	r.push(t, "base:1", newIndex(t, "linux/amd64", "linux/arm64"))
	var asked []string
	store := newStore()
	pinnedTo := func(h v1.Hash) *Source {
		s := New(Options{Cache: store, Pins: func(name string) (v1.Hash, bool) {
			asked = append(asked, name)
			return h, strings.HasSuffix(name, "/base:1")
		}})
		t.Cleanup(func() { s.Close() })
		return s
	}

	s := pinnedTo(must(index.Digest()))
	b := mustBase(t, s, ref, "linux/amd64")
	if b.Name != ref || b.Index != old.Index || b.Digest != old.Digest {
		t.Errorf("%+v, want %+v", b, old)
	}
	if log := r.requests(); count(log, "manifests/1") != 0 || len(log) != 4 {
		t.Errorf("requests %q", log)
	}
	if p, err := s.Platforms(t.Context(), ref); err != nil || len(p) != 1 {
		t.Errorf("%v, %v", p, err)
	}
	if len(asked) != 2 || asked[0] != ref {
		t.Errorf("asked for the pins of %q", asked)
	}
	mustBase(t, pinnedTo(must(index.Digest())), ref, "linux/amd64")
	if log := r.requests(); len(log) != 0 {
		t.Errorf("requests although all is cached: %q", log)
	}

	// What is written by digest needs no pin, and what is not pinned is looked up.
	asked = nil
	other := r.push(t, "other:1", index)
	mustBase(t, s, ref+"@"+must(index.Digest()).String(), "linux/amd64")
	if len(asked) != 0 {
		t.Errorf("asked for the pins of %q", asked)
	}
	r.requests()
	mustBase(t, s, other, "linux/amd64")
	if log := r.requests(); count(log, "other/manifests/1") != 1 {
		t.Errorf("requests %q", log)
	}

	// A description is of what the tag points to now.
	info, err := s.Describe(t.Context(), ref)
	if err != nil || info.Digest == must(index.Digest()) || len(info.Platforms) != 2 {
		t.Errorf("%+v, %v", info, err)
	}

	gone := v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("a", 64)}
	_, err = pinnedTo(gone).Base(t.Context(), ref, platform("linux/amd64"))
	pin, ok := errors.AsType[*PinError](err)
	if !ok || pin.Name != ref || pin.Digest != gone || !isA[*publish.NotFoundError](err) {
		t.Errorf("%v", err)
	}
	if want := "resolving base " + ref + ": it is pinned to " + gone.String() + ": the registry has no such image"; err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestDescribe(t *testing.T) {
	r := newRegistry(t)
	dir := t.TempDir()
	created := time.Date(2026, 5, 28, 10, 0, 0, 0, time.FixedZone("", 3600))
	dated, epoch := imageOfFiles(t, created, nil), imageOfFiles(t, time.Unix(0, 0), nil)
	amd64 := platform("linux/amd64")
	index := mutate.AppendManifests(newIndex(t, "linux/arm64"), mutate.IndexAddendum{Add: dated, Descriptor: v1.Descriptor{Platform: &amd64}})
	writeLayout(t, filepath.Join(dir, "layout"), map[string]mutate.Appendable{"x": epoch})
	writeDockerArchive(t, filepath.Join(dir, "saved.tar"), must(must(epoch.Layers())[0].DiffID()), tarOf(t))
	multi, single := r.push(t, "a/multi:1", index), r.push(t, "single:1", epoch)
	windows := r.push(t, "win:1", newIndex(t, "windows/amd64"))
	s := New(Options{Cache: newStore(), Dir: dir, PlainHTTP: []string{r.host}})
	defer s.Close()
	byDigest := strings.TrimSuffix(single, ":1") + "@" + must(epoch.Digest()).String()
	for ref, want := range map[string]Info{
		multi:        {Name: multi, Digest: must(index.Digest()), Platforms: []string{"linux/arm64", "linux/amd64"}, Created: created.UTC(), Remote: true},
		single:       {Name: single, Digest: must(epoch.Digest()), Platforms: []string{"linux/amd64"}, Remote: true},
		byDigest:     {Name: byDigest, Digest: must(epoch.Digest()), Platforms: []string{"linux/amd64"}, Remote: true, ByDigest: true},
		"oci:layout": {Digest: must(epoch.Digest()), Platforms: []string{"linux/amd64"}},
		"saved.tar":  {Platforms: []string{"linux/amd64"}},
	} {
		got, err := s.Describe(t.Context(), ref)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %+v, %v, want %+v", ref, got, err, want)
		}
		name, ok, err := s.LockName(ref)
		if lockable := want.Remote && !want.ByDigest; ok != lockable || ok && name != want.Name || err != nil {
			t.Errorf("%s: lock name %q, %t, %v", ref, name, ok, err)
		}
	}
	if info, err := s.Describe(t.Context(), "scratch"); err != nil || info.Remote || len(info.Platforms) < 5 {
		t.Errorf("%+v, %v", info, err)
	}
	if _, err := s.Describe(t.Context(), windows); !isA[*PlatformMissingError](err) {
		t.Errorf("no Linux: %v", err)
	}
	if _, err := s.Describe(t.Context(), r.host+"/none:1"); !isA[*publish.NotFoundError](err) {
		t.Errorf("none: %v", err)
	}
	if _, err := s.Describe(t.Context(), "A B"); !isA[*ReferenceError](err) {
		t.Errorf("malformed: %v", err)
	}
	if name, ok, err := s.LockName("alpine"); name != AlpineReference || !ok || err != nil {
		t.Errorf("%q, %t, %v", name, ok, err)
	}
}

func TestPackagesComeWithTheFiles(t *testing.T) {
	r := newRegistry(t)
	ref := r.push(t, "base:1", imageOfFiles(t, time.Time{},
		[]string{"etc/os-release=ID=debian\nVERSION_ID=\"13\"\n", "var/lib/dpkg/status.d/tzdata=Package: tzdata\nVersion: 2026a-0+deb13u1\nArchitecture: all\n"}))
	store := newStore()
	want := &packages.Found{Distro: "debian-13", Packages: []packages.Package{
		{Type: "deb", Namespace: "debian", Name: "tzdata", Version: "2026a-0+deb13u1", Arch: "all"},
	}}
	for _, blobs := range []int{1, 0} { // read, and then known
		s := newSource(t, store)
		b := mustBase(t, s, ref, "linux/amd64")
		r.requests()
		tree, err := s.Rootfs(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		found, err := packages.In(tree)
		if diff := cmp.Diff(want, found); err != nil || diff != "" {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
		if log := r.requests(); count(log, "/blobs/") != blobs {
			t.Errorf("requests %q, want %d for layers", log, blobs)
		}
	}
}
