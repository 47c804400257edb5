package packages

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Version is raised with every change of what a tree keeps for [Keep], or of how
// databases are parsed.
const Version = "1"

// What is kept of a database is magic, and then a line for each package, its fields
// separated by tabs; or refused and why it could not be read.
const (
	magic   = "imgo packages " + Version + "\n"
	refused = "!"
)

// Limits of a database. A desktop with 5,000 packages has some 300 KB of text.
const (
	maxField = 4 << 10                 // of a field that is used, in bytes
	maxText  = 1<<20 - len(magic) - 64 // of all fields that are used, with their separators; what rootfs keeps of a file
)

// list collects packages, and bounds them.
type list struct {
	packages []Package
	text     int
}

// add checks a package and takes it.
func (l *list) add(p Package) error {
	for _, f := range p.fields() {
		if len(f) > maxField {
			return fmt.Errorf("has a field of %d bytes", len(f))
		}
		if !utf8.ValidString(f) || strings.ContainsFunc(f, isControl) {
			return fmt.Errorf("has a field that is no text: %.64q", f)
		}
		l.text += len(f) + 1
	}
	switch {
	case p.Name == "":
		return errors.New("has a package without a name")
	case p.Version == "":
		return fmt.Errorf("has the package %.64q without a version", p.Name)
	case strings.ContainsAny(p.Name+p.Version+p.Arch+p.Source, " "):
		return fmt.Errorf("has the package %.64q with blanks in its name, version, architecture or source", p.Name)
	case l.text > maxText:
		return fmt.Errorf("has too many packages: more than %d", len(l.packages))
	}
	l.packages = append(l.packages, p)
	return nil
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

func (p Package) fields() []string {
	return []string{p.Name, p.Version, p.Arch, p.Source, p.License}
}

// encode makes the form in which a tree keeps what was parsed.
func encode(packages []Package, err error) []byte {
	if err != nil {
		return []byte(magic + refused + err.Error())
	}
	out := []byte(magic)
	for _, p := range packages {
		out = append(out, strings.Join(p.fields(), "\t")+"\n"...)
	}
	return out
}

// decode reads what [encode] made. A file that is a hard link to another one that is
// kept may hold something else.
func decode(kept []byte) ([]Package, error) {
	rest, ok := strings.CutPrefix(string(kept), magic)
	if !ok {
		return nil, errors.New("is the same file as one that holds something else")
	}
	if reason, ok := strings.CutPrefix(rest, refused); ok {
		return nil, errors.New(reason)
	}
	var out list
	for line := range strings.Lines(rest) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) != 5 {
			return nil, errors.New("is kept in another form")
		}
		if err := out.add(Package{Name: f[0], Version: f[1], Arch: f[2], Source: f[3], License: f[4]}); err != nil {
			return nil, err
		}
	}
	return out.packages, nil
}
