package fastpathtest

import (
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"
)

// world is all that operations change.
type world struct {
	t         testing.TB
	rand      *rand.Rand // another one each step
	temp      string     // holds everything else
	goCache   string
	goCommand string // the real one
	cache     string // imgo's, which remembers
	site      *site  // where builds happen
	other     *site  // a second worktree with the same cache; nil until there is one
	settings  settings
	made      int // names that were given to something new
}

// site is a checkout.
type site struct {
	dir  string   // real, absolute
	past []moment // the first is the sample
}

// moment is what can be returned to.
type moment struct {
	tree     tree
	settings settings
}

// settings are those of imgo's command line and environment. "$WORK" in a value stands
// for the site, so that it means the same in another one.
type settings struct {
	dir      string // where imgo runs, below the site
	patterns []string
	platform string
	ldflags  []string
	gcflags  []string
	tags     []string
	buildEnv []string
	vcs      bool
	env      map[string]string
}

func firstSettings() settings {
	return settings{dir: "app", patterns: []string{"./cmd/one"}, platform: "linux/amd64", env: map[string]string{}}
}

func (s settings) clone() settings {
	s.patterns, s.ldflags, s.gcflags = slices.Clone(s.patterns), slices.Clone(s.ldflags), slices.Clone(s.gcflags)
	s.tags, s.buildEnv, s.env = slices.Clone(s.tags), slices.Clone(s.buildEnv), maps.Clone(s.env)
	return s
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t}
	temp, err := os.MkdirTemp("", "fastpath")
	w.check(err)
	w.temp, err = filepath.EvalSymlinks(temp)
	w.check(err)
	goCache, err := exec.Command("go", "env", "GOCACHE").Output() // what is compiled is mostly the same every time
	w.check(err)
	w.goCache = strings.TrimSpace(string(goCache))
	w.goCommand, err = exec.LookPath("go")
	w.check(err)
	w.cache = filepath.Join(w.temp, "cache")
	w.site = &site{dir: filepath.Join(w.temp, "work")}
	w.settings = firstSettings()
	sums, err := makeProxy(filepath.Join(w.temp, "proxy"))
	w.check(err)
	w.check(writeArchive(w.site.dir, txtar.Parse([]byte(sample))))
	w.write("app/go.sum", sums)
	for _, name := range slices.Sorted(maps.Keys(links)) {
		w.check(os.Symlink(links[name], w.path(name)))
	}
	for _, dir := range []string{"bin", "tmp", "home", "out"} {
		w.check(os.MkdirAll(filepath.Join(w.temp, dir), 0o755))
	}
	self, err := os.Executable()
	w.check(err)
	w.check(os.Symlink(self, filepath.Join(w.temp, "bin", "imgo")))
	if failed := w.git("init", "-q", "-b", "main") + w.commit("the sample"); failed != "" {
		t.Fatal(failed)
	}
	w.remember()
	return w
}

func (w *world) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// remove forgets the world. The module cache is read-only, for everybody but root.
func (w *world) remove() {
	_ = filepath.WalkDir(w.temp, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			_ = os.Chmod(path, 0o755)
		}
		return nil
	})
	for range 50 { // a go command may have been left behind by an imgo that was killed
		if os.RemoveAll(w.temp) == nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	w.t.Errorf("%s can't be removed", w.temp)
}

// path is where a file of the site is.
func (w *world) path(name string) string { return filepath.Join(w.site.dir, filepath.FromSlash(name)) }

func (w *world) read(name string) string {
	data, err := os.ReadFile(w.path(name))
	w.check(err)
	return string(data)
}

func (w *world) write(name, text string) {
	w.t.Helper()
	w.check(writeFile(w.path(name), []byte(text)))
}

func (w *world) exists(name string) bool {
	_, err := os.Lstat(w.path(name))
	return err == nil
}

// find lists what there is in the site, links not followed.
func (w *world) find(is func(name string, d fs.DirEntry) bool) []string {
	var out []string
	w.check(filepath.WalkDir(w.site.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.Name() == ".git" {
			return filepath.SkipDir
		}
		rel, _ := filepath.Rel(w.site.dir, path)
		if name := filepath.ToSlash(rel); is(name, d) {
			out = append(out, name)
		}
		return nil
	}))
	slices.Sort(out)
	return out
}

// files are regular files that match an expression.
func (w *world) files(expr string) []string {
	re := regexp.MustCompile(expr)
	return w.find(func(name string, d fs.DirEntry) bool { return d.Type().IsRegular() && re.MatchString(name) })
}

// pick returns one of them, or the zero value where there is none.
func pick[T any](w *world, of []T) T {
	var none T
	if len(of) == 0 {
		return none
	}
	return of[w.rand.IntN(len(of))]
}

// chance is true once in n times.
func (w *world) chance(n int) bool { return w.rand.IntN(n) == 0 }

// fresh is a number that no name had so far.
func (w *world) fresh() int {
	w.made++
	return w.made
}

// remember makes the present a moment that can be returned to.
func (w *world) remember() {
	now, err := readTree(w.site.dir)
	w.check(err)
	w.site.past = append(w.site.past, moment{now, w.settings.clone()})
	if most := 12; len(w.site.past) > most {
		w.site.past = slices.Delete(w.site.past, 1, 2)
	}
}

// restore returns to a moment.
func (w *world) restore(m moment, times bool) {
	w.check(m.tree.restore(w.site.dir, times))
	w.settings = m.settings.clone()
}

// environ is imgo's environment. Of the machine's own, nothing counts that go, git or
// imgo would listen to.
func (w *world) environ() []string {
	vars := map[string]string{}
	for _, kv := range os.Environ() {
		key, value, _ := strings.Cut(kv, "=")
		if !strings.HasPrefix(key, "GO") && !strings.HasPrefix(key, "CGO_") && !strings.HasPrefix(key, "GIT_") && !strings.HasPrefix(key, "IMGO_") {
			vars[key] = value
		}
	}
	maps.Copy(vars, map[string]string{
		"HOME": filepath.Join(w.temp, "home"), "TMPDIR": filepath.Join(w.temp, "tmp"), "GOENV": "$WORK/goenv",
		"GOCACHE": w.goCache, "GOMODCACHE": filepath.Join(w.temp, "mod"), "GOPATH": filepath.Join(w.temp, "gopath"),
		"GOPROXY": "file://" + filepath.ToSlash(filepath.Join(w.temp, "proxy")), "GOSUMDB": "off", "GOTOOLCHAIN": "local",
		"GOMAXPROCS":        "1", // what is compiled is so small that two processors cost more than they bring
		"GIT_CONFIG_GLOBAL": os.DevNull, "GIT_CONFIG_NOSYSTEM": "1",
		"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.com",
	})
	delete(vars, "XDG_CONFIG_HOME")
	maps.Copy(vars, w.settings.env)
	var out []string
	for _, key := range slices.Sorted(maps.Keys(vars)) {
		out = append(out, key+"="+w.here(vars[key]))
	}
	return out
}

// here gives a value of the settings its meaning in the site.
func (w *world) here(value string) string { return strings.ReplaceAll(value, "$WORK", w.site.dir) }

// try runs a program in a directory of the site.
func (w *world) try(dir, name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = w.path(dir), w.environ()
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// git runs git, and says what went wrong: there are states of links that it can't deal
// with, which are none of imgo's business.
func (w *world) git(args ...string) string {
	if out, err := w.try("", "git", args...); err != nil {
		return fmt.Sprintf(", git %s failed: %s", args[0], firstLine(out))
	}
	return ""
}

func (w *world) commit(message string) string {
	return w.git("add", "-A") + w.git("commit", "-q", "--allow-empty", "-m", message)
}

func (w *world) String() string { return fmt.Sprintf("%+v in %s", w.settings, w.site.dir) }
