package cache

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

func open(t *testing.T, dir string) *Cache {
	t.Helper()
	c, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func digestOf(content []byte) v1.Hash {
	sum := sha256.Sum256(content)
	return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum[:])}
}

// put stages content in pieces and commits it.
func put(c *Cache, content []byte) (v1.Hash, error) {
	digest := digestOf(content)
	p, err := c.Stage(context.Background())
	if err != nil {
		return digest, err
	}
	defer p.Discard()
	for rest := content; len(rest) > 0; {
		n := min(len(rest), 10_000)
		if _, err := p.Write(rest[:n]); err != nil {
			return digest, err
		}
		rest = rest[n:]
	}
	return digest, p.Commit(digest)
}

func get(c *Cache, digest v1.Hash) ([]byte, error) {
	r, err := c.Open(digest)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// pattern is content that differs with i.
func pattern(i, size int) []byte {
	seed := sha256.Sum256(fmt.Append(nil, i))
	return bytes.Repeat(seed[:], size/len(seed)+1)[:size]
}

// files lists the regular files below an area, as paths.
func files(t *testing.T, c *Cache, area string) []string {
	t.Helper()
	var list []string
	err := walkFiles(t.Context(), c.path(area), func(path string, _ fs.FileInfo) { list = append(list, path) })
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// checkBlobs reads every blob, which verifies it.
func checkBlobs(t *testing.T, c *Cache) int {
	t.Helper()
	list := files(t, c, blobsArea)
	for _, path := range list {
		if _, err := get(c, v1.Hash{Algorithm: "sha256", Hex: filepath.Base(path)}); err != nil {
			t.Errorf("blob %s: %v", filepath.Base(path), err)
		}
	}
	return len(list)
}

// Tests may run as root, whom no permission stops: the directory lies below a file.
func TestUnwritableDirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	c := open(t, filepath.Join(file, "cache"))
	digest := digestOf(nil)
	if _, err := c.Open(digest); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("opening a blob: %v", err)
	}
	if _, ok := c.Lookup("key"); ok {
		t.Error("there is a result")
	}
	if err := c.Trim(t.Context()); err != nil {
		t.Errorf("trimming nothing: %v", err)
	}
	_, stage := c.Stage(t.Context())
	_, dir := c.Dir(t.Context(), "key")
	for name, err := range map[string]error{"Stage": stage, "Remember": c.Remember("key", nil), "Dir": dir} {
		var access *AccessError
		if !errors.As(err, &access) || access.Dir != c.Directory() {
			t.Errorf("%s: error %v, want an AccessError", name, err)
		}
	}
}

func TestDiskFullIsRecognisable(t *testing.T) {
	c := open(t, t.TempDir())
	err := c.writeError(&os.PathError{Op: "write", Path: "f", Err: syscall.ENOSPC})
	var access *AccessError
	if !errors.Is(err, syscall.ENOSPC) || errors.As(err, &access) {
		t.Errorf("error %#v", err)
	}
}
