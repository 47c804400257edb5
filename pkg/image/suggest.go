package image

import (
	"slices"
	"strings"

	"github.com/imgo-build/imgo/internal/spelling"
)

// suggest returns the platform that parts (architecture, and perhaps a variant)
// probably mean, or an empty string.
func suggest(parts []string) string {
	if len(parts) == 0 || parts[0] == "" {
		return ""
	}
	arch, rest := parts[0], parts[1:]
	if known, ok := otherNames[arch]; ok {
		if strings.Contains(known, "/") {
			return "linux/" + known
		}
		arch = known
	}
	if _, ok := architectures[arch]; !ok {
		arch = nearest(arch)
		if arch == "" {
			return ""
		}
	}
	if len(rest) == 0 {
		return "linux/" + arch
	}
	variant := rest[0]
	if !strings.HasPrefix(variant, "v") {
		variant = "v" + variant
	}
	if arch == "arm" && strings.HasPrefix(variant, "v8") {
		return "linux/arm64"
	}
	if slices.Contains(architectures[arch], variant) {
		return "linux/" + arch + "/" + variant
	}
	return "linux/" + arch
}

// nearest returns the architecture that differs from s in at most two letters and
// least of all, or an empty string.
func nearest(s string) string {
	best, distance := "", 3
	names := make([]string, 0, len(architectures))
	for name := range architectures {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if d := spelling.Distance(s, name); d < distance && d < len(name)-1 {
			best, distance = name, d
		}
	}
	return best
}
