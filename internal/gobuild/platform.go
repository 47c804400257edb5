package gobuild

import (
	"debug/elf"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// arch is what imgo knows of one of Go's Linux architectures: how its binaries
// look, and the variable that chooses among its variants.
type arch struct {
	machine  elf.Machine
	class    elf.Class
	data     elf.Data
	variable string   // "" where the architecture has no variants
	fallback string   // the variable's value without a variant
	values   []string // what a variant may be, as the variable has it; nil for fallback only
}

// archs lists Go's Linux ports. A platform without a variant gets the lowest value
// that Go itself takes by default, whatever the machine's environment says: except
// arm, where v7 is what registries and runtimes mean by a plain "arm".
var archs = map[string]arch{
	"386":      {elf.EM_386, elf.ELFCLASS32, elf.ELFDATA2LSB, "GO386", "sse2", nil},
	"amd64":    {elf.EM_X86_64, elf.ELFCLASS64, elf.ELFDATA2LSB, "GOAMD64", "v1", []string{"v1", "v2", "v3", "v4"}},
	"arm":      {elf.EM_ARM, elf.ELFCLASS32, elf.ELFDATA2LSB, "GOARM", "7", []string{"5", "6", "7"}},
	"arm64":    {elf.EM_AARCH64, elf.ELFCLASS64, elf.ELFDATA2LSB, "GOARM64", "v8.0", arm64Versions},
	"loong64":  {elf.EM_LOONGARCH, elf.ELFCLASS64, elf.ELFDATA2LSB, "", "", nil},
	"mips":     {elf.EM_MIPS, elf.ELFCLASS32, elf.ELFDATA2MSB, "GOMIPS", "hardfloat", nil},
	"mipsle":   {elf.EM_MIPS, elf.ELFCLASS32, elf.ELFDATA2LSB, "GOMIPS", "hardfloat", nil},
	"mips64":   {elf.EM_MIPS, elf.ELFCLASS64, elf.ELFDATA2MSB, "GOMIPS64", "hardfloat", nil},
	"mips64le": {elf.EM_MIPS, elf.ELFCLASS64, elf.ELFDATA2LSB, "GOMIPS64", "hardfloat", nil},
	"ppc64":    {elf.EM_PPC64, elf.ELFCLASS64, elf.ELFDATA2MSB, "GOPPC64", "power8", []string{"power8", "power9", "power10"}},
	"ppc64le":  {elf.EM_PPC64, elf.ELFCLASS64, elf.ELFDATA2LSB, "GOPPC64", "power8", []string{"power8", "power9", "power10"}},
	"riscv64":  {elf.EM_RISCV, elf.ELFCLASS64, elf.ELFDATA2LSB, "GORISCV64", "rva20u64", []string{"rva20u64", "rva22u64", "rva23u64"}},
	"s390x":    {elf.EM_S390, elf.ELFCLASS64, elf.ELFDATA2MSB, "", "", nil},
}

var arm64Versions = []string{
	"v8.0", "v8.1", "v8.2", "v8.3", "v8.4", "v8.5", "v8.6", "v8.7", "v8.8", "v8.9",
	"v9.0", "v9.1", "v9.2", "v9.3", "v9.4", "v9.5",
}

// platformEnv is the part of the go command's environment that a platform decides.
func platformEnv(p v1.Platform) (environ, error) {
	if p.OS != "linux" {
		return nil, &UnsupportedOSError{OS: p.OS}
	}
	a, ok := archs[p.Architecture]
	if !ok {
		return nil, &UnsupportedPlatformError{Platform: platformName(p), Reason: "Go has no such architecture for linux"}
	}
	env := environ{"GOOS=" + p.OS, "GOARCH=" + p.Architecture}
	value := a.fallback
	if p.Variant != "" {
		value = goVariant(p.Architecture, p.Variant)
		if !slices.Contains(a.values, value) {
			return nil, &UnsupportedPlatformError{Platform: platformName(p), Reason: "Go has no such variant"}
		}
	}
	if a.variable != "" {
		env = append(env, a.variable+"="+value)
	}
	return env, nil
}

// goVariant spells an OCI variant as the go command's variable does.
func goVariant(goarch, variant string) string {
	switch {
	case goarch == "arm":
		return strings.TrimPrefix(variant, "v")
	case goarch == "arm64" && !strings.Contains(variant, "."):
		return variant + ".0"
	}
	return variant
}

// checkBuildEnv refuses entries that are malformed or work against the platform:
// the image would say one thing and the binary be another.
func checkBuildEnv(entries []string, platform environ) error {
	for _, entry := range entries {
		key, value, ok := strings.Cut(entry, "=")
		if !ok || key == "" {
			return &BuildEnvError{Name: entry, Reason: "not of the form KEY=VALUE"}
		}
		want := platform.get(key)
		if want == "" {
			continue
		}
		switch key {
		case "GOOS", "GOARCH", "GOAMD64", "GOARM", "GOARM64":
			// Options after a comma, as in GOARM=7,softfloat, are no contradiction.
			if level, _, _ := strings.Cut(value, ","); level != want {
				return &BuildEnvError{Name: key, Reason: "the platform decides it (" + want + ")"}
			}
		}
	}
	return nil
}

// platformName is the platform as the user writes it.
func platformName(p v1.Platform) string {
	name := p.OS + "/" + p.Architecture
	if p.Variant != "" {
		name += "/" + p.Variant
	}
	return name
}
