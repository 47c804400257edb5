package configfile

import (
	"fmt"
	"slices"
	"time"
)

// Pos is a place in a file. Lines and columns count from 1, columns in characters. The
// zero Pos is nowhere: what has it was not set. A Pos without a line is the file as a
// whole, or what is no file: a flag or a variable, called by its name.
type Pos struct {
	File         string // as shown in messages
	Line, Column int
}

// IsSet reports whether p is anywhere.
func (p Pos) IsSet() bool { return p != Pos{} }

// String returns FILE:LINE:COLUMN, or only FILE where p is about the file as a whole.
func (p Pos) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Value is a setting with the place that it comes from.
type Value[T any] struct {
	V   T
	Pos Pos
}

// IsSet reports whether the file says anything.
func (v Value[T]) IsSet() bool { return v.Pos.IsSet() }

func (v Value[T]) over(under Value[T]) Value[T] {
	if v.IsSet() {
		return v
	}
	return under
}

// List is a list of strings, each with its place. An element that stands for several, a
// range of ports for example, gives them all its own place. A list may be set and empty.
type List struct {
	Items []Value[string]
	Pos   Pos
}

// IsSet reports whether the file has the list, be it empty.
func (l List) IsSet() bool { return l.Pos.IsSet() }

// Strings returns the elements without their places.
func (l List) Strings() []string {
	var out []string
	for _, item := range l.Items {
		out = append(out, item.V)
	}
	return out
}

func (l List) over(under List) List {
	if l.IsSet() {
		return l
	}
	return under
}

// Pair is one entry of a mapping. Pos is that of the value.
type Pair struct {
	Key, Value string
	Pos        Pos
}

// Pairs is a mapping in the order of the file. No key appears twice.
type Pairs []Pair

// Get returns the pair with that key.
func (p Pairs) Get(key string) (Pair, bool) {
	i := slices.IndexFunc(p, func(q Pair) bool { return q.Key == key })
	if i < 0 {
		return Pair{}, false
	}
	return p[i], true
}

// over merges by key: those of under keep their order, new ones follow.
func (p Pairs) over(under Pairs) Pairs {
	return mergeBy(p, under, func(q Pair) string { return q.Key })
}

// BaseChoice is what `base` says: one reference for all platforms, or one a platform.
type BaseChoice struct {
	Base  Value[string] // the reference alone, or the mapping's default; may be unset
	Bases Pairs         // by canonical platform
}

// over lets a reference alone replace everything below it; a mapping that has no more
// than a default means the same. A mapping is merged by key.
func (b BaseChoice) over(under BaseChoice) BaseChoice {
	if b.Base.IsSet() && len(b.Bases) == 0 {
		return b
	}
	return BaseChoice{Base: b.Base.over(under.Base), Bases: b.Bases.over(under.Bases)}
}

// User is who the image's process runs as: Spec, or Name and what belongs to it.
type User struct {
	Spec string // "65534:65534", "name" or "name:group", as written; empty for a mapping

	Name     Value[string]
	UID, GID Value[int64]
	Home     Value[string] // absolute
}

// Healthcheck is how the image says whether it is well: exactly one of Disabled, URL
// and Test is set.
type Healthcheck struct {
	Disabled bool     // `none`: also that of the base
	URL      string   // http, https or tcp, with a host: "http://127.0.0.1:8080/healthz"
	Test     []string // a command, begins with "CMD"

	Interval, Timeout, StartPeriod, StartInterval Value[time.Duration]
	Retries                                       Value[int64]
}

// Binary is one more program beside the image's main one.
type Binary struct {
	Name    string
	Pos     Pos           // of the name
	Package Value[string] // one package
	Path    Value[string] // absolute path in the image; unset where only a package is given
}

// Binaries is a mapping in the order of the file.
type Binaries []Binary

func (b Binaries) over(under Binaries) Binaries {
	return mergeBy(b, under, func(x Binary) string { return x.Name })
}

// FileRule is one element of `files`.
type FileRule struct {
	Pos     Pos
	From    Value[string] // relative to the folder of the file, with slashes; may be a pattern
	To      Value[string] // absolute; a closing slash is kept
	Mode    Value[uint32] // Unix permission bits, at most 07777
	Owner   Value[string] // "UID", "UID:GID", or names in their place
	Exclude List          // patterns as in .gitignore
}

// Files is what `files` lists. It may be set and empty.
type Files struct {
	Items []FileRule
	Pos   Pos
}

// IsSet reports whether the file has the list.
func (f Files) IsSet() bool { return f.Pos.IsSet() }

func (f Files) over(under Files) Files {
	if f.IsSet() {
		return f
	}
	return under
}

// mergeBy puts over on top of under: entries with the same key are replaced in place.
func mergeBy[L ~[]E, E any](over, under L, key func(E) string) L {
	if len(under) == 0 {
		return over
	}
	out := slices.Clone(under)
	at := make(map[string]int, len(out))
	for i, e := range out {
		at[key(e)] = i
	}
	for _, e := range over {
		if i, ok := at[key(e)]; ok {
			out[i] = e
			continue
		}
		out = append(out, e)
	}
	return out
}
