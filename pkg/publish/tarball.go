package publish

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/imgo-build/imgo/pkg/event"
	"github.com/imgo-build/imgo/pkg/image"
)

// Tarball returns a Publisher that writes one file, at once a docker-archive and an
// OCI layout, so that docker, podman and skopeo take it, whichever of the two they
// look for.
//
// Its entries are, in this order and without times and owners: oci-layout,
// index.json, manifest.json, and below blobs/sha256/ the manifests from the top
// down, the configs and layers, each once. index.json has one descriptor, the image
// or the index of all platforms, annotated with the first of the names (readers
// accept one only). manifest.json has one item, the image for linux/amd64 or else
// the first one, with all names, and points at the same blobs. The same artifact
// and names make the same bytes.
//
// Put writes a temporary file beside path and Tag moves it there.
func Tarball(path string, names []name.Tag, events event.Sink) Publisher {
	if events == nil {
		events = event.Discard
	}
	return &tarFileWriter{path: path, names: names, events: events}
}

type tarFileWriter struct {
	path   string
	names  []name.Tag
	events event.Sink

	mu   sync.Mutex
	temp string  // the file that Tag will move, or empty
	put  v1.Hash // what is in it
	goal string  // where it goes: path, or what path links to
}

// Prepare implements [Preparer]: a place that can't be written to is known before
// anything is made for it.
func (t *tarFileWriter) Prepare(context.Context, []v1.Image) error {
	_, err := t.target()
	return err
}

// Put implements [Publisher].
func (t *tarFileWriter) Put(ctx context.Context, a image.Artifact) (err error) {
	c, err := walk(a)
	if err != nil {
		return fmt.Errorf("reading what to write to %s: %w", t.path, err)
	}
	entries, err := tarEntries(c, t.names)
	if err != nil {
		return fmt.Errorf("writing %s: %w", t.path, err)
	}
	goal, err := t.target()
	if err != nil {
		return err
	}
	if err := t.Close(); err != nil { // of an earlier Put
		return err
	}
	temp, err := t.write(ctx, goal, entries)
	if err != nil {
		if isA[*OutputError](err) {
			return err
		}
		return fmt.Errorf("writing %s: %w", t.path, err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.temp, t.put, t.goal = temp, c.top.desc.Digest, goal
	return nil
}

// target resolves links, so that the file that a link names is replaced and the
// link stays.
func (t *tarFileWriter) target() (string, error) {
	goal, err := filepath.EvalSymlinks(t.path)
	if errors.Is(err, fs.ErrNotExist) {
		goal = t.path
	} else if err != nil {
		return "", outputError(t.path, err)
	}
	info, err := os.Stat(goal)
	switch {
	case err == nil && info.IsDir():
		return "", &OutputError{Path: t.path, Err: errors.New("it is a directory")}
	case err == nil && !info.Mode().IsRegular():
		return "", &OutputError{Path: t.path, Err: errors.New("it is not a regular file")}
	}
	if dir := filepath.Dir(goal); !isDir(dir) {
		return "", &OutputError{Path: t.path, Err: fmt.Errorf("there is no directory %s", dir)}
	}
	return goal, nil
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// write returns the name of a complete temporary file.
func (t *tarFileWriter) write(ctx context.Context, goal string, entries []tarEntry) (name string, err error) {
	f, err := createTemp(filepath.Dir(goal), "."+filepath.Base(goal)+".tmp")
	if err != nil {
		return "", outputError(t.path, err)
	}
	total := int64(0)
	for _, e := range entries {
		total += e.blob.size
	}
	progress := newProgress(t.events, event.Write, t.path, total)
	defer func() {
		if err = errors.Join(err, outputError(t.path, f.Close())); err != nil {
			os.Remove(f.Name())
		}
		progress.end("", err)
	}()
	return f.Name(), writeTar(ctx, &outputWriter{f, t.path}, entries, progress.at)
}

func writeTar(ctx context.Context, w io.Writer, entries []tarEntry, at func(int64)) error {
	tw := tar.NewWriter(w)
	done := int64(0)
	for _, e := range entries {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: e.name, Size: e.blob.size, Mode: 0o644, ModTime: time.Unix(0, 0)}
		if err := tw.WriteHeader(h); err != nil {
			return err
		}
		if err := copyBlob(ctx, tw, e.blob, func(n int64) { at(done + n) }); err != nil {
			return err
		}
		done += e.blob.size
	}
	return tw.Close()
}

// Tag implements [Publisher].
func (t *tarFileWriter) Tag(ctx context.Context, a image.Artifact) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	digest, err := a.Digest()
	if err != nil {
		return fmt.Errorf("writing %s: %w", t.path, err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.temp == "" || t.put != digest {
		return fmt.Errorf("writing %s: %s was not put there", t.path, digest)
	}
	if err := os.Rename(t.temp, t.goal); err != nil {
		return outputError(t.path, err)
	}
	t.temp = ""
	return nil
}

// Close implements [Publisher].
func (t *tarFileWriter) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.temp == "" {
		return nil
	}
	err := os.Remove(t.temp)
	t.temp = ""
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return outputError(t.path, err)
}

type tarEntry struct {
	name string
	blob blob
}

// tarEntries lists what the tarball of an artifact holds, in order.
func tarEntries(c *content, names []name.Tag) ([]tarEntry, error) {
	index, err := json.Marshal(v1.IndexManifest{
		SchemaVersion: 2,
		MediaType:     types.OCIImageIndex,
		Manifests:     []v1.Descriptor{named(c.top, names)},
	})
	if err != nil {
		return nil, err
	}
	docker, err := dockerManifest(c, names)
	if err != nil {
		return nil, err
	}
	return append([]tarEntry{
		{"oci-layout", memory([]byte(layoutVersion))},
		{"index.json", memory(index)},
		{"manifest.json", memory(docker)},
	}, c.tarEntries()...), nil
}

// tarEntries lists the blobs: the manifests from the top down, configs, layers.
func (c *content) tarEntries() []tarEntry {
	entries := []tarEntry{{blobPath(c.top.desc.Digest), c.top.blob()}}
	for i := len(c.children) - 1; i >= 0; i-- { // an index comes after its images there
		if m := c.children[i]; m.index {
			entries = append(entries, tarEntry{blobPath(m.desc.Digest), m.blob()})
		}
	}
	for _, m := range c.children {
		if !m.index {
			entries = append(entries, tarEntry{blobPath(m.desc.Digest), m.blob()})
		}
	}
	for _, what := range []string{"config", "layer"} {
		for _, b := range c.blobs {
			if b.what == what {
				entries = append(entries, tarEntry{blobPath(b.digest), b})
			}
		}
	}
	return entries
}

// memory makes a blob of bytes.
func memory(data []byte) blob {
	digest, size, _ := v1.SHA256(bytes.NewReader(data)) // reading memory doesn't fail
	return blob{what: "file", digest: digest, size: size, open: func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(data)), nil
	}}
}

// blob is the manifest seen as one.
func (m *manifest) blob() blob {
	b := memory(m.raw)
	b.what = "manifest"
	return b
}

func blobPath(h v1.Hash) string { return "blobs/" + h.Algorithm + "/" + h.Hex }

// named returns the descriptor of an artifact with the first of its names in the
// annotations where readers look: the tag for OCI's, the whole name for containerd
// and what is built on it.
func named(m manifest, names []name.Tag) v1.Descriptor {
	d := v1.Descriptor{MediaType: m.desc.MediaType, Digest: m.desc.Digest, Size: m.desc.Size}
	if len(names) > 0 {
		d.Annotations = map[string]string{refName: names[0].TagStr(), containerdName: FullName(names[0])}
	}
	return d
}

// Annotations that name an entry of index.json.
const (
	refName        = "org.opencontainers.image.ref.name" // OCI image specification, annotations.md
	containerdName = "io.containerd.image.name"
)

// FullName is a name as engines write it: Docker Hub is docker.io to them.
func FullName(t name.Tag) string {
	if rest, ok := strings.CutPrefix(t.Name(), name.DefaultRegistry+"/"); ok {
		return "docker.io/" + rest
	}
	return t.Name()
}

// dockerItem is an image in the manifest.json of a docker-archive.
type dockerItem struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// dockerManifest makes manifest.json.
func dockerManifest(c *content, names []name.Tag) ([]byte, error) {
	img, err := preferred(c)
	if err != nil {
		return nil, err
	}
	m, err := v1.ParseManifest(bytes.NewReader(img.raw))
	if err != nil {
		return nil, err
	}
	item := dockerItem{Config: blobPath(m.Config.Digest), RepoTags: []string{}, Layers: []string{}}
	for _, t := range names {
		item.RepoTags = append(item.RepoTags, FullName(t))
	}
	for _, d := range m.Layers {
		item.Layers = append(item.Layers, blobPath(d.Digest))
	}
	return json.Marshal([]dockerItem{item})
}

// preferred picks the image that a reader of docker-archives gets to see. It does
// not depend on the machine that the tarball is written on.
func preferred(c *content) (manifest, error) {
	var first *manifest
	images := c.images()
	for i, m := range images {
		p := m.desc.Platform
		if p != nil && (p.OS == "unknown" || p.Architecture == "unknown") {
			continue // an attestation, not an image
		}
		if p != nil && p.OS == "linux" && p.Architecture == "amd64" {
			return m, nil
		}
		if first == nil {
			first = &images[i]
		}
	}
	if first == nil {
		return manifest{}, errors.New("there is no image in it")
	}
	return *first, nil
}
