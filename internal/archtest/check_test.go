package archtest

import (
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func TestRulesOfTheModule(t *testing.T) {
	root := os.DirFS("../..")
	mod, err := os.ReadFile("../../go.mod")
	if err != nil || !strings.HasPrefix(string(mod), "module "+Module+"\n") {
		t.Fatalf("%v: go.mod is not that of %s", err, Module)
	}
	violations, err := Check(root, Rules)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range violations {
		t.Error(v)
	}
}

func TestTableIsSound(t *testing.T) {
	seen := map[string]bool{}
	note := func(folder string) {
		if seen[folder] {
			t.Errorf("%s is in the table twice", folder)
		}
		seen[folder] = true
	}
	for _, l := range Rules.Levels {
		for _, f := range l.Folders {
			note(f)
		}
	}
	for _, a := range Rules.Apart {
		note(a.Folder)
	}
	for _, b := range Rules.Forbidden {
		for _, e := range b.Except {
			if !seen[e] {
				t.Errorf("the exception %s for %s is not in the table", e, b.Import)
			}
		}
	}
}

// module makes a tree of files; a file's content follows its name.
func module(files ...string) fstest.MapFS {
	out := fstest.MapFS{}
	for i := 0; i < len(files); i += 2 {
		out[files[i]] = &fstest.MapFile{Data: []byte(files[i+1])}
	}
	return out
}

func importing(pkg, imported string) string {
	return "package " + pkg + "\nimport _ \"" + imported + "\"\n"
}

const own = Module + "/"

func TestEachRuleFires(t *testing.T) {
	body := func(imported, use string) string {
		return "package x\nimport " + imported + "\nvar _ = " + use + "\n"
	}
	for name, c := range map[string]struct {
		tree fstest.MapFS
		want string // part of the only violation, or nothing
	}{
		"a leaf imports what is above":      {module("pkg/image/x.go", importing("image", own+"pkg/publish")), "pkg/image (leaves) must not import pkg/publish"},
		"leaves import each other":          {module("pkg/image/x.go", importing("image", own+"pkg/layer")), "both are leaves"},
		"a leaf imports the vocabulary":     {module("pkg/layer/x.go", importing("layer", own+"pkg/event")), ""},
		"publish imports build":             {module("pkg/publish/x.go", importing("publish", own+"pkg/build")), "above it (build)"},
		"a stage imports another":           {module("internal/base/x.go", importing("base", own+"internal/cache")), "both are stages"},
		"a stage imports its own subfolder": {module("internal/base/x.go", importing("base", own+"internal/base/runtimelayer")), "both are stages"},
		"a stage imports the facade":        {module("internal/cache/x.go", importing("cache", own+"pkg/imgo")), "above it (facade)"},
		"the facade imports stages":         {module("pkg/imgo/x.go", importing("imgo", own+"internal/base")), ""},
		"the facade imports the CLI":        {module("pkg/imgo/x.go", importing("imgo", own+"internal/cli")), "above it (command line)"},
		"what is unknown is imported":       {module("pkg/imgo/x.go", importing("imgo", own+"pkg/util")), "pkg/util, which is not in the table"},
		"test support in the program":       {module("internal/cli/x.go", importing("cli", own+"internal/registrytest")), "except in tests"},
		"test support in tests":             {module("internal/cli/x_test.go", importing("cli", own+"internal/registrytest")), ""},
		"test support imports the program":  {module("internal/registrytest/x.go", importing("registrytest", own+"pkg/publish")), "must not import pkg/publish"},
		"an unknown folder":                 {module("internal/util/x.go", "package util", "internal/util/y.go", "package util"), "internal/util is not in the table"},
		"an unknown folder of tests":        {module("internal/util/x_test.go", "package util"), "internal/util is not in the table"},
		"a test of a leaf imports the CLI":  {module("pkg/image/x_test.go", importing("image", own+"internal/cli")), "must not import internal/cli"},
		"a test of a leaf imports another":  {module("pkg/image/x_test.go", importing("image", own+"pkg/layer")), ""},
		"cobra outside of the CLI":          {module("internal/config/x.go", importing("config", "github.com/spf13/cobra")), "only internal/cli may"},
		"pflag below cmd":                   {module("cmd/imgo/x.go", importing("main", "github.com/spf13/pflag")), "only internal/cli may"},
		"cobra in the CLI":                  {module("internal/cli/x.go", importing("cli", "github.com/spf13/cobra")), ""},
		"remote in the CLI":                 {module("internal/cli/x.go", importing("cli", "github.com/google/go-containerregistry/pkg/v1/remote/transport")), "only internal/base"},
		"remote in publish":                 {module("pkg/publish/x.go", importing("publish", "github.com/google/go-containerregistry/pkg/v1/remote")), ""},
		"a path that only begins alike":     {module("internal/cli/x.go", importing("cli", "github.com/google/go-containerregistry/pkg/v1/remoteness")), ""},
		"sigstore in a stage":               {module("internal/base/x.go", importing("base", "github.com/sigstore/cosign/v2/pkg/oci")), "only internal/attest/sign"},
		"YAML in the CLI":                   {module("internal/cli/x.go", importing("cli", "go.yaml.in/yaml/v3")), "only internal/config"},
		"testing in the program":            {module("pkg/publish/x.go", importing("publish", "testing")), "must not import testing"},
		"the environment":                   {module("internal/cli/x.go", body(`"os"`, "os.Getenv")), "x.go:3: os.Getenv must not be used"},
		"exit":                              {module("internal/cli/x.go", body(`"os"`, "os.Exit")), "only main exits"},
		"the clock":                         {module("pkg/build/x.go", body(`"time"`, "time.Now")), "time.Now"},
		"the clock under another name":      {module("pkg/build/x.go", body(`t "time"`, "t.Since")), "time.Since"},
		"the clock in the cache":            {module("internal/cache/x.go", body(`"time"`, "time.Now")), ""},
		"a field that is called so":         {module("pkg/build/x.go", body(`"os"`, "opts.Exit")), ""},
		"printing":                          {module("pkg/build/x.go", body(`"fmt"`, "fmt.Println")), "fmt.Println"},
		"printing to a writer":              {module("pkg/build/x.go", body(`"fmt"`, "fmt.Fprintln")), ""},
		"printing with the builtin":         {module("pkg/build/x.go", "package build\nfunc f() { println(1) }"), "println"},
		"the default client":                {module("pkg/publish/x.go", body(`"net/http"`, "http.DefaultClient")), "http.DefaultClient"},
		"the global logger":                 {module("pkg/publish/x.go", body(`"log"`, "log.Printf")), "log.Printf"},
		"a logger of one's own":             {module("pkg/publish/x.go", body(`"log"`, "log.New")), ""},
		"slog's default":                    {module("pkg/publish/x.go", body(`"log/slog"`, "slog.Default")), "slog.Default"},
		"a dot":                             {module("pkg/publish/x.go", importingDot("os")), "with a dot"},
		"main is free":                      {module("cmd/imgo/main.go", "package main\nimport \"os\"\nfunc main() { os.Exit(1) }"), ""},
		"main in a wrong place":             {module("internal/cli/main.go", "package main\nfunc main() {}"), "belongs below cmd"},
		"a test is free":                    {module("pkg/build/x_test.go", body(`"os"`, "os.Getenv")), ""},
		"a generator is free":               {module("pkg/build/gen.go", "//go:build ignore\n\npackage main\nimport \"os\"\nfunc main() { os.Exit(1) }"), ""},
		"another module":                    {module("go.mod", "", "testdata/x/x.go", "package x", "other/go.mod", "", "other/x.go", "package x", "_x/x.go", "package x"), ""},
	} {
		violations, err := Check(c.tree, Rules)
		switch {
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case c.want == "" && len(violations) > 0:
			t.Errorf("%s: %q", name, violations)
		case c.want != "" && (len(violations) != 1 || !strings.Contains(violations[0], c.want)):
			t.Errorf("%s: %q, want one with %q", name, violations, c.want)
		}
	}
}

func importingDot(imported string) string { return "package x\nimport . \"" + imported + "\"\n" }

func TestBrokenFileIsAnError(t *testing.T) {
	if _, err := Check(module("pkg/build/x.go", "package"), Rules); err == nil {
		t.Error("a file that can't be parsed is passed over")
	}
}

func TestEveryForbiddenNameFires(t *testing.T) {
	for _, b := range Rules.Forbidden {
		for _, n := range b.Names {
			local := b.Import[strings.LastIndex(b.Import, "/")+1:]
			violations, err := Check(module("pkg/build/x.go", "package build\nimport \""+b.Import+"\"\nvar _ = "+local+"."+n+"\n"), Rules)
			if err != nil || !slices.ContainsFunc(violations, func(v string) bool { return strings.Contains(v, local+"."+n) }) {
				t.Errorf("%s.%s: %q, %v", local, n, violations, err)
			}
		}
	}
}
