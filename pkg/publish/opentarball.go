package publish

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/pkg/image"
)

// OpenTarball opens a tarball of images: one of [Tarball]'s, any other OCI layout in
// a tar, or a docker-archive as "docker save" writes it. Images of the first two
// come out bit by bit as they went in. A docker-archive has no manifests: one is
// made, and the layers, which are not compressed there, are.
//
// Errors about the content are of the type [*ArchiveError].
func OpenTarball(ctx context.Context, path string) (*Archive, error) {
	f, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	a, err := readTarball(ctx, path, f)
	if err != nil {
		f.Close()
		return nil, err
	}
	a.close = f.Close
	return a, nil
}

func readTarball(ctx context.Context, path string, f *os.File) (*Archive, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	t := &tarFile{path: path, r: f, size: info.Size()}
	if err := t.scan(ctx); err != nil {
		return nil, err
	}
	s := &store{path: path, open: t.blob}
	switch {
	case t.has("oci-layout") && t.has("index.json"):
		return t.layout(s)
	case t.has("manifest.json"):
		return t.docker(s)
	}
	return nil, s.problem(nil, "is no image: it has neither oci-layout and index.json nor manifest.json")
}

// tarFile is a tar that is read at random.
type tarFile struct {
	path    string
	r       io.ReaderAt
	size    int64
	entries map[string]location
}

// location is where the content of an entry is. A link has none of its own.
type location struct {
	offset, size int64
	link         string
}

// scan reads the headers.
func (t *tarFile) scan(ctx context.Context) error {
	s := &store{path: t.path}
	if kind := compressedAs(t.r); kind != "" {
		return s.problem(nil, "is compressed with %s: decompress it first", kind)
	}
	t.entries = map[string]location{}
	in := io.NewSectionReader(t.r, 0, t.size)
	tr := tar.NewReader(in)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		h, err := tr.Next()
		if err == io.EOF {
			return t.checkEnd(s, in)
		}
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return s.problem(nil, "is cut off: the last entry of the tar is not complete")
		}
		if err != nil {
			return s.problem(err, "is no tar that can be read")
		}
		name, ok := entryName(h.Name)
		if !ok {
			return s.problem(nil, "has an entry %q, which would be outside of where it is unpacked", h.Name)
		}
		// tar.Reader reads whole headers and nothing ahead, so that the content
		// begins where it stopped.
		offset, err := in.Seek(0, io.SeekCurrent)
		if err != nil {
			return err
		}
		switch h.Typeflag {
		case tar.TypeReg:
			if h.Size > t.size-offset {
				return s.problem(nil, "is cut off: %s is not complete", h.Name)
			}
			t.entries[name] = location{offset: offset, size: h.Size}
		case tar.TypeSymlink:
			t.entries[name] = location{link: path.Join(path.Dir(name), h.Linkname)}
		case tar.TypeLink:
			t.entries[name] = location{link: path.Clean(h.Linkname)}
		}
	}
}

// checkEnd tells a tar that ends with blocks of zeros, as it should, from one that
// was cut off between two entries.
func (t *tarFile) checkEnd(s *store, in io.Seeker) error {
	if len(t.entries) == 0 {
		return s.problem(nil, "is no tar, or an empty one")
	}
	at, err := in.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	block := make([]byte, 512)
	if _, err := t.r.ReadAt(block, at-int64(len(block))); err != nil || !bytes.Equal(block, make([]byte, len(block))) {
		return s.problem(nil, "is cut off: the tar has no end")
	}
	return nil
}

// compressedAs returns the name of the compression whose magic number the file
// begins with.
func compressedAs(r io.ReaderAt) string {
	magic := make([]byte, 4)
	n, _ := r.ReadAt(magic, 0)
	switch magic = magic[:n]; {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		return "gzip"
	case bytes.HasPrefix(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return "zstd"
	}
	return ""
}

// entryName cleans the name of an entry, and reports whether it stays inside.
func entryName(s string) (string, bool) {
	clean := path.Clean(s)
	if path.IsAbs(clean) || clean == ".." || strings.HasPrefix(clean, "../") {
		return "", false
	}
	return clean, true
}

func (t *tarFile) has(name string) bool {
	_, err := t.open(name)
	return err == nil
}

// open returns the content of a regular file, following links.
func (t *tarFile) open(name string) (*io.SectionReader, error) {
	name = path.Clean(name)
	for range 10 {
		s, ok := t.entries[name]
		if !ok {
			return nil, fs.ErrNotExist
		}
		if s.link == "" {
			return io.NewSectionReader(t.r, s.offset, s.size), nil
		}
		name = s.link
	}
	return nil, errors.New("too many links")
}

// blob implements store.open.
func (t *tarFile) blob(h v1.Hash) (io.ReadCloser, int64, error) {
	r, err := t.open(blobPath(h))
	if err != nil {
		return nil, 0, err
	}
	return section{r}, r.Size(), nil
}

// metadata reads a small file.
func (t *tarFile) metadata(s *store, name string) ([]byte, error) {
	r, err := t.open(name)
	if err != nil {
		return nil, s.problem(nil, "has no %s", name)
	}
	if r.Size() > metadataLimit {
		return nil, s.problem(nil, "has a %s of %d bytes", name, r.Size())
	}
	raw, err := io.ReadAll(r)
	if err != nil {
		return nil, s.problem(err, "has a %s that can't be read", name)
	}
	return raw, nil
}

// layout reads the tar as an OCI layout.
func (t *tarFile) layout(s *store) (*Archive, error) {
	version, err := t.metadata(s, "oci-layout")
	if err != nil {
		return nil, err
	}
	if problem := layoutProblem(version); problem != "" {
		return nil, s.problem(nil, "%s", problem)
	}
	index, err := t.metadata(s, "index.json")
	if err != nil {
		return nil, err
	}
	a, err := s.entries(index)
	if err != nil {
		return nil, err
	}
	// index.json has room for one name only; the others are in manifest.json.
	if len(a.entries) == 1 && t.has("manifest.json") {
		if items, err := t.dockerItems(s); err == nil && len(items) == 1 && len(items[0].RepoTags) > 0 {
			a.entries[0].Names = items[0].RepoTags
		}
	}
	return a, nil
}

// entries reads an index.json and all that it lists. Several names of one artifact
// make one entry.
func (s *store) entries(index []byte) (*Archive, error) {
	m, err := v1.ParseIndexManifest(bytes.NewReader(index))
	if err != nil {
		return nil, s.problem(err, "has an index.json that is no JSON of an index")
	}
	if len(m.Manifests) == 0 {
		return nil, s.problem(nil, "holds no image: its index.json lists nothing")
	}
	a := &Archive{}
	at := map[v1.Hash]int{}
	for _, d := range m.Manifests {
		if i, ok := at[d.Digest]; ok {
			a.entries[i].Names = append(a.entries[i].Names, entryNames(d)...)
			continue
		}
		artifact, err := s.artifact(d, 0)
		if err != nil {
			return nil, err
		}
		at[d.Digest] = len(a.entries)
		a.entries = append(a.entries, Entry{Names: entryNames(d), Artifact: artifact})
	}
	return a, nil
}

// OpenLayout opens the OCI layout in a directory.
func OpenLayout(dir string) (*Archive, error) {
	s := &store{path: dir, open: func(h v1.Hash) (io.ReadCloser, int64, error) {
		f, err := openRegular(filepath.Join(dir, filepath.FromSlash(blobPath(h))))
		if err != nil {
			return nil, 0, err
		}
		info, err := f.Stat()
		if err != nil {
			f.Close()
			return nil, 0, err
		}
		return f, info.Size(), nil
	}}
	version, err := readMetadata(filepath.Join(dir, "oci-layout"))
	if errors.Is(err, fs.ErrNotExist) && isDir(dir) {
		return nil, s.problem(nil, "is not an OCI layout: it has no oci-layout file")
	} else if err != nil {
		return nil, err
	}
	if problem := layoutProblem(version); problem != "" {
		return nil, s.problem(nil, "%s", problem)
	}
	index, err := readMetadata(filepath.Join(dir, "index.json"))
	if err != nil {
		return nil, s.problem(err, "has no index.json that can be read")
	}
	return s.entries(index)
}

// dockerItems reads manifest.json.
func (t *tarFile) dockerItems(s *store) ([]dockerItem, error) {
	raw, err := t.metadata(s, "manifest.json")
	if err != nil {
		return nil, err
	}
	var items []dockerItem
	if err := json.Unmarshal(raw, &items); err != nil {
		return nil, s.problem(err, "has a manifest.json that is no JSON of a docker-archive")
	}
	return items, nil
}

var _ image.Artifact = (*storedIndex)(nil)
