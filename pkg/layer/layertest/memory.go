// Package layertest provides a [layer.Store] in memory, for tests and generators.
// It keeps every blob for ever, so it is not for builds.
package layertest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/pkg/layer"
)

// Memory is a [layer.Store]. The zero value is empty and ready to use, by several
// goroutines too.
type Memory struct {
	mu      sync.Mutex
	blobs   map[v1.Hash][]byte
	results map[string][]byte
}

// Stage begins a blob.
func (m *Memory) Stage(context.Context) (layer.Pending, error) {
	return &pending{store: m}, nil
}

// Open returns a blob.
func (m *Memory) Open(digest v1.Hash) (io.ReadCloser, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	blob, ok := m.blobs[digest]
	if !ok {
		return nil, fmt.Errorf("blob %s: %w", digest, fs.ErrNotExist)
	}
	return io.NopCloser(bytes.NewReader(blob)), nil
}

// Remove forgets a blob.
func (m *Memory) Remove(digest v1.Hash) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.blobs, digest)
}

// Blobs is the number of blobs.
func (m *Memory) Blobs() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.blobs)
}

// Lookup returns what was remembered under key.
func (m *Memory) Lookup(key string) ([]byte, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	value, ok := m.results[key]
	return value, ok
}

// Remember keeps value under key.
func (m *Memory) Remember(key string, value []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.results == nil {
		m.results = make(map[string][]byte)
	}
	m.results[key] = bytes.Clone(value)
	return nil
}

type pending struct {
	bytes.Buffer
	store *Memory
}

func (p *pending) Commit(digest v1.Hash) error {
	p.store.mu.Lock()
	defer p.store.mu.Unlock()
	if p.store.blobs == nil {
		p.store.blobs = make(map[v1.Hash][]byte)
	}
	p.store.blobs[digest] = bytes.Clone(p.Bytes())
	return nil
}

func (p *pending) Discard() { p.Reset() }
