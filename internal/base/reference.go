package base

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/imgo-build/imgo/pkg/publish/transport"
)

// The names that stand for a base.
const (
	Scratch    = "scratch"    // nothing but the embedded runtime layer
	Distroless = "distroless" // see DistrolessReference
	Alpine     = "alpine"     // see AlpineReference
)

// What the names stand for. Both move with releases of imgo, before the release
// below them reaches its end of life: Debian 13 is supported until 2028 (and
// distroless with it), Alpine 3.24 until mid 2028.
const (
	DistrolessReference = "gcr.io/distroless/static-debian13:nonroot"
	AlpineReference     = "docker.io/library/alpine:3.24"
)

// reference is a base as asked for, taken apart. Exactly one of the fields after
// text is set.
type reference struct {
	text    string // as it was written
	scratch bool
	remote  *remoteReference
	layout  *layoutReference
	tarball string // path
}

type remoteReference struct {
	pull   name.Reference // by digest where one was given, or the tag is pinned
	name   string         // fully qualified, with the tag where one was given
	pinned bool           // the digest is that of a pin
}

// key names what is asked for: equal keys, equal answers.
func (r *reference) key() string {
	if r.remote == nil {
		return "local " + r.text
	}
	return "remote " + r.remote.name + " " + r.remote.pull.Name()
}

// pinned returns the reference with the digest that its tag is pinned to, if it is.
func (s *Source) pinned(r *reference) *reference {
	if r.remote == nil || s.opts.Pins == nil {
		return r
	}
	tag, ok := r.remote.pull.(name.Tag)
	if !ok {
		return r
	}
	digest, ok := s.opts.Pins(r.remote.name)
	if !ok {
		return r
	}
	pinned := &remoteReference{pull: tag.Digest(digest.String()), name: r.remote.name, pinned: true}
	return &reference{text: r.text, remote: pinned}
}

type layoutReference struct {
	dir  string
	name string // which of several images, or empty
}

// parse takes a base's reference apart. Paths are looked up in dir.
func (s *Source) parse(text string) (*reference, error) {
	r := &reference{text: text}
	switch text {
	case Scratch:
		r.scratch = true
		return r, nil
	case Distroless:
		return r, s.parseRemote(r, DistrolessReference)
	case Alpine:
		return r, s.parseRemote(r, AlpineReference)
	}
	if rest, ok := strings.CutPrefix(text, "oci:"); ok {
		r.layout = s.parseLayout(rest)
		return r, nil
	}
	if isPath(text) {
		r.tarball = s.path(text)
		info, err := os.Stat(r.tarball)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, &ReferenceError{Ref: text, Reason: "there is no such file"}
		case err != nil:
			return nil, err
		case info.IsDir():
			return nil, &ReferenceError{Ref: text, Reason: "it is a directory; an OCI layout is written oci:" + text}
		}
		return r, nil
	}
	return r, s.parseRemote(r, text)
}

// isPath reports whether text is a file's path rather than an image's name. What
// could be a name is one, whatever files there are: a base must not change because
// a file appeared beside the sources.
func isPath(text string) bool {
	if strings.HasSuffix(text, ".tar") || filepath.IsAbs(text) || text == "." || text == ".." {
		return true
	}
	for _, prefix := range []string{"./", "../", "/", `.\`, `..\`, `\`} {
		if strings.HasPrefix(text, prefix) {
			return true
		}
	}
	return false
}

// parseLayout splits DIR:NAME at the first colon, as skopeo does, unless DIR with
// the colon exists.
func (s *Source) parseLayout(rest string) *layoutReference {
	if _, err := os.Stat(s.path(rest)); err == nil {
		return &layoutReference{dir: s.path(rest)}
	}
	volume := filepath.VolumeName(rest)
	dir, image, _ := strings.Cut(rest[len(volume):], ":")
	return &layoutReference{dir: s.path(volume + dir), name: image}
}

func (s *Source) path(p string) string {
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(s.opts.Dir, p)
}

func (s *Source) parseRemote(r *reference, text string) error {
	ref, err := name.ParseReference(text, name.WeakValidation)
	if err != nil {
		return &ReferenceError{Ref: r.text, Reason: reason(err)}
	}
	if transport.PlainHTTPAllowed(ref.Context().RegistryStr(), s.opts.PlainHTTP) {
		if ref, err = name.ParseReference(text, name.WeakValidation, name.Insecure); err != nil {
			return &ReferenceError{Ref: r.text, Reason: reason(err)}
		}
	}
	r.remote = &remoteReference{pull: ref, name: qualified(ref, text)}
	return nil
}

func reason(err error) string {
	if bad, ok := errors.AsType[*name.ErrBadName](err); ok {
		return bad.Error()
	}
	return err.Error()
}

// qualified returns the name that is recorded. A digest that was given with a tag
// is left out: the image records the digest beside the name, and is the same whether
// the tag was pinned or not.
func qualified(ref name.Reference, text string) string {
	repo := ref.Context().Name()
	if rest, ok := strings.CutPrefix(repo, name.DefaultRegistry+"/"); ok {
		repo = "docker.io/" + rest
	}
	d, ok := ref.(name.Digest)
	if !ok {
		return repo + ":" + ref.Identifier()
	}
	tagged, _, _ := strings.Cut(text, "@")
	if i := strings.LastIndex(tagged, ":"); i > strings.LastIndex(tagged, "/") {
		return repo + tagged[i:]
	}
	return repo + "@" + d.DigestStr()
}
