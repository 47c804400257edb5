package configfile

import (
	"strings"
	"unicode/utf8"

	"github.com/imgo-build/imgo/internal/pattern"
)

// finding is a place and what to say about it.
type finding struct {
	line, column int
	reason, hint string
}

// cause is a common reason for YAML not to be readable.
type cause struct {
	message string           // of the parser, a part of it; empty for any
	shape   *pattern.Pattern // of the line; its first group is the place
	reason  string
	hint    string
}

// causes are tried in their order; the last one always applies.
func causes() []cause {
	return []cause{
		{"", pattern.New(`^ *(\t)`), "the line is indented with a tab", "YAML is indented with spaces"},
		{"", pattern.New(`(?:[:,\[{-]|^)\s*([^\s"',#{]*\{\{)`), "a template is not in quotes", `write "{{.Version}}"`},
		{"", pattern.New(`^\s*(:)(?:\s|$)`), "there is no key in front of the colon", ""},
		{"mapping values are not allowed", pattern.New(`:.*?\S(:)(?:\s|$)`), "a second colon in one line", `put a text with a colon in quotes: "a: b"`},
		{"mapping values are not allowed", pattern.New(`^\s*(\S)`), "there can be no key here", "check the indentation of this line and the one before"},
		{"cannot start any token", pattern.New("(?:[:,\\[{-]|^)\\s*([@`%|>&*!])"), "no text can begin with this character", "put the text in quotes"},
		{"could not find expected ':'", nil, "this is neither a key with a colon nor an element of a list", ""},
		{"expected ',' or ']'", pattern.New(`(\[)`), "the list is not closed, or a comma is missing", "a list is written [a, b]"},
		{"expected ',' or ']'", nil, "the list is not closed, or a comma is missing", "a list is written [a, b]"},
		{"expected ',' or '}'", pattern.New(`(\{)`), "the mapping is not closed, or a comma is missing", "a mapping is written {a: b, c: d}"},
		{"expected ',' or '}'", nil, "the mapping is not closed, or a comma is missing", "a mapping is written {a: b, c: d}"},
		{"unexpected end of stream", pattern.New(`(["'])`), "the quotes are not closed", ""},
		{"did not find expected '-' indicator", nil, "an element of a list must begin with a dash", "check the indentation"},
		{"did not find expected key", pattern.New(`:\s+(?:"[^"]*"|'[^']*'|\[[^]]*\]|\{[^}]*\})\s*([^\s#])`), "there is more text after the end of the value", "put the whole value in quotes"},
		{"did not find expected key", nil, "the line is indented neither as the one above nor as a key before", "check the indentation"},
		{"found unknown escape character", pattern.New(`(\\[^0abt\tnvfre "/\\N_LPxuU])`), "there is no such escape in double quotes", `write \\ for a backslash, or use single quotes`},
	}
}

var unknownAnchor = pattern.New(`^unknown anchor '(.*)' referenced$`)

// diagnose says in the words of somebody who writes configuration what the parser
// couldn't read, and where in the line.
func diagnose(lines []string, line int, message string) finding {
	if m := unknownAnchor.FindStringSubmatch(message); m != nil {
		line, column := locate(lines, "*"+m[1])
		return finding{line, column, "there is no anchor &" + shorten(m[1]) + " above", ""}
	}
	content := lines[line-1]
	for _, c := range causes() {
		if !strings.Contains(message, c.message) {
			continue
		}
		if c.shape == nil {
			return finding{line, indentation(content) + 1, c.reason, c.hint}
		}
		if at := c.shape.FindStringSubmatchIndex(content); at != nil {
			return finding{line, utf8.RuneCountInString(content[:at[2]]) + 1, c.reason, c.hint}
		}
	}
	return finding{line, indentation(content) + 1, "this is not YAML: " + shorten(message), ""}
}

func indentation(line string) int {
	return len(line) - len(strings.TrimLeft(line, " "))
}

// locate finds the first mention of a word.
func locate(lines []string, word string) (line, column int) {
	for i, l := range lines {
		if at := strings.Index(l, word); at >= 0 {
			return i + 1, utf8.RuneCountInString(l[:at]) + 1
		}
	}
	return 1, 1
}
