package sbom_test

import (
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/imgo-build/imgo/internal/attest/sbom"
)

// Directories in the place of modules are named where everybody can find them, and have
// no versions.
func TestDirectoriesInThePlaceOfModules(t *testing.T) {
	replaced := func(by string) *debug.Module {
		return &debug.Module{Path: "example.com/lib", Version: "v1.2.3", Replace: &debug.Module{Path: by, Version: "(devel)"}}
	}
	write := func(f format, dir string, deps ...*debug.Module) string {
		img := small()
		img.Binaries = []sbom.Binary{{Path: "/app/server", Info: info(deps...), Dir: dir}}
		return string(mustWrite(t, f, img))
	}
	for _, f := range formats {
		for _, c := range []struct{ dir, by, want string }{
			{"services/api", "../lib", "the directory ../lib"},
			{"", "./lib", "the directory ./lib"},
			{"", "../lib", "a directory"},
			{"services/api", "../../../lib", "a directory"},
			{"", "/home/me/lib", "a directory"},
			{"", `C:\Users\me\lib`, "a directory"},
			{"", `lib\sub`, "the directory lib/sub"},
		} {
			doc := write(f, c.dir, replaced(c.by))
			if c.want == "a directory" && (strings.Contains(doc, "/me/") || strings.Contains(doc, "../")) {
				t.Errorf("%s: %s is told in %s", f.word, c.by, doc)
			}
			if !strings.Contains(doc, c.want) {
				t.Errorf("%s: %s is not said to be replaced by %s in %s", f.word, c.by, c.want, doc)
			}
			_, list, err := sbom.Parse([]byte(doc))
			want := func(c sbom.Component) bool {
				return c.Name == "example.com/lib" && c.Version == "" && c.PURL == "pkg:golang/example.com/lib"
			}
			if err != nil || !slices.ContainsFunc(list, want) {
				t.Errorf("%s: %v, %+v", f.word, err, list)
			}
		}
		if write(f, "", replaced("/home/me/lib")) != write(f, "", replaced("/home/you/src/lib")) {
			t.Errorf("%s depends on where the directory is", f.word)
		}
		doc := write(f, "", &debug.Module{Path: "example.com/workspace", Version: "(devel)"})
		if strings.Contains(doc, "(devel)") || strings.Contains(doc, "%28devel") {
			t.Errorf("%s: a version that there isn't is in %s", f.word, doc)
		}
	}
}
