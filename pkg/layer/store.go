package layer

import (
	"context"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Blobs is a content-addressed set of blobs that outlives the process.
type Blobs interface {
	// Stage begins a blob whose digest is not known yet. The caller ends it with
	// Commit or Discard.
	Stage(ctx context.Context) (Pending, error)
	// Open returns the blob's bytes. The error matches fs.ErrNotExist where the
	// store has no such blob. A reader whose bytes turn out not to match the digest
	// returns an error instead of io.EOF.
	Open(digest v1.Hash) (io.ReadCloser, error)
}

// Pending is a blob that is being written. It is invisible until committed.
type Pending interface {
	io.Writer
	// Commit makes the bytes written so far available under digest, which the
	// caller has computed over exactly these bytes. Committing what the store has
	// already is not an error.
	Commit(digest v1.Hash) error
	// Discard drops the bytes. It does nothing after Commit, so it can be deferred.
	Discard()
}

// Results remembers small outcomes of work under a key that names all of the
// work's inputs. A lookup that can't be answered for whatever reason is a miss.
type Results interface {
	Lookup(key string) (value []byte, ok bool)
	Remember(key string, value []byte) error
}

// Store is what a layer needs of a cache.
type Store interface {
	Blobs
	Results
}
