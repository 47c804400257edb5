package gobuild

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/imgo-build/imgo/internal/stamp"
)

// kept is what is recorded of a binary beside it, so that one that was damaged or
// changed since is not taken for what the go command left: the go command itself
// believes the build ID in a binary and doesn't look at the rest.
type kept struct {
	SHA256 string `json:"sha256"`
	// Stamp is the file's when it was last known to have these bytes. While it holds,
	// the bytes need not be read again.
	Stamp stamp.State `json:"stamp"`
}

// keptPath is where the record of a command's binary lies. No command is called so:
// import paths have no elements that begin with a dot.
func keptPath(dir Dir, name string) string {
	return filepath.Join(dir.Path(), "."+name+".json")
}

// dropDamaged removes the binary of an earlier run unless it is known to be as the
// go command left it, so that it is linked again. The record goes with it.
func dropDamaged(dir Dir, name string) error {
	path := filepath.Join(dir.Path(), name)
	info, err := os.Lstat(path)
	if err != nil {
		return nil // there is none
	}
	var k kept
	raw, err := os.ReadFile(keptPath(dir, name))
	if err == nil && json.Unmarshal(raw, &k) == nil && info.Mode().IsRegular() {
		if k.Stamp == stamp.Of(info) {
			return nil
		}
		// Restored from elsewhere, perhaps: the bytes decide.
		if found, err := sumFile(path); err == nil && found == k.SHA256 {
			return nil
		}
	}
	if err := os.RemoveAll(path); err != nil {
		return fmt.Errorf("removing a damaged binary: %w", err)
	}
	_ = os.Remove(keptPath(dir, name))
	return nil
}

// keep records a binary that the go command has just left or confirmed, and returns
// the record, empty where there is none. before is its state before the go command
// ran, or nil: what the go command didn't replace keeps its sum. Without a record the
// binary is linked again next time, so that failing to write one does no harm.
func keep(dir Dir, name string, f *os.File, before os.FileInfo) (k kept) {
	info, err := f.Stat()
	if err != nil {
		return kept{}
	}
	if before != nil && os.SameFile(before, info) && before.Size() == info.Size() {
		if raw, err := os.ReadFile(keptPath(dir, name)); err == nil {
			_ = json.Unmarshal(raw, &k)
		}
	}
	if k.SHA256 == "" {
		if k.SHA256, err = sum(readerAt(f, info.Size())); err != nil {
			return kept{}
		}
	}
	k.Stamp = stamp.Of(info)
	if raw, err := json.Marshal(k); err == nil {
		replaceFile(dir, keptPath(dir, name), raw)
	}
	return k
}

// replaceFile writes a record, whole or not at all. It fails silently.
func replaceFile(dir Dir, path string, data []byte) {
	temp := filepath.Join(dir.Tmp(), filepath.Base(path))
	if os.WriteFile(temp, data, 0o644) == nil {
		_ = os.Rename(temp, path)
	}
}

// readerAt reads the first bytes of f, whatever its offset.
func readerAt(f io.ReaderAt, size int64) io.Reader { return io.NewSectionReader(f, 0, size) }

func sumFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	return sum(f)
}

// sum is the SHA-256 of all that r yields, in hexadecimal.
func sum(r io.Reader) (string, error) {
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
