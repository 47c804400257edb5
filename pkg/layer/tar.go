package layer

import (
	"archive/tar"
	"cmp"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"
)

// File is an entry of a layer.
type File struct {
	// Path is where it is in the image, separated by slashes; a leading slash makes
	// no difference. Elements "." and ".." are errors.
	Path string
	// Mode has the type (directory, symbolic link or regular file; others are
	// errors) and the permission bits with setuid, setgid and sticky. A symbolic
	// link's permissions mean nothing and are not recorded.
	Mode fs.FileMode
	// UID and GID are the owner's numbers, of a symbolic link too. There are no names,
	// since only the image's own passwd and group files could tell them.
	UID, GID int
	// Size of a regular file in bytes. Open must yield exactly as many.
	Size int64
	// Link is a symbolic link's target, which need not exist.
	Link string
	// Open returns the content of a regular file.
	Open func() (io.ReadCloser, error)
}

// SizeError says that a file's content was not as long as announced, which is how
// a file that is being written to by another program shows.
type SizeError struct {
	Path string // in the image
	Want int64  // bytes announced
	Got  int64  // bytes found; where the file was longer, Want+1
}

func (e *SizeError) Error() string {
	if e.Got > e.Want {
		return fmt.Sprintf("%s has more than the expected %d bytes", e.Path, e.Want)
	}
	return fmt.Sprintf("%s has %d bytes instead of the expected %d", e.Path, e.Got, e.Want)
}

// entry is a header with where its content comes from.
type entry struct {
	header tar.Header
	file   File
}

// path is the entry's path without a slash at either end.
func (e *entry) path() string { return strings.TrimSuffix(e.header.Name, "/") }

// entries turns files into the tar's entries: checked, completed by the missing
// parent directories and sorted by path, so that parents come first.
func entries(files []File) ([]entry, error) {
	known := make(map[string]*tar.Header, len(files))
	list := make([]entry, 0, len(files))
	for _, f := range files {
		h, err := header(f)
		if err != nil {
			return nil, err
		}
		e := entry{header: h, file: f}
		if known[e.path()] != nil {
			return nil, fmt.Errorf("%q is in the layer twice", "/"+e.path())
		}
		known[e.path()] = &h
		list = append(list, e)
	}
	for _, e := range list {
		for p := parent(e.path()); p != ""; p = parent(p) {
			if h := known[p]; h != nil {
				if h.Typeflag != tar.TypeDir {
					return nil, fmt.Errorf("%q can't be in the layer since %q is not a directory", "/"+e.path(), "/"+p)
				}
				continue
			}
			h := newHeader(tar.TypeDir, p+"/", 0o755)
			known[p] = &h
			list = append(list, entry{header: h})
		}
	}
	slices.SortFunc(list, func(a, b entry) int { return cmp.Compare(a.path(), b.path()) })
	return list, nil
}

func parent(p string) string {
	return p[:max(strings.LastIndexByte(p, '/'), 0)]
}

// header describes a file in the tar, and checks it.
func header(f File) (tar.Header, error) {
	if f.UID < 0 || f.GID < 0 {
		return tar.Header{}, fmt.Errorf("%q can't belong to %d:%d", f.Path, f.UID, f.GID)
	}
	h, err := typedHeader(f)
	h.Uid, h.Gid = f.UID, f.GID
	return h, err
}

func typedHeader(f File) (tar.Header, error) {
	name, err := entryName(f.Path)
	if err != nil {
		return tar.Header{}, err
	}
	switch f.Mode.Type() {
	case fs.ModeDir:
		return newHeader(tar.TypeDir, name+"/", permissions(f.Mode)), nil
	case fs.ModeSymlink:
		if f.Link == "" || strings.ContainsRune(f.Link, 0) {
			return tar.Header{}, fmt.Errorf("the symbolic link %q can't point to %q", f.Path, f.Link)
		}
		h := newHeader(tar.TypeSymlink, name, 0o777)
		h.Linkname = f.Link
		return h, nil
	case 0:
		if strings.HasSuffix(f.Path, "/") {
			return tar.Header{}, fmt.Errorf("%q is a file but its path ends as a directory's", f.Path)
		}
		if f.Size < 0 {
			return tar.Header{}, fmt.Errorf("%q has a negative size", f.Path)
		}
		if f.Open == nil && f.Size > 0 {
			return tar.Header{}, fmt.Errorf("%q has a size but no content", f.Path)
		}
		h := newHeader(tar.TypeReg, name, permissions(f.Mode))
		h.Size = f.Size
		return h, nil
	}
	return tar.Header{}, fmt.Errorf("%q is neither a regular file nor a directory nor a symbolic link (%v)", f.Path, f.Mode)
}

// newHeader leaves the format open: archive/tar then takes USTAR where the fields
// fit it, and adds PAX records only where they don't.
func newHeader(kind byte, name string, mode int64) tar.Header {
	return tar.Header{Typeflag: kind, Name: name, Mode: mode, ModTime: time.Unix(0, 0)}
}

// entryName is p without a slash at either end.
func entryName(p string) (string, error) {
	name := strings.TrimSuffix(strings.TrimPrefix(p, "/"), "/")
	if name == "" {
		return "", fmt.Errorf("the path %q names nothing in the image", p)
	}
	if strings.ContainsAny(name, "\\\x00") {
		return "", fmt.Errorf("the path %q contains a backslash or a zero byte", p)
	}
	for element := range strings.SplitSeq(name, "/") {
		if element == "" || element == "." || element == ".." {
			return "", fmt.Errorf("the path %q is not in its simplest form", p)
		}
		// OCI image specification, layer.md, "Whiteouts".
		if strings.HasPrefix(element, ".wh.") {
			return "", fmt.Errorf("the path %q would delete files of the layers below: to engines, that is what a name beginning with .wh. means", p)
		}
	}
	return name, nil
}

// permissions are the mode bits as tar has them.
func permissions(m fs.FileMode) int64 {
	bits := int64(m.Perm())
	if m&fs.ModeSetuid != 0 {
		bits |= 0o4000
	}
	if m&fs.ModeSetgid != 0 {
		bits |= 0o2000
	}
	if m&fs.ModeSticky != 0 {
		bits |= 0o1000
	}
	return bits
}

// writeTar writes the entries; read is called with each content on its way.
func writeTar(w io.Writer, list []entry, buf []byte, read func(io.Reader) io.Reader) error {
	tw := tar.NewWriter(w)
	for _, e := range list {
		if err := tw.WriteHeader(&e.header); err != nil {
			return fmt.Errorf("writing the header of %q: %w", "/"+e.path(), err)
		}
		if e.header.Typeflag != tar.TypeReg || e.file.Open == nil {
			continue
		}
		if err := writeContent(tw, e, buf, read); err != nil {
			return fmt.Errorf("adding %q to a layer: %w", "/"+e.path(), err)
		}
	}
	return tw.Close()
}

func writeContent(w io.Writer, e entry, buf []byte, read func(io.Reader) io.Reader) error {
	content, err := e.file.Open()
	if err != nil {
		return err
	}
	defer content.Close()

	n, err := io.CopyBuffer(w, read(io.LimitReader(content, e.header.Size)), buf)
	if err != nil {
		return err
	}
	if n < e.header.Size {
		return &SizeError{Path: "/" + e.path(), Want: e.header.Size, Got: n}
	}
	switch _, err := io.ReadFull(content, buf[:1]); err {
	case io.EOF:
		return nil
	case nil:
		return &SizeError{Path: "/" + e.path(), Want: e.header.Size, Got: n + 1}
	default:
		return err
	}
}
