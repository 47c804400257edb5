package fastpathtest

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// operation is a change that may happen.
type operation struct {
	name string
	// do says what it did. It says nothing, and did nothing, where there was nothing to
	// do it to. What it breaks is repaired in the next step.
	do     func(w *world) string
	costly bool // makes the go command compile the standard library anew
}

// operations are all that there are. Each is as probable as another: what should happen
// more often stands in several lists.
var operations = slices.Concat(
	editing, editing, editing, adding, removing, embedding, modules, workspaces, linking, testFiles, environment, flags, racing, repository, moving, caching,
)

var (
	value   = regexp.MustCompile(`\b[0-9]{6}\b`)
	comment = regexp.MustCompile(`\b[0-9]{5}\b`)
)

// newNumber is one of few, so that contents come back, or one of many.
func (w *world) newNumber(digits int) string {
	n := w.rand.IntN(3)
	if w.chance(2) {
		n = w.rand.IntN(90000)
	}
	return fmt.Sprintf("%d%0*d", 1+n%2, digits-1, n)
}

// renumber gives a file other numbers, or returns false where it has none or they were
// the same. It keeps the file's size and can keep its time.
func (w *world) renumber(name string, what *regexp.Regexp, digits int, keepTime bool) bool {
	path := w.path(name)
	info, err := os.Stat(path)
	w.check(err)
	text := w.read(name)
	changed := what.ReplaceAllString(text, w.newNumber(digits))
	if changed == text {
		return false
	}
	w.write(name, changed)
	if keepTime {
		w.check(os.Chtimes(path, info.ModTime(), info.ModTime()))
	}
	return true
}

// renumberOne does it with one of several files.
func (w *world) renumberOne(names []string, what *regexp.Regexp, digits int, keepTime bool) string {
	name := pick(w, names)
	if name == "" || !w.renumber(name, what, digits, keepTime) {
		return ""
	}
	return name
}

const anySource = `\.(go|s|h)$`

var editing = []operation{
	{name: "edit a value", do: func(w *world) string {
		return w.renumberOne(w.files(anySource), value, 6, false)
	}},
	{name: "edit a value, with size and time as before", do: func(w *world) string {
		return w.renumberOne(w.files(anySource), value, 6, true)
	}},
	{name: "edit a comment", do: func(w *world) string {
		return w.renumberOne(w.files(anySource), comment, 5, w.chance(2))
	}},
	{name: "add a comment", do: func(w *world) string {
		name := pick(w, w.files(`\.go$`))
		w.write(name, w.read(name)+"\n// the end\n")
		return name
	}},
	{name: "replace a file, as editors do", do: func(w *world) string {
		name := pick(w, w.files(anySource))
		temp := w.path(name) + "~"
		w.check(os.WriteFile(temp, []byte(value.ReplaceAllString(w.read(name), w.newNumber(6))), 0o644))
		w.check(os.Rename(temp, w.path(name)))
		return name
	}},
	{name: "edit through a hard link", do: func(w *world) string {
		name := pick(w, w.files(anySource))
		link := filepath.Join(w.temp, "hardlink")
		w.check(os.Link(w.path(name), link))
		w.check(os.WriteFile(link, []byte(value.ReplaceAllString(w.read(name), w.newNumber(6))), 0o644))
		w.check(os.Remove(link))
		return name
	}},
	{name: "touch", do: func(w *world) string {
		name := pick(w, w.files(`.`))
		when := time.Now().Add(time.Duration(w.rand.IntN(7200)-6000) * time.Second)
		w.check(os.Chtimes(w.path(name), when, when))
		return name
	}},
	{name: "chmod", do: func(w *world) string {
		name := pick(w, w.files(`.`))
		w.check(os.Chmod(w.path(name), pick(w, []fs.FileMode{0o600, 0o644, 0o755})))
		return name
	}},
	{name: "empty and refill", do: func(w *world) string {
		name := pick(w, w.files(anySource))
		text := w.read(name)
		w.write(name, "")
		w.write(name, text)
		return name
	}},
	{name: "break", do: func(w *world) string {
		name := pick(w, w.files(`\.go$`))
		w.write(name, w.read(name)+pick(w, []string{"\nfunc {\n", "\nvar unknown = undefined\n", "\nimport \"late\"\n"}))
		return name
	}},
	{name: "change the package clause", do: func(w *world) string {
		name := pick(w, w.files(`\.go$`))
		text := strings.Replace(w.read(name), "\npackage ", "\n  package ", 1)
		if w.chance(3) {
			text = strings.Replace(text, "package ", "package x", 1)
		}
		w.write(name, "\n"+text)
		return name
	}},
}
