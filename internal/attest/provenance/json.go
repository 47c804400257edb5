package provenance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"unicode/utf8"
)

// Limits of a statement that is read. One of a large program has some 100 KB.
const (
	maxStatement = 16 << 20
	maxNesting   = 64
)

// decode reads a JSON document. Where encoding/json is lenient, it is strict: a name
// that an object has twice would be read by one and overlooked by another, and names
// that differ by case are different.
func decode(raw []byte) (any, error) {
	switch {
	case len(raw) > maxStatement:
		return nil, fmt.Errorf("it has more than %d MiB", maxStatement>>20)
	case !utf8.Valid(raw):
		return nil, errors.New("it is not in UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	v, err := decodeValue(dec, 0)
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more follows behind it")
	}
	return v, nil
}

func decodeValue(dec *json.Decoder, depth int) (any, error) {
	if depth > maxNesting {
		return nil, fmt.Errorf("it is nested more than %d times", maxNesting)
	}
	token, err := dec.Token()
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		out := map[string]any{}
		for dec.More() {
			key, err := dec.Token()
			if err != nil {
				return nil, err
			}
			name := key.(string) // which the decoder sees to
			if _, twice := out[name]; twice {
				return nil, fmt.Errorf("an object has %q twice", name)
			}
			if out[name], err = decodeValue(dec, depth+1); err != nil {
				return nil, err
			}
		}
		_, err = dec.Token()
		return out, err
	case json.Delim('['):
		out := []any{}
		for dec.More() {
			v, err := decodeValue(dec, depth+1)
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		_, err = dec.Token()
		return out, err
	}
	return token, nil
}

// reader remembers the first thing that is not what it should be.
type reader struct{ err *FormatError }

func (r *reader) refuse(field, format string, args ...any) {
	if r.err == nil {
		r.err = &FormatError{Field: field, Reason: fmt.Sprintf(format, args...)}
	}
}

// value is a value at its place in the document. What is missing, or null, is nil.
type value struct {
	r  *reader
	at string
	v  any
}

func (v value) get(key string) value {
	at := key
	if v.at != "" {
		at = v.at + "." + key
	}
	return value{v.r, at, v.object()[key]}
}

func as[T any](v value, kind string) T {
	out, ok := v.v.(T)
	if !ok && v.v != nil {
		v.r.refuse(v.at, "is no %s", kind)
	}
	return out
}

func (v value) object() map[string]any { return as[map[string]any](v, "object") }
func (v value) flag() bool             { return as[bool](v, "boolean") }
func (v value) text() string           { return as[string](v, "text") }

func (v value) required() value {
	if v.v == nil {
		v.r.refuse(v.at, "is missing")
	}
	return v
}

func (v value) list() []value {
	var out []value
	for i, e := range as[[]any](v, "list") {
		out = append(out, value{v.r, fmt.Sprintf("%s[%d]", v.at, i), e}.required())
	}
	return out
}

func (v value) texts() []string {
	var out []string
	for _, e := range v.list() {
		out = append(out, e.text())
	}
	return out
}

// textMap reads an object of texts; an empty one is nil.
func (v value) textMap() map[string]string {
	var out map[string]string
	fields := v.object()
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		if out == nil {
			out = map[string]string{}
		}
		out[key] = v.get(key).required().text()
	}
	return out
}
