package imgo

import (
	"context"
	"time"

	"github.com/imgo-build/imgo/internal/cache"
)

// CacheInfo says what is in the cache.
func (c *Client) CacheInfo(ctx context.Context) (cache.Info, error) { return c.cache.Info(ctx) }

// PruneCache removes what nobody used for the given time, or everything that isn't
// in use with all.
func (c *Client) PruneCache(ctx context.Context, olderThan time.Duration, all bool) (cache.Info, error) {
	return c.cache.Prune(ctx, cache.PruneOptions{OlderThan: olderThan, All: all})
}

// TrimCache removes what was unused for long, at most once a day. It is called at
// the end of a run, and its errors concern nobody.
func (c *Client) TrimCache(ctx context.Context) { _ = c.cache.Trim(ctx) }
