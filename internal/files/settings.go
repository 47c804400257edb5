package files

import (
	"io/fs"
	"path"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/imgo-build/imgo/pkg/layer"
)

// settings are what a group says of its files, understood.
type settings struct {
	to       string // cleaned
	into     bool   // a single file goes below to
	given    bool   // whether there is a mode
	fileMode fs.FileMode
	dirMode  fs.FileMode
	uid, gid int
	ignore   ignore
}

func parse(g Group) (s settings, err error) {
	if g.From == "" {
		return s, &FieldError{Field: "from", Problem: "names nothing"}
	}
	if s.to, err = parseTo(g.To); err != nil {
		return s, err
	}
	s.into = s.to == "/" || strings.HasSuffix(g.To, "/")
	if err := s.parseMode(g.Mode); err != nil {
		return s, err
	}
	if s.uid, s.gid, err = parseOwner(g.Owner); err != nil {
		return s, err
	}
	s.ignore, err = parseIgnore(g.Exclude)
	return s, err
}

func parseTo(to string) (string, error) {
	fail := func(problem string) (string, error) {
		return "", &FieldError{Field: "to", Value: to, Problem: problem}
	}
	if !strings.HasPrefix(to, "/") {
		return fail("must be an absolute path in the image, with slashes")
	}
	if strings.ContainsAny(to, "\\\x00") || !utf8.ValidString(to) {
		return fail("can't be a path in an image")
	}
	for element := range strings.SplitSeq(to, "/") {
		if element == ".." {
			return fail(`must not contain ".."`)
		}
	}
	return path.Clean(to), nil
}

func (s *settings) parseMode(mode string) error {
	s.dirMode = 0o755
	if mode == "" {
		return nil
	}
	bits, err := strconv.ParseUint(strings.TrimPrefix(mode, "0o"), 8, 16)
	if err != nil || bits > 0o7777 {
		return &FieldError{Field: "mode", Value: mode, Problem: `must be octal, as "0644"`}
	}
	perm := fs.FileMode(bits & 0o777)
	s.given, s.fileMode, s.dirMode = true, perm, perm|perm>>2&0o111
	// The first digit means different things to files and directories; of a
	// directory only the sticky bit is what people ask for.
	if bits&0o4000 != 0 {
		s.fileMode |= fs.ModeSetuid
	}
	if bits&0o2000 != 0 {
		s.fileMode |= fs.ModeSetgid
	}
	if bits&0o1000 != 0 {
		s.dirMode |= fs.ModeSticky
	}
	return nil
}

func parseOwner(owner string) (uid, gid int, err error) {
	if owner == "" {
		return 0, 0, nil
	}
	user, group, ok := strings.Cut(owner, ":")
	if !ok {
		group = user
	}
	u, err1 := strconv.ParseUint(user, 10, 31)
	g, err2 := strconv.ParseUint(group, 10, 31)
	if err1 != nil || err2 != nil {
		return 0, 0, &FieldError{Field: "owner", Value: owner, Problem: "must be numbers: UID or UID:GID"}
	}
	return int(u), int(g), nil
}

func checkGlob(field, glob string) error {
	if !doublestar.ValidatePattern(glob) {
		return &FieldError{Field: field, Value: glob, Problem: "is not a valid pattern"}
	}
	return nil
}

// target is where a node goes in the image.
func (s *settings) target(n *node) string {
	if n.single && !s.into {
		return s.to
	}
	return path.Join(s.to, n.rel)
}

// file describes a node in the layer, but for its content. A directory that an engine
// would make by itself, or that is the base's, needs none (ok is false).
func (s *settings) file(n *node) (f layer.File, ok bool) {
	f = layer.File{Path: s.target(n), UID: s.uid, GID: s.gid}
	switch {
	case n.state.Mode.IsDir():
		f.Mode = fs.ModeDir | s.dirMode
		plain := s.dirMode == 0o755 && s.uid == 0 && s.gid == 0
		return f, !bases[f.Path] && (n.empty || !plain)
	case n.link != "":
		f.Mode, f.Link = fs.ModeSymlink, n.link
	case s.given:
		f.Mode, f.Size = s.fileMode, n.state.Size
	default:
		f.Mode, f.Size = 0o644, n.state.Size
		if n.state.Mode&0o100 != 0 {
			f.Mode = 0o755
		}
	}
	return f, true
}

// bases are the directories that a base has, some of them with other modes than 0755
// or as links.
var bases = func() map[string]bool {
	m := map[string]bool{"/": true, "/etc/ssl": true, "/etc/ssl/certs": true}
	for parent, names := range map[string]string{
		"/":           "bin boot dev etc home lib lib32 lib64 libx32 media mnt opt proc root run sbin srv sys tmp usr var",
		"/usr/":       "bin games include lib lib32 lib64 libexec libx32 local sbin share src",
		"/usr/local/": "bin etc games include lib libexec man sbin share src",
		"/var/":       "cache lib lock log mail opt run spool tmp",
	} {
		for name := range strings.FieldsSeq(names) {
			m[parent+name] = true
		}
	}
	return m
}()
