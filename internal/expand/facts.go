package expand

import (
	"slices"
	"strings"
	"time"

	"github.com/imgo-build/imgo/internal/spelling"
)

// A value is a string, a bool, an int, a time.Time or, for a fact that is not there,
// a *MissingError. get is how the fact is read.
type get func(*Values) any

const envPrefix = ".Env."

// groups hold facts and are none themselves. Each has an example.
func groups() map[string]string {
	return map[string]string{"Git": ".Git.Commit", "Env": ".Env.HOME"}
}

// facts are all but the environment.
func facts() map[string]get {
	return map[string]get{
		".Version":         func(v *Values) any { return known(v, ".Version", v.Version, v.Version != "") },
		".Module":          func(v *Values) any { return text(".Module", v.Module, Unknown) },
		".Platform":        func(v *Values) any { return text(".Platform", v.Platform, Unknown) },
		".Name":            func(v *Values) any { return text(".Name", v.Name, Unknown) },
		".Date":            func(v *Values) any { return known(v, ".Date", v.Date, !v.Date.IsZero()) },
		".Git.Tag":         gitText(".Git.Tag", NoTag, func(g *Git) string { return g.Tag }),
		".Git.Branch":      gitText(".Git.Branch", DetachedHead, func(g *Git) string { return g.Branch }),
		".Git.Commit":      gitText(".Git.Commit", NoRepository, func(g *Git) string { return g.Commit }),
		".Git.ShortCommit": gitText(".Git.ShortCommit", Unknown, func(g *Git) string { return g.ShortCommit }),
		".Git.CommitTime":  gitFact(".Git.CommitTime", func(g *Git) any { return g.CommitTime }),
		".Git.Dirty":       gitFact(".Git.Dirty", func(g *Git) any { return g.Dirty }),
	}
}

// known is a fact that is not there where the repository has no answer.
func known(v *Values, name string, value any, ok bool) any {
	if !ok {
		return &MissingError{Name: name, Err: v.Git.Err}
	}
	return value
}

func text(name, value string, why Why) any {
	if value == "" {
		return &MissingError{Name: name, Why: why}
	}
	return value
}

func gitText(name string, why Why, read func(*Git) string) get {
	return gitFact(name, func(g *Git) any { return text(name, read(g), why) })
}

func gitFact(name string, read func(*Git) any) get {
	return func(v *Values) any {
		if v.Git.Commit == "" {
			return &MissingError{Name: name, Why: NoRepository, Err: v.Git.Err}
		}
		return read(&v.Git)
	}
}

func environment(name string) get {
	return func(v *Values) any {
		if value, ok := v.Env[name]; ok {
			return value
		}
		return &MissingError{Name: envPrefix + name, Why: NotSet}
	}
}

// method is what can be asked of a moment: {{.Date.Format "2006-01-02"}}.
type method struct {
	args int
	call func(t time.Time, arg string) any
}

func methods() map[string]method {
	return map[string]method{
		"Format": {1, func(t time.Time, layout string) any { return t.UTC().Format(layout) }},
		"UTC":    {0, func(t time.Time, _ string) any { return t.UTC() }},
		"Unix":   {0, func(t time.Time, _ string) any { return int(t.Unix()) }},
	}
}

// otherNames are what other programs and git call our facts, in lower case.
func otherNames() map[string]string {
	return map[string]string{
		"arch": ".Platform", "goarch": ".Platform", "goos": ".Platform", "os": ".Platform",
		"binary": ".Name", "imagename": ".Name", "image": ".Name", "projectname": ".Name",
		"branchname": ".Git.Branch", "ref": ".Git.Branch", "refname": ".Git.Branch",
		"commitdate": ".Date", "created": ".Date", "now": ".Date", "time": ".Date",
		"committimestamp": ".Git.CommitTime", "timestamp": ".Git.CommitTime",
		"fullcommit": ".Git.Commit", "hash": ".Git.Commit", "revision": ".Git.Commit", "sha": ".Git.Commit",
		"isdirty": ".Git.Dirty", "isgitdirty": ".Git.Dirty", "modified": ".Git.Dirty",
		"modulepath": ".Module",
		"shorthash":  ".Git.ShortCommit", "shortrevision": ".Git.ShortCommit", "shortsha": ".Git.ShortCommit",
	}
}

// similarFact is what a name that is no fact probably means, or an empty string.
func similarFact(name string) string {
	last := strings.ToLower(name[strings.LastIndexByte(name, '.')+1:])
	if real, ok := otherNames()[last]; ok {
		return real
	}
	names := sortedKeys(facts())
	for _, n := range names {
		if strings.EqualFold(n, name) {
			return n
		}
	}
	for _, n := range names {
		if strings.ToLower(n[strings.LastIndexByte(n, '.')+1:]) == last {
			return n
		}
	}
	return nearest(name, names)
}

// nearest is the name that differs from s in at most two letters and least of all.
func nearest(s string, names []string) string {
	if len(s) > 40 {
		return ""
	}
	best, distance := "", 3
	for _, name := range names {
		if d := spelling.Distance(strings.ToLower(s), strings.ToLower(name)); d < distance && d < len(name)-1 {
			best, distance = name, d
		}
	}
	return best
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
