package cache

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// clock is a cache's clock that a test sets.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// filled is a cache with a blob, a result and a directory, and its clock.
func filled(t *testing.T) (*Cache, *clock, v1.Hash) {
	t.Helper()
	clk := &clock{t: time.Now()}
	c, err := Open(t.TempDir(), Options{Now: clk.now})
	if err != nil {
		t.Fatal(err)
	}
	digest, err := put(c, pattern(1, 1000))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Remember("key", []byte("value")); err != nil {
		t.Fatal(err)
	}
	d, err := c.Dir(t.Context(), "key")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(d.Path(), "server"), pattern(1, 500), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := d.Release(); err != nil {
		t.Fatal(err)
	}
	return c, clk, digest
}

func contents(t *testing.T, c *Cache) Info {
	t.Helper()
	info, err := c.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func TestInfo(t *testing.T) {
	c, _, _ := filled(t)
	record := int64(len(encodeRecord("key", []byte("value"))))
	want := Info{Dir: c.Directory(), Blobs: Usage{1, 1000}, Results: Usage{1, record}, Binaries: Usage{1, 500}}
	if diff := cmp.Diff(want, contents(t, c)); diff != "" {
		t.Error(diff)
	}
	empty := open(t, filepath.Join(t.TempDir(), "none"))
	if diff := cmp.Diff(Info{Dir: empty.Directory()}, contents(t, empty)); diff != "" {
		t.Error(diff)
	}
}

func TestPruneSparesWhatIsInUse(t *testing.T) {
	c, clk, digest := filled(t)
	all := contents(t, c)
	prune := func(opts PruneOptions) Info {
		t.Helper()
		removed, err := c.Prune(t.Context(), opts)
		if err != nil {
			t.Fatal(err)
		}
		return removed
	}
	none := Info{Dir: c.Directory()}

	clk.advance(10 * 24 * time.Hour)
	if diff := cmp.Diff(none, prune(PruneOptions{})); diff != "" {
		t.Errorf("after ten days: %s", diff)
	}
	if _, ok := c.Has(digest); !ok { // a use
		t.Error("the blob is gone")
	}
	clk.advance(5 * 24 * time.Hour)
	d, err := c.Dir(t.Context(), "key") // another, and it is locked
	if err != nil {
		t.Fatal(err)
	}
	onlyResults := none
	onlyResults.Results = all.Results
	if diff := cmp.Diff(onlyResults, prune(PruneOptions{})); diff != "" {
		t.Errorf("after fifteen days: %s", diff)
	}
	onlyBlobs := none
	onlyBlobs.Blobs = all.Blobs
	if diff := cmp.Diff(onlyBlobs, prune(PruneOptions{All: true})); diff != "" {
		t.Errorf("all that is not locked: %s", diff)
	}
	if err := d.Release(); err != nil {
		t.Fatal(err)
	}
	onlyBinaries := none
	onlyBinaries.Binaries = all.Binaries
	if diff := cmp.Diff(onlyBinaries, prune(PruneOptions{All: true})); diff != "" {
		t.Errorf("all: %s", diff)
	}
	if diff := cmp.Diff(none, contents(t, c)); diff != "" {
		t.Error(diff)
	}
	if left := files(t, c, tmpArea); len(left) != 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestTrimOnceADay(t *testing.T) {
	c, clk, digest := filled(t)
	if err := c.Trim(t.Context()); err != nil {
		t.Fatal(err)
	}
	path, _ := c.blobPath(digest)
	old := clk.now().Add(-20 * 24 * time.Hour)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		advance time.Duration
		there   bool
	}{{23 * time.Hour, true}, {2 * time.Hour, false}} {
		clk.advance(step.advance)
		if err := c.Trim(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(path); (err == nil) != step.there {
			t.Errorf("%v later: %v", step.advance, err)
		}
	}
}

func TestPruneHonoursTheContext(t *testing.T) {
	c, _, _ := filled(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Prune(ctx, PruneOptions{All: true}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// Whoever holds a directory holds the one that everybody else will find.
func TestDirWhileOthersPrune(t *testing.T) {
	c := open(t, t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() {
		for ctx.Err() == nil {
			if _, err := c.Prune(context.Background(), PruneOptions{All: true}); err != nil {
				t.Error(err)
			}
		}
	})
	var workers sync.WaitGroup
	for w := range 3 {
		workers.Go(func() {
			for i := range 30 {
				if err := increment(c, fmt.Sprint("counter", i%2)); err != nil {
					t.Errorf("worker %d: %v", w, err)
				}
			}
		})
	}
	workers.Wait()
	cancel()
	wg.Wait()
}
