//go:build unix

package license_test

import (
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/imgo-build/imgo/internal/license"
)

// A pipe would keep every build waiting for somebody to write into it.
func TestAPipeIsNoLicence(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mkfifo(filepath.Join(dir, "LICENSE"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := license.Detect(dir); got != "" {
		t.Errorf("got %q", got)
	}
}
