package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// The words that stand in a pattern's place, as they do for bases: without layers, and all
// that the distroless project publishes.
const (
	scratch           = "scratch"
	distroless        = "distroless"
	distrolessPattern = "gcr.io/distroless/*"
)

func checkBase(p *Policy, f Facts) []Violation {
	switch {
	case !f.BaseKnown:
		return unknown("", "the base is not known")
	case f.Base == "" && slices.Contains(p.Bases, scratch):
		return nil
	case f.Base == "":
		return []Violation{{Subject: scratch, Text: "the base scratch is none of those allowed"}}
	case isFile(f.Base):
		return unknown(f.Base, "the base %q is a file, which has no repository", f.Base)
	}
	name := repository(f.Base)
	for _, pattern := range p.Bases {
		if pattern == distroless {
			pattern = distrolessPattern
		}
		if pattern != scratch && doublestar.MatchUnvalidated(qualified(pattern), name) {
			return nil
		}
	}
	return []Violation{{Subject: name, Text: fmt.Sprintf("the base %q is none of those allowed", name)}}
}

// isFile reports whether a base came from this machine. No pattern matches such a one:
// its path may look like the name of a repository.
func isFile(base string) bool {
	name, _, _ := strings.Cut(base, "@")
	return strings.HasPrefix(name, "oci:") || strings.HasSuffix(name, ".tar") ||
		strings.HasPrefix(name, "/") || strings.HasPrefix(name, ".") || strings.Contains(name, `\`)
}

// repository is the full name in a reference: with the host, without tag and digest.
func repository(ref string) string {
	name, _, _ := strings.Cut(ref, "@")
	if colon := strings.LastIndexByte(name, ':'); colon > strings.LastIndexByte(name, '/') {
		name = name[:colon]
	}
	return qualified(name)
}

// qualified gives a name or pattern its host, Docker Hub, where it has none, and that of
// Docker Hub one spelling. A pattern that begins with ** is for all hosts.
func qualified(name string) string {
	first, rest, deep := strings.Cut(name, "/")
	switch {
	case strings.HasPrefix(first, "**"):
		return name
	case !deep:
		return "docker.io/library/" + name
	case first == "docker.io" || first == "index.docker.io":
		if !strings.Contains(rest, "/") && !strings.HasPrefix(rest, "**") {
			rest = "library/" + rest
		}
		return "docker.io/" + rest
	case strings.ContainsAny(first, ".:") || first == "localhost":
		return name
	}
	return "docker.io/" + name
}
