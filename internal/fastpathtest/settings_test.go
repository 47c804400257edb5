package fastpathtest

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// set gives a variable a value, or takes it away where it had the same.
func (w *world) set(key, value string) string {
	if w.settings.env[key] == value {
		delete(w.settings.env, key)
		return "no " + key
	}
	w.settings.env[key] = value
	return key + "=" + value
}

// environment changes variables.
var environment = []operation{
	{name: "variable", do: func(w *world) string {
		return w.set("GOFLAGS", pick(w, []string{
			"-tags=special", "-ldflags=-X=main.value=100001", "-mod=mod", "-mod=readonly", "-v", "-modcacherw",
			"-trimpath=false", "-tags=other", "-unknown", "-ldflags=-w=0",
		}))
	}},
	{name: "variable", do: func(w *world) string {
		return w.set(pick(w, []string{"UNRELATED", "GODEBUG", "LANG", "GOPRIVATE", "IMGO_SOMETHING"}), pick(w, []string{"a", "b", "panicnil=1"}))
	}},
	{name: "variable", do: func(w *world) string {
		return w.set("CGO_ENABLED", pick(w, []string{"0", "1"}))
	}},
	{name: "variable", do: func(w *world) string {
		return w.set("GOWORK", pick(w, []string{"off", "$WORK/somewhere.work", "$WORK/go.work", ""}))
	}},
	{name: "variable", do: func(w *world) string {
		return w.set("GO111MODULE", pick(w, []string{"on", "off", "auto"}))
	}},
	{name: "variable", do: func(w *world) string {
		return w.set("GOTOOLCHAIN", pick(w, []string{"auto", "path", "go1.99.0"}))
	}},
	{name: "a program that runs go", do: func(w *world) string {
		script := "#!/bin/sh\nGOFLAGS=" + pick(w, []string{"-tags=special", "$GOFLAGS"}) + " exec '" + w.goCommand + "' \"$@\"\n"
		w.check(os.RemoveAll(w.path("shim/go"))) // perhaps a link to the real one
		w.write("shim/go", script)
		w.check(os.Chmod(w.path("shim/go"), 0o755))
		return w.set("PATH", "$WORK/shim"+string(filepath.ListSeparator)+os.Getenv("PATH"))
	}},
	{name: "a link to go", do: func(w *world) string {
		w.check(os.RemoveAll(w.path("shim/go")))
		w.check(os.MkdirAll(w.path("shim"), 0o755))
		w.check(os.Symlink(w.goCommand, w.path("shim/go")))
		return w.set("PATH", "$WORK/shim"+string(filepath.ListSeparator)+os.Getenv("PATH"))
	}},
	{name: "another go.mod", do: func(w *world) string {
		if w.exists(goMod) && w.exists("app/go.sum") && !w.exists("app/other.mod") {
			w.write("app/other.mod", w.read(goMod))
			w.write("app/other.sum", w.read("app/go.sum"))
		}
		return w.set("GOFLAGS", "-modfile=other.mod")
	}},
	{name: "edit the other go.mod", do: func(w *world) string { return w.replaceIn("app/other.mod", "dep v1.0.0", "dep v1.1.0") }},
	{name: "an overlay", do: func(w *world) string {
		w.write("overlay.json", `{"Replace": {"`+w.path("app/a/a.go")+`": "`+w.path("overlay.go")+`"}}`)
		w.write("overlay.go", "package a\n\nfunc Text() string { return \""+w.newNumber(6)+"\" }\n")
		return w.set("GOFLAGS", "-overlay=$WORK/overlay.json")
	}},
	{name: "edit what GOENV names", do: func(w *world) string {
		line := pick(w, []string{"", "GOFLAGS=-tags=special", "GOWORK=off", "GOPRIVATE=example.net", "GOFLAGS=-ldflags=-X=main.value=100002"})
		w.write("goenv", line+"\n")
		return line + "."
	}},
	{name: "another GOENV", do: func(w *world) string {
		w.write("goenv2", "GOFLAGS=-tags=special\n")
		return w.set("GOENV", pick(w, []string{"off", "$WORK/goenv2", "$WORK/none"}))
	}},
	{name: "another proxy", do: func(w *world) string { return w.set("GOPROXY", "off") }},
	{name: "another module cache", do: func(w *world) string { return w.set("GOMODCACHE", w.temp+"/mod2") }},
	{name: "variable", costly: true, do: func(w *world) string { return w.set("GOAMD64", "v2") }},
	{name: "variable", costly: true, do: func(w *world) string {
		return w.set("GOEXPERIMENT", pick(w, []string{"nojsonv2", "jsonv2", "nogreenteagc"}))
	}},
}

// toggle adds a value to a list, or takes it away.
func toggle(list *[]string, v string) string {
	if i := slices.Index(*list, v); i >= 0 {
		*list = slices.Delete(*list, i, i+1)
		return "no " + v
	}
	*list = append(*list, v)
	return v
}

// flags changes imgo's own settings.
var flags = []operation{
	{name: "ldflags", do: func(w *world) string {
		return toggle(&w.settings.ldflags, pick(w, []string{"-X main.value=", "-X example.com/app/b.maybe="})+w.newNumber(2))
	}},
	{name: "tags", do: func(w *world) string { return toggle(&w.settings.tags, pick(w, []string{"special", "other"})) }},
	{name: "gcflags", do: func(w *world) string { return toggle(&w.settings.gcflags, "-B") }},
	{name: "build environment", do: func(w *world) string {
		return toggle(&w.settings.buildEnv, pick(w, []string{"GOFLAGS=-tags=special", "SOMETHING=1", "GOWORK=off", "CGO_ENABLED=0"}))
	}},
	{name: "patterns", do: func(w *world) string {
		w.settings.dir, w.settings.patterns = "app", pick(w, [][]string{
			{"./cmd/one"}, {"./cmd/two"}, {"./..."}, {"./cmd/..."}, {"./cmd/one", "./cmd/two"}, {"example.com/app/cmd/one"}, {"./cmd/new1", "./cmd/..."},
		})
		return fmt.Sprint(w.settings.patterns)
	}},
	{name: "directory", do: func(w *world) string {
		dir := pick(w, []string{"app", "app/cmd/one", "app/cmd/two", "app/cmd", "alias"})
		if dir == "alias" && !w.exists(dir) {
			w.check(os.Symlink("app", w.path(dir)))
		}
		if !w.exists(dir) {
			return ""
		}
		pattern := map[string]string{"app": "./cmd/one", "alias": "./cmd/one", "app/cmd": "./..."}
		w.settings.dir, w.settings.patterns = dir, []string{cmp.Or(pattern[dir], ".")}
		return dir
	}},
	{name: "no settings", do: func(w *world) string {
		w.settings = firstSettings()
		return "all as at first"
	}},
	{name: "no variables", do: func(w *world) string {
		if len(w.settings.env) == 0 {
			return ""
		}
		was := slices.Sorted(maps.Keys(w.settings.env))
		w.settings.env = map[string]string{}
		return fmt.Sprint(was)
	}},
	{name: "platform", costly: true, do: func(w *world) string {
		w.settings.platform = pick(w, []string{"linux/amd64", "linux/arm64", "linux/amd64/v2"})
		return w.settings.platform
	}},
	{name: "build environment", costly: true, do: func(w *world) string { return toggle(&w.settings.buildEnv, "CGO_ENABLED=1") }},
	{name: "a profile", costly: true, do: func(w *world) string {
		name := pick(w, []string{"app/cmd/one/default.pgo", "app/a/default.pgo"})
		if !w.exists(name[:len(name)-len("/default.pgo")]) {
			return ""
		}
		w.write(name, pick(w, []string{"", "no profile", profile}))
		return name
	}},
}

// profile is one without samples, in the format of pprof: it says only that it would count
// samples. The go command takes it for a profile, and puts its name into the program.
const profile = "\x0a\x04\x08\x01\x10\x02\x32\x00\x32\x07samples\x32\x05count"
