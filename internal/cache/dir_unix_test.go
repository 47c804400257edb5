//go:build unix

package cache

import (
	"os"
	"testing"
)

func TestLockLivesAsLongAsAChildThatInheritsIt(t *testing.T) {
	c := open(t, t.TempDir())
	d, err := c.Dir(t.Context(), "key")
	if err != nil {
		t.Fatal(err)
	}
	child := helperProcess(t, "hold", "")
	child.ExtraFiles = []*os.File{d.Lock()}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer child.Process.Kill()
	if err := d.Release(); err != nil {
		t.Fatal(err)
	}
	if !locked(t, c, "key") {
		t.Error("free although the child has the lock")
	}
	if _, err := c.Prune(t.Context(), PruneOptions{All: true}); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(d.Path()); err != nil {
		t.Errorf("pruned although the child has the lock: %v", err)
	}
	child.Process.Kill()
	child.Wait()
	if locked(t, c, "key") {
		t.Error("still locked after the child's end")
	}
}
