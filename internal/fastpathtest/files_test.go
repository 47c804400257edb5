package fastpathtest

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// packageOf is what the Go files of a directory say.
func (w *world) packageOf(dir string) string {
	for _, name := range w.files(`^` + regexp.QuoteMeta(dir) + `/[^/]*\.go$`) {
		for line := range strings.Lines(w.read(name)) {
			if rest, ok := strings.CutPrefix(line, "package "); ok && !strings.HasSuffix(name, "_test.go") {
				return strings.Fields(rest)[0]
			}
		}
	}
	return "nothing"
}

// packages are the directories with Go files that belong to programs.
func (w *world) packages() []string {
	var out []string
	for _, name := range w.files(`^(app|lib|lib2|elsewhere|extra)/.*\.go$`) {
		if dir := filepath.ToSlash(filepath.Dir(name)); !slices.Contains(out, dir) && !strings.Contains(name, "vendor/") {
			out = append(out, dir)
		}
	}
	return out
}

// addFile adds a source file to a package, which prints when a program starts.
func (w *world) addFile(format, before string) string {
	dir := pick(w, w.packages())
	n := w.fresh()
	name := dir + "/" + fmt.Sprintf(format, n)
	w.write(name, fmt.Sprintf("%spackage %s\n\nfunc init() { println(%q, %d) }\n", before, w.packageOf(dir), w.newNumber(6), n))
	return name
}

var adding = []operation{
	{name: "add a file", do: func(w *world) string { return w.addFile("added%d.go", "") }},
	{name: "add a file", do: func(w *world) string { return w.addFile("added%d_linux.go", "") }},
	{name: "add a file, with the time of the directory as before", do: func(w *world) string {
		dir := pick(w, []string{"app/a", "app/cmd/one", "lib"})
		info, err := os.Stat(w.path(dir))
		if err != nil {
			return ""
		}
		name := fmt.Sprintf("%s/added%d.go", dir, w.fresh())
		w.write(name, fmt.Sprintf("package %s\n\nfunc init() { println(%q) }\n", w.packageOf(dir), w.newNumber(6)))
		w.check(os.Chtimes(w.path(dir), info.ModTime(), info.ModTime()))
		return name
	}},
	{name: "add a file that is excluded", do: func(w *world) string {
		format := pick(w, []string{"added%d_windows.go", "added%d_plan9_arm64.go", "added%d_arm64.go"})
		return w.addFile(format, "")
	}},
	{name: "add a file with a constraint", do: func(w *world) string {
		tag := pick(w, []string{"never", "special", "!special", "linux && amd64", "go1.24", "go1.99", "cgo", "!cgo", "amd64.v2", "unix"})
		return w.addFile("added%d.go", "//go:build "+tag+"\n\n") + " for " + tag
	}},
	{name: "add a file that go ignores", do: func(w *world) string {
		format := pick(w, []string{"_added%d.go", ".added%d.go", "testdata/added%d.go", "_below/added%d.go", "added%d.go.orig", "README%d"})
		return w.addFile(format, "")
	}},
	{name: "change a constraint", do: func(w *world) string {
		constraint := pick(w, []string{"//go:build linux", "//go:build windows", "//go:build special", "// nothing", "// +build linux", "//go:build amd64"})
		w.write("app/b/more.go", constraint+w.read("app/b/more.go")[strings.Index(w.read("app/b/more.go"), "\n"):])
		return constraint
	}},
	{name: "add a package", do: func(w *world) string {
		n := w.fresh()
		w.write(fmt.Sprintf("app/new%d/new.go", n), fmt.Sprintf("package new%d\n\nfunc init() { println(%q) }\n", n, w.newNumber(6)))
		if w.chance(3) {
			return fmt.Sprintf("new%d, not imported", n)
		}
		return w.importIn(pick(w, []string{"app/cmd/one/main.go", "app/a/a.go", "app/b/b.go"}), fmt.Sprintf("example.com/app/new%d", n))
	}},
	{name: "add a command", do: func(w *world) string {
		dir := fmt.Sprintf("app/cmd/new%d", w.fresh())
		w.write(dir+"/main.go", fmt.Sprintf("package main\n\nfunc main() { println(%q) }\n", w.newNumber(6)))
		return dir
	}},
	{name: "import", do: func(w *world) string {
		file := pick(w, []string{"app/cmd/one/main.go", "app/cmd/two/main.go", "app/a/a.go", "lib/lib.go"})
		return w.importIn(file, pick(w, []string{"example.com/app/c", "errors", "io/fs", "example.com/app/linked", "example.com/unknown/module"}))
	}},
	{name: "import C", do: func(w *world) string { return w.importIn("app/c/c.go", "C") }},
}

// importIn adds an import for its effects alone.
func (w *world) importIn(file, path string) string {
	if !w.exists(file) {
		return ""
	}
	text := w.read(file)
	line := fmt.Sprintf("\nimport _ %q\n", path)
	clause := regexp.MustCompile(`(?m)^ *package .*\n`).FindStringIndex(text)
	if clause == nil || strings.Contains(text, line) {
		return ""
	}
	w.write(file, text[:clause[1]]+line+text[clause[1]:])
	return path + " in " + file
}

// swap exchanges the names of two files or directories.
func (w *world) swap(a, b string) {
	temp := w.path("swapped")
	w.check(os.Rename(w.path(a), temp))
	w.check(os.Rename(w.path(b), w.path(a)))
	w.check(os.Rename(temp, w.path(b)))
}

var removing = []operation{
	{name: "remove what was added", do: func(w *world) string {
		name := pick(w, w.files(`added\d|new\d`))
		if name != "" {
			w.check(os.Remove(w.path(name)))
		}
		return name
	}},
	{name: "remove", do: func(w *world) string {
		name := pick(w, w.files(`.`))
		w.check(os.Remove(w.path(name)))
		return name
	}},
	{name: "rename a file", do: func(w *world) string {
		name := pick(w, w.files(`\.go$`))
		to := fmt.Sprintf("%s/renamed%d%s", filepath.ToSlash(filepath.Dir(name)), w.fresh(), pick(w, []string{".go", ".go", "_windows.go", "_test.go", "_amd64.go", ".txt"}))
		w.check(os.Rename(w.path(name), w.path(to)))
		return name + " to " + to
	}},
	{name: "swap two files", do: func(w *world) string {
		of := w.files(`^app/(b/files/.*|b/plain/.*|a/a\.go|c/c\.go)$`)
		a, b := pick(w, of), pick(w, of)
		if a == b {
			return ""
		}
		w.swap(a, b)
		return a + " and " + b
	}},
	{name: "swap two directories", do: func(w *world) string {
		pair := pick(w, [][2]string{{"lib", "lib2"}, {"elsewhere/first", "elsewhere/second"}, {"app/b/plain", "app/b/tree"}, {"app/a", "app/c"}})
		if !w.exists(pair[0]) || !w.exists(pair[1]) {
			return ""
		}
		w.swap(pair[0], pair[1])
		return pair[0] + " and " + pair[1]
	}},
	{name: "rename a directory", do: func(w *world) string {
		dir := pick(w, w.find(func(name string, d fs.DirEntry) bool { return d.IsDir() && strings.Count(name, "/") > 0 }))
		to := fmt.Sprintf("%s/renamed%d", filepath.ToSlash(filepath.Dir(dir)), w.fresh())
		w.check(os.Rename(w.path(dir), w.path(to)))
		return dir + " to " + to
	}},
	{name: "undo an import", do: func(w *world) string {
		line := regexp.MustCompile("\nimport _ .*\n")
		names := slices.DeleteFunc(w.files(`\.go$`), func(name string) bool { return !line.MatchString(w.read(name)) })
		name := pick(w, names)
		if name != "" {
			w.write(name, line.ReplaceAllString(w.read(name), ""))
		}
		return name
	}},
}
