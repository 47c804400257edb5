//go:build unix

package licenses

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// A pipe would keep every build waiting for somebody to write into it, and a link may
// lead to a file that is none of the module's.
func TestPipesAndLinksAreNoLicences(t *testing.T) {
	dir := t.TempDir()
	outside := filepath.Join(t.TempDir(), "MIT")
	write(t, outside, mit)
	if err := unix.Mkfifo(filepath.Join(dir, "COPYING"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "LICENSE")); err != nil {
		t.Fatal(err)
	}
	if got, err := New("", nil).OfDir(dir); got != nil || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
}
