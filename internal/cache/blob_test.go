package cache

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

func TestBlob(t *testing.T) {
	c := open(t, t.TempDir())
	content := pattern(1, 100_000)
	digest := digestOf(content)
	_, err := c.Open(digest)
	var missing *MissingError
	if !errors.Is(err, fs.ErrNotExist) || !errors.As(err, &missing) || missing.Digest != digest ||
		err.Error() != "blob "+digest.String()+" is not in the cache" {
		t.Errorf("opening a missing blob: %v", err)
	}
	if _, ok := c.Has(digest); ok {
		t.Error("a missing blob is there")
	}
	for _, bad := range []v1.Hash{{}, {Algorithm: "sha256", Hex: "../../../etc/passwd"}, {Algorithm: "md5", Hex: digest.Hex}} {
		if _, err := c.Open(bad); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("opening %v: %v", bad, err)
		}
	}
	for range 2 { // the second time over an existing one
		if _, err := put(c, content); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := get(c, digest); err != nil || !bytes.Equal(got, content) {
		t.Errorf("reading: %d bytes, %v", len(got), err)
	}
	if size, ok := c.Has(digest); !ok || size != 100_000 {
		t.Errorf("Has: %d, %v", size, ok)
	}
	if _, err := put(c, nil); err != nil {
		t.Fatal(err)
	}
	if got, err := get(c, digestOf(nil)); err != nil || len(got) != 0 {
		t.Errorf("the empty blob: %d bytes, %v", len(got), err)
	}

	p, err := c.Stage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p.Write(content)
	p.Discard()
	p.Discard()
	if left := files(t, c, tmpArea); len(left) != 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestBlobsOnDisk(t *testing.T) {
	c := open(t, t.TempDir())
	digest, err := put(c, []byte("content"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(c.Directory(), "v1", "blobs", "sha256", digest.Hex[:2], digest.Hex)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if leftoverAge == 0 && info.Mode() != 0o644 {
		t.Errorf("mode %v", info.Mode())
	}
	tag, err := os.ReadFile(filepath.Join(c.Directory(), "v1", "CACHEDIR.TAG"))
	if err != nil || !bytes.HasPrefix(tag, []byte("Signature: 8a477f597d28d172789f06886806bc55\n")) {
		t.Errorf("CACHEDIR.TAG: %q, %v", tag, err)
	}
}

func TestCorruptBlobIsAnErrorAndHeals(t *testing.T) {
	content := pattern(1, 100_000)
	flipped := bytes.Clone(content)
	flipped[50_000] ^= 1
	damages := map[string][]byte{
		"bit":   flipped,
		"short": content[:99_999],
		"empty": {},
		"long":  append(bytes.Clone(content), 0),
	}
	for name, damaged := range damages {
		c := open(t, t.TempDir())
		digest, err := put(c, content)
		if err != nil {
			t.Fatal(err)
		}
		path, _ := c.blobPath(digest)
		if err := os.WriteFile(path, damaged, 0o644); err != nil {
			t.Fatal(err)
		}
		_, err = get(c, digest)
		var corrupt *CorruptError
		if !errors.As(err, &corrupt) || corrupt.Digest != digest {
			t.Errorf("%s: error %v, want a CorruptError", name, err)
		}
		if _, err := c.Open(digest); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: still there: %v", name, err)
		}
		if _, err := put(c, content); err != nil {
			t.Fatal(err)
		}
		if _, err := get(c, digest); err != nil {
			t.Errorf("%s: after writing it again: %v", name, err)
		}
	}
}

// A reader that knows the size, as an HTTP client does, never asks for the end.
func TestCorruptBlobIsFoundWithItsLastByte(t *testing.T) {
	c := open(t, t.TempDir())
	content := pattern(1, 100_000)
	digest, err := put(c, content)
	if err != nil {
		t.Fatal(err)
	}
	path, _ := c.blobPath(digest)
	content[0] ^= 1
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	r, err := c.Open(digest)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	_, err = io.Copy(io.Discard, io.LimitReader(r, int64(len(content))))
	var corrupt *CorruptError
	if !errors.As(err, &corrupt) {
		t.Errorf("error %v, want a CorruptError", err)
	}
}

// irregular makes what is no regular file; see also blob_unix_test.go.
var irregular = map[string]func(path string) error{
	"directory": func(path string) error { return os.MkdirAll(filepath.Join(path, "full"), 0o755) },
}

func TestSomethingElseInABlobsPlace(t *testing.T) {
	for kind, replace := range irregular {
		c := open(t, t.TempDir())
		digest, err := put(c, []byte("content"))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Remember("key", []byte("value")); err != nil {
			t.Fatal(err)
		}
		path, _ := c.blobPath(digest)
		for _, p := range []string{path, c.sharded(resultsArea, keyHash("key"))} {
			if err := errors.Join(os.Remove(p), replace(p)); err != nil {
				t.Fatal(err)
			}
		}
		var missing *MissingError
		if _, err := c.Open(digest); !errors.As(err, &missing) {
			t.Errorf("%s: %v", kind, err)
		}
		if _, ok := c.Has(digest); ok {
			t.Errorf("%s: it is said to be there", kind)
		}
		if _, ok := c.Lookup("key"); ok {
			t.Errorf("%s: it is a result", kind)
		}
		if _, err := put(c, []byte("content")); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		if got, err := get(c, digest); string(got) != "content" {
			t.Errorf("%s: after writing it again: %q, %v", kind, got, err)
		}
	}
}
