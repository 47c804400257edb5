package baselock

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Name is what the file is called.
const Name = "imgo.lock"

// File is a lock. The zero value with a Path is an empty one.
type File struct {
	Path   string
	Exists bool // there was a file when it was read

	entries []Entry // sorted by name
	onDisk  []byte  // as it was read or written
	data    bool    // onDisk is known
}

// Entry pins a base.
type Entry struct {
	Name      string    // fully qualified, with its tag
	Digest    v1.Hash   // of the index or the single image
	Created   time.Time // of the image, to the second; zero where it does not tell
	Platforms []string  // that the base offers, for people
	Verified  Signer    // whose signature it had when it was pinned; zero where nobody asked
}

// FormatError is a lock that can't be read.
type FormatError struct {
	Path   string
	Line   int // from 1; 0 where it is about the whole file
	Reason string
}

func (e *FormatError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %s", e.Path, e.Reason)
	}
	return fmt.Sprintf("%s:%d: %s", e.Path, e.Line, e.Reason)
}

// MissingError is a base that is used and not pinned.
type MissingError struct {
	Name string // fully qualified, with its tag
	Path string // of the lock, which need not exist
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("base %s is not pinned in %s", e.Name, e.Path)
}

// Entries returns all pins, sorted by name.
func (f *File) Entries() []Entry { return slices.Clone(f.entries) }

// Lookup returns the pin of a name.
func (f *File) Lookup(name string) (Entry, bool) {
	i, ok := f.search(name)
	if !ok {
		return Entry{}, false
	}
	return f.entries[i], true
}

// Digest returns the digest that a name is pinned to.
func (f *File) Digest(name string) (v1.Hash, bool) {
	e, ok := f.Lookup(name)
	return e.Digest, ok
}

// Require checks that names are pinned: the error is a [*MissingError] for the first
// that is not.
func (f *File) Require(names ...string) error {
	for _, name := range names {
		if _, ok := f.search(name); !ok {
			return &MissingError{Name: name, Path: f.Path}
		}
	}
	return nil
}

// Set pins a name. It returns what was there, and whether the digest is another one
// now (or the first).
func (f *File) Set(e Entry) (old Entry, changed bool) {
	e.Platforms = slices.Clone(e.Platforms)
	e.Created = e.Created.UTC().Truncate(time.Second)
	i, ok := f.search(e.Name)
	if !ok {
		f.entries = slices.Insert(f.entries, i, e)
		return Entry{}, true
	}
	old, f.entries[i] = f.entries[i], e
	return old, old.Digest != e.Digest
}

// Prune removes the pins of all names but those given, and returns what it removed.
func (f *File) Prune(keep []string) []Entry {
	var removed []Entry
	f.entries = slices.DeleteFunc(f.entries, func(e Entry) bool {
		drop := !slices.Contains(keep, e.Name)
		if drop {
			removed = append(removed, e)
		}
		return drop
	})
	return removed
}

func (f *File) search(name string) (int, bool) {
	return slices.BinarySearchFunc(f.entries, name, func(e Entry, name string) int { return cmp.Compare(e.Name, name) })
}
