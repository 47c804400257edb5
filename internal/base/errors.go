package base

import (
	"fmt"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
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

// PinError is a pinned base whose digest the registry does not have.
type PinError struct {
	Name   string  // fully qualified, with the tag
	Digest v1.Hash // that it is pinned to
	Err    error   // a NotFoundError of pkg/publish
}

func (e *PinError) Error() string {
	return fmt.Sprintf("it is pinned to %s: %v", e.Digest, e.Err)
}
func (e *PinError) Unwrap() error { return e.Err }

// ReferenceError is a base that can't be meant as it was written.
type ReferenceError struct {
	Ref    string
	Reason string
}

func (e *ReferenceError) Error() string { return fmt.Sprintf("base %q: %s", e.Ref, e.Reason) }
