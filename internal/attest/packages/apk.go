package packages

import (
	"fmt"
	"io"
)

// parseApk reads apk's database of installed packages: paragraphs of lines with a
// letter, a colon and a value. Letters in lower and upper case differ.
func parseApk(r io.Reader) ([]Package, error) {
	in, out := newLines(r), &list{}
	var p Package
	begun := false
	for {
		line, cut, ok := in.next()
		if (!ok || len(line) == 0) && begun {
			if p.Source == p.Name {
				p.Source = ""
			}
			if err := out.add(p); err != nil {
				return nil, err
			}
			p, begun = Package{}, false
		}
		switch {
		case !ok && in.err != nil:
			return nil, in.err
		case !ok:
			return out.packages, nil
		case len(line) == 0:
			continue
		case len(line) < 2 || line[1] != ':':
			return nil, fmt.Errorf("has no field in line %d", in.number)
		}
		begun = true
		field := map[byte]*string{'P': &p.Name, 'V': &p.Version, 'A': &p.Arch, 'o': &p.Source, 'L': &p.License}[line[0]]
		switch {
		case field == nil:
		case cut:
			return nil, fmt.Errorf("has a field of more than %d bytes in line %d", maxField, in.number)
		default:
			*field = string(line[2:])
		}
	}
}
