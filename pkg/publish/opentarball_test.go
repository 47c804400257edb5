package publish_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/pkg/publish"
)

func TestMalformedTarballs(t *testing.T) {
	whole := filepath.Join(t.TempDir(), "whole.tar")
	img := imageOf(t, "amd64", layerOf("layer"))
	writeTarball(t, whole, img, "app:latest")
	raw := readFile(t, whole)
	var zipped bytes.Buffer
	zw := gzip.NewWriter(&zipped)
	if err := errors.Join(second(zw.Write(raw)), zw.Close()); err != nil {
		t.Fatal(err)
	}
	version := tarred{"oci-layout", `{"imageLayoutVersion":"1.0.0"}`, ""}
	digest := "sha256:" + strings.Repeat("0", 64)
	docker := func(json string) []byte { return tarBytes(t, tarred{"manifest.json", json, ""}) }
	index := func(json string) []byte { return tarBytes(t, version, tarred{"index.json", json, ""}) }
	for _, tc := range []struct {
		name, want string
		content    []byte
	}{
		{"empty file", "is no tar, or an empty one", nil},
		{"text", "is no tar that can be read", bytes.Repeat([]byte("text "), 500)},
		{"short text", "is cut off", []byte("text")},
		{"compressed", "is compressed with gzip: decompress it first", zipped.Bytes()},
		{"cut between entries", "is cut off: the tar has no end", raw[:len(raw)-2048]},
		{"cut in a blob", "is cut off: blobs/sha256/", raw[:len(raw)-1024-510]},
		{"cut in a header", "is cut off: the last entry", raw[:1200]},
		{"another tar", "is no image: it has neither", tarBytes(t, tarred{"hello", "x", ""})},
		{"traversal", "would be outside of where it is unpacked", tarBytes(t, tarred{"../x", "x", ""})},
		{"another version", `is an OCI layout of the version "9"`, tarBytes(t, tarred{"oci-layout", `{"imageLayoutVersion":"9"}`, ""}, tarred{"index.json", "{}", ""})},
		{"index.json is no JSON", "has an index.json that is no JSON", index("<html>")},
		{"index.json lists nothing", "its index.json lists nothing", index(`{"manifests":[]}`)},
		{"odd entry", "neither an image's nor an index's", index(`{"manifests":[{"mediaType":"text/plain","size":1,"digest":"` + digest + `"}]}`)},
		{"missing manifest", "lacks the manifest " + digest, index(`{"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":1,"digest":"` + digest + `"}]}`)},
		{"huge manifest", "has a manifest of", index(`{"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":99999999999,"digest":"` + digest + `"}]}`)},
		{"other hash", "only sha256 is supported", index(`{"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":1,"digest":"sha512:` + strings.Repeat("0", 128) + `"}]}`)},
		{"manifest.json is no JSON", "has a manifest.json that is no JSON", docker("x")},
		{"manifest.json lists nothing", "its manifest.json lists nothing", docker("[]")},
		{"missing config", "has no config.json", docker(`[{"Config":"config.json"}]`)},
		{"config outside", "has no ../../etc/passwd", docker(`[{"Config":"../../etc/passwd"}]`)},
		{"null item", "has no ", docker(`[null]`)},
		{"layers don't match", "manifest.json lists 1 layers of an image, its config 0", tarBytes(t,
			tarred{"c", `{"rootfs":{"type":"layers","diff_ids":[]}}`, ""}, tarred{"manifest.json", `[{"Config":"c","Layers":["l"]}]`, ""})},
		{"missing layer", "lacks the layer l", tarBytes(t,
			tarred{"c", `{"rootfs":{"type":"layers","diff_ids":["` + digest + `"]}}`, ""}, tarred{"manifest.json", `[{"Config":"c","Layers":["l"]}]`, ""})},
		{"links in a circle", "is no image", tarBytes(t, tarred{"manifest.json", "", "a"}, tarred{"a", "", "manifest.json"})},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := fileOf(t, tc.content)
			a, err := publish.OpenTarball(t.Context(), path)
			if err == nil {
				a.Close()
			}
			ae, ok := errors.AsType[*publish.ArchiveError](err)
			if !ok || ae.Path != path || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
		})
	}
	if _, err := publish.OpenTarball(t.Context(), filepath.Join(t.TempDir(), "none.tar")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	if _, err := publish.OpenTarball(t.Context(), t.TempDir()); !isError[*publish.ArchiveError](err) {
		t.Errorf("error %v", err)
	}
}

// A blob whose bytes changed after the headers were read is noticed while reading.
func TestDamagedBlobInTarball(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.tar")
	img := imageOf(t, "amd64", layerOf("the layer's bytes"))
	writeTarball(t, path, img)
	raw := bytes.Replace(readFile(t, path), []byte("the layer's bytes"), []byte("the layer's BYTES"), 1)
	if err := os.WriteFile(path, raw, 0o644); err != nil {
		t.Fatal(err)
	}
	e := openOne(t, path)
	err := put(t.Context(), publish.Tarball(filepath.Join(t.TempDir(), "y.tar"), nil, nil), e.Artifact)
	if de, ok := errors.AsType[*publish.DigestError](err); !ok || de.What != "layer" {
		t.Errorf("error %v", err)
	}
}

func FuzzOpenTarball(f *testing.F) {
	path := filepath.Join(f.TempDir(), "x.tar")
	writeTarball(f, path, indexOf(imageOf(f, "amd64", layerOf("a")), imageOf(f, "arm64", layerOf("b"))), "app:latest")
	f.Add(readFile(f, path))
	f.Add(tarBytes(f, tarred{"manifest.json", `[{"Config":"c","RepoTags":["a:b"],"Layers":["l"]}]`, ""},
		tarred{"c", `{"rootfs":{"type":"layers","diff_ids":["sha256:` + strings.Repeat("0", 64) + `"]}}`, ""}, tarred{"l", "x", ""}))
	f.Add(tarBytes(f, tarred{"manifest.json", `[null]`, ""}, tarred{"oci-layout", "", "x"}))
	f.Fuzz(func(t *testing.T, raw []byte) {
		a, err := publish.OpenTarball(t.Context(), fileOf(t, raw))
		if err != nil {
			if !isError[*publish.ArchiveError](err) {
				t.Errorf("error %v is not an ArchiveError", err)
			}
			return
		}
		defer a.Close()
		for _, e := range a.Entries() { // reading may fail, not panic
			_ = put(context.Background(), publish.Tarball(filepath.Join(t.TempDir(), "y.tar"), nil, nil), e.Artifact)
		}
	})
}

// What is inside of a layout's JSON is fuzzed apart: a fuzzer doesn't guess digests.
func FuzzManifestJSON(f *testing.F) {
	f.Add("application/vnd.oci.image.manifest.v1+json", []byte(`{"config":{"digest":"sha256:`+strings.Repeat("0", 64)+`","size":1},"layers":[]}`))
	f.Add("application/vnd.oci.image.index.v1+json", []byte(`{"manifests":[{"mediaType":"application/vnd.oci.image.index.v1+json"}]}`))
	f.Add("application/vnd.oci.image.index.v1+json", []byte(`{"manifests":[null]}`))
	f.Add("application/vnd.docker.distribution.manifest.v2+json", []byte(`null`))
	f.Fuzz(func(t *testing.T, mediaType string, manifest []byte) {
		h, n, err := v1.SHA256(bytes.NewReader(manifest))
		if err != nil {
			t.Fatal(err)
		}
		index := descriptorJSON(t, mediaType, h, n)
		a, err := publish.OpenTarball(t.Context(), tarOf(t,
			tarred{"oci-layout", `{"imageLayoutVersion":"1.0.0"}`, ""},
			tarred{"index.json", index, ""},
			tarred{"blobs/sha256/" + h.Hex, string(manifest), ""},
		))
		if err != nil {
			if !isError[*publish.ArchiveError](err) {
				t.Errorf("error %v is not an ArchiveError", err)
			}
			return
		}
		defer a.Close()
		for _, e := range a.Entries() {
			_ = put(context.Background(), publish.Tarball(filepath.Join(t.TempDir(), "y.tar"), nil, nil), e.Artifact)
		}
	})
}
