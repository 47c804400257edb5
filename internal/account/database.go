package account

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// maxID is the largest number that every engine takes. (runc goes no further, and
// above it lie numbers that mean "none".)
const maxID = 1<<31 - 1

// entry is a line of /etc/passwd or /etc/group.
type entry struct {
	name string
	id   int    // user or group
	gid  int    // primary group of a user
	home string // of a user
}

// database is a file of entries.
type database struct {
	content []byte
	entries []entry
	changed bool
}

// Fields of a line, by their number.
const (
	passwdFields = 7 // name:password:uid:gid:comment:home:shell
	groupFields  = 4 // name:password:gid:members
)

func parseDatabase(content []byte, fields int) *database {
	d := &database{content: content}
	for line := range strings.Lines(string(content)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), ":")
		if len(f) != fields || f[0] == "" {
			continue
		}
		e := entry{name: f[0]}
		var err error
		if e.id, err = parseID(f[2]); err != nil {
			continue
		}
		if fields == passwdFields {
			if e.gid, err = parseID(f[3]); err != nil {
				continue
			}
			e.home = f[5]
		}
		d.entries = append(d.entries, e)
	}
	return d
}

func parseID(s string) (int, error) {
	id, err := strconv.ParseUint(s, 10, 31)
	return int(id), err
}

func (d *database) byName(name string) (entry, bool) {
	for _, e := range d.entries {
		if e.name == name {
			return e, true
		}
	}
	return entry{}, false
}

func (d *database) byID(id int) (entry, bool) {
	for _, e := range d.entries {
		if e.id == id {
			return e, true
		}
	}
	return entry{}, false
}

// add appends a line for e.
func (d *database) add(e entry, format string, args ...any) {
	d.entries = append(d.entries, e)
	d.content = bytes.Clone(d.content)
	if n := len(d.content); n > 0 && d.content[n-1] != '\n' {
		d.content = append(d.content, '\n')
	}
	d.content = fmt.Appendf(d.content, format+"\n", args...)
	d.changed = true
}

// whole returns the content where it is a new one.
func (d *database) whole() []byte {
	if !d.changed {
		return nil
	}
	return d.content
}
