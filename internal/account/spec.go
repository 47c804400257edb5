package account

import (
	"fmt"
	"path"
	"strings"
	"unicode"
)

// Spec is a user as asked for.
type Spec struct {
	Name  string
	Group string // primary group by name; empty: the user's own
	UID   int    // -1: whatever the base has, else chosen
	GID   int    // likewise
	Home  string // absolute; empty: what the base has, else /home/NAME (/root for root)
}

// SpecError is a user that can't be meant as it was written.
type SpecError struct {
	Text   string // the part that is wrong
	Reason string
}

func (e *SpecError) Error() string { return fmt.Sprintf("user %q: %s", e.Text, e.Reason) }

// Parse reads a user by name, "appuser" or "appuser:staff". The error is a
// [*SpecError].
func Parse(text string) (Spec, error) {
	name, group, hasGroup := strings.Cut(text, ":")
	s := Spec{Name: name, Group: group, UID: -1, GID: -1}
	if hasGroup && group == "" {
		return Spec{}, &SpecError{Text: text, Reason: "there is no group behind the colon"}
	}
	return s, s.check()
}

func (s Spec) check() error {
	if err := checkName(s.Name); err != nil {
		return err
	}
	if s.Group != "" {
		if err := checkName(s.Group); err != nil {
			return err
		}
	}
	for _, id := range []int{s.UID, s.GID} {
		if id < -1 || id > maxID {
			return &SpecError{Text: fmt.Sprint(id), Reason: fmt.Sprintf("numbers of users and groups go from 0 to %d", maxID)}
		}
	}
	return checkHome(s.Home)
}

// checkName accepts what useradd(8) does.
func checkName(name string) error {
	for i, c := range []byte(name) {
		switch {
		case c >= 'a' && c <= 'z', c == '_':
		case i > 0 && (c >= '0' && c <= '9' || c == '-'):
		default:
			return &SpecError{Text: name, Reason: "a name is made of a-z, 0-9, _ and -, and begins with a letter or _"}
		}
	}
	switch {
	case name == "":
		return &SpecError{Text: name, Reason: "there is no name"}
	case len(name) > 32:
		return &SpecError{Text: name, Reason: "a name has 32 characters at the most"}
	}
	return nil
}

func checkHome(home string) error {
	switch {
	case home == "":
		return nil
	case !path.IsAbs(home):
		return &SpecError{Text: home, Reason: "a home directory begins with a slash"}
	case strings.ContainsFunc(home, func(r rune) bool { return r == ':' || !unicode.IsPrint(r) }):
		return &SpecError{Text: home, Reason: "a home directory has neither colons nor what can't be printed"}
	case path.Clean(home) != home:
		return &SpecError{Text: home, Reason: "a home directory is written as " + path.Clean(home)}
	}
	return nil
}
