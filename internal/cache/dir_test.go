package cache

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"
)

// locked says whether somebody works in the directory for key.
func locked(t *testing.T, c *Cache, key string) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	d, err := c.Dir(ctx, key)
	if errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Release(); err != nil {
		t.Fatal(err)
	}
	return false
}

func TestDirIsExclusiveAndPersistent(t *testing.T) {
	c := open(t, t.TempDir())
	var wg sync.WaitGroup
	const workers, rounds = 4, 5
	for range workers {
		wg.Go(func() {
			for range rounds {
				if err := increment(c, "counter"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	d, err := c.Dir(t.Context(), "counter")
	if err != nil {
		t.Fatal(err)
	}
	defer d.Release()
	if got, _ := os.ReadFile(filepath.Join(d.Path(), "n")); string(got) != strconv.Itoa(workers*rounds) {
		t.Errorf("counted to %s, want %d", got, workers*rounds)
	}
	if locked(t, c, "other") {
		t.Error("one key locks another")
	}
}

// increment adds 1 to a number in a file, which only works alone.
func increment(c *Cache, key string) error {
	d, err := c.Dir(context.Background(), key)
	if err != nil {
		return err
	}
	defer d.Release()
	path := filepath.Join(d.Path(), "n")
	data, _ := os.ReadFile(path)
	n, _ := strconv.Atoi(string(data))
	// Fails where another holder is here.
	if err := os.Mkdir(filepath.Join(d.Tmp(), "alone"), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, fmt.Append(nil, n+1), 0o644)
}

func TestDirWaitsAsLongAsTheContext(t *testing.T) {
	c := open(t, t.TempDir())
	d, err := c.Dir(t.Context(), "key")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(d.Tmp(), "f"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if !locked(t, c, "key") {
		t.Error("locked twice")
	}
	tmp := d.Tmp()
	for range 2 {
		if err := d.Release(); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(tmp); err == nil {
		t.Error("the temporary directory is still there")
	}
	if locked(t, c, "key") {
		t.Error("locked after the release")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Dir(ctx, "key"); !errors.Is(err, context.Canceled) {
		t.Errorf("with a cancelled context: %v", err)
	}
}
