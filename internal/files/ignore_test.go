package files

import (
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// excluded asks for the parents first, as a walk does.
func (list ignore) excluded(rel string, isDir bool) bool {
	for i, c := range rel {
		if c == '/' && list.excludes(rel[:i], true) {
			return true
		}
	}
	return list.excludes(rel, isDir)
}

// The paths that the cases are asked for; directories end in a slash.
var ignoreTree = []string{
	"a", "b.txt", "#hash", "!bang", "sp ", "{x,y}", "x", "doc/", "doc/a", "doc/b.txt", "doc/deep/", "doc/deep/b.txt", "doc/deep/er/", "doc/deep/er/a",
	"build/", "build/keep", "build/out.o", "src/", "src/build", "src/a-b", "src/abc", "src/x.go", ".hidden", "src/.hidden",
}

var ignoreCases = [][]string{
	{"a"}, {"/a"}, {"*.txt"}, {"doc/*.txt"}, {"doc/**"}, {"doc/**/"}, {"**/b.txt"}, {"doc/**/b.txt"}, {"**/deep/**"}, {"build/"}, {"build"}, {"/build/"},
	{"*", "!a"}, {"*", "!*/", "!b.txt"}, {"doc", "!doc/a"}, {"doc/*", "!doc/a"}, {"build/*", "!build/keep"}, {"*.txt", "!doc/b.txt"}, {"!a", "a"},
	{`\#hash`}, {"#hash"}, {`\!bang`}, {`sp\ `}, {"sp "}, {"{x,y}"}, {"{a,x}"}, {"src/a?c"}, {"src/a[!x]c"}, {"src/a[^x]b"}, {"src/a[a-c]c"}, {"**"}, {"/**"}, {"***"}, {"d**c"}, {"**/"},
	{"/"}, {""}, {"   "}, {"deep/er"}, {"/doc/deep/er/"}, {".*"}, {"src/.*"}, {"*.o\r"}, {"doc/deep/**/a"}, {"a/"}, {"doc/**/deep/**/a"}, {`src\a-b`}, {"*/"}, {"!*"}, {"doc//a"},
}

// git is the reference: one directory a case, and one question for all.
func TestIgnoreAsGit(t *testing.T) {
	dir := t.TempDir()
	want := gitIgnored(t, dir)
	for i, lines := range ignoreCases {
		list, err := parseIgnore(lines)
		if err != nil {
			t.Errorf("%q: %v", lines, err)
			continue
		}
		var got []string
		for _, p := range ignoreTree {
			if list.excluded(strings.TrimSuffix(p, "/"), strings.HasSuffix(p, "/")) {
				got = append(got, strings.TrimSuffix(p, "/"))
			}
		}
		if want == nil {
			continue
		}
		if diff := cmp.Diff(want[i], got); diff != "" {
			t.Errorf("%q (-git +ours):\n%s", lines, diff)
		}
	}
}

// gitIgnored is what git ignores in each case, nil where there is no git.
func gitIgnored(t *testing.T, dir string) map[int][]string {
	git, err := exec.LookPath("git")
	if err != nil {
		t.Log("git is not installed, so that there is nothing to compare with")
		return nil
	}
	var ask strings.Builder
	for i, lines := range ignoreCases {
		top := filepath.Join(dir, fmt.Sprint(i))
		for _, p := range ignoreTree {
			if strings.HasSuffix(p, "/") { // git need not see files to judge them
				if err := os.MkdirAll(filepath.Join(top, filepath.FromSlash(p)), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			fmt.Fprintf(&ask, "%d/%s\x00", i, strings.TrimSuffix(p, "/"))
		}
		if err := os.WriteFile(filepath.Join(top, ".gitignore"), []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	run := func(args ...string) string {
		cmd := exec.CommandContext(t.Context(), git, append([]string{"-C", dir, "-c", "core.ignoreCase=false"}, args...)...)
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "HOME="+dir)
		cmd.Stdin = strings.NewReader(ask.String())
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	run("init", "-q")
	ignored := map[int][]string{}
	for p := range strings.SplitSeq(strings.TrimSuffix(run("check-ignore", "--no-index", "-z", "--stdin"), "\x00"), "\x00") {
		number, name, _ := strings.Cut(p, "/")
		i, err := strconv.Atoi(number)
		if err != nil {
			t.Fatalf("git answered %q", p)
		}
		ignored[i] = append(ignored[i], name)
	}
	return ignored
}

func TestIgnoreWithoutGit(t *testing.T) {
	list, err := parseIgnore([]string{"*.txt", "build/", "!keep.txt", "/top"})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{
		"a.txt": true, "x/a.txt": true, "keep.txt": false, "x/keep.txt": false, "build": false, "build/x": true,
		"x/build/y": true, "top": true, "x/top": false,
	}
	for p, want := range want {
		if got := list.excluded(p, false); got != want {
			t.Errorf("%s: excluded %t", p, got)
		}
	}
	for _, bad := range []string{"[a", "a[b/c]", "[[:alpha:]]", "a\\", "[]a]", "a[!-]c", `a\/b`} {
		if _, err := parseIgnore([]string{bad}); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

// reference translates a rule to a regular expression, straight on.
func (r ignoreRule) reference() *regexp.Regexp {
	var b strings.Builder
	b.WriteString("^")
	for i, part := range r.parts {
		if part == deep {
			b.WriteString("([^/]*/)*")
			continue
		}
		for _, c := range part {
			switch c {
			case '*':
				b.WriteString("[^/]*")
			case '?':
				b.WriteString("[^/]")
			default:
				b.WriteString(regexp.QuoteMeta(string(c)))
			}
		}
		if i < len(r.parts)-1 {
			b.WriteString("/")
		}
	}
	b.WriteString("$")
	return regexp.MustCompile(b.String())
}

func FuzzIgnore(f *testing.F) {
	for _, lines := range ignoreCases {
		f.Add(strings.Join(lines, "\n"), "doc/deep/b.txt", false)
	}
	f.Add("**/a/**/a/**/b", "a/a/a/a/a/c", true)
	f.Fuzz(func(t *testing.T, lines, name string, isDir bool) {
		list, err := parseIgnore(strings.Split(lines, "\n"))
		if err != nil {
			return
		}
		name = strings.TrimPrefix(path.Clean("/"+name), "/")
		list.excluded(name, isDir)
		if name == "" || !plain(name) || strings.ContainsAny(lines, `\[]`) || !plain(lines) {
			return // the reference knows neither classes nor escapes
		}
		want := false
		for _, r := range list {
			if (isDir || !r.dirOnly) && r.reference().MatchString(name) {
				want = !r.include
			}
		}
		if got := list.excludes(name, isDir); got != want {
			t.Errorf("%q, %q (directory: %t): excluded %t, want %t", lines, name, isDir, got, want)
		}
	})
}

func plain(s string) bool {
	return !slices.ContainsFunc([]rune(s), func(r rune) bool { return (r < ' ' && r != '\n') || r > '~' }) && !strings.Contains(s, "\n/")
}

func TestSpelling(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "Web", "Dist"), 0o755); err != nil {
		t.Fatal(err)
	}
	tree, err := openTree(Options{Root: dir, Bounds: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.root.Close()
	// On a file system that distinguishes case, the parent of web/Dist can't be listed,
	// so only the last element is compared here.
	for name, ok := range map[string]bool{"Web/Dist": true, "Web/dist": false, ".": true} {
		if err := tree.checkSpelling(name); (err == nil) != ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
