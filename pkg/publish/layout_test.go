package publish_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/random"

	"github.com/imgo-build/imgo/pkg/image"
	"github.com/imgo-build/imgo/pkg/publish"
)

func writeLayout(t testing.TB, dir string, a image.Artifact, names ...string) {
	t.Helper()
	if err := put(t.Context(), publish.Layout(dir, tags(t, names...), nil), a); err != nil {
		t.Fatal(err)
	}
}

// listed maps the ref.names of a layout to digests, by ggcr.
func listed(t testing.TB, dir string) map[string]string {
	t.Helper()
	idx, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	list, err := idx.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, d := range list.Manifests {
		out[d.Annotations["org.opencontainers.image.ref.name"]] += d.Digest.String()
	}
	return out
}

func TestLayout(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "oci")
	one, err := random.Image(10_000, 2)
	if err != nil {
		t.Fatal(err)
	}
	two := indexOf(imageOf(t, "amd64", layerOf("a")), imageOf(t, "arm64", layerOf("b")))
	three := imageOf(t, "amd64", layerOf("c"))

	writeLayout(t, dir, one, "a.example/x:latest", "a.example/x:v1")
	writeLayout(t, dir, two, "b.example/y:latest") // another image's latest
	writeLayout(t, dir, three)
	before := readFile(t, filepath.Join(dir, "index.json"))
	writeLayout(t, dir, three) // listed by digest already
	writeLayout(t, dir, one, "a.example/x:latest")
	if string(before) != string(readFile(t, filepath.Join(dir, "index.json"))) {
		t.Error("writing the same again changed index.json")
	}
	want := map[string]string{
		"a.example/x:latest": digestOf(t, one).String(), "a.example/x:v1": digestOf(t, one).String(),
		"b.example/y:latest": digestOf(t, two).String(), "": digestOf(t, three).String(),
	}
	if diff := cmp.Diff(want, listed(t, dir)); diff != "" {
		t.Errorf("index.json (-want +got):\n%s", diff)
	}
	writeLayout(t, dir, three, "a.example/x:latest") // moves the name
	want["a.example/x:latest"] = digestOf(t, three).String()
	if diff := cmp.Diff(want, listed(t, dir)); diff != "" {
		t.Errorf("index.json after a move (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{".imgo-lock", "blobs", "index.json", "oci-layout"}, files(t, dir)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}

	a, err := publish.OpenLayout(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	got := map[string]string{}
	for _, e := range a.Entries() {
		readAll(t, e.Artifact)
		got[digestOf(t, e.Artifact).String()] = strings.Join(e.Names, " ")
	}
	wantNames := map[string]string{
		digestOf(t, one).String(): "a.example/x:v1", digestOf(t, two).String(): "b.example/y:latest",
		digestOf(t, three).String(): "a.example/x:latest",
	}
	if diff := cmp.Diff(wantNames, got); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
}

func TestLayoutKeepsWhatItDoesNotKnow(t *testing.T) {
	dir := t.TempDir()
	foreign := `{"mediaType":"application/vnd.example","digest":"sha256:00","size":1,"x-entry":[1,2]}`
	writeFile(t, filepath.Join(dir, "oci-layout"), `{"imageLayoutVersion": "1.0.0"}`)
	writeFile(t, filepath.Join(dir, "index.json"), `{"schemaVersion":2,"x-field":{"deep":true},"manifests":[`+foreign+`]}`)
	writeLayout(t, dir, imageOf(t, "amd64"), "app:latest")
	var got struct {
		Field     json.RawMessage   `json:"x-field"`
		Manifests []json.RawMessage `json:"manifests"`
	}
	if err := json.Unmarshal(readFile(t, filepath.Join(dir, "index.json")), &got); err != nil {
		t.Fatal(err)
	}
	if string(got.Field) != `{"deep":true}` || len(got.Manifests) != 2 || string(got.Manifests[0]) != foreign {
		t.Errorf("index.json became %+v", got)
	}
}

func writeFile(t testing.TB, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// A blob of the wrong size, left by something that doesn't write by rename, is
// written again.
func TestLayoutReplacesTruncatedBlob(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "oci")
	img := imageOf(t, "amd64", layerOf("layer"))
	writeLayout(t, dir, img, "app:latest")
	blob := filepath.Join(dir, "blobs", "sha256", layerDigest(t, layerOf("layer")).Hex)
	if err := os.Truncate(blob, 2); err != nil {
		t.Fatal(err)
	}
	writeLayout(t, dir, img, "app:latest")
	if got := string(readFile(t, blob)); got != "layer" {
		t.Errorf("the blob is %q", got)
	}
}

func TestLayoutRefusesOtherDirectories(t *testing.T) {
	for problem, content := range map[string]map[string]string{
		"is neither empty nor an OCI layout":  {"notes.txt": "mine"},
		`is an OCI layout of the version "2"`: {"oci-layout": `{"imageLayoutVersion":"2"}`},
		"its oci-layout file is no JSON":      {"oci-layout": "x"},
	} {
		dir := t.TempDir()
		for name, c := range content {
			writeFile(t, filepath.Join(dir, name), c)
		}
		before := files(t, dir)
		err := put(t.Context(), publish.Layout(dir, nil, nil), imageOf(t, "amd64"))
		if nl, ok := errors.AsType[*publish.NotLayoutError](err); !ok || nl.Dir != dir || !strings.Contains(err.Error(), problem) {
			t.Errorf("error %v, want one with %q", err, problem)
		}
		if diff := cmp.Diff(before, files(t, dir)); diff != "" {
			t.Errorf("%s: files (-before +after):\n%s", problem, diff)
		}
	}
	broken := t.TempDir()
	writeFile(t, filepath.Join(broken, "oci-layout"), `{"imageLayoutVersion":"1.0.0"}`)
	writeFile(t, filepath.Join(broken, "index.json"), `[]`)
	if err := put(t.Context(), publish.Layout(broken, nil, nil), imageOf(t, "amd64")); !isError[*publish.NotLayoutError](err) {
		t.Errorf("error %v", err)
	}
	if string(readFile(t, filepath.Join(broken, "index.json"))) != "[]" {
		t.Error("a broken index.json was replaced")
	}
}

func TestLayoutAppearsWithTag(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "oci")
	img := imageOf(t, "amd64", layerOf("x"))
	p := publish.Layout(dir, tags(t, "app:latest"), nil)
	if err := p.Put(t.Context(), img); err != nil {
		t.Fatal(err)
	}
	if _, err := publish.OpenLayout(dir); err == nil {
		t.Error("Put made a layout")
	}
	if err := errors.Join(p.Close(), p.Close()); err != nil {
		t.Error(err)
	}
	if got := files(t, parent); len(got) != 0 {
		t.Errorf("left behind: %q", got)
	}
}

const writerEnv = "PUBLISH_TEST_WRITER"

// TestMain lets the test binary be one of several processes that write to a layout.
func TestMain(m *testing.M) {
	if spec := os.Getenv(writerEnv); spec != "" {
		dir, who, _ := strings.Cut(spec, "|")
		if err := writeMany(dir, who); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func writeMany(dir, who string) error {
	for i := range 5 {
		t := &testing.T{}
		img := imageOf(t, "amd64", layerOf("shared"), layerOf(fmt.Sprint(who, i)))
		p := publish.Layout(dir, tags(t, fmt.Sprintf("app/%s:v%d", who, i), "app/shared:latest"), nil)
		if err := put(context.Background(), p, img); err != nil {
			return err
		}
	}
	return nil
}

func TestLayoutWritersAtOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "oci")
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for _, who := range []string{"a", "b", "c"} { // processes
		wg.Go(func() {
			cmd := exec.Command(exe)
			cmd.Env = append(os.Environ(), writerEnv+"="+dir+"|"+who)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", who, err, out)
			}
		})
	}
	for _, who := range []string{"d", "e"} { // goroutines
		wg.Go(func() {
			if err := writeMany(dir, who); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	got := listed(t, dir)
	if len(got) != 26 {
		t.Errorf("%d names, want 26: %v", len(got), slices.Sorted(maps(got)))
	}
	a, err := publish.OpenLayout(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	for _, e := range a.Entries() {
		readAll(t, e.Artifact)
	}
	if diff := cmp.Diff([]string{".imgo-lock", "blobs", "index.json", "oci-layout"}, files(t, dir)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func maps(m map[string]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func TestOpenLayoutFindsDamage(t *testing.T) {
	img := imageOf(t, "amd64", layerOf("layer"))
	blob := func(dir string, h v1.Hash) string { return filepath.Join(dir, "blobs", "sha256", h.Hex) }
	for problem, harm := range map[string]func(dir string) error{
		"lacks the layer sha256:":  func(dir string) error { return os.Remove(blob(dir, layerDigest(t, layerOf("layer")))) },
		"lacks the config sha256:": func(dir string) error { return os.Remove(blob(dir, mustConfig(t, img))) },
		"is damaged":               func(dir string) error { return os.Truncate(blob(dir, layerDigest(t, layerOf("layer"))), 1) },
		"its bytes have the digest": func(dir string) error {
			path := blob(dir, digestOf(t, img))
			raw, _ := os.ReadFile(path)
			raw[0] = '['
			return os.WriteFile(path, raw, 0o644)
		},
		"has no index.json": func(dir string) error { return os.Remove(filepath.Join(dir, "index.json")) },
		"no oci-layout":     func(dir string) error { return os.Remove(filepath.Join(dir, "oci-layout")) },
	} {
		dir := filepath.Join(t.TempDir(), "oci")
		writeLayout(t, dir, img)
		if err := harm(dir); err != nil {
			t.Fatal(err)
		}
		_, err := publish.OpenLayout(dir)
		if !isError[*publish.ArchiveError](err) || !strings.Contains(err.Error(), problem) || !strings.Contains(err.Error(), dir) {
			t.Errorf("error %v, want one with %q", err, problem)
		}
	}
}
