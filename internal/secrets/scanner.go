package secrets

import (
	"bytes"
	"path"
	"strings"
)

// size of a scanner's buffer.
const size = 64 << 10

// Scanner looks for a secret in the content that is written to it. Writing never
// fails.
type Scanner struct {
	path string
	buf  []byte
	next int // in buf, where the last byte of a literal is expected next
	line int // of the first byte of buf
	hit  *Finding
}

// NewScanner returns a scanner for the file of that name, which some rules depend on
// and which the finding tells.
func NewScanner(path string) *Scanner {
	return &Scanner{path: path, line: 1}
}

// Write takes the next bytes.
func (s *Scanner) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 && s.hit == nil {
		if s.buf == nil {
			s.buf = make([]byte, 0, min(size, max(n, 512)))
		}
		take := min(len(p), size-len(s.buf))
		s.buf = append(s.buf, p[:take]...)
		p = p[take:]
		if len(s.buf) == size {
			s.scan(size - after)
			s.shift()
		}
	}
	return n, nil
}

// Finding ends the scan and returns the first secret of the content.
func (s *Scanner) Finding() (Finding, bool) {
	if s.hit == nil {
		s.scan(len(s.buf))
	}
	s.buf = nil
	if s.hit == nil {
		return Finding{}, false
	}
	return *s.hit, true
}

// scan judges the literals that end before limit.
func (s *Scanner) scan(limit int) {
	r, start, next := rulesTable().find(strings.ToLower(path.Base(s.path)), s.buf, s.next, limit)
	s.next = next
	if r != nil {
		s.hit = &Finding{Rule: r.name, Line: s.line + newlines(s.buf[:start]), What: s.path}
	}
}

// shift drops what no rule can see any more.
func (s *Scanner) shift() {
	drop := s.next - before - rulesTable().longest
	if s.hit != nil || drop <= 0 {
		return
	}
	s.line += newlines(s.buf[:drop])
	s.buf = s.buf[:copy(s.buf, s.buf[drop:])]
	s.next -= drop
}

func newlines(b []byte) int { return bytes.Count(b, []byte("\n")) }
