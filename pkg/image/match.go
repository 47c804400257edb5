package image

import (
	"strconv"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Match reports whether files built for the platform have can be the base of an
// image for want, and how far apart the two are: 0 for the same platform, more for
// each step that have is below want. Of several candidates the one with the lowest
// distance is best.
//
// Variants match downwards only: a program for amd64/v3 may stand on a base for
// amd64/v2 or amd64, since a machine that runs the program runs the base's files
// too; the other way round the image would claim to run where it does not.
func Match(have, want v1.Platform) (distance int, ok bool) {
	have, want = Canonical(have), Canonical(want)
	if have.OS != want.OS || have.Architecture != want.Architecture {
		return 0, false
	}
	if have.Variant == want.Variant {
		return 0, true
	}
	h, okHave := variantLevel(have)
	w, okWant := variantLevel(want)
	if !okHave || !okWant {
		return 0, false
	}
	distance = w.minus(h)
	return distance, distance > 0
}

// level is a variant as a pair of numbers: v9.2 is {9, 2}.
type level struct{ major, minor int }

// minus returns by how many steps l is above other, negative where other has
// something that l lacks. Armv9.n contains Armv8.(n+5); there a major step counts
// as these five and one more.
func (l level) minus(other level) int {
	switch {
	case l.major == other.major:
		return l.minor - other.minor
	case l.minor == 0 && other.minor == 0 && l.major < 8:
		return l.major - other.major
	case l.major == 9 && other.major == 8 && other.minor <= l.minor+5:
		return l.minor + 6 - other.minor
	default:
		return -1
	}
}

func variantLevel(p v1.Platform) (level, bool) {
	s := p.Variant
	if s == "" {
		switch p.Architecture {
		case "amd64":
			s = "v1"
		case "arm64":
			s = "v8"
		default:
			return level{}, false
		}
	}
	digits, ok := strings.CutPrefix(s, "v")
	if !ok {
		return level{}, false
	}
	major, minor, _ := strings.Cut(digits, ".")
	var l level
	var err error
	if l.major, err = strconv.Atoi(major); err != nil {
		return level{}, false
	}
	if minor != "" {
		if l.minor, err = strconv.Atoi(minor); err != nil {
			return level{}, false
		}
	}
	return l, true
}
