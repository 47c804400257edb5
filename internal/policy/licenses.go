package policy

import (
	"fmt"
	"slices"
	"strings"
)

func checkLicenses(p *Policy, f Facts) []Violation {
	if !f.LicensesKnown {
		return unknown("", "the licences of what is in the image are not known")
	}
	list := newLists(p.Licenses)
	var found []Violation
	for module, expressions := range f.Licenses {
		if len(expressions) == 0 {
			expressions = []string{""}
		}
		for _, text := range expressions {
			switch list.judge(text) {
			case denied:
				found = append(found, Violation{Subject: module, Value: text,
					Text: fmt.Sprintf("%q is under %q, which is not allowed", module, text)})
			case untold:
				v := unknown(module, "the licence of %q is not known", module)[0]
				if text != "" {
					v.Value, v.Text = text, v.Text+fmt.Sprintf(": %q", text)
				}
				found = append(found, v)
			}
		}
	}
	return found
}

// verdict is what a list says of an expression.
type verdict int

const (
	denied verdict = iota
	untold         // nobody could say which licence it is
	allowed
)

// lists are the licences of a policy, by their normal forms.
type lists struct {
	allow, deny map[string]bool
	open        bool // what isn't listed is allowed
	unknown     verdict
}

func newLists(l Licenses) lists {
	out := lists{allow: map[string]bool{}, deny: map[string]bool{}, open: l.Allow == nil, unknown: untold}
	if l.Unknown == Allow {
		out.unknown = allowed
	}
	for _, id := range l.Allow {
		out.allow[normal(id)] = true
	}
	for _, id := range l.Deny {
		out.deny[normal(id)] = true
	}
	return out
}

// judge says what becomes of an expression. One that can't be read is unknown.
func (l lists) judge(text string) verdict {
	e, ok := parse(text)
	if !ok {
		return l.unknown
	}
	return e.judge(l)
}

// id says what becomes of one licence: the most exact entry decides, and where an id is
// in both lists, that it is denied.
func (l lists) id(id string) verdict {
	n := normal(id)
	for _, n := range []string{n, plain(n), strings.TrimSuffix(plain(n), "+")} {
		if l.deny[n] {
			return denied
		}
		if l.allow[n] {
			return allowed
		}
	}
	switch {
	case n == "" || n == "none" || n == "noassertion", strings.HasPrefix(n, "licenseref-"), strings.HasPrefix(n, "documentref-"):
		return l.unknown
	case l.open:
		return allowed
	}
	return denied
}

// normal gives licences that are the same one spelling: SPDX compares without regard to
// case, and the GNU licences have a deprecated and a current id each.
func normal(id string) string {
	words := strings.Fields(strings.ToLower(id))
	if len(words) == 0 {
		return ""
	}
	if slices.ContainsFunc([]string{"gpl-", "lgpl-", "agpl-", "gfdl-"}, func(p string) bool { return strings.HasPrefix(words[0], p) }) {
		if base, ok := strings.CutSuffix(words[0], "-or-later"); ok {
			words[0] = base + "+"
		}
		words[0] = strings.TrimSuffix(words[0], "-only")
	}
	return strings.Join(words, " ")
}

// plain is a normal form without its exception.
func plain(n string) string {
	n, _, _ = strings.Cut(n, " with ")
	return n
}
