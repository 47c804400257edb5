package files

import (
	"path"
	"strings"
)

// ignore is a list of patterns in the syntax of .gitignore. What git understands
// without a sensible meaning (a class that is never closed, classes by name such as
// [[:alpha:]]) is an error. Of what is below an excluded directory, nothing can be
// included again; the caller sees to that.
type ignore []ignoreRule

type ignoreRule struct {
	include bool // begins with "!"
	dirOnly bool // ends with "/"
	parts   []string
}

// deep is the element of a pattern that stands for any number of directories.
const deep = "**"

func parseIgnore(lines []string) (ignore, error) {
	var list ignore
	for _, line := range lines {
		r, err := parseIgnoreRule(line)
		if err != nil {
			return nil, err
		}
		if r.parts != nil {
			list = append(list, r)
		}
	}
	return list, nil
}

// parseIgnoreRule returns a rule without parts for a line that says nothing.
func parseIgnoreRule(line string) (ignoreRule, error) {
	var r ignoreRule
	p := trimSpaces(line)
	if strings.HasPrefix(p, "#") {
		return r, nil
	}
	p, r.include = strings.CutPrefix(p, "!")
	p, r.dirOnly = strings.CutSuffix(p, "/")
	anchored := strings.Contains(p, "/")
	p = strings.TrimPrefix(p, "/")
	if p == "" {
		return r, nil
	}
	if !anchored {
		r.parts = append(r.parts, deep)
	}
	for part := range strings.SplitSeq(p, "/") {
		if len(part) > 1 && strings.Trim(part, "*") == "" {
			part = deep
		}
		part, ok := translate(part)
		if !ok {
			return r, &FieldError{Field: "exclude", Value: line, Problem: "is not a pattern as in .gitignore"}
		}
		r.parts = append(r.parts, part)
	}
	if r.parts[len(r.parts)-1] == deep { // what is in a directory, not the directory itself
		r.parts = append(r.parts, "*")
	}
	return r, nil
}

// trimSpaces removes the spaces at the end, but for an escaped one.
func trimSpaces(s string) string {
	trimmed := strings.TrimRight(s, " \r")
	slashes := len(trimmed) - len(strings.TrimRight(trimmed, `\`))
	if slashes%2 == 1 && len(trimmed) < len(s) {
		return trimmed + " "
	}
	return trimmed
}

// translate makes an element of a pattern one for path.Match, which excludes with ^
// only and doesn't know classes by name.
func translate(part string) (string, bool) {
	b := []byte(part)
	class := false
	for i := 0; i < len(b); i++ {
		switch {
		case b[i] == '\\':
			i++
		case !class && b[i] == '[':
			class = true
			if i+1 < len(b) && b[i+1] == '!' {
				b[i+1] = '^'
			}
		case class && b[i] == '[' && i+1 < len(b) && strings.IndexByte(":.=", b[i+1]) >= 0:
			return "", false
		case class && b[i] == ']':
			class = false
		}
	}
	_, err := path.Match(string(b), "")
	return string(b), err == nil
}

// excludes says whether the last rule that matches excludes the path, whose parents
// are not excluded.
func (list ignore) excludes(rel string, isDir bool) bool {
	names := strings.Split(rel, "/")
	for i := len(list) - 1; i >= 0; i-- {
		if r := list[i]; (isDir || !r.dirOnly) && matchParts(r.parts, names) {
			return !r.include
		}
	}
	return false
}

// matchParts goes back to the last ** only, so it takes no more than the product of
// the lengths.
func matchParts(parts, names []string) bool {
	p, n := 0, 0
	lastDeep, resume := -1, 0
	for n < len(names) {
		if p < len(parts) && parts[p] == deep {
			lastDeep, resume = p, n
			p++
			continue
		}
		if p < len(parts) {
			if ok, _ := path.Match(parts[p], names[n]); ok {
				p, n = p+1, n+1
				continue
			}
		}
		if lastDeep < 0 {
			return false
		}
		resume++
		p, n = lastDeep+1, resume
	}
	for p < len(parts) && parts[p] == deep {
		p++
	}
	return p == len(parts)
}
