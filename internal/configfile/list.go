package configfile

import (
	"fmt"
	"strings"
)

// listing is a grammar of lists of scalars.
type listing struct {
	want   string
	item   scalar
	one    *scalar                 // what may stand in place of the list, if anything
	expand func(s string) []string // what one canonical element stands for
	least  int                     // how many elements there have to be
	most   int                     // how many there can be when all are expanded; 0 for any number
	unique bool                    // repeated elements count once
	hint   func(n *node) string    // for a scalar in place of the list
	check  func(l []string) (reason, hint string)
	extra  func(items schema) schema // in place of the usual schema of the list
}

func (l listing) kind() kind[List] {
	return kind[List]{want: l.want, decode: l.decode, schema: l.schema}
}

func (l listing) decode(d *decoder, n *node, at string) (List, bool) {
	out := List{Pos: n.pos}
	seen := map[string]bool{}
	ok := true
	switch {
	case n.kind == list:
		for i, item := range n.items {
			ok = l.add(d, &out, seen, item, element(at, i), l.item, l.item.want) && ok
			if l.most > 0 && len(out.Items) > l.most {
				d.fail(item.pos, element(at, i), fmt.Sprintf("with this one there are more than %d in the list", l.most), "")
				return List{}, false
			}
		}
	case l.one != nil && (n.kind == text || n.kind&l.one.accept != 0):
		ok = l.add(d, &out, seen, n, at, *l.one, l.want)
	default:
		d.mismatch(n, at, l.want, l.suggest(n))
		return List{}, false
	}
	if !ok {
		return List{}, false
	}
	if n.kind == list && len(n.items) < l.least {
		d.fail(n.pos, at, "the list is empty", "leave the key out, or write ["+l.item.example+"]")
		return List{}, false
	}
	if l.check != nil {
		if reason, hint := l.check(out.Strings()); reason != "" {
			d.fail(n.pos, at, reason, hint)
			return List{}, false
		}
	}
	return out, true
}

func (l listing) add(d *decoder, out *List, seen map[string]bool, n *node, at string, c scalar, want string) bool {
	s, ok := c.read(d, n, at, want)
	if !ok {
		return false
	}
	values := []string{s}
	if l.expand != nil {
		values = l.expand(s)
	}
	for _, v := range values {
		if l.unique && seen[v] {
			continue
		}
		seen[v] = true
		out.Items = append(out.Items, Value[string]{V: v, Pos: n.pos})
	}
	return true
}

func (l listing) suggest(n *node) string {
	switch {
	case n.kind&(text|integer|float|boolean) == 0:
		return ""
	case l.hint != nil:
		return l.hint(n)
	case l.item.quoteless:
		return "write a list: [a, b]"
	default:
		return "write a list: [" + flowText(n.text) + "]"
	}
}

func (l listing) schema() schema {
	items := schema{"type": "array", "items": l.item.schema()}
	if l.least > 0 {
		items["minItems"] = l.least
	}
	if l.extra != nil {
		items = l.extra(items)
	}
	if l.one == nil {
		return items
	}
	return schema{"anyOf": []schema{l.one.schema(), items}}
}

// commandLine is the hint for a command that is one text: the list that a shell would
// make of it, as far as that is told by blanks.
func commandLine(n *node) string {
	const hint = "write a list, imgo runs no shell: "
	if strings.ContainsAny(n.text, "'\"\\$`|&;<>") {
		return hint + `[serve, --port, "8080"]`
	}
	words := strings.Fields(n.text)
	for i, w := range words {
		words[i] = flowText(w)
	}
	return hint + "[" + shorten(strings.Join(words, ", ")) + "]"
}

// flowText returns s as an element of a list in brackets.
func flowText(s string) string {
	if matches(`^[A-Za-z/.-][A-Za-z0-9_/.=:-]*$`, s) && !strings.HasSuffix(s, ":") && s != "-" && !strings.HasPrefix(s, "---") {
		return shorten(s)
	}
	return quote(s)
}
