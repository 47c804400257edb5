//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// guideFile is the guide whose every example these tests run.
const guideFile = "../../docs/from-dockerfile.md"

// guideExamples are the sections of the guide that have blocks of code, and what has
// to be true of each beside that its commands print what stands there.
var guideExamples = map[string]guideExample{
	"From Dockerfile to imgo": {},
	"Scratch":                 {check: checkGuideScratch},
	"Alpine":                  {check: checkGuideAlpine},
	"Distroless":              {check: checkGuideDistroless},
	"With cgo":                {setup: needCgo, check: checkGuideCgo},
	"What has no counterpart": {check: func(g *guideRun) { g.has("server.tar", "usr/bin/ffmpeg") }},
	"Layer caching":           {check: checkGuideCaches},
	"Several platforms":       {check: checkGuidePlatforms},
	"Private modules and build secrets": {setup: needPrivateModule, check: func(g *guideRun) {
		g.runs("server.tar", "hello from a private module", "version")
	}},
	"A shell for debugging": {},
	".dockerignore":         {setup: addWebFolder, check: checkGuideExclude},
	"kodata":                {setup: addKodata, check: func(g *guideRun) { g.has("server.tar", "var/run/ko/index.html") }},
}

type guideExample struct {
	setup func(*guideRun) // adds to the sample module
	check func(*guideRun)
}

// guideRun is an example under way: a sandbox whose directory is the sample module.
type guideRun struct {
	*sandbox
	docker  string   // the command
	printed []string // standard output of each command
}

// TestGuide goes through the guide from top to bottom. Files are written where the
// first line of their block says, and commands typed as they stand there.
func TestGuide(t *testing.T) {
	sections := readGuide(t)
	shared := guideSandbox(t)
	for _, section := range sections {
		example, ok := guideExamples[section.title]
		if !ok {
			t.Errorf("%s: the section %q has examples, and this test doesn't know them", guideFile, section.title)
			continue
		}
		t.Run(section.title, func(t *testing.T) {
			g := &guideRun{sandbox: shared.in(t), docker: shared.path("bin/docker")}
			g.dir = shared.path(notInNames.ReplaceAllString(section.title, "-"))
			addGuideModule(g.sandbox)
			if example.setup != nil {
				example.setup(g)
			}
			for _, b := range section.blocks {
				g.follow(b)
			}
			if example.check != nil {
				example.check(g)
			}
		})
	}
	for title := range guideExamples {
		if !slices.ContainsFunc(sections, func(s guideSection) bool { return s.title == title }) {
			t.Errorf("%s has no section %q with examples any more", guideFile, title)
		}
	}
}

// guideSection is a heading with the blocks of code below it.
type guideSection struct {
	title  string
	blocks []guideBlock
}

type guideBlock struct {
	line       int
	kind, text string
}

// readGuide finds the sections that have blocks.
func readGuide(t *testing.T) []guideSection {
	t.Helper()
	raw, err := os.ReadFile(guideFile)
	if err != nil {
		t.Fatal(err)
	}
	var all []guideSection
	var block *guideBlock
	for i, line := range strings.Split(string(raw), "\n") {
		kind, fence := strings.CutPrefix(line, "```")
		switch {
		case block == nil && fence:
			block = &guideBlock{line: i + 1, kind: kind}
		case fence:
			last := &all[len(all)-1]
			last.blocks = append(last.blocks, *block)
			block = nil
		case block != nil:
			block.text += line + "\n"
		case strings.HasPrefix(line, "#"):
			all = append(all, guideSection{title: strings.TrimLeft(line, "# ")})
		}
	}
	return slices.DeleteFunc(all, func(s guideSection) bool { return len(s.blocks) == 0 })
}

// fileLine is the first line of a block that is a file.
var fileLine = regexp.MustCompile(`^# (\S+)\n`)

// follow does what a block says.
func (g *guideRun) follow(b guideBlock) {
	g.t.Helper()
	switch b.kind {
	case "dockerfile", "yaml":
		name := fileLine.FindStringSubmatch(b.text)
		if name == nil {
			g.t.Fatalf("%s:%d: the first line does not name the file", guideFile, b.line)
		}
		g.write(g.path(name[1]), b.text, 0o644)
	case "console":
		for _, command := range strings.Split("\n"+b.text, "\n$ ")[1:] {
			line, output, _ := strings.Cut(command, "\n")
			g.typed(fmt.Sprintf("%s:%d", guideFile, b.line), line, strings.Split(strings.TrimSpace(output), "\n"))
		}
	default:
		g.t.Fatalf("%s:%d: a block of the kind %q can't be tested", guideFile, b.line, b.kind)
	}
}

// typed runs a command line, which must print lines in this order, perhaps with others
// between. "…" stands for anything.
func (g *guideRun) typed(where, line string, output []string) {
	g.t.Helper()
	r := g.try("/bin/sh", "-c", line)
	g.printed = append(g.printed, strings.TrimSpace(r.stdout))
	wantFailure := strings.HasPrefix(output[0], "error: ")
	if failed := r.code != 0; failed != wantFailure {
		g.t.Fatalf("%s: the exit code is %d\n%s", where, r.code, r)
	}
	text := r.stdout
	if wantFailure {
		text = r.stderr
	}
	lines := strings.Split(text, "\n")
	for _, want := range output {
		pattern := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(want), "…", ".*"))
		i := slices.IndexFunc(lines, pattern.MatchString)
		if i < 0 {
			g.t.Fatalf("%s: %q is not in the output, or in another place\n%s", where, want, r)
		}
		lines = lines[i+1:]
	}
}

// guideSandbox has imgo and docker in PATH, and the bases that the guide names: for
// imgo in a mirror of their registries, for docker in its store.
func guideSandbox(t *testing.T) *sandbox {
	t.Helper()
	s := newSandbox(t)
	d := docker(t)
	mirror := publishStandIns(s, d)
	s.vars["IMGO_REGISTRY_MIRROR"] = "docker.io=" + mirror + "/docker.io\ngcr.io=" + mirror + "/gcr.io"
	s.vars["DOCKER_HOST"] = strings.TrimPrefix(d.env[0], "DOCKER_HOST=")
	if err := errors.Join(os.MkdirAll(s.path("bin"), 0o755), os.Symlink(suite.imgo, s.path("bin/imgo"))); err != nil {
		t.Fatal(err)
	}
	// This machine's docker has no network of its own for containers and builds.
	s.write(s.path("bin/docker"), `#!/bin/sh
case "$1" in
run | build) command=$1; shift; set -- "$command" --network=host "$@" ;;
esac
exec /usr/bin/docker "$@"
`, 0o755)
	s.vars["PATH"] = s.path("bin") + ":" + os.Getenv("PATH")
	s.vars["DOCKER_BUILDKIT"] = "1"
	if r := s.tryWith(nil, "FROM scratch\nLABEL a=b\n", s.path("bin/docker"), "build", "-q", "-"); r.code != 0 {
		s.vars["DOCKER_BUILDKIT"] = "0" // newer clients need another package for it
	}
	return s
}

// addGuideModule makes the sample module that the guide speaks of.
func addGuideModule(s *sandbox) {
	s.t.Helper()
	s.module("server", "")
	for name, content := range map[string]string{
		"go.sum":                     "",
		"templates/index.html":       "<p>hello</p>\n",
		"templates/mail/welcome.txt": "welcome\n",
		"migrations/0001_init.sql":   "create table a (b int);\n",
		"migrations/0002_more.sql":   "create table c (d int);\n",
		"migrations/README.md":       "not for the image\n",
		"cmd/server/version.go": `package main

import (
	"fmt"
	"os"
	"time"
	_ "time/tzdata"
)

var version = "unknown"

func init() {
	if len(os.Args) == 2 && os.Args[1] == "version" {
		zone, _ := time.Date(2026, 1, 1, 0, 0, 0, 0, time.Local).Zone()
		fmt.Println(version, zone)
		os.Exit(0)
	}
}
`,
	} {
		s.write(s.path(name), content, 0o644)
	}
}

// needCgo makes the command migrate one with C in it.
func needCgo(g *guideRun) {
	g.write(g.path("cmd/migrate/answer.go"), `package main

// int answer(void) { return 42; }
import "C"

import "fmt"

func init() { fmt.Println(C.answer()) }
`, 0o644)
}

// needPrivateModule makes the server need a module that only git can get, by an
// address that the user's configuration of git leads elsewhere.
func needPrivateModule(g *guideRun) {
	repo := filepath.Join(g.home, "git/acme/greeting.git")
	g.write(filepath.Join(repo, "go.mod"), "module git.example.com/acme/greeting.git\n\ngo 1.25\n", 0o644)
	g.write(filepath.Join(repo, "greeting.go"), "package greeting\n\nconst Hello = \"hello from a private module\"\n", 0o644)
	for _, args := range [][]string{
		{"init", "-q"}, {"add", "-A"},
		{"-c", "user.name=e2e", "-c", "user.email=e2e@example.com", "commit", "-q", "-m", "x"}, {"tag", "v1.0.0"},
	} {
		g.run("git", append([]string{"-C", repo}, args...)...)
	}
	g.write(filepath.Join(g.home, ".gitconfig"), fmt.Sprintf("[url %q]\n\tinsteadOf = https://git.example.com/\n", "file://"+g.home+"/git/"), 0o644)
	g.write(g.path("cmd/server/private.go"), `package main

import (
	"fmt"

	"git.example.com/acme/greeting.git"
)

func init() { fmt.Println(greeting.Hello) }
`, 0o644)
	g.vars["GOMODCACHE"] = g.path("modules")
	g.vars["GOPROXY"] = "off"
	g.run("/bin/sh", "-c", "GOPRIVATE=git.example.com go mod tidy && go clean -modcache")
}

func addWebFolder(g *guideRun) {
	for _, name := range []string{
		"index.html", "app.js", "app.js.map", "js/b.js", "js/b.js.map", "keep.map", "test/a_test.js", "js/test/kept.js", "node_modules/x/index.js",
	} {
		g.write(g.path("web", name), name+"\n", 0o644)
	}
}

func addKodata(g *guideRun) {
	g.write(g.path("cmd/server/kodata/index.html"), "<p>ko</p>\n", 0o644)
}
