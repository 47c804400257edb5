//go:build !(darwin || freebsd || linux || windows)

package imgo

import "errors"

// freeSpace is not known here.
func freeSpace(string) (space, error) { return space{}, errors.ErrUnsupported }
