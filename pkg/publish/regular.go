package publish

import (
	"fmt"
	"io"
	"os"
)

// openRegular opens a file that must be a regular one: to open a pipe, or to read a
// device, may take for ever, and nothing interrupts it.
func openRegular(path string) (*os.File, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, &ArchiveError{Path: path, Problem: "is not a regular file"}
	}
	return os.Open(path)
}

// readMetadata reads a small regular file.
func readMetadata(path string) ([]byte, error) {
	f, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, metadataLimit+1))
	if err == nil && len(raw) > metadataLimit {
		return nil, &ArchiveError{Path: path, Problem: fmt.Sprintf("is larger than %d MiB", metadataLimit>>20)}
	}
	return raw, err
}
