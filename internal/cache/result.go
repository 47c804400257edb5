package cache

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"os"
)

// A record of a result is, in this order: recordMagic, the SHA-256 of all that
// follows, the key's length in bytes (uint32, big endian), the key, the value.
const (
	recordMagic  = "imgo result 1\n"
	recordHeader = len(recordMagic) + sha256.Size
)

func encodeRecord(key string, value []byte) []byte {
	body := binary.BigEndian.AppendUint32(nil, uint32(len(key)))
	body = append(body, key...)
	body = append(body, value...)
	sum := sha256.Sum256(body)
	return append(append([]byte(recordMagic), sum[:]...), body...)
}

// decodeRecord returns the value in a record for key, and false where it is not an
// intact record for it.
func decodeRecord(record []byte, key string) ([]byte, bool) {
	if len(record) < recordHeader+4 || string(record[:len(recordMagic)]) != recordMagic {
		return nil, false
	}
	body := record[recordHeader:]
	sum := sha256.Sum256(body)
	if !bytes.Equal(sum[:], record[len(recordMagic):recordHeader]) {
		return nil, false
	}
	n, rest := uint64(binary.BigEndian.Uint32(body)), body[4:]
	if n > uint64(len(rest)) || string(rest[:n]) != key {
		return nil, false
	}
	return rest[n:], true
}

// keyHash names what is kept under a key.
func keyHash(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

// Lookup returns the value that was remembered under key. Whatever is wrong with
// the record, it is a miss.
func (c *Cache) Lookup(key string) (value []byte, ok bool) {
	path := c.sharded(resultsArea, keyHash(key))
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() { // a pipe would keep us for ever
		return nil, false
	}
	record, err := os.ReadFile(path)
	if err != nil {
		return nil, false
	}
	value, ok = decodeRecord(record, key)
	if !ok {
		return nil, false
	}
	c.touch(path, info.ModTime())
	return value, true
}

// Remember keeps value under key, in place of what was there.
func (c *Cache) Remember(key string, value []byte) error {
	t, err := c.newTemp()
	if err != nil {
		return err
	}
	defer t.discard()
	if _, err := t.Write(encodeRecord(key, value)); err != nil {
		return err
	}
	return t.moveTo(c.sharded(resultsArea, keyHash(key)))
}
