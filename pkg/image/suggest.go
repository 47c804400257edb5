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
	if known, ok := otherNames()[arch]; ok {
		if strings.Contains(known, "/") {
			return "linux/" + known
		}
		arch = known
	}
	variants, ok := variantsOf(arch)
	if !ok {
		if arch = nearest(arch); arch == "" {
			return ""
		}
		variants, _ = variantsOf(arch)
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
	if slices.Contains(variants, variant) {
		return "linux/" + arch + "/" + variant
	}
	return "linux/" + arch
}

// nearest returns the architecture that differs from s in at most two letters and
// least of all, or an empty string.
func nearest(s string) string {
	best, distance := "", 3
	for _, a := range architectures {
		if d := spelling.Distance(s, a.name); d < distance && d < len(a.name)-1 {
			best, distance = a.name, d
		}
	}
	return best
}
