package configfile

import (
	"fmt"
	"strings"
)

// decoder collects what is wrong.
type decoder struct {
	errs   []*Error
	places map[string]string // where a key belongs, for those who put it elsewhere
}

func (d *decoder) fail(pos Pos, at, reason, hint string) {
	d.errs = append(d.errs, &Error{Pos: pos, Path: at, Reason: reason, Hint: hint})
}

// mismatch reports a value of the wrong type.
func (d *decoder) mismatch(n *node, at, want, hint string) {
	if n.kind == broken {
		return
	}
	d.fail(n.pos, at, "expected "+want+", found "+found(n), hint)
}

// schema is a part of a JSON schema.
type schema = map[string]any

// kind is what a value may be: how it is decoded, and the same for a JSON schema. A
// decode that fails reports why and returns false, with as much as could be read.
type kind[T any] struct {
	want   string // in words, after "expected"
	decode func(d *decoder, n *node, at string) (T, bool)
	schema func() schema
	fields func() []KeyDoc // of a mapping with fixed keys
}

// field is a key of a mapping that becomes an S.
type field[S any] struct {
	name     string
	doc      string // whole sentences, Markdown
	example  string // YAML, with the key
	place    place  // of settings
	required bool
	want     string
	decode   func(d *decoder, n *node, at string, into *S)
	schema   func() schema
	layer    func(over, under *S) // of settings
	fields   func() []KeyDoc
}

// key makes a field of a kind and of where the value is kept.
func key[S, T any](name, doc, example string, k kind[T], in func(*S) *T) field[S] {
	return field[S]{
		name: name, doc: doc, example: example, want: k.want, schema: k.schema, fields: k.fields,
		decode: func(d *decoder, n *node, at string, into *S) {
			*in(into), _ = k.decode(d, n, at) // what is wrong is in d
		},
	}
}

func required[S any](f field[S]) field[S] {
	f.required = true
	return f
}

// object is a mapping with fixed keys.
type object[S any] struct {
	want       string
	fields     []field[S]
	foreign    map[string]string // what to write for keys of other programs, by folded name
	short      string            // how the same is written without a mapping, for the hint
	empty      bool              // may be left empty
	extensions bool              // has keys that are ignored, beginning with x-
	check      func(d *decoder, n *node, at string, s *S) bool
	also       schema // what check means, as far as a schema can say it
}

func (o object[S]) kind() kind[S] {
	return kind[S]{want: o.want, decode: o.decode, schema: o.schema, fields: func() []KeyDoc { return keyDocs(o.fields) }}
}

func (o object[S]) decode(d *decoder, n *node, at string) (S, bool) {
	var s S
	if n.kind == null && o.empty {
		n = &node{kind: mapping, pos: n.pos, key: n.key}
	}
	if n.kind != mapping {
		d.mismatch(n, at, o.want, o.short)
		return s, false
	}
	before := len(d.errs)
	seen, misspelt := map[string]bool{}, false
	for _, e := range n.entries {
		if o.extensions && strings.HasPrefix(e.key, "x-") {
			continue
		}
		f, ok := o.field(e.key)
		if !ok {
			d.fail(e.pos, child(at, e.key), "there is no such key", o.unknown(d, e.key))
			misspelt = true
			continue
		}
		seen[e.key] = true
		f.decode(d, e.value, child(at, e.key), &s)
	}
	for _, f := range o.fields {
		if f.required && !seen[f.name] && !misspelt {
			d.fail(owner(n), at, fmt.Sprintf("%q is missing", f.name), "for example "+f.example)
		}
	}
	ok := len(d.errs) == before
	if ok && o.check != nil {
		ok = o.check(d, n, at, &s)
	}
	return s, ok
}

// owner is where to complain about what isn't there: at the key, or else at the value.
func owner(n *node) Pos {
	if n.key.IsSet() {
		return n.key
	}
	return n.pos
}

func (o object[S]) field(name string) (field[S], bool) {
	for _, f := range o.fields {
		if f.name == name {
			return f, true
		}
	}
	return field[S]{}, false
}

func (o object[S]) schema() schema {
	properties := schema{}
	var req []string
	for _, f := range o.fields {
		properties[f.name] = described(f.schema(), f.doc)
		if f.required {
			req = append(req, f.name)
		}
	}
	s := schema{"type": "object", "properties": properties, "additionalProperties": false}
	if len(req) > 0 {
		s["required"] = req
	}
	if o.extensions {
		s["patternProperties"] = schema{"^x-": true}
	}
	if o.empty {
		s["type"] = []string{"object", "null"}
	}
	for k, v := range o.also {
		s[k] = v
	}
	return s
}

// described adds a description to a schema. One that is a reference has it there.
func described(s schema, doc string) schema {
	if s["$ref"] != nil {
		return s
	}
	out := schema{"description": plainText(doc)}
	for k, v := range s {
		out[k] = v
	}
	return out
}

// either takes a mapping by the one kind and everything else by the other.
func either[T any](want string, single, mapped kind[T]) kind[T] {
	return kind[T]{
		want: want,
		decode: func(d *decoder, n *node, at string) (T, bool) {
			if n.kind == mapping {
				return mapped.decode(d, n, at)
			}
			if n.kind == list || n.kind == null {
				d.mismatch(n, at, want, "")
				var zero T
				return zero, false
			}
			return single.decode(d, n, at)
		},
		schema: func() schema { return schema{"anyOf": []schema{single.schema(), mapped.schema()}} },
		fields: mapped.fields,
	}
}

// entries is a mapping whose keys are free within a grammar.
func entries[L ~[]E, T, E any](want, hint string, name scalar, value kind[T], entry func(name string, at Pos, v T) E) kind[L] {
	return kind[L]{
		want: want,
		decode: func(d *decoder, n *node, at string) (L, bool) {
			if n.kind != mapping {
				d.mismatch(n, at, want, hint)
				return nil, false
			}
			before := len(d.errs)
			var out L
			for _, e := range n.entries {
				path := child(at, e.key)
				if reason, hint := name.judge(e.key); reason != "" {
					d.fail(e.pos, path, reason, hint)
				}
				v, _ := value.decode(d, e.value, path) // what is wrong is in d
				out = append(out, entry(name.canonical(e.key), e.pos, v))
			}
			return out, len(d.errs) == before
		},
		schema: func() schema {
			return schema{"type": "object", "propertyNames": name.grammar(), "additionalProperties": value.schema()}
		},
		fields: value.fields,
	}
}

// orEmpty accepts nothing at all in place of a mapping, as where all of its lines are
// comments.
func orEmpty[L ~[]E, E any](k kind[L]) kind[L] {
	decode, inner := k.decode, k.schema
	k.decode = func(d *decoder, n *node, at string) (L, bool) {
		if n.kind == null {
			return nil, true
		}
		return decode(d, n, at)
	}
	k.schema = func() schema {
		s := inner()
		s["type"] = []string{"object", "null"}
		return s
	}
	return k
}

// located keeps the place of a value.
func located[T any](k kind[T]) kind[Value[T]] {
	return kind[Value[T]]{
		want: k.want, schema: k.schema, fields: k.fields,
		decode: func(d *decoder, n *node, at string) (Value[T], bool) {
			v, ok := k.decode(d, n, at)
			return Value[T]{V: v, Pos: n.pos}, ok
		},
	}
}
