package fastpath

import (
	"bytes"
	"go/scanner"
	"go/token"
	"strings"
)

// Header returns what of a Go file decides about packages and imports: all that go/build
// parses of it, which ends where the first declaration after the imports begins (so
// comments in front of that belong to it), and all later directives.
//
// Of a file that does not parse that far, all is header: any edit may mend it. Such a
// result begins with a zero byte, which no other does, so that it never equals one.
func Header(src []byte) []byte {
	end, ok := headerEnd(src)
	if !ok {
		return append([]byte{0}, src...)
	}
	header := bytes.Clone(src[:end])
	for _, d := range directives(src, end) {
		header = append(append(header, 0), d...)
	}
	return header
}

// headerEnd finds the offset of the first token after the imports. It takes less than the
// go command does, since what it doesn't take is compared as a whole.
func headerEnd(src []byte) (end int, ok bool) {
	fset := token.NewFileSet()
	file := fset.AddFile("", -1, len(src))
	var s scanner.Scanner
	s.Init(file, src, nil, 0)
	next := func() (pos token.Pos, tok token.Token, lit string) { return s.Scan() }
	expect := func(want token.Token) bool {
		_, tok, _ := next()
		return tok == want
	}
	if !expect(token.PACKAGE) || !expect(token.IDENT) || !expect(token.SEMICOLON) {
		return 0, false
	}
	for {
		pos, tok, _ := next()
		switch {
		case tok == token.IMPORT:
			if !skipImport(next) {
				return 0, false
			}
			continue
		case s.ErrorCount > 0:
			return 0, false
		case tok == token.EOF:
			return len(src), true
		}
		end := file.Offset(pos)
		// go/build takes these for a broken comment or import, or for blank, and reads on.
		return end, !strings.ContainsRune("/i;", rune(src[end]))
	}
}

// skipImport reads an import declaration behind its keyword, with the semicolon.
func skipImport(next func() (token.Pos, token.Token, string)) bool {
	spec := func(tok token.Token) bool {
		if tok == token.IDENT || tok == token.PERIOD {
			_, tok, _ = next()
		}
		return tok == token.STRING
	}
	_, tok, _ := next()
	if tok != token.LPAREN {
		if !spec(tok) {
			return false
		}
		_, tok, _ = next()
		return tok == token.SEMICOLON
	}
	for {
		if _, tok, _ = next(); tok == token.RPAREN {
			break
		}
		if !spec(tok) {
			return false
		}
		if _, tok, _ = next(); tok == token.RPAREN {
			break
		}
		if tok != token.SEMICOLON {
			return false
		}
	}
	_, tok, _ = next()
	return tok == token.SEMICOLON
}

// directives returns the lines behind the header that look like directives, and all
// comments that embed files, wherever they are: the go command finds those by tokens, so
// a comment or a string around them makes a difference, and code in front none.
func directives(src []byte, end int) []string {
	var found []string
	for line := range bytes.Lines(src[end:]) {
		line = bytes.TrimSpace(line)
		for _, prefix := range []string{"//go:", "// +build", "//export"} {
			if bytes.HasPrefix(line, []byte(prefix)) {
				found = append(found, string(line))
			}
		}
	}
	if !bytes.Contains(src[end:], []byte(embedDirective)) {
		return found
	}
	fset := token.NewFileSet()
	file := fset.AddFile("", -1, len(src))
	var s scanner.Scanner
	s.Init(file, src, nil, scanner.ScanComments)
	for {
		pos, tok, lit := s.Scan()
		if tok == token.EOF {
			return found
		}
		if tok == token.COMMENT && file.Offset(pos) >= end && strings.HasPrefix(lit, embedDirective) {
			found = append(found, lit)
		}
	}
}

const embedDirective = "//go:embed"
