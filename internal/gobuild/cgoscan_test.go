package gobuild

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/tools/go/packages"
)

// What becomes of a package without cgo, by its files.
func TestNeedsCgo(t *testing.T) {
	const (
		usesC   = "package p\n\nimport \"C\"\n\nfunc F() {}\n"
		noCgo   = "//go:build !cgo\n\npackage p\n\n"
		plain   = "package p\n\n"
		pureGo  = noCgo + "func F(b []byte) []byte { return append(b, 1) }\n"
		message = "package p\n\nimport \"errors\"\n\nfunc F() error { return errors.New(\"unsupported\") }\n"
	)
	for name, tt := range map[string]struct {
		path    string // of the package, if it counts
		left    map[string]string
		ignored map[string]string
		want    bool
	}{
		"no cgo":              {"", map[string]string{"a.go": noCgo + "func F() {}\n"}, nil, false},
		"nothing left":        {"", map[string]string{"doc.go": "// Package p.\n" + plain}, map[string]string{"c.go": usesC}, true},
		"only imports left":   {"", map[string]string{"a.go": plain + "import _ \"fmt\"\n"}, map[string]string{"c.go": usesC}, true},
		"stub that panics":    {"", map[string]string{"a.go": noCgo + "func F() { panic(\"no\") }\n"}, map[string]string{"c.go": usesC}, true},
		"stub with an error":  {"", map[string]string{"a.go": "//go:build !cgo\n\n" + message}, map[string]string{"c.go": usesC}, true},
		"stub in an init":     {"", map[string]string{"a.go": noCgo + "func init() { println(1, 2) }\n\ntype T struct{}\n\nfunc (T) F() (*T, bool) { return nil, false }\n"}, map[string]string{"c.go": usesC}, true},
		"words about it":      {"", map[string]string{"a.go": noCgo + "func F() { println(\"needs CGO_ENABLED=1\") }\n"}, map[string]string{"c.go": usesC}, true},
		"a real fallback":     {"", map[string]string{"a.go": pureGo}, map[string]string{"c.go": usesC}, false},
		"one of many":         {"", map[string]string{"a.go": plain + "func G() { println() }\n", "b.go": noCgo + "func F() { panic(\"no cgo\") }\n"}, map[string]string{"c.go": usesC}, false},
		"known, one of many":  {"github.com/mattn/go-sqlite3", map[string]string{"a.go": plain + "func G() { println() }\n"}, map[string]string{"c.go": usesC}, true},
		"known, replaced":     {"github.com/mattn/go-sqlite3", map[string]string{"a.go": plain + "func F() {}\n"}, nil, false},
		"known, major":        {"github.com/confluentinc/confluent-kafka-go/v2/kafka", map[string]string{"a.go": pureGo}, map[string]string{"c.go": usesC}, true},
		"cgo elsewhere":       {"", map[string]string{"a.go": noCgo + "func F() {}\n"}, map[string]string{"c_windows.go": usesC, "d.go": "//go:build darwin\n\n" + usesC}, false},
		"cgo in tests":        {"", map[string]string{"a.go": noCgo + "func F() {}\n"}, map[string]string{"c_test.go": usesC}, false},
		"cgo behind a tag":    {"", map[string]string{"a.go": noCgo + "func F() {}\n"}, map[string]string{"c.go": "//go:build extra\n\n" + usesC}, false},
		"cgo behind our tag":  {"", map[string]string{"a.go": noCgo + "func F() {}\n"}, map[string]string{"c.go": "//go:build tagged && go1.20\n\n" + usesC}, true},
		"other ignored files": {"", map[string]string{"a.go": noCgo + "func F() {}\n"}, map[string]string{"c.go": "//go:build cgo\n\npackage p\n", "x.c": "int x;\n"}, false},
	} {
		dir := t.TempDir()
		paths := func(files map[string]string) []string {
			var paths []string
			for name, data := range files {
				path := filepath.Join(dir, name)
				check(t, os.WriteFile(path, []byte(data), 0o644))
				paths = append(paths, path)
			}
			slices.Sort(paths)
			return paths
		}
		chain := &toolchain{platform: v1.Platform{OS: "linux", Architecture: "amd64"}, tags: []string{"tagged"}}
		p := &packages.Package{PkgPath: tt.path, Module: &packages.Module{}, GoFiles: paths(tt.left), IgnoredFiles: paths(tt.ignored)}
		if got := chain.newScanner().needsCgo(p); got != tt.want {
			t.Errorf("%s: needsCgo = %v", name, got)
		}
		p.Module = nil
		if chain.newScanner().needsCgo(p) {
			t.Errorf("%s: a package of the standard library needs cgo", name)
		}
	}
}

func TestHasCgoOnly(t *testing.T) {
	for path, want := range map[string]bool{
		"github.com/mattn/go-sqlite3": true, "github.com/libgit2/git2go/v34": true, "github.com/google/gopacket": true,
		"github.com/confluentinc/confluent-kafka-go/v2": true, "github.com/mattn/go-sqlite": false, "github.com/mattn": true, "github.com/x/y": false,
	} {
		if got := hasCgoOnly(path); got != want {
			t.Errorf("hasCgoOnly(%s) = %v", path, got)
		}
	}
}
