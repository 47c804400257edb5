package configfile

import (
	"fmt"

	"go.yaml.in/yaml/v3"
)

// What a file may expand to. An alias is a few characters and stands for any amount of
// text, other aliases included.
const (
	mostNodes = 20_000
	deepest   = 64
)

// nodeKind is what a node is. The kinds of scalars are single bits, so that they can be
// combined to sets.
type nodeKind uint8

const (
	text nodeKind = 1 << iota
	integer
	float
	boolean
	null
	list
	mapping
	// broken is what an error was reported for: nothing more is said about it.
	broken nodeKind = 0
)

// node is a value of the file without aliases, merge keys and tags.
type node struct {
	kind    nodeKind
	text    string // of a scalar, as written, without quotes
	pos     Pos
	key     Pos     // of the key that it belongs to, if it has one
	entries []entry // of a mapping: no key twice
	items   []*node // of a list
}

type entry struct {
	key   string
	pos   Pos
	value *node
}

// resolver makes nodes of what the YAML parser returns.
type resolver struct {
	file string
	left int                 // how many more nodes may be made
	open map[*yaml.Node]bool // what is being resolved: an alias to it would be endless
	via  *yaml.Node          // the outermost alias that is being resolved
	errs []*Error
}

func (r *resolver) pos(n *yaml.Node) Pos {
	return Pos{File: r.file, Line: n.Line, Column: n.Column}
}

func (r *resolver) fail(n *yaml.Node, at, reason, hint string) *node {
	r.errs = append(r.errs, &Error{Pos: r.pos(n), Path: at, Reason: reason, Hint: hint})
	return &node{kind: broken, pos: r.pos(n)}
}

// resolve returns n, which is so many levels deep and found at the path at.
func (r *resolver) resolve(n *yaml.Node, at string, depth int) *node {
	if r.left--; r.left < 0 {
		if r.left == -1 {
			if r.via != nil {
				n = r.via
			}
			return r.fail(n, "", fmt.Sprintf("the file has more than %d values, those that aliases repeat included", mostNodes), "")
		}
		return &node{kind: broken, pos: r.pos(n)}
	}
	if depth > deepest {
		return r.fail(n, shorten(at), fmt.Sprintf("it is nested more than %d levels deep", deepest), "")
	}
	if n.Style&yaml.TaggedStyle != 0 && n.Tag != "!!str" && n.Tag != "!!map" && n.Tag != "!!seq" {
		return r.fail(n, at, fmt.Sprintf("the tag %s has no meaning here", shorten(n.Tag)), "write the value without it")
	}
	switch n.Kind {
	case yaml.AliasNode:
		if r.open[n.Alias] {
			return r.fail(n, at, fmt.Sprintf("the alias *%s stands for something that it is part of", shorten(n.Value)), "")
		}
		if r.via == nil {
			r.via = n
			defer func() { r.via = nil }()
		}
		return r.resolve(n.Alias, at, depth+1)
	case yaml.MappingNode:
		return r.mapping(n, at, depth)
	case yaml.SequenceNode:
		r.open[n] = true
		defer delete(r.open, n)
		out := &node{kind: list, pos: r.pos(n)}
		for i, item := range n.Content {
			out.items = append(out.items, r.resolve(item, element(at, i), depth+1))
		}
		return out
	default:
		return &node{kind: scalarKind(n), text: n.Value, pos: r.pos(n)}
	}
}

func scalarKind(n *yaml.Node) nodeKind {
	switch n.Tag {
	case "!!int":
		return integer
	case "!!float":
		return float
	case "!!bool":
		return boolean
	case "!!null":
		return null
	default: // also dates, and << where it is no key
		return text
	}
}

func (r *resolver) mapping(n *yaml.Node, at string, depth int) *node {
	r.open[n] = true
	defer delete(r.open, n)
	out := &node{kind: mapping, pos: r.pos(n)}
	own := map[string]Pos{}
	var merges []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind == yaml.ScalarNode && key.Tag == "!!merge" {
			merges = append(merges, value)
			continue
		}
		name, ok := r.key(n, key, at)
		if !ok {
			out.kind = broken
			continue
		}
		pos := r.pos(key)
		if first, twice := own[name]; twice {
			r.fail(key, child(at, name), fmt.Sprintf("the key is on line %d and again on line %d", first.Line, pos.Line), "remove one of them")
			continue
		}
		own[name] = pos
		v := r.resolve(value, child(at, name), depth+1)
		v.key = pos
		out.entries = append(out.entries, entry{key: name, pos: pos, value: v})
	}
	for _, m := range merges {
		r.merge(m, at, depth, out, own)
	}
	return out
}

// key returns the text of a key.
func (r *resolver) key(parent, key *yaml.Node, at string) (string, bool) {
	n := key
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	switch {
	case n.Kind != yaml.ScalarNode && parent.Style&yaml.FlowStyle != 0 && key.Style&yaml.FlowStyle != 0:
		r.fail(parent, at, "a key can't be a list or a mapping, as {{ makes it", `put templates in quotes: "{{.Version}}"`)
	case n.Kind != yaml.ScalarNode:
		r.fail(key, at, "a key can't be a list or a mapping", "")
	case n.Value == "":
		r.fail(key, at, "there is no key in front of the colon", "")
	default:
		return n.Value, true
	}
	return "", false
}

// merge adds the entries of what << names, where the mapping has none of its own. Of
// several, earlier ones win.
func (r *resolver) merge(from *yaml.Node, at string, depth int, into *node, taken map[string]Pos) {
	resolved := r.resolve(from, at, depth+1)
	sources := []*node{resolved}
	if resolved.kind == list {
		sources = resolved.items
	}
	for _, s := range sources {
		switch s.kind {
		case broken:
			continue
		case mapping:
		default:
			r.errs = append(r.errs, &Error{Pos: s.pos, Path: at, Reason: "<< takes mappings, and this is " + found(s)})
			continue
		}
		for _, e := range s.entries {
			if _, ok := taken[e.key]; ok {
				continue
			}
			taken[e.key] = e.pos
			into.entries = append(into.entries, e)
		}
	}
}

// found says what a node is, without the text of strings, which could be a secret.
func found(n *node) string {
	switch n.kind {
	case text:
		return "a string"
	case integer, float:
		return "the number " + shorten(n.text)
	case boolean:
		return n.text
	case list:
		return "a list"
	case mapping:
		return "a mapping"
	default:
		return "nothing"
	}
}
