package image

import (
	"fmt"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// PlatformError is a platform that can't be built for.
type PlatformError struct {
	Input      string // as it was given
	Reason     string // what is wrong with it
	Suggestion string // a platform that was probably meant, or empty
}

func (e *PlatformError) Error() string {
	s := fmt.Sprintf("platform %q: %s", e.Input, e.Reason)
	if e.Suggestion != "" {
		s += fmt.Sprintf(", did you mean %q?", e.Suggestion)
	}
	return s
}

// architectures are those that Go compiles for on Linux, each with the variants
// that OCI's image index and Go both know. The first variant is the one meant
// where none is given; it is left out of the canonical form except for arm.
var architectures = []struct {
	name     string
	variants []string
}{
	{"386", nil},
	{"amd64", []string{"v1", "v2", "v3", "v4"}},
	{"arm", []string{"v7", "v6", "v5"}},
	{"arm64", []string{"v8",
		"v8.0", "v8.1", "v8.2", "v8.3", "v8.4", "v8.5", "v8.6", "v8.7", "v8.8", "v8.9",
		"v9", "v9.0", "v9.1", "v9.2", "v9.3", "v9.4", "v9.5"}},
	{"loong64", nil},
	{"mips", nil},
	{"mips64", nil},
	{"mips64le", nil},
	{"mipsle", nil},
	{"ppc64", nil},
	{"ppc64le", nil},
	{"riscv64", nil},
	{"s390x", nil},
}

// variantsOf are those of an architecture, and whether it is known.
func variantsOf(arch string) (variants []string, ok bool) {
	for _, a := range architectures {
		if a.name == arch {
			return a.variants, true
		}
	}
	return nil, false
}

// otherNames are names of architectures in other vocabularies: those of uname,
// Debian and LLVM.
func otherNames() map[string]string {
	return map[string]string{
		"x86_64": "amd64", "x86-64": "amd64", "x64": "amd64",
		"aarch64": "arm64", "armv8": "arm64", "arm64v8": "arm64",
		"i386": "386", "i486": "386", "i586": "386", "i686": "386", "x86": "386",
		"armhf": "arm/v7", "armv7": "arm/v7", "armv7l": "arm/v7", "arm32v7": "arm/v7",
		"armv6": "arm/v6", "armv6l": "arm/v6", "arm32v6": "arm/v6",
		"armel": "arm/v5", "armv5": "arm/v5", "arm32v5": "arm/v5",
		"loongarch64": "loong64", "ppc64el": "ppc64le", "powerpc64le": "ppc64le",
		"mips64el": "mips64le", "mipsel": "mipsle", "risc-v": "riscv64", "riscv": "riscv64",
	}
}

// systems are operating systems that users may ask for and that imgo has no
// images for.
var systems = []string{
	"aix", "android", "darwin", "dragonfly", "freebsd", "illumos", "ios", "js", "macos",
	"netbsd", "openbsd", "plan9", "solaris", "wasip1", "wasi", "windows",
}

// ParsePlatform reads a platform that imgo can build for, such as "linux/amd64",
// "linux/arm/v7" or "linux/arm64/v8", and returns it in canonical form (see
// [Canonical]). The error is a [*PlatformError].
func ParsePlatform(s string) (v1.Platform, error) {
	fail := func(reason, suggestion string) (v1.Platform, error) {
		return v1.Platform{}, &PlatformError{Input: s, Reason: reason, Suggestion: suggestion}
	}
	parts := strings.Split(strings.ToLower(strings.TrimSpace(s)), "/")
	switch {
	case len(parts) == 1 && parts[0] == "":
		return fail("no platform given", "linux/amd64")
	case len(parts) == 1 && parts[0] == "linux":
		return fail("the architecture is missing", "linux/amd64")
	case len(parts) > 1 && parts[1] == "linux":
		return fail("the operating system comes first", suggest(append([]string{parts[0]}, parts[2:]...)))
	case slices.Contains(systems, parts[0]):
		return fail("images can be built for linux only", suggest(parts[1:]))
	case parts[0] != "linux":
		if known := suggest(parts); known != "" {
			return fail("the operating system is missing", known)
		}
		return fail(fmt.Sprintf("operating system %q is not known", parts[0]), suggest(parts[1:]))
	}
	variants, ok := variantsOf(parts[1])
	switch {
	case !ok:
		return fail(fmt.Sprintf("architecture %q is not known", parts[1]), suggest(parts[1:]))
	case len(parts) > 3:
		return fail("it has more than three parts", suggest(parts[1:3]))
	case len(parts) == 2:
		return Canonical(v1.Platform{OS: "linux", Architecture: parts[1]}), nil
	case len(variants) == 0:
		return fail(fmt.Sprintf("architecture %s has no variants", parts[1]), "linux/"+parts[1])
	case !slices.Contains(variants, parts[2]):
		return fail(fmt.Sprintf("architecture %s has no variant %q", parts[1], parts[2]), suggest(parts[1:]))
	}
	return Canonical(v1.Platform{OS: "linux", Architecture: parts[1], Variant: parts[2]}), nil
}

// Canonical returns the platform in the form in which equal platforms are equal
// values: arm64 for arm64/v8, amd64 for amd64/v1, arm/v7 for arm. Only operating
// system, architecture and variant are kept: the rest says nothing on Linux.
func Canonical(p v1.Platform) v1.Platform {
	out := v1.Platform{OS: p.OS, Architecture: p.Architecture, Variant: p.Variant}
	switch p.Architecture + "/" + p.Variant {
	case "amd64/v1", "arm64/v8", "arm64/v8.0":
		out.Variant = ""
	case "arm64/v9.0":
		out.Variant = "v9"
	case "arm/":
		out.Variant = "v7"
	}
	return out
}

// PlatformString returns the canonical form of p, such as "linux/arm/v7".
func PlatformString(p v1.Platform) string { return Canonical(p).String() }

// Known lists the platforms that "all" means on the empty base, which itself has
// no limits: those for which both Debian and Alpine publish official images, with
// the most common first. Others (linux/arm/v6, linux/loong64, …) can be asked for
// by name. amd64 is first because some old readers take an index's first entry.
func Known() []v1.Platform {
	return []v1.Platform{
		{OS: "linux", Architecture: "amd64"},
		{OS: "linux", Architecture: "arm64"},
		{OS: "linux", Architecture: "arm", Variant: "v7"},
		{OS: "linux", Architecture: "386"},
		{OS: "linux", Architecture: "ppc64le"},
		{OS: "linux", Architecture: "riscv64"},
		{OS: "linux", Architecture: "s390x"},
	}
}
