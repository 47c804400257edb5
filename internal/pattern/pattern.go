// Package pattern holds regular expressions that are compiled when they are first
// used. Compiling them as the program starts would cost every run milliseconds, for
// words that hardly any run has to take apart.
package pattern

import (
	"regexp"
	"sync"
)

// Pattern is a regular expression, safe for concurrent use. Its methods are those of
// [regexp.Regexp].
type Pattern struct {
	expr string
	once sync.Once
	re   *regexp.Regexp
}

// New makes a pattern of an expression, which must be one that compiles: using it
// panics otherwise. It is simple enough for the compiler to lay out a package's
// patterns in the program's data, so that they take no time before main either.
func New(expr string) *Pattern { return &Pattern{expr: expr} }

func (p *Pattern) compiled() *regexp.Regexp {
	p.once.Do(func() { p.re = regexp.MustCompile(p.expr) })
	return p.re
}

// MatchString reports whether s contains a match.
func (p *Pattern) MatchString(s string) bool { return p.compiled().MatchString(s) }

// FindString returns the first match.
func (p *Pattern) FindString(s string) string { return p.compiled().FindString(s) }

// FindStringSubmatch returns the first match and its groups.
func (p *Pattern) FindStringSubmatch(s string) []string { return p.compiled().FindStringSubmatch(s) }

// FindStringSubmatchIndex returns where the first match and its groups are.
func (p *Pattern) FindStringSubmatchIndex(s string) []int {
	return p.compiled().FindStringSubmatchIndex(s)
}

// FindAllStringSubmatch returns up to n matches with their groups, all if n is negative.
func (p *Pattern) FindAllStringSubmatch(s string, n int) [][]string {
	return p.compiled().FindAllStringSubmatch(s, n)
}

// ReplaceAllString replaces all matches.
func (p *Pattern) ReplaceAllString(s, with string) string {
	return p.compiled().ReplaceAllString(s, with)
}
