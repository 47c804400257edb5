package image

import (
	"errors"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

func TestParsePlatform(t *testing.T) {
	for in, want := range map[string]string{
		"linux/amd64":      "linux/amd64",
		"linux/amd64/v1":   "linux/amd64",
		"linux/amd64/v3":   "linux/amd64/v3",
		"linux/arm64":      "linux/arm64",
		"linux/arm64/v8":   "linux/arm64",
		"linux/arm64/v8.0": "linux/arm64",
		"linux/arm64/v8.2": "linux/arm64/v8.2",
		"linux/arm64/v9.0": "linux/arm64/v9",
		"linux/arm":        "linux/arm/v7",
		"linux/arm/v6":     "linux/arm/v6",
		"linux/riscv64":    "linux/riscv64",
		"linux/loong64":    "linux/loong64",
		" Linux/AMD64 ":    "linux/amd64",
	} {
		p, err := ParsePlatform(in)
		if err != nil || PlatformString(p) != want || Canonical(p).String() != p.String() {
			t.Errorf("ParsePlatform(%q) = %s, %v, want %s", in, p, err, want)
		}
	}
}

func TestParsePlatformSuggests(t *testing.T) {
	for in, want := range map[string]string{
		"":                    "linux/amd64",
		"linux":               "linux/amd64",
		"linux/":              "",
		"arm64":               "linux/arm64",
		"arm/v6":              "linux/arm/v6",
		"aarch64":             "linux/arm64",
		"amd64/linux":         "linux/amd64",
		"arm/linux/v6":        "linux/arm/v6",
		"x86_64/linux":        "linux/amd64",
		"linux/x86_64":        "linux/amd64",
		"linux/aarch64":       "linux/arm64",
		"linux/armv7":         "linux/arm/v7",
		"linux/armhf":         "linux/arm/v7",
		"linux/arm/7":         "linux/arm/v7",
		"linux/arm/v8":        "linux/arm64",
		"linux/arm/v9":        "linux/arm",
		"linux/amd46":         "linux/amd64",
		"linux/amd64/v5":      "linux/amd64",
		"linux/s390":          "linux/s390x",
		"linux/386/v1":        "linux/386",
		"linux/arm/v7/x":      "linux/arm/v7",
		"linux/pdp11":         "",
		"windows/amd64":       "linux/amd64",
		"darwin/arm64":        "linux/arm64",
		"linnux/amd64":        "linux/amd64",
		"beos/bebox":          "",
		"linux/amd64,windows": "",
	} {
		_, err := ParsePlatform(in)
		pe, ok := errors.AsType[*PlatformError](err)
		if !ok || pe.Suggestion != want || pe.Input != in || pe.Reason == "" {
			t.Errorf("ParsePlatform(%q): %#v, want suggestion %q", in, err, want)
		}
	}
}

func FuzzParsePlatform(f *testing.F) {
	for _, s := range []string{"linux/amd64", "linux/arm/v7", "arm64", "", "//", "linux/arm64/v9.9", "windows", "a/linux"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParsePlatform(s)
		if err != nil {
			pe, ok := errors.AsType[*PlatformError](err)
			if !ok {
				t.Fatalf("%T", err)
			}
			if pe.Suggestion == "" {
				return
			}
			if p, err = ParsePlatform(pe.Suggestion); err != nil {
				t.Fatalf("suggestion %q for %q: %v", pe.Suggestion, s, err)
			}
		}
		if again, err := ParsePlatform(PlatformString(p)); err != nil || again.String() != p.String() {
			t.Fatalf("%q: %v is read back as %v, %v", s, p, again, err)
		}
	})
}

func TestKnownIsCanonicalAndDistinct(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range Known() {
		got, err := ParsePlatform(p.String())
		if err != nil || got.String() != p.String() || seen[p.String()] {
			t.Errorf("%s: %s, %v", p, got, err)
		}
		seen[p.String()] = true
	}
}

func TestMatch(t *testing.T) {
	parse := func(s string) v1.Platform {
		p, err := v1.ParsePlatform(s)
		if err != nil {
			t.Fatal(err)
		}
		return *p
	}
	for _, c := range []struct {
		have, want string
		distance   int
		ok         bool
	}{
		{"linux/amd64", "linux/amd64", 0, true},
		{"linux/amd64/v1", "linux/amd64", 0, true},
		{"linux/amd64", "linux/amd64/v3", 2, true},
		{"linux/amd64/v2", "linux/amd64/v3", 1, true},
		{"linux/amd64/v4", "linux/amd64/v3", 0, false},
		{"linux/amd64/v2", "linux/amd64", 0, false},
		{"linux/arm64/v8", "linux/arm64", 0, true},
		{"linux/arm64", "linux/arm64/v8", 0, true},
		{"linux/arm64", "linux/arm64/v8.2", 2, true},
		{"linux/arm64", "linux/arm64/v9", 6, true},
		{"linux/arm64/v8.6", "linux/arm64/v9", 0, false},
		{"linux/arm64/v9", "linux/arm64/v8.9", 0, false},
		{"linux/arm", "linux/arm/v7", 0, true},
		{"linux/arm/v6", "linux/arm/v7", 1, true},
		{"linux/arm/v5", "linux/arm/v7", 2, true},
		{"linux/arm/v7", "linux/arm/v6", 0, false},
		{"linux/arm", "linux/arm/v6", 0, false},
		{"linux/arm/strange", "linux/arm/v7", 0, false},
		{"linux/arm/v8", "linux/arm/v7", 0, false},
		{"linux/ppc64le/power9", "linux/ppc64le", 0, false},
		{"linux/arm64", "linux/amd64", 0, false},
		{"windows/amd64", "linux/amd64", 0, false},
		{"unknown/unknown", "linux/amd64", 0, false},
	} {
		distance, ok := Match(parse(c.have), parse(c.want))
		if ok != c.ok || (ok && distance != c.distance) {
			t.Errorf("Match(%s, %s) = %d, %t, want %d, %t", c.have, c.want, distance, ok, c.distance, c.ok)
		}
	}
}
