package policy

import "strings"

// expression is a licence expression (SPDX 2.3, annex D). An empty op makes it one
// licence, perhaps with an exception.
type expression struct {
	op    string // "", and, or
	id    string
	parts []expression
}

// judge: and needs all, or needs one.
func (e expression) judge(l lists) verdict {
	switch e.op {
	case "":
		return l.id(e.id)
	case "and":
		worst := allowed
		for _, p := range e.parts {
			worst = min(worst, p.judge(l))
		}
		return worst
	}
	best := denied
	for _, p := range e.parts {
		best = max(best, p.judge(l))
	}
	return best
}

// maxNesting bounds parentheses: expressions come from images that others made.
const maxNesting = 50

type parser struct {
	words []string
	depth int
}

// parse reads an expression; ok is false where it is none.
func parse(text string) (e expression, ok bool) {
	spaced := strings.NewReplacer("(", " ( ", ")", " ) ").Replace(text)
	p := &parser{words: strings.Fields(spaced)}
	e, ok = p.binary("or")
	return e, ok && len(p.words) == 0
}

// operator takes a word from the front. Annex D wants capitals; newer versions take
// either, not a mixture.
func (p *parser) operator(op string) bool {
	if len(p.words) > 0 && (p.words[0] == op || p.words[0] == strings.ToUpper(op)) {
		p.words = p.words[1:]
		return true
	}
	return false
}

// binary reads a row of operands: and binds tighter than or.
func (p *parser) binary(op string) (expression, bool) {
	operand := p.single
	if op == "or" {
		operand = func() (expression, bool) { return p.binary("and") }
	}
	first, ok := operand()
	row := expression{op: op, parts: []expression{first}}
	for ok && p.operator(op) {
		var next expression
		next, ok = operand()
		row.parts = append(row.parts, next)
	}
	if len(row.parts) == 1 {
		return first, ok
	}
	return row, ok
}

// single reads one licence or what is in parentheses.
func (p *parser) single() (expression, bool) {
	if p.operator("(") {
		if p.depth++; p.depth > maxNesting {
			return expression{}, false
		}
		e, ok := p.binary("or")
		p.depth--
		return e, ok && p.operator(")")
	}
	id, ok := p.take(true)
	if ok && p.operator("with") {
		var exception string
		exception, ok = p.take(false)
		id += " WITH " + exception
	}
	return expression{id: id}, ok
}

// take takes the next word if it is an id.
func (p *parser) take(plus bool) (string, bool) {
	if len(p.words) == 0 {
		return "", false
	}
	word := p.words[0]
	p.words = p.words[1:]
	return word, isID(word, plus)
}

// isID reports whether a word has the form of a licence's id, or with plus false of an
// exception's.
func isID(word string, plus bool) bool {
	switch strings.ToLower(word) {
	case "and", "or", "with", "":
		return false
	}
	if plus {
		word = strings.TrimSuffix(word, "+")
	}
	for _, c := range []byte(word) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '.':
		case c == ':' && plus: // DocumentRef-x:LicenseRef-y
		default:
			return false
		}
	}
	return word != ""
}
