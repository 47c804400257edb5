package cache

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

func TestResults(t *testing.T) {
	c := open(t, t.TempDir())
	keys := []string{"", "a", "layer 1 abc", strings.Repeat("long ", 10_000)}
	for i, key := range keys {
		if _, ok := c.Lookup(key); ok {
			t.Errorf("%.10q is there", key)
		}
		for _, value := range [][]byte{nil, pattern(i, 100_000), pattern(i+10, 5)} {
			if err := c.Remember(key, value); err != nil {
				t.Fatal(err)
			}
			if got, ok := c.Lookup(key); !ok || !bytes.Equal(got, value) {
				t.Errorf("%.10q: %d bytes, %v; want %d", key, len(got), ok, len(value))
			}
		}
	}
	if left := files(t, c, tmpArea); len(left) != 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestDamagedResultIsAMiss(t *testing.T) {
	c := open(t, t.TempDir())
	if err := c.Remember("key", []byte("value")); err != nil {
		t.Fatal(err)
	}
	path := c.sharded(resultsArea, keyHash("key"))
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	check := func(record []byte) {
		t.Helper()
		if err := os.WriteFile(path, record, 0o644); err != nil {
			t.Fatal(err)
		}
		if value, ok := c.Lookup("key"); ok {
			t.Errorf("%q gives %q", record, value)
		}
	}
	for i := range good {
		check(good[:i])
		flipped := bytes.Clone(good)
		flipped[i] ^= 0x10
		check(flipped)
	}
	check(append(bytes.Clone(good), 0))
	check(encodeRecord("other key", []byte("value")))
}

func FuzzDecodeRecord(f *testing.F) {
	f.Add(encodeRecord("key", []byte("value")), "key")
	f.Add(encodeRecord("", nil), "")
	f.Add([]byte(recordMagic), "key")
	f.Add(encodeRecord("key", []byte("value"))[:recordHeader+2], "key")
	f.Fuzz(func(t *testing.T, record []byte, key string) {
		value, ok := decodeRecord(record, key)
		if ok && !bytes.Equal(encodeRecord(key, value), record) {
			t.Errorf("%q for %q is not a record of %q", record, key, value)
		}
		if got, ok := decodeRecord(encodeRecord(key, record), key); !ok || !bytes.Equal(got, record) {
			t.Errorf("a record of %q gives %q, %v", record, got, ok)
		}
	})
}
