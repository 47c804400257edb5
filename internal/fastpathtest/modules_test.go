package fastpathtest

import (
	"fmt"
	"os"
	"strings"
)

// replaceIn changes a file's text, if the text is there.
func (w *world) replaceIn(name, from, to string) string {
	if !w.exists(name) {
		return ""
	}
	text := w.read(name)
	if changed := strings.Replace(text, from, to, 1); changed != text {
		w.write(name, changed)
		return name + ": " + firstLine(strings.TrimSpace(to))
	}
	return ""
}

const goMod = "app/go.mod"

// modules changes what modules are made of.
var modules = []operation{
	{name: "go line", do: func(w *world) string {
		return w.replaceIn(pick(w, []string{goMod, "lib/go.mod"}), "\ngo 1.2", "\ngo "+pick(w, []string{"1.20 //", "1.22 //", "1.25 //", "1.26 //", "1.99 //"}))
	}},
	{name: "another version", do: func(w *world) string {
		from, to := "v1.0.0", "v1.1.0"
		if w.chance(2) {
			from, to = to, from
		}
		return w.replaceIn(goMod, "dep "+from, "dep "+to)
	}},
	{name: "a version that isn't there", do: func(w *world) string { return w.replaceIn(goMod, "dep v1", "dep v1.9") }},
	{name: "another replacement", do: func(w *world) string {
		return w.replaceIn(goMod, "=> ../lib", "=> ../"+pick(w, []string{"lib2 //", "lib //", "lib3 //", "app/../lib2 //"}))
	}},
	{name: "replace the dependency", do: func(w *world) string {
		if !w.exists(goMod) {
			return ""
		}
		if w.chance(2) {
			w.write("dep/go.mod", "module example.com/dep\n\ngo 1.24\n")
			w.write("dep/dep.go", fmt.Sprintf("package dep\n\nconst Value = %q\n", w.newNumber(6)))
			w.write(goMod, w.read(goMod)+"\nreplace example.com/dep => ../dep\n")
			return "../dep"
		}
		w.write(goMod, w.read(goMod)+"\nreplace example.com/dep => example.com/dep v1.1.0\n")
		return "v1.1.0"
	}},
	{name: "a line in go.mod", do: func(w *world) string {
		if !w.exists(goMod) {
			return ""
		}
		line := pick(w, []string{"// a comment", "exclude example.com/dep v1.1.0", "godebug panicnil=1", "ignore ./c", "retract v0.9.0", "toolchain go1.24.3", "require example.com/unknown v1.0.0", "nonsense"})
		w.write(goMod, w.read(goMod)+"\n"+line+"\n")
		return line
	}},
	{name: "another module path", do: func(w *world) string {
		return w.replaceIn(goMod, "module example.com/app", "module example.com/renamed")
	}},
	{name: "go.sum", do: func(w *world) string {
		if !w.exists("app/go.sum") {
			return ""
		}
		sums := w.read("app/go.sum")
		what := pick(w, []string{"broken", "empty", "gone", "longer", "shorter"})
		switch what {
		case "broken":
			sums = strings.ReplaceAll(sums, "h1:", "h1:A")
		case "empty":
			sums = ""
		case "gone":
			w.check(os.Remove(w.path("app/go.sum")))
			return what
		case "longer":
			sums += "example.com/none v1.0.0/go.mod h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
		case "shorter":
			_, sums, _ = strings.Cut(sums, "\n")
		}
		w.write("app/go.sum", sums)
		return what
	}},
	{name: "a module below another by name", do: func(w *world) string {
		if !w.exists(goMod) || w.exists("nested") {
			return ""
		}
		w.write("nested/go.mod", "module example.com/app/nested\n")
		w.write("nested/nested.go", fmt.Sprintf("package nested\n\nfunc init() { println(%q) }\n", w.newNumber(6)))
		w.write(goMod, w.read(goMod)+"\nrequire example.com/app/nested v0.0.0\nreplace example.com/app/nested => ../nested\n")
		return w.importIn("app/cmd/one/main.go", "example.com/app/nested")
	}},
	{name: "a package of the same path", do: func(w *world) string {
		n := w.fresh()
		dir := pick(w, []string{"app/nested", "nested/below", "app/nested/below"})
		w.write(fmt.Sprintf("%s/same%d.go", dir, n), fmt.Sprintf("package nested\n\nfunc init() { println(%q) }\n", w.newNumber(6)))
		return dir
	}},
	{name: "go.mod above", do: func(w *world) string {
		w.write("go.mod", "module example.com/above\n")
		return "."
	}},
	{name: "vendor", do: func(w *world) string {
		what := pick(w, []string{"mod", "mod", "work"})
		if out, err := w.try("app", "go", what, "vendor"); err != nil {
			return firstLine(what + " failed: " + strings.TrimSpace(out))
		}
		return what
	}},
	{name: "edit what is vendored", do: func(w *world) string {
		name := pick(w, w.files(`^app/vendor/`))
		if name != "" {
			w.write(name, w.read(name)+pick(w, []string{"\n", "// more\n", "\nfunc init() { println(\"vendored\") }\n"}))
		}
		return name
	}},
	{name: "remove vendor", do: func(w *world) string {
		if !w.exists("app/vendor") {
			return ""
		}
		w.check(os.RemoveAll(w.path("app/vendor")))
		return "app/vendor"
	}},
}

// workspaces makes and removes a go.work, which may use another copy of a module.
var workspaces = []operation{
	{name: "go.work", do: func(w *world) string {
		lib := pick(w, []string{"lib", "lib2", "none"})
		where := pick(w, []string{"", "app/", "app/cmd/"})
		up := "./" + strings.Repeat("../", strings.Count(where, "/"))
		use := "use " + up + "app\n"
		if lib != "none" {
			use += "use " + up + lib + "\n"
		}
		w.write(where+"go.work", "go "+pick(w, []string{"1.24", "1.25"})+"\n"+use)
		return where + "go.work with " + lib
	}},
	{name: "go.work for others", do: func(w *world) string {
		w.write("go.work", "go 1.24\nuse ./lib\n")
		return "without app"
	}},
	{name: "remove go.work", do: func(w *world) string {
		names := w.files(`go\.work`)
		for _, name := range names {
			w.check(os.Remove(w.path(name)))
		}
		return strings.Join(names, " ")
	}},
	{name: "replace in go.work", do: func(w *world) string {
		name := pick(w, w.files(`go\.work$`))
		if name != "" {
			w.write(name, w.read(name)+"replace example.com/dep => example.com/dep v1.1.0\n")
		}
		return name
	}},
}
