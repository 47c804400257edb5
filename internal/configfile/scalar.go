package configfile

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/imgo-build/imgo/internal/spelling"
)

// scalar is a grammar of single values. Regular expressions are in what Go and
// ECMAScript share, since they go into the schema too. The parts that only code can
// tell are in check.
type scalar struct {
	want    string                // in words: "a port"
	form    string                // how it is written, where that takes more words
	why     func(s string) string // the same for one wrong value
	example string                // of a valid value, for hints
	accept  nodeKind              // what besides strings is taken, as the text that is written
	bounds  schema                // of the numbers among them

	words     []string // all valid values, instead of a pattern
	pattern   string
	longest   int // in characters; 0 for no limit
	templates bool
	refuse    []refusal
	check     func(s string) (reason, hint string)

	quoteless bool                        // write no value into messages
	suggest   func(s string) string       // a valid value that was probably meant, or nothing
	canon     func(s string) string       // of a valid value
	instead   func(n *node) (hint string) // for a value of the wrong type
}

// refusal is a mistake that is common enough to have its own words.
type refusal struct {
	pattern      string
	reason, hint string
}

// matches reports whether s has the form of the pattern. Patterns are compiled when
// they are needed first: few files use all, and most runs none.
func matches(pattern, s string) bool {
	re, ok := compiled.Load(pattern)
	if !ok {
		re, _ = compiled.LoadOrStore(pattern, regexp.MustCompile(pattern))
	}
	return re.(*regexp.Regexp).MatchString(s)
}

var compiled sync.Map // of patterns, all of which are constants of this package

const openTemplate = "{{"

// judge returns what is wrong with s, or nothing.
func (c scalar) judge(s string) (reason, hint string) {
	if c.templates && strings.Contains(s, openTemplate) {
		return "", ""
	}
	for _, r := range c.refuse {
		if matches(r.pattern, s) {
			return r.reason, r.hint
		}
	}
	known := len(c.words) == 0 || slices.Contains(c.words, s)
	if !known || c.pattern != "" && !matches(c.pattern, s) {
		return c.invalid(s), c.meant(s)
	}
	if c.longest > 0 && len([]rune(s)) > c.longest {
		return fmt.Sprintf("it is longer than %d characters", c.longest), ""
	}
	if c.check != nil {
		if reason, hint = c.check(s); reason != "" && hint == "" {
			hint = c.meant(s)
		}
	}
	return reason, hint
}

func (c scalar) invalid(s string) string {
	what := "it"
	if !c.quoteless {
		what = quote(s)
	}
	what += " is not " + c.want
	form := c.form
	if c.why != nil {
		form = c.why(s)
	}
	if form != "" {
		what += ": " + form
	}
	return what
}

func (c scalar) meant(s string) string {
	var better string
	switch {
	case c.suggest != nil:
		better = c.suggest(s)
	case len(c.words) > 0:
		better = nearest(s, c.words)
	}
	if better != "" && better != s {
		if reason, _ := c.judge(better); reason == "" {
			return "did you mean " + quote(better) + "?"
		}
	}
	if len(c.words) > 0 {
		return "write " + alternatives(c.words)
	}
	return "for example " + c.example
}

func (c scalar) canonical(s string) string {
	if c.canon == nil || c.templates && strings.Contains(s, openTemplate) {
		return s
	}
	return c.canon(s)
}

// read decodes one value. The type that a mismatch names is want.
func (c scalar) read(d *decoder, n *node, at, want string) (string, bool) {
	if n.kind != text && n.kind&c.accept == 0 {
		d.mismatch(n, at, want, c.hint(n))
		return "", false
	}
	if reason, hint := c.judge(n.text); reason != "" {
		d.fail(n.pos, at, reason, hint)
		return "", false
	}
	return c.canonical(n.text), true
}

func (c scalar) hint(n *node) string {
	switch {
	case c.instead != nil && c.instead(n) != "":
		return c.instead(n)
	case n.kind == null && c.accept&boolean != 0:
		return `write "" for an empty text`
	case n.kind&(integer|float|boolean) != 0 && c.pattern != "" && !matches(c.pattern, n.text):
		return "for example " + c.example
	case n.kind&(integer|float|boolean) != 0:
		return "put it in quotes: " + quote(n.text)
	default:
		return ""
	}
}

func (c scalar) kind() kind[Value[string]] {
	return scalarOf(c, func(s string) string { return s })
}

// scalarOf is a scalar that becomes a T. parse gets valid, canonical text.
func scalarOf[T any](c scalar, parse func(s string) T) kind[Value[T]] {
	return kind[Value[T]]{
		want: c.want,
		decode: func(d *decoder, n *node, at string) (Value[T], bool) {
			s, ok := c.read(d, n, at, c.want)
			if !ok {
				return Value[T]{Pos: n.pos}, false
			}
			return Value[T]{V: parse(s), Pos: n.pos}, true
		},
		schema: c.schema,
	}
}

// grammar is the schema of the string alone.
func (c scalar) grammar() schema {
	s := schema{"type": "string"}
	if len(c.words) > 0 {
		s = schema{"enum": c.words}
	}
	if c.pattern != "" {
		s["pattern"] = c.pattern
	}
	if c.longest > 0 {
		s["maxLength"] = c.longest
	}
	if len(c.refuse) == 1 {
		s["not"] = schema{"pattern": c.refuse[0].pattern}
	} else if len(c.refuse) > 1 {
		var not []schema
		for _, r := range c.refuse {
			not = append(not, schema{"pattern": r.pattern})
		}
		s["not"] = schema{"anyOf": not}
	}
	if c.templates {
		return schema{"anyOf": []schema{{"type": "string", "pattern": `\{\{`}, s}}
	}
	return s
}

func (c scalar) schema() schema {
	s := c.grammar()
	if c.accept == 0 {
		return s
	}
	of := []schema{s}
	if c.accept&float != 0 {
		of = append(of, c.numbers("number"))
	} else if c.accept&integer != 0 {
		of = append(of, c.numbers("integer"))
	}
	if c.accept&boolean != 0 {
		of = append(of, schema{"type": "boolean"})
	}
	return schema{"anyOf": of}
}

func (c scalar) numbers(kind string) schema {
	s := schema{"type": kind}
	maps.Copy(s, c.bounds)
	return s
}

// nearest returns the one of the words that s was probably meant to be, or nothing.
func nearest(s string, words []string) string {
	best, distance := "", 1+max(1, (len(s)+1)/3)
	for _, w := range words {
		if fold(w) == fold(s) {
			return w
		}
		d := spelling.Distance(s, w)
		if d == 2 && sameLetters(s, w) {
			d = 1 // two letters in the wrong order
		}
		if d < distance && d < len(w) {
			best, distance = w, d
		}
	}
	return best
}

func sameLetters(a, b string) bool {
	x, y := []byte(a), []byte(b)
	slices.Sort(x)
	slices.Sort(y)
	return slices.Equal(x, y)
}

// fold makes one of the spellings that other programs have for compound names.
func fold(s string) string {
	return strings.ToLower(strings.NewReplacer("_", "", "-", "", ".", "", " ", "").Replace(s))
}

// alternatives lists words: a, b or c.
func alternatives(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
