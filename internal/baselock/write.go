package baselock

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/imgo-build/imgo/internal/wholefile"
	"github.com/imgo-build/imgo/pkg/publish"
)

// written is the form of the file: keys in this order, two spaces an indentation.
type written struct {
	Version json.RawMessage `json:"version"`
	Bases   []writtenEntry  `json:"bases"`
}

type writtenEntry struct {
	Name      string   `json:"name"`
	Digest    string   `json:"digest"`
	Created   string   `json:"created,omitempty"`
	Platforms []string `json:"platforms,omitempty"`
	Verified  Signer   `json:"verified,omitzero"`
}

// Marshal returns the file's bytes.
func (f *File) Marshal() ([]byte, error) {
	w := written{Version: json.RawMessage(version), Bases: []writtenEntry{}}
	for _, e := range f.entries {
		entry := writtenEntry{Name: e.Name, Digest: e.Digest.String(), Platforms: e.Platforms, Verified: e.Verified}
		if !e.Created.IsZero() {
			entry.Created = e.Created.UTC().Format(time.RFC3339)
		}
		w.Bases = append(w.Bases, entry)
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(w)
	return out.Bytes(), err
}

// Write writes the file, unless it has the bytes already. It appears whole, or stays
// as it was ([*publish.OutputError]). An existing file keeps its permissions; a symbolic link
// in its place is replaced, and what it points to is left alone.
func (f *File) Write() error {
	data, err := f.Marshal()
	if err != nil {
		return err
	}
	if f.data && bytes.Equal(data, f.onDisk) {
		return nil
	}
	// What can't be read back would stop every build after this one.
	if _, err := parse(f.Path, data); err != nil {
		return fmt.Errorf("writing what can't be read: %w", err)
	}
	if err := replace(f.Path, data); err != nil {
		return &publish.OutputError{Path: f.Path, Err: err}
	}
	f.Exists, f.onDisk, f.data = true, data, true
	return nil
}

func replace(path string, data []byte) error {
	mode := os.FileMode(0o644)
	if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() {
		mode = info.Mode().Perm()
	}
	return wholefile.Write(path, data, mode)
}
