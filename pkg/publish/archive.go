package publish

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/imgo-build/imgo/pkg/image"
)

// Archive is the images and indexes in a tarball or OCI layout. Their bytes are
// read when they are asked for, and checked against their digests as they are.
type Archive struct {
	entries []Entry
	close   func() error
}

// Entry is an image or index of an [Archive].
type Entry struct {
	Names    []string // full references where the archive has them; may be empty
	Artifact image.Artifact
}

// Entries lists what the archive names, in its order.
func (a *Archive) Entries() []Entry { return slices.Clone(a.entries) }

// Close closes the archive; its artifacts can't be read any more.
func (a *Archive) Close() error {
	if a.close == nil {
		return nil
	}
	return a.close()
}

// store is where an archive's blobs are.
type store struct {
	path string // of the tarball or layout, for errors
	// open returns a blob and its size, or an error that matches fs.ErrNotExist.
	open func(h v1.Hash) (io.ReadCloser, int64, error)
}

// metadataLimit bounds manifests, configs and an index.json, which are read into
// memory. Registries accept manifests of up to 4 MiB.
const metadataLimit = 4 << 20

// problem makes an error about the archive.
func (s *store) problem(err error, format string, args ...any) error {
	if isA[*ArchiveError](err) {
		return err
	}
	return &ArchiveError{Path: s.path, Problem: fmt.Sprintf(format, args...), Err: err}
}

// blob opens a blob for reading with its digest checked.
func (s *store) blob(what string, d v1.Descriptor) (io.ReadCloser, error) {
	if d.Digest.Algorithm != "sha256" {
		return nil, s.problem(nil, "refers to a %s by the digest %q; only sha256 is supported", what, d.Digest)
	}
	rc, size, err := s.open(d.Digest)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, s.problem(nil, "lacks the %s %s", what, d.Digest)
	case err != nil:
		return nil, s.problem(err, "has a %s %s that can't be read", what, d.Digest)
	case size != d.Size:
		rc.Close()
		return nil, s.problem(&DigestError{What: what, Want: d.Digest, Size: size}, "is damaged")
	}
	v := &verifier{r: rc, hash: sha256.New(), what: what, want: d.Digest, size: size}
	return struct {
		io.Reader
		io.Closer
	}{v, rc}, nil
}

// bytes reads a manifest or config.
func (s *store) bytes(what string, d v1.Descriptor) ([]byte, error) {
	if d.Size > metadataLimit {
		return nil, s.problem(nil, "has a %s of %d bytes", what, d.Size)
	}
	rc, err := s.blob(what, d)
	if err != nil {
		return nil, err
	}
	defer rc.Close()
	raw, err := io.ReadAll(rc)
	if err != nil {
		return nil, s.problem(err, "can't be read")
	}
	return raw, nil
}

// artifact reads what a descriptor stands for, and makes sure that nothing below it
// is missing. depth counts the indexes around it.
func (s *store) artifact(d v1.Descriptor, depth int) (image.Artifact, error) {
	if depth > 4 {
		return nil, s.problem(nil, "has indexes inside of indexes inside of indexes")
	}
	if !d.MediaType.IsIndex() && !d.MediaType.IsImage() {
		return nil, s.problem(nil, "lists %s with the media type %q, which is neither an image's nor an index's", d.Digest, d.MediaType)
	}
	raw, err := s.bytes("manifest", d)
	if err != nil {
		return nil, err
	}
	if d.MediaType.IsIndex() {
		return s.index(d, raw, depth)
	}
	m, err := v1.ParseManifest(bytes.NewReader(raw))
	if err != nil {
		return nil, s.problem(err, "has a manifest %s that is no JSON of a manifest", d.Digest)
	}
	if n := len(m.Layers); n > image.MaxLayers {
		return nil, s.problem(nil, "has a manifest %s with %d layers; imgo takes %d at most", d.Digest, n, image.MaxLayers)
	}
	if err := s.complete(m); err != nil {
		return nil, err
	}
	return newStoredImage(&storedCore{store: s, desc: d, raw: raw, manifest: m})
}

// complete opens each blob of an image once.
func (s *store) complete(m *v1.Manifest) error {
	check := func(what string, d v1.Descriptor) error {
		rc, err := s.blob(what, d)
		if err != nil {
			return err
		}
		return rc.Close()
	}
	if err := check("config", m.Config); err != nil {
		return err
	}
	for _, d := range m.Layers {
		if Foreign(d) {
			continue
		}
		if err := check("layer", d); err != nil {
			return err
		}
	}
	return nil
}

func (s *store) index(d v1.Descriptor, raw []byte, depth int) (image.Artifact, error) {
	m, err := v1.ParseIndexManifest(bytes.NewReader(raw))
	if err != nil {
		return nil, s.problem(err, "has an index %s that is no JSON of an index", d.Digest)
	}
	idx := &storedIndex{desc: d, raw: raw, children: map[v1.Hash]image.Artifact{}}
	for _, child := range m.Manifests {
		if _, ok := idx.children[child.Digest]; ok {
			continue
		}
		a, err := s.artifact(child, depth+1)
		if err != nil {
			return nil, err
		}
		idx.children[child.Digest] = a
	}
	return idx, nil
}

// storedIndex is an index of an archive, with all that is below it.
type storedIndex struct {
	desc     v1.Descriptor
	raw      []byte
	children map[v1.Hash]image.Artifact
}

func (i *storedIndex) MediaType() (types.MediaType, error) { return i.desc.MediaType, nil }
func (i *storedIndex) Digest() (v1.Hash, error)            { return i.desc.Digest, nil }
func (i *storedIndex) Size() (int64, error)                { return i.desc.Size, nil }
func (i *storedIndex) RawManifest() ([]byte, error)        { return bytes.Clone(i.raw), nil }
func (i *storedIndex) IndexManifest() (*v1.IndexManifest, error) {
	return v1.ParseIndexManifest(bytes.NewReader(i.raw))
}

func (i *storedIndex) Image(h v1.Hash) (v1.Image, error) {
	if img, ok := i.children[h].(v1.Image); ok {
		return img, nil
	}
	return nil, fmt.Errorf("index %s has no image %s", i.desc.Digest, h)
}

func (i *storedIndex) ImageIndex(h v1.Hash) (v1.ImageIndex, error) {
	if idx, ok := i.children[h].(v1.ImageIndex); ok {
		return idx, nil
	}
	return nil, fmt.Errorf("index %s has no index %s", i.desc.Digest, h)
}

// storedCore is an image of an archive as ggcr extends it to a v1.Image.
type storedCore struct {
	store    *store
	desc     v1.Descriptor
	raw      []byte
	manifest *v1.Manifest
}

func (c *storedCore) MediaType() (types.MediaType, error) { return c.desc.MediaType, nil }
func (c *storedCore) RawManifest() ([]byte, error)        { return bytes.Clone(c.raw), nil }
func (c *storedCore) RawConfigFile() ([]byte, error) {
	return c.store.bytes("config", c.manifest.Config)
}

func (c *storedCore) LayerByDigest(h v1.Hash) (partial.CompressedLayer, error) {
	for _, d := range append(c.manifest.Layers[:len(c.manifest.Layers):len(c.manifest.Layers)], c.manifest.Config) {
		if d.Digest == h {
			return &storedBlob{image: c, desc: d}, nil
		}
	}
	return nil, fmt.Errorf("image %s has no layer %s", c.desc.Digest, h)
}

// storedBlob is a layer, or a config seen as one.
type storedBlob struct {
	image *storedCore
	desc  v1.Descriptor
}

func (b *storedBlob) Digest() (v1.Hash, error)            { return b.desc.Digest, nil }
func (b *storedBlob) Size() (int64, error)                { return b.desc.Size, nil }
func (b *storedBlob) MediaType() (types.MediaType, error) { return b.desc.MediaType, nil }
func (b *storedBlob) Descriptor() (*v1.Descriptor, error) { return &b.desc, nil }
func (b *storedBlob) Compressed() (io.ReadCloser, error)  { return b.image.store.blob("layer", b.desc) }
func (b *storedBlob) Manifest() (*v1.Manifest, error)     { return b.image.manifest, nil }
func (b *storedBlob) ConfigFile() (*v1.ConfigFile, error) { return partial.ConfigFile(b.image) }
func (b *storedBlob) RawConfigFile() ([]byte, error)      { return b.image.RawConfigFile() }
func (b *storedBlob) RawManifest() ([]byte, error)        { return b.image.RawManifest() }
func (b *storedBlob) DiffID() (v1.Hash, error) {
	if b.desc.Digest == b.image.manifest.Config.Digest {
		return b.desc.Digest, nil
	}
	return partial.BlobToDiffID(b, b.desc.Digest)
}

// storedImage marks the layers as coming from a file.
type storedImage struct{ v1.Image }

func newStoredImage(c *storedCore) (image.Artifact, error) {
	img, err := partial.CompressedToImage(c)
	if err != nil {
		return nil, err
	}
	return &storedImage{img}, nil
}

// Layers implements [v1.Image].
func (i *storedImage) Layers() ([]v1.Layer, error) {
	layers, err := i.Image.Layers()
	if err != nil {
		return nil, err
	}
	for n, l := range layers {
		layers[n] = storedLayer{l}
	}
	return layers, nil
}

type storedLayer struct{ v1.Layer }

func (storedLayer) fromElsewhere() {}

// entryNames returns the name that an entry of index.json carries.
func entryNames(d v1.Descriptor) []string {
	if full := d.Annotations[containerdName]; full != "" {
		return []string{full}
	}
	// A ref.name is often a tag only, which names nothing.
	ref := d.Annotations[refName]
	if t, err := name.NewTag(ref, name.StrictValidation); err == nil {
		return []string{t.String()}
	}
	return nil
}
