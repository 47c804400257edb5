package configfile

import (
	"bytes"
	"errors"
	"io"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/imgo-build/imgo/internal/pattern"
)

// load reads the YAML of a file. It returns no node where there is nothing to decode;
// an empty file is a node of kind null.
func load(data []byte, file string) (*node, []*Error) {
	data = bytes.TrimPrefix(data, []byte("\uFEFF"))
	if err := checkText(data, file); err != nil {
		return nil, []*Error{err}
	}
	doc, err := parseDocument(data, file)
	if err != nil {
		return nil, []*Error{err}
	}
	if doc == nil {
		return &node{kind: null, pos: Pos{File: file, Line: 1, Column: 1}}, nil
	}
	r := &resolver{file: file, left: mostNodes, open: map[*yaml.Node]bool{}}
	root := r.resolve(doc, "", 0)
	return root, r.errs
}

// checkText looks for what no text file has, which the parser would report without a
// place, or read as something else.
func checkText(data []byte, file string) *Error {
	pos := Pos{File: file, Line: 1}
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		pos.Column++
		switch {
		case r == utf8.RuneError && size == 1:
			hint := "save the file as UTF-8"
			if i == 0 && (data[0] == 0xFE || data[0] == 0xFF) {
				hint += ", not as UTF-16"
			}
			return &Error{Pos: pos, Reason: "the file is not UTF-8", Hint: hint}
		case r == '\n':
			pos.Line, pos.Column = pos.Line+1, 0
		case r < ' ' && r != '\t' && r != '\r', r == 0x7F, r >= 0x80 && r < 0xA0 && r != 0x85, r == '\uFEFF', r == '\uFFFE', r == '\uFFFF':
			return &Error{Pos: pos, Reason: "there is a control character, " + quote(string(r)), Hint: `in double quotes it can be written as an escape, such as "\x00"`}
		}
		i += size
	}
	return nil
}

// parseDocument returns the root of the only document, or nil where there is none.
func parseDocument(data []byte, file string) (*yaml.Node, *Error) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc, next yaml.Node
	err := dec.Decode(&doc)
	if err == nil {
		if err = dec.Decode(&next); err == nil {
			pos := Pos{File: file, Line: next.Line, Column: next.Column}
			return nil, &Error{Pos: pos, Reason: "a second document begins here", Hint: "put everything into one: what differs from case to case can be a profile"}
		}
		if errors.Is(err, io.EOF) {
			return doc.Content[0], nil
		}
	}
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	return nil, syntaxError(data, file, err)
}

var yamlMessage = pattern.New(`^yaml: (?:line (\d+): )?(.*)$`)

// syntaxError makes an error with a place of one that has at most a line. The line of
// the scanner's errors is right; the parser names the line where the surrounding
// mapping or list begins, or none.
func syntaxError(data []byte, file string, err error) *Error {
	lines := strings.Split(string(data), "\n")
	message, line := err.Error(), 1
	if m := yamlMessage.FindStringSubmatch(message); m != nil {
		message = m[2]
		if n, err := strconv.Atoi(m[1]); err == nil {
			line = min(max(n, 1), len(lines))
		}
	}
	switch {
	case strings.HasPrefix(message, "did not find expected"):
		line = firstFailing(lines, line, message)
	case strings.HasSuffix(message, "unexpected end of stream") && failing(lines[:1], message):
		line = 1 // which the parser takes for none
	}
	f := diagnose(lines, line, message)
	return &Error{Pos: Pos{File: file, Line: f.line, Column: f.column}, Reason: f.reason, Hint: f.hint}
}

// firstFailing returns the number of the line with which the error appears: the parser
// reads forwards, so that what comes after can't cure it.
func firstFailing(lines []string, from int, message string) int {
	return from + sort.Search(len(lines)-from, func(i int) bool { return failing(lines[:from+i], message) })
}

func failing(lines []string, message string) bool {
	dec := yaml.NewDecoder(strings.NewReader(strings.Join(lines, "\n")))
	for {
		var n yaml.Node
		if err := dec.Decode(&n); err != nil {
			return strings.HasSuffix(err.Error(), message)
		}
	}
}
