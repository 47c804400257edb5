package imgo

import (
	"maps"
	"sync"

	"github.com/imgo-build/imgo/pkg/layer"
)

// heldBack keeps what is to be remembered until a plan is carried out: planning alone
// writes nothing, not even to the cache.
type heldBack struct {
	layer.Results
	mu      sync.Mutex
	pending map[string][]byte // nil once released
}

func holdBack(r layer.Results) *heldBack {
	return &heldBack{Results: r, pending: map[string][]byte{}}
}

// Remember implements [layer.Results].
func (h *heldBack) Remember(key string, value []byte) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.pending == nil {
		return h.Results.Remember(key, value)
	}
	h.pending[key] = value
	return nil
}

// Lookup implements [layer.Results].
func (h *heldBack) Lookup(key string) ([]byte, bool) {
	h.mu.Lock()
	value, ok := h.pending[key]
	h.mu.Unlock()
	if ok {
		return value, true
	}
	return h.Results.Lookup(key)
}

// release remembers all of it, from now on at once. What can't be remembered costs
// time later, nothing else.
func (h *heldBack) release() {
	h.mu.Lock()
	pending := maps.Clone(h.pending)
	h.pending = nil
	h.mu.Unlock()
	for key, value := range pending {
		_ = h.Results.Remember(key, value)
	}
}
