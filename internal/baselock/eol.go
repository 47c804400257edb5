package baselock

import (
	"cmp"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/imgo-build/imgo/internal/pattern"
)

// release is a release of a distribution.
type release struct{ id, version string }

// EndOfLife says until when a base is looked after: the last day, at midnight UTC, and
// the release that it is about, such as "Debian 12". It goes by the base's os-release
// where that is given and knows, and else by the name, which is fully qualified. ok is
// false where nothing is known, as for most images that are no distribution.
func EndOfLife(name string, osRelease []byte) (label string, end time.Time, ok bool) {
	system := parseOSRelease(osRelease)
	byName := releaseOf(name)
	found := release{system["ID"], system["VERSION_ID"]}
	if byName.id == distroless || system["PRETTY_NAME"] == "Distroless" {
		found.id = distroless
	}
	// What an image says of itself, distroless images apart, which repeat Debian.
	if end, err := time.Parse(time.DateOnly, system["SUPPORT_END"]); err == nil && found.id != distroless {
		return cmp.Or(system["PRETTY_NAME"], system["NAME"], system["ID"], name), end, true
	}
	for _, r := range []release{found, byName} {
		if label, end, ok := r.end(); ok {
			return label, end, true
		}
	}
	return "", time.Time{}, false
}

func (r release) end() (label string, end time.Time, ok bool) {
	version := r.version
	switch parts := strings.Split(version, "."); {
	case (r.id == "debian" || r.id == distroless) && len(parts) > 1:
		version = parts[0]
	case len(parts) > 2:
		version = parts[0] + "." + parts[1]
	}
	day, ok := ends()[r.id][version]
	if !ok {
		return "", time.Time{}, false
	}
	end, err := time.Parse(time.DateOnly, day)
	label = map[string]string{"alpine": "Alpine", "debian": "Debian", "ubuntu": "Ubuntu", distroless: "distroless for Debian"}[r.id]
	return label + " " + version, end, err == nil
}

var (
	distrolessName = pattern.New(`^gcr\.io/distroless/.+-debian(\d+)$`)
	alpineTag      = pattern.New(`^alpine(\d+\.\d+)$`)
)

// releaseOf guesses a release from an image's name: of distroless, and of Docker's
// official images (in whatever registry has a copy), which are a distribution or name
// theirs in the tag, such as "golang:1.26-alpine3.24".
func releaseOf(name string) release {
	name, _, _ = strings.Cut(name, "@")
	repo, tag := name, ""
	if i := strings.LastIndex(name, ":"); i > strings.LastIndex(name, "/") {
		repo, tag = name[:i], name[i+1:]
	}
	if m := distrolessName.FindStringSubmatch(repo); m != nil {
		return release{distroless, m[1]}
	}
	dir, image := path.Split(repo)
	if !strings.HasSuffix(dir, "/library/") {
		return release{}
	}
	parts := strings.Split(tag, "-")
	if _, ok := ends()[image]; ok && parts[0] != "" && parts[0][0] >= '0' && parts[0][0] <= '9' {
		return release{image, parts[0]}
	}
	for _, part := range parts {
		if r, ok := codenames()[part]; ok {
			return r
		}
		if m := alpineTag.FindStringSubmatch(part); m != nil {
			return release{"alpine", m[1]}
		}
	}
	return release{}
}

// parseOSRelease reads the assignments of os-release(5). Their quotes are the shell's,
// of which Go's are near enough.
func parseOSRelease(content []byte) map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(string(content)) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if !ok || strings.HasPrefix(key, "#") {
			continue
		}
		if len(value) >= 2 && value[0] == '\'' && value[len(value)-1] == '\'' {
			value = value[1 : len(value)-1]
		} else if unquoted, err := strconv.Unquote(value); err == nil {
			value = unquoted
		}
		out[key] = value
	}
	return out
}
