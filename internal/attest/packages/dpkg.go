package packages

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// parseDpkg reads dpkg's status file (deb822(5), dpkg-query(1)), or one of those that
// distroless has for each package, which are the packages' own control files and
// know of no status.
func parseDpkg(r io.Reader) ([]Package, error) {
	in, out := newLines(r), &list{}
	var fields map[string]string
	for {
		line, cut, ok := in.next()
		if !ok {
			if in.err != nil {
				return nil, in.err
			}
			return out.packages, out.addDeb(fields)
		}
		if len(bytes.TrimSpace(line)) == 0 {
			if err := out.addDeb(fields); err != nil {
				return nil, err
			}
			fields = nil
			continue
		}
		if fields == nil {
			fields = map[string]string{}
		}
		if line[0] == ' ' || line[0] == '\t' { // goes on with the field before: a description, files
			continue
		}
		key, value, ok := bytes.Cut(line, []byte(":"))
		if !ok {
			return nil, fmt.Errorf("has no field in line %d", in.number)
		}
		switch name := strings.ToLower(string(key)); name {
		case "package", "version", "architecture", "source", "status":
			if cut {
				return nil, fmt.Errorf("has a field of more than %d bytes in line %d", maxField, in.number)
			}
			fields[name] = string(bytes.TrimSpace(value))
		}
	}
}

// addDeb takes the package of a paragraph, if its files are there.
func (l *list) addDeb(fields map[string]string) error {
	status, known := fields["status"]
	if fields == nil || known && !installed(status) {
		return nil
	}
	p := Package{Name: fields["package"], Version: fields["version"], Arch: fields["architecture"]}
	// Source: NAME (VERSION)
	source, version, _ := strings.Cut(fields["source"], "(")
	source = strings.TrimSpace(source)
	version = strings.TrimSpace(strings.TrimSuffix(version, ")"))
	if version != "" && version != p.Version && source != "" {
		source += "@" + version
	}
	if source != p.Name {
		p.Source = source
	}
	return l.add(p)
}

// installed says whether a status (WANT FLAG STATE) is that of a package whose files
// are in place: "install ok installed", also "hold ok installed". Those who wait for
// another's triggers are unpacked and configured.
func installed(status string) bool {
	words := strings.Fields(status)
	if len(words) != 3 {
		return false
	}
	switch words[2] {
	case "installed", "triggers-awaited", "triggers-pending":
		return true
	}
	return false
}
