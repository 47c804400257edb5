package policy

import (
	"slices"
	"strings"
)

// Explain says each violation in a line for people, in the order of the rules, and those
// that several platforms share once. where tells where a rule was set, or nothing; nil tells nothing of any.
func Explain(list []Violation, where func(Rule) string) []string {
	type said struct {
		rule Rule
		text string
	}
	var order []said
	platforms := map[said][]string{}
	for _, v := range list {
		s := said{v.Rule, v.Text}
		if _, ok := platforms[s]; !ok {
			order, platforms[s] = append(order, s), []string{}
		}
		if v.Platform != "" && !slices.Contains(platforms[s], v.Platform) {
			platforms[s] = append(platforms[s], v.Platform)
		}
	}
	slices.SortStableFunc(order, func(a, b said) int { return place(a.rule) - place(b.rule) })
	var out []string
	for _, s := range order {
		line := string(s.rule) + ": " + s.text
		notes := strings.Join(platforms[s], ", ")
		if where != nil && where(s.rule) != "" {
			notes = strings.TrimPrefix(notes+"; "+where(s.rule), "; ")
		}
		if notes != "" {
			line += " (" + notes + ")"
		}
		out = append(out, line)
	}
	return out
}

// place is that of a rule among all.
func place(r Rule) int {
	return slices.IndexFunc(checks, func(c ruleCheck) bool { return c.rule == r })
}
