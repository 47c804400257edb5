package policy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// unknown is the violation where a fact is missing.
func unknown(subject, format string, args ...any) []Violation {
	return []Violation{{Subject: subject, Unknown: true, Text: "can't be told: " + fmt.Sprintf(format, args...)}}
}

// checkUser takes what the container's runtime does for granted: the part before the colon
// is looked up as a name first, then taken as a number.
func checkUser(_ *Policy, f Facts) []Violation {
	if !f.UserKnown {
		return unknown("", "the user that the image starts as is not known")
	}
	name, _, _ := strings.Cut(f.User, ":")
	uid, err := strconv.ParseUint(name, 10, 31)
	switch {
	case name == "":
		return []Violation{{Subject: f.User, Text: "the image starts as root: it names no user"}}
	case name == "root", err == nil && uid == 0, f.UID != nil && *f.UID == 0:
		return []Violation{{Subject: f.User, Text: fmt.Sprintf("the image starts as root: its user is %q", f.User)}}
	case err != nil && f.UID == nil:
		return unknown(f.User, "the user is named %q, and the image may give this name the number 0", f.User)
	}
	return nil
}

func checkStatic(_ *Policy, f Facts) []Violation {
	if f.Static == nil {
		return unknown("", "whether the binary needs a dynamic linker is not known")
	}
	if !*f.Static {
		return []Violation{{Text: "the binary needs a dynamic linker"}}
	}
	return nil
}

func checkSecrets(_ *Policy, f Facts) []Violation {
	if !f.SecretsKnown {
		return unknown("", "the image was not searched for secrets")
	}
	var found []Violation
	for _, s := range f.Secrets {
		found = append(found, Violation{Subject: s, Text: fmt.Sprintf("%q looks like a secret", s)})
	}
	return found
}

func checkSize(p *Policy, f Facts) []Violation {
	if f.Size <= 0 {
		return unknown("", "the size of the image is not known")
	}
	if f.Size > p.MaxSize {
		return []Violation{{Text: fmt.Sprintf("the image has %d bytes, compressed; allowed are %d", f.Size, p.MaxSize)}}
	}
	return nil
}

func checkLayers(p *Policy, f Facts) []Violation {
	if f.Layers <= 0 {
		return unknown("", "the number of layers is not known")
	}
	if f.Layers > p.MaxLayers {
		return []Violation{{Text: fmt.Sprintf("the image has %d layers; allowed are %d", f.Layers, p.MaxLayers)}}
	}
	return nil
}

func checkAttestations(p *Policy, f Facts) []Violation {
	var found []Violation
	for _, want := range p.Require {
		if !slices.Contains(f.Attestations, want) {
			found = append(found, Violation{Subject: want, Text: fmt.Sprintf("the image has no %s that was verified", want)})
		}
	}
	return found
}
