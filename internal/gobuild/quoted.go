package gobuild

import (
	"fmt"
	"strings"
)

const blanks = " \t\n\r"

// splitQuoted splits a list as the go command splits GOFLAGS and the values of
// -ldflags: at blanks; an element may stand in single or double quotes, which count
// only where they open it and inside which nothing is escaped.
func splitQuoted(s string) ([]string, error) {
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

// joinQuoted is the inverse of splitQuoted. It can't express an element that needs
// quotes and has both kinds, which splitQuoted never returns.
func joinQuoted(fields []string) string {
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
