package goflag

import (
	"fmt"
	"strings"
)

const blanks = " \t\n\r"

// Split splits a list as the go command splits GOFLAGS and the values of -ldflags:
// at blanks; an element may stand in single or double quotes, which count only where
// they open it and inside which nothing is escaped. The error says what is wrong with
// the quotes and shows nothing of s.
func Split(s string) ([]string, error) {
	var fields []string
	for {
		s = strings.TrimLeft(s, blanks)
		if s == "" {
			return fields, nil
		}
		if quote := s[0]; quote == '\'' || quote == '"' {
			body, rest, ok := strings.Cut(s[1:], string(quote))
			if !ok {
				return nil, fmt.Errorf("unterminated %c string", quote)
			}
			fields = append(fields, body)
			s = rest
			continue
		}
		end := strings.IndexAny(s, blanks)
		if end < 0 {
			end = len(s)
		}
		fields = append(fields, s[:end])
		s = s[end:]
	}
}

// Join is the inverse of [Split]. It can't express an element that needs quotes and
// has both kinds, which Split never returns.
func Join(fields []string) string {
	quoted := make([]string, len(fields))
	for i, f := range fields {
		switch {
		case f != "" && f[0] != '\'' && f[0] != '"' && !strings.ContainsAny(f, blanks):
			quoted[i] = f
		case strings.Contains(f, "'"):
			quoted[i] = `"` + f + `"`
		default:
			quoted[i] = "'" + f + "'"
		}
	}
	return strings.Join(quoted, " ")
}

// SplitTags splits a list of build tags, which may be separated by commas or blanks.
func SplitTags(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return strings.ContainsRune(blanks+",", r) })
}

// SplitPattern splits a value of -ldflags or -gcflags as the go command does: what
// doesn't start with "-" has the pattern of the packages that it is for before its
// first "=". pattern is empty for those named on the command line. It is not ok where
// the value has neither form.
func SplitPattern(value string) (pattern, flags string, ok bool) {
	value = strings.TrimSpace(value)
	if value == "" || value[0] == '-' || value[0] == '\'' || value[0] == '"' {
		return "", value, true
	}
	pattern, flags, ok = strings.Cut(value, "=")
	pattern = strings.TrimSpace(pattern)
	return pattern, flags, ok && pattern != ""
}
