package secrets

import (
	"math"
	"slices"
	"strings"
)

// isRandom says whether a word looks as if chosen by chance: with so many bits of
// entropy a character, no sequence such as abcdef… and none of the words by which
// people say that it is an example.
func isRandom(word []byte, bits float64) bool {
	if len(word) == 0 {
		return false
	}
	var counts [256]int
	ascending := 0
	for i, c := range word {
		counts[c]++
		if i > 0 && c == word[i-1]+1 {
			ascending++
		}
	}
	entropy := 0.0
	for _, n := range counts {
		if n > 0 {
			p := float64(n) / float64(len(word))
			entropy -= p * math.Log2(p)
		}
	}
	return entropy >= bits && ascending < max(len(word)/3, 1) && !saysPlaceholder(string(word))
}

// saysPlaceholder says whether a value tells that it is to be replaced.
func saysPlaceholder(s string) bool {
	s = strings.ToLower(s)
	return slices.ContainsFunc([]string{
		"changeme", "change-me", "change_me", "changeit", "example", "placeholder", "replace", "your-", "your_",
		"xxx", "***", "...", "redacted", "dummy", "sample", "not-a-secret", "notasecret", "insert-", "insert_",
	}, func(word string) bool { return strings.Contains(s, word) })
}

// isPlaceholder says whether a value stands for a secret without being one: empty, a
// variable, or a word that only examples have.
func isPlaceholder(s string) bool {
	s = strings.TrimSpace(s)
	for _, mark := range []string{"${", "$(", "{{", "<%", "#{"} {
		if strings.Contains(s, mark) {
			return true
		}
	}
	for _, q := range []string{"<>", "%%", "@@", "[]", "__"} { // <password>, %PASSWORD%, @password@ …
		if len(s) >= 2 && s[0] == q[0] && s[len(s)-1] == q[1] {
			return true
		}
	}
	switch strings.ToLower(s) {
	case "", "none", "null", "nil", "undefined", "unset", "true", "false", "yes", "no", "on", "off",
		"test", "fake", "secret", "password", "passwd", "pass", "token", "todo", "tbd", "string", "value":
		return true
	}
	return strings.HasPrefix(s, "$") || saysPlaceholder(s)
}
