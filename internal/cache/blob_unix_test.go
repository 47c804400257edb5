//go:build unix

package cache

import "golang.org/x/sys/unix"

func init() {
	irregular["pipe"] = func(path string) error { return unix.Mkfifo(path, 0o644) }
}
