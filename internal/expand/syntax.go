package expand

import (
	"sort"
	"strings"
	"text/template/parse"
)

// read parses a text as text/template does. Which functions there are is checked
// later, where their place is known.
func read(text string) (*parse.Tree, error) {
	trees := map[string]*parse.Tree{}
	tree := parse.New("")
	tree.Mode = parse.SkipFuncCheck
	tree, err := tree.Parse(text, "", "", trees)
	if err != nil {
		return nil, err
	}
	for _, other := range trees {
		if other != tree {
			start := strings.LastIndex(text[:other.Root.Position()], "{{")
			return nil, errorAt(text, start, "{{define}} and {{block}} are not available in settings")
		}
	}
	return tree, nil
}

const endOfText = "unexpected EOF"

// syntaxError says where the parser's error is. The parser itself knows only the
// line, but it reads from left to right: the action is to blame with which the text
// up to its end stops being the beginning of a good template.
func syntaxError(text string, err error) *Error {
	reason := err.Error()
	if parts := strings.SplitN(reason, ": ", 3); len(parts) == 3 { // "template: :1: reason"
		reason = parts[2]
	}
	spans := actions(text)
	first := sort.Search(len(spans), func(i int) bool {
		_, err := read(text[:spans[i].end])
		return err != nil && !strings.HasSuffix(err.Error(), ": "+endOfText)
	})
	if first < len(spans) {
		return errorAt(text, spans[first].start, "%s", reason)
	}
	if open, keyword := unclosed(text, spans); open >= 0 && reason == endOfText {
		return errorAt(text, open, "{{%s}} without {{end}}", keyword)
	}
	return errorAt(text, len(text), "%s", reason)
}

// span is an action with its delimiters.
type span struct{ start, end int }

// actions finds the actions of a text: "}}" inside of quotes and comments ends none.
func actions(text string) []span {
	var spans []span
	for at := 0; ; {
		start := strings.Index(text[at:], "{{")
		if start < 0 {
			return spans
		}
		start += at
		at = actionEnd(text, start+2)
		spans = append(spans, span{start, at})
	}
}

func actionEnd(text string, at int) int {
	if inner := strings.TrimPrefix(text[at:], "- "); strings.HasPrefix(inner, "/*") {
		if length := strings.Index(inner, "*/"); length >= 0 {
			at = len(text) - len(inner) + length
		}
	}
	for at < len(text) {
		switch c := text[at]; {
		case strings.HasPrefix(text[at:], "}}"):
			return at + 2
		case c == '"' || c == '\'' || c == '`':
			at = quoteEnd(text, at+1, c)
		default:
			at++
		}
	}
	return len(text)
}

func quoteEnd(text string, at int, quote byte) int {
	for ; at < len(text); at++ {
		switch {
		case text[at] == quote:
			return at + 1
		case text[at] == '\\' && quote != '`':
			at++
		}
	}
	return len(text)
}

// unclosed is the start and the keyword of the innermost block without an end, or -1.
func unclosed(text string, spans []span) (start int, keyword string) {
	type block struct {
		start   int
		keyword string
	}
	var open []block
	for _, s := range spans {
		inner := strings.TrimPrefix(text[s.start+2:s.end], "-")
		fields := strings.FieldsFunc(inner, func(r rune) bool { return r < 'a' || r > 'z' })
		if len(fields) == 0 || !strings.HasPrefix(strings.TrimLeft(inner, " \t\r\n"), fields[0]) {
			continue
		}
		switch word := fields[0]; word {
		case "if", "with", "range", "define", "block":
			open = append(open, block{s.start, word})
		case "end":
			open = open[:max(len(open)-1, 0)]
		}
	}
	if len(open) == 0 {
		return -1, ""
	}
	last := open[len(open)-1]
	return last.start, last.keyword
}
