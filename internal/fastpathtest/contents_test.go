package fastpathtest

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// content matches files that are embedded, or lie among them.
const content = `^app/b/(files|plain|tree|single)`

// embedding changes what //go:embed directives find.
var embedding = []operation{
	{name: "edit embedded content", do: func(w *world) string {
		return w.renumberOne(w.files(content), value, 6, w.chance(2))
	}},
	{name: "edit embedded content", do: func(w *world) string {
		name := pick(w, w.files(content))
		w.write(name, w.read(name)+w.newNumber(6)+"\n")
		return name
	}},
	{name: "add embedded content", do: func(w *world) string {
		name := pick(w, []string{"files/%d.txt", "files/%d.dat", "plain/%d", "plain/.%d", "plain/_%d", "plain/new/%d", "tree/%d", "tree/.%d", "tree/_new/.%d", "files/%d.txt/file"})
		name = "app/b/" + fmt.Sprintf(name, w.fresh())
		w.write(name, w.newNumber(6))
		return name
	}},
	{name: "remove embedded content", do: func(w *world) string {
		name := pick(w, w.files(content))
		w.check(os.Remove(w.path(name)))
		return name
	}},
	{name: "rename embedded content", do: func(w *world) string {
		name := pick(w, w.files(content))
		to := filepath.ToSlash(filepath.Dir(name)) + "/" + pick(w, []string{"", ".", "_"}) + fmt.Sprint("renamed", w.fresh()) + filepath.Ext(name)
		w.check(os.Rename(w.path(name), w.path(to)))
		return name + " to " + to
	}},
	{name: "go.mod in the way", do: func(w *world) string {
		dir := pick(w, []string{"app/a", "app/b", "app/b/plain", "app/b/plain/deep", "app/b/tree", "app/b/tree/deep", "app/b/files", "app/cmd", "app/cmd/one", "elsewhere/first"})
		if !w.exists(dir) {
			return ""
		}
		w.write(dir+"/go.mod", "module example.com/between\n")
		return dir
	}},
	{name: "what can't be embedded", do: func(w *world) string {
		dir := pick(w, []string{"app/b/plain/", "app/b/tree/", "app/b/files/"})
		if !w.exists(dir) {
			return ""
		}
		name := dir + fmt.Sprintf("link%d.txt", w.fresh())
		w.check(os.Symlink("one.txt", w.path(name)))
		return name
	}},
	{name: "change a directive", do: func(w *world) string {
		if !w.exists("app/b/b.go") {
			return ""
		}
		text := w.read("app/b/b.go")
		from := pick(w, []string{"files/*.txt", "all:tree", "all:tree", "single.txt", "files/* plain"})
		to := pick(w, []string{"files/*", "tree", "all:plain", "files/one.txt", "files/*.txt", "none", "*.txt"})
		if !strings.Contains(text, from) {
			return ""
		}
		w.write("app/b/b.go", strings.Replace(text, from, to, 1))
		return from + " to " + to
	}},
}

// linking changes symbolic links.
var linking = []operation{
	{name: "retarget a link", do: func(w *world) string {
		name := pick(w, []string{"app/b/shared.go", "app/linked"})
		to := map[string][]string{
			"app/b/shared.go": {"../../shared/shared.go", "../../shared/same.go", "../../shared/another.go", "../../shared/none.go"},
			"app/linked":      {"../elsewhere/first", "../elsewhere/second", "../elsewhere/../elsewhere/first"},
		}[name]
		target := pick(w, to)
		w.check(os.RemoveAll(w.path(name)))
		if !w.exists(filepath.ToSlash(filepath.Dir(name))) {
			return ""
		}
		w.check(os.Symlink(target, w.path(name)))
		return name + " to " + target
	}},
	{name: "a link becomes what it points to", do: func(w *world) string {
		names := w.find(func(name string, d fs.DirEntry) bool { return d.Type()&fs.ModeSymlink != 0 })
		name := pick(w, names)
		if name == "" {
			return ""
		}
		info, err := os.Stat(w.path(name))
		if err != nil {
			return ""
		}
		real, err := filepath.EvalSymlinks(w.path(name))
		w.check(err)
		if strings.HasPrefix(w.path(name), real+"/") {
			return "" // a loop
		}
		w.check(os.Remove(w.path(name)))
		w.check(copyTree(w.path(name), real))
		return fmt.Sprintf("%s, %s", name, info.Mode())
	}},
	{name: "a directory becomes a link", do: func(w *world) string {
		dir := pick(w, []string{"app/a", "app/b", "app/c", "app/b/plain", "lib", "app/cmd", "app/asm"})
		info, err := os.Lstat(w.path(dir))
		if err != nil || !info.IsDir() {
			return ""
		}
		moved := fmt.Sprintf("moved%d", w.fresh())
		w.check(os.Rename(w.path(dir), w.path(moved)))
		w.check(os.Symlink(w.path(moved), w.path(dir)))
		return dir
	}},
	{name: "a directory loop", do: func(w *world) string {
		name := pick(w, []string{"app/a/loop", "app/cmd/loop", "app/b/tree/loop", "app/loop"})
		if w.exists(name) || !w.exists(filepath.ToSlash(filepath.Dir(name))) {
			return ""
		}
		w.check(os.Symlink(".", w.path(name)))
		return name
	}},
}

// testFiles changes what only "go test" reads.
var testFiles = []operation{
	{name: "edit a test", do: func(w *world) string {
		return w.renumberOne(w.files(`_test\.go$`), value, 6, w.chance(2))
	}},
	{name: "add a test", do: func(w *world) string {
		return w.addFile("added%d_test.go", "")
	}},
	{name: "import in a test", do: func(w *world) string {
		return w.importIn("app/a/a_test.go", pick(w, []string{"errors", "example.com/app/b", "example.com/unknown/module"}))
	}},
	{name: "break a test", do: func(w *world) string {
		name := pick(w, w.files(`_test\.go$`))
		if name != "" {
			w.write(name, pick(w, []string{"", "package other\n", "no package", w.read(name) + "\nfunc {\n"}))
		}
		return name
	}},
}
