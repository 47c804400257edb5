//go:build unix

package publish_test

import "golang.org/x/sys/unix"

func init() {
	irregular["pipe"] = func(path string) error { return unix.Mkfifo(path, 0o644) }
}
