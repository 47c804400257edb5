package base

import (
	"fmt"
	"strings"
)

// PlatformMissingError is a base that has no image for a platform.
type PlatformMissingError struct {
	Ref  string   // the base as it was asked for
	Want string   // the platform asked for, such as "linux/arm/v7"
	Have []string // the platforms that there are, in the base's order
}

func (e *PlatformMissingError) Error() string {
	have := "none"
	if len(e.Have) > 0 {
		have = strings.Join(e.Have, ", ")
	}
	return fmt.Sprintf("base %s has no image for %s, only for: %s", e.Ref, e.Want, have)
}

// ReferenceError is a base that can't be meant as it was written.
type ReferenceError struct {
	Ref    string
	Reason string
}

func (e *ReferenceError) Error() string { return fmt.Sprintf("base %q: %s", e.Ref, e.Reason) }
