package packages

import (
	"io"
	"strings"
)

// parseOSRelease returns ID and VERSION_ID of an os-release(5), and nothing in the
// place of what is not written as it should be: that page allows lower-case letters,
// digits, ".", "_" and "-", so that there is nothing to unescape. The last of several
// assignments counts, as in a shell.
func parseOSRelease(r io.Reader) (id, version string) {
	in := newLines(r)
	for {
		line, cut, ok := in.next()
		if !ok {
			return id, version
		}
		key, value, ok := strings.Cut(strings.TrimSpace(string(line)), "=")
		if !ok || cut {
			continue
		}
		switch key {
		case "ID":
			id = word(value)
		case "VERSION_ID":
			version = word(value)
		}
	}
}

// word takes the quotes off a value, and returns nothing for what is none of the kind.
func word(value string) string {
	if n := len(value); n >= 2 && (value[0] == '"' || value[0] == '\'') && value[n-1] == value[0] {
		value = value[1 : n-1]
	}
	if strings.Trim(value, "abcdefghijklmnopqrstuvwxyz0123456789._-") != "" {
		return ""
	}
	return value
}
