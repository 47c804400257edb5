package sbom

import (
	"bytes"
	"crypto/sha1"
	"encoding/json"
	"fmt"
	"time"
)

// marshal writes JSON for people too: indented, and with & and > as they are.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// timestamp has the form that both formats want: UTC, whole seconds.
func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// uuidSpace is the space of imgo's UUIDs: made once, of random bytes.
var uuidSpace = [16]byte{0x8e, 0x1c, 0x5a, 0x37, 0x92, 0xd4, 0x4f, 0x0b, 0xa6, 0x73, 0x2d, 0xe9, 0x50, 0x18, 0xc7, 0x4f}

// contentUUID names a document by what it says: a UUID of version 5 (RFC 9562,
// section 5.5). Other content has another name, as both formats ask.
func contentUUID(format string, doc any) (string, error) {
	text, err := json.Marshal(doc)
	if err != nil {
		return "", err
	}
	h := sha1.New()
	h.Write(uuidSpace[:])
	h.Write([]byte(format + "\n"))
	h.Write(text)
	u := h.Sum(nil)[:16]
	u[6] = u[6]&0x0f | 5<<4
	u[8] = u[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:]), nil
}
