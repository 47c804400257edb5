package fastpath

import (
	"bytes"
	"fmt"
	"go/build"
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

const body = "func f() { g() }\n"

func TestHeaderEnds(t *testing.T) {
	for _, header := range []string{
		"package p\n\n",
		"package p;",
		"// Doc.\n\n//go:build linux\n\npackage p\n\nimport \"fmt\"\n\n",
		"package p // import \"example.com/p\"\n\n",
		"package p /* import \"example.com/p\" */\n",
		"package p\n\n/*\n#include <stdio.h>\n*/\nimport \"C\"\n\nimport (\n\t_ \"embed\"\n\t. `x`; y \"z\")\n\n// F does.\n",
		"package p\nimport ()\n",
		"\ufeffpackage p\r\n\r\nimport \"fmt\"\r\n\r\n",
	} {
		if got := Header([]byte(header + body)); string(got) != header {
			t.Errorf("got %q, want %q", got, header)
		}
	}
}

func TestHeaderKeepsDirectives(t *testing.T) {
	head := "package p\n\nimport _ \"embed\"\n\n"
	for _, test := range []struct{ a, b string }{
		{"//go:embed a\nvar a string\n", "//go:embed b\nvar a string\n"},
		{"\t//go:linkname a b\r\n", "\t//go:linkname a c\r\n"},
		{"// +build a\n", "// +build b\n"},
		{"//export A\n", "//export B\n"},
		{"var a string //go:embed a\n", "var a string //go:embed b\n"},
		{"//go:embed a\nvar a string\n", "/*\n//go:embed a\n*/var a string\n"},
		{"//go:embed a\nvar a string\n", "var a = `\n//go:embed a\n`\n"},
	} {
		a, b := Header([]byte(head+body+test.a)), Header([]byte(head+body+test.b))
		if bytes.Equal(a, b) {
			t.Errorf("no difference between %q and %q", test.a, test.b)
		}
		for _, h := range [][]byte{a, b} {
			if bytes.Contains(h, []byte("func f")) {
				t.Errorf("%q has code in it", h)
			}
		}
	}
	if a, b := Header([]byte(head+body)), Header([]byte(head+body+"// f //go: is not at the beginning\n")); !bytes.Equal(a, b) {
		t.Errorf("%q and %q", a, b)
	}
}

func TestHeaderOfBrokenFiles(t *testing.T) {
	for _, broken := range []string{
		"", "pac", "package", "package p /* ", "package p\nimport \"x", "package p\nimport fmt\nfunc", "package p\nimport (\"x\" \"y\")\nfunc",
		"package p\n;import \"x\"\nfunc", "package p\nif x", "package p\n/x", "package p\n\x00", "package p\n// \x80\nfunc", "func f",
	} {
		a, b := Header([]byte(broken+" 1")), Header([]byte(broken+" 2"))
		if bytes.Equal(a, b) {
			t.Errorf("no difference behind %q", broken)
		}
	}
	// A broken file that looks like what Header made of another.
	sound := []byte("package p\n\n" + body + "//go:x\n")
	if bytes.Equal(Header(sound), Header(Header(sound))) {
		t.Error("a broken file passes for a sound one")
	}
}

func TestRelevant(t *testing.T) {
	for _, name := range strings.Fields("a.go a_test.go a.c a.cc a.cpp a.cxx a.m a.h a.hh a.hpp a.hxx a.f a.F a.for a.f90 a.s a.S a.sx a.swig a.swigcxx a.syso default.pgo go.mod") {
		if !Relevant(name) {
			t.Errorf("%s is irrelevant", name)
		}
	}
	for _, name := range strings.Fields("a a.md .a.go _a.go .go a.GO go.sum other.pgo a.go~ a.C") {
		if Relevant(name) {
			t.Errorf("%s is relevant", name)
		}
	}
}

// What go/build learns of a file is the same where Header is.
func FuzzHeader(f *testing.F) {
	for _, header := range []string{
		"package p\n", "//go:build x\n\npackage p\n\nimport (\n\t\"fmt\"\n\t_ \"embed\"\n)\n", "package p; import \"C\";import `x`;;import \"y\"\n",
		"package p\nimport _ \"embed\"\nvar x = ` //go:embed y\n", "package p // import \"x\"\n/x", "package p\n//line x:0\n", "\ufeffpackage p\nimport \"x\"\n/*", "package p\nimport (\"a\"\"b\")\n",
	} {
		f.Add([]byte(header), []byte("//go:embed x\nvar a string\n"), []byte("i`\n/*"))
	}
	f.Fuzz(func(t *testing.T, head, tail1, tail2 []byte) {
		one, two := slices.Concat(head, tail1), slices.Concat(head, tail2)
		h1, h2 := Header(one), Header(two)
		if !bytes.Equal(h1, Header(slices.Clone(one))) {
			t.Fatal("not deterministic")
		}
		if end, ok := headerEnd(one); ok {
			if !bytes.HasPrefix(h1, one[:end]) {
				t.Fatalf("the header of %q is %q", one, h1)
			}
			for _, i := range []int{0, end / 2, end - 1} { // before its end, all counts
				mutant := slices.Clone(one)
				mutant[i] ^= 1
				if bytes.Equal(h1, Header(mutant)) {
					t.Fatalf("%q and %q have the same header", one, mutant)
				}
			}
			if plain := slices.Concat(one[:end], []byte("func f() {}\n")); end < len(one) && !bytes.Equal(Header(plain), one[:end]) {
				t.Fatalf("the header of %q is not %q", plain, one[:end])
			}
		}
		if bytes.Equal(h1, h2) {
			if a, b := learned(one), learned(two); a != b {
				t.Fatalf("%q and %q have the same header, but\n%s\n%s", one, two, a, b)
			}
		}
	})
}

// learned is what go/build tells of a package of one file, and how it fails.
func learned(src []byte) string {
	ctxt := build.Context{GOOS: "linux", GOARCH: "amd64", Compiler: "gc", CgoEnabled: true}
	ctxt.IsDir = func(string) bool { return true }
	ctxt.ReadDir = func(string) ([]fs.FileInfo, error) {
		entries, _ := fs.ReadDir(fstest.MapFS{"a.go": {}}, ".")
		info, err := entries[0].Info()
		return []fs.FileInfo{info}, err
	}
	ctxt.OpenFile = func(string) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(src)), nil }
	p, err := ctxt.ImportDir("/p", build.ImportComment)
	return fmt.Sprintf("%v %q %q %q %q %q %q %v %v", err, p.Name, p.ImportComment, p.Imports, p.EmbedPatterns, p.GoFiles, p.IgnoredGoFiles, p.CgoLDFLAGS, p.Directives)
}
