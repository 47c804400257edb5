package sbom

import (
	"slices"
	"strings"
)

// maxNesting bounds the parentheses of an expression.
const maxNesting = 50

// allOf joins identifiers and expressions with AND, sorted, without repetitions. What
// is no expression by the grammar of SPDX annex D is left out.
func allOf(licenses []string) string {
	var list []string
	for _, l := range licenses {
		if isExpression(l) {
			list = append(list, strings.TrimSpace(l))
		}
	}
	slices.Sort(list)
	list = slices.Compact(list)
	if len(list) > 1 {
		for i, l := range list {
			if strings.Contains(l, " ") {
				list[i] = "(" + l + ")"
			}
		}
	}
	return strings.Join(list, " AND ")
}

// isExpression reports whether s has the form of an SPDX licence expression. Whether
// its identifiers are on the licence list isn't checked.
func isExpression(s string) bool {
	p := expressionParser{tokens: expressionTokens(s)}
	return p.expression(0) && len(p.tokens) == 0
}

func expressionTokens(s string) []string {
	return strings.Fields(strings.NewReplacer("(", " ( ", ")", " ) ").Replace(s))
}

type expressionParser struct{ tokens []string }

func (p *expressionParser) next() string {
	if len(p.tokens) == 0 {
		return ""
	}
	t := p.tokens[0]
	p.tokens = p.tokens[1:]
	return t
}

// accept takes the next token where it is one of these.
func (p *expressionParser) accept(any ...string) bool {
	if len(p.tokens) > 0 && slices.Contains(any, p.tokens[0]) {
		p.tokens = p.tokens[1:]
		return true
	}
	return false
}

func (p *expressionParser) expression(depth int) bool {
	for {
		if !p.term(depth) {
			return false
		}
		if !p.accept("AND", "OR") {
			return true
		}
	}
}

func (p *expressionParser) term(depth int) bool {
	if p.accept("(") {
		return depth < maxNesting && p.expression(depth+1) && p.accept(")")
	}
	if !isIdentifier(strings.TrimSuffix(p.next(), "+")) {
		return false
	}
	return !p.accept("WITH") || isIdentifier(p.next())
}

func isIdentifier(s string) bool {
	if s == "" || s == "AND" || s == "OR" || s == "WITH" || s == "NOASSERTION" || s == "NONE" {
		return false
	}
	for _, c := range []byte(s) {
		if !isIDByte(c) && c != ':' { // DocumentRef-x:LicenseRef-y
			return false
		}
	}
	return true
}

// isIDByte reports whether SPDX has the byte in identifiers ("idstring").
func isIDByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.' || c == '-'
}

// splitAll takes an expression apart at its ANDs. One with an OR outside of
// parentheses is a choice, and stays whole, as does what is no expression.
func splitAll(expression string) []string {
	if !isExpression(expression) {
		return []string{expression}
	}
	parts := split(expressionTokens(expression))
	slices.Sort(parts)
	return slices.Compact(parts)
}

// split is splitAll of the tokens of an expression. How deep it goes is bounded by
// isExpression.
func split(tokens []string) []string {
	var parts []string
	depth, start := 0, 0
	for i, t := range tokens {
		switch {
		case t == "(":
			depth++
		case t == ")":
			depth--
		case t == "OR" && depth == 0:
			return []string{join(tokens)}
		case t == "AND" && depth == 0:
			parts = append(parts, splitPart(tokens[start:i])...)
			start = i + 1
		}
	}
	return append(parts, splitPart(tokens[start:])...)
}

// splitPart is split of what has neither AND nor OR outside of parentheses.
func splitPart(tokens []string) []string {
	if tokens[0] == "(" {
		return split(tokens[1 : len(tokens)-1])
	}
	return []string{join(tokens)}
}

func join(tokens []string) string {
	return strings.NewReplacer("( ", "(", " )", ")").Replace(strings.Join(tokens, " "))
}

// references returns the identifiers of licences that aren't on SPDX's list.
func references(expression string) []string {
	var list []string
	for _, t := range expressionTokens(expression) {
		if t = strings.TrimSuffix(t, "+"); strings.HasPrefix(t, "LicenseRef-") {
			list = append(list, t)
		}
	}
	return list
}
