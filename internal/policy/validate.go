package policy

import (
	"errors"
	"fmt"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// SettingError says that a value of the policy is none that it can have.
type SettingError struct {
	Key     string   // as in the configuration file: "maxSize", "licenses.deny"
	Value   string   // what was given
	Problem string   // a predicate: "is not a valid pattern"
	Known   []string // the words to choose from, where there are such
}

func (e *SettingError) Error() string {
	text := fmt.Sprintf("%s: %q %s", e.Key, e.Value, e.Problem)
	if len(e.Known) > 0 {
		text += ": " + strings.Join(e.Known, ", ")
	}
	return text
}

// Validate returns a *SettingError for each value that can't be meant, joined. It does not
// know the list of SPDX: an id has to have the form of one.
func (p *Policy) Validate() error {
	var errs []error
	bad := func(key, value, problem string, known ...string) {
		errs = append(errs, &SettingError{Key: key, Value: value, Problem: problem, Known: known})
	}
	if p.MaxSize < 0 {
		bad("maxSize", fmt.Sprint(p.MaxSize), "is less than nothing")
	}
	if p.MaxLayers < 0 {
		bad("maxLayers", fmt.Sprint(p.MaxLayers), "is less than nothing")
	}
	if p.Bases != nil && len(p.Bases) == 0 {
		bad("bases", "[]", "allows no base: name some, such as scratch")
	}
	for _, pattern := range p.Bases {
		if problem := baseProblem(pattern); problem != "" {
			bad("bases", pattern, problem)
		}
	}
	p.Licenses.validate(bad)
	for _, word := range p.Require {
		if word != Signature && word != SBOM && word != Provenance {
			bad("require", word, "is no attestation that can be required", Signature, SBOM, Provenance)
		}
	}
	return errors.Join(errs...)
}

// baseProblem says what is wrong with a pattern, or nothing.
func baseProblem(pattern string) string {
	name := pattern
	if host, rest, deep := strings.Cut(pattern, "/"); deep && strings.Contains(host, ":") {
		name = rest // what follows the colon is a port
	}
	switch {
	case pattern == "":
		return "matches nothing"
	case strings.Contains(pattern, "://"):
		return "has a scheme: repositories are named without"
	case strings.ContainsAny(name, ":@"):
		return "has a tag or digest: bases are allowed by their repositories"
	case isFile(pattern):
		return "is no repository"
	case pattern != strings.ToLower(pattern):
		return "has capitals, which no repository has"
	case !doublestar.ValidatePattern(pattern):
		return "is not a valid pattern"
	}
	return ""
}

func (l Licenses) validate(bad func(key, value, problem string, known ...string)) {
	if l.Allow != nil && len(l.Allow) == 0 {
		bad("licenses.allow", "[]", "allows no licence: name some, such as MIT")
	}
	lists := newLists(l)
	for _, list := range []struct {
		key string
		ids []string
	}{{"licenses.allow", l.Allow}, {"licenses.deny", l.Deny}} {
		for _, id := range list.ids {
			if e, ok := parse(id); !ok || e.op != "" || strings.ContainsAny(id, "()") {
				bad(list.key, id, "is not the SPDX identifier of one licence")
			}
		}
	}
	for _, id := range l.Deny {
		if lists.allow[normal(id)] {
			bad("licenses.deny", id, "is allowed as well")
		}
	}
	if l.Unknown != "" && l.Unknown != Allow && l.Unknown != Deny {
		bad("licenses.unknown", l.Unknown, "is neither of the two words", Allow, Deny)
	}
}
