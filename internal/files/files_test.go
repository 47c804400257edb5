package files_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/imgo-build/imgo/internal/files"
	"github.com/imgo-build/imgo/pkg/layer"
	"github.com/imgo-build/imgo/pkg/layer/layertest"
)

// write makes files, directories ("x/") and links ("-> target") below a new
// directory.
func write(t *testing.T, content map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range content {
		p := filepath.Join(dir, filepath.FromSlash(name))
		if strings.HasSuffix(name, "/") {
			check(t, os.MkdirAll(p, 0o755))
			continue
		}
		check(t, os.MkdirAll(filepath.Dir(p), 0o755))
		if target, ok := strings.CutPrefix(text, "-> "); ok {
			check(t, os.Symlink(filepath.FromSlash(target), p))
			continue
		}
		check(t, os.WriteFile(p, []byte(text), 0o644))
	}
	return dir
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func options(dir string) files.Options { return files.Options{Root: dir, Bounds: dir} }

// rows describe the files of a set, one a line.
func rows(t *testing.T, set *files.Set) []string {
	t.Helper()
	var list []string
	for _, f := range set.Files {
		row := fmt.Sprintf("%v %d:%d %s", f.Mode, f.UID, f.GID, f.Path)
		if f.Link != "" {
			row += " -> " + f.Link
		}
		if f.Mode.IsRegular() {
			content, err := read(f)
			check(t, err)
			row += " " + content
		}
		list = append(list, row)
	}
	return list
}

func read(f layer.File) (string, error) {
	r, err := f.Open()
	if err != nil {
		return "", err
	}
	defer r.Close()
	content, err := io.ReadAll(r)
	return string(content), err
}

func TestWhatIsTaken(t *testing.T) {
	dir := write(t, map[string]string{
		"web/dist/index.html": "index", "web/dist/js/a.js": "a", "web/dist/js/deep/b.js": "b", "web/dist/js/b.map": "map",
		"web/dist/node_modules/x/x.js": "x", "web/dist/.git/HEAD": "head", "web/dist/.hidden": "hidden",
		"web/[id].tsx": "id", "web/i.tsx": "i", "empty/": "", "other/a.txt": "other",
	})
	tests := map[string]struct {
		group files.Group
		want  []string
	}{
		"file into a directory": {files.Group{From: "web/dist/index.html", To: "/srv/"}, []string{"-rw-r--r-- 0:0 /srv/index.html index"}},
		"file under a name":     {files.Group{From: "web/dist/index.html", To: "/srv/x"}, []string{"-rw-r--r-- 0:0 /srv/x index"}},
		"file into the root":    {files.Group{From: "./web/dist/../dist/index.html", To: "/"}, []string{"-rw-r--r-- 0:0 /index.html index"}},
		"directory": {files.Group{From: "web/dist/", To: "/srv/www", Exclude: []string{"node_modules/", "*.map"}}, []string{
			"-rw-r--r-- 0:0 /srv/www/.hidden hidden",
			"-rw-r--r-- 0:0 /srv/www/index.html index",
			"-rw-r--r-- 0:0 /srv/www/js/a.js a",
			"-rw-r--r-- 0:0 /srv/www/js/deep/b.js b",
		}},
		"owner and mode": {files.Group{From: "web/dist/js", To: "/srv/js/", Owner: "7:8", Mode: "0640", Exclude: []string{"/a.js"}}, []string{
			"drwxr-x--- 7:8 /srv/js",
			"-rw-r----- 7:8 /srv/js/b.map map",
			"drwxr-x--- 7:8 /srv/js/deep",
			"-rw-r----- 7:8 /srv/js/deep/b.js b",
		}},
		"mode bits": {files.Group{From: "web/dist/js/deep", To: "/srv/js", Owner: "9", Mode: "7755"}, []string{
			"dtrwxr-xr-x 9:9 /srv/js",
			"ugrwxr-xr-x 9:9 /srv/js/b.js b",
		}},
		"glob": {files.Group{From: "web/dist/**/*.js", To: "/srv", Exclude: []string{"node_modules"}}, []string{
			"-rw-r--r-- 0:0 /srv/js/a.js a",
			"-rw-r--r-- 0:0 /srv/js/deep/b.js b",
		}},
		"glob of directories": {files.Group{From: "web/dist/j*", To: "/srv/", Owner: "1"}, []string{
			"drwxr-xr-x 1:1 /srv/js",
			"-rw-r--r-- 1:1 /srv/js/a.js a",
			"-rw-r--r-- 1:1 /srv/js/b.map map",
			"drwxr-xr-x 1:1 /srv/js/deep",
			"-rw-r--r-- 1:1 /srv/js/deep/b.js b",
		}},
		"glob with choices": {files.Group{From: "web/{dist/js,x}/*.js", To: "/srv"}, []string{"-rw-r--r-- 0:0 /srv/dist/js/a.js a"}},
		"not a glob":        {files.Group{From: "web/[id].tsx", To: "/srv/"}, []string{"-rw-r--r-- 0:0 /srv/[id].tsx id"}},
		"a class":           {files.Group{From: "web/[hi].tsx", To: "/srv/"}, []string{"-rw-r--r-- 0:0 /srv/i.tsx i"}},
		"empty directory":   {files.Group{From: "empty", To: "/data/", Owner: "65534:65534"}, []string{"drwxr-xr-x 65534:65534 /data"}},
		"base's directory":  {files.Group{From: "other", To: "/tmp", Owner: "65534:65534", Mode: "0600"}, []string{"-rw------- 65534:65534 /tmp/a.txt other"}},
		"absolute":          {files.Group{From: filepath.Join(dir, "other"), To: "/o"}, []string{"-rw-r--r-- 0:0 /o/a.txt other"}},
		"explicit git":      {files.Group{From: "web/dist/.git/HEAD", To: "/HEAD"}, []string{"-rw-r--r-- 0:0 /HEAD head"}},
	}
	for name, test := range tests {
		set, err := files.Collect(t.Context(), options(dir), test.group)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(test.want, rows(t, set)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		l, err := layer.New(t.Context(), &layertest.Memory{}, layer.Options{Key: set.Key}, set.Files)
		check(t, err)
		if err := validate.Layer(l); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestErrors(t *testing.T) {
	dir := write(t, map[string]string{"sub/a": "a", "sub/b/c": "c", "outside": "x"})
	sub := files.Options{Root: filepath.Join(dir, "sub"), Bounds: filepath.Join(dir, "sub")}
	group := func(from, to string) files.Group { return files.Group{From: from, To: to, Where: ".imgo.yaml:3:5"} }
	with := func(change func(*files.Group)) files.Group { g := group("a", "/x"); change(&g); return g }
	tests := map[string]struct {
		group files.Group
		want  error
	}{
		"no source":      {group("", "/x"), &files.FieldError{Field: "from", Problem: "names nothing"}},
		"missing":        {group("b/d", "/x"), &files.NotFoundError{Path: "b/d"}},
		"glob":           {group("b/*.js", "/x"), &files.NotFoundError{Path: "b/*.js", Glob: true}},
		"glob nowhere":   {group("d/*.js", "/x"), &files.NotFoundError{Path: "d/*.js", Glob: true}},
		"excluded":       {with(func(g *files.Group) { g.Exclude = []string{"a"} }), &files.NotFoundError{Path: "a"}},
		"up":             {group("../outside", "/x"), &files.OutsideError{Path: "../outside", Bounds: sub.Bounds}},
		"up in a glob":   {group("../*", "/x"), &files.OutsideError{Path: "../*", Bounds: sub.Bounds}},
		"absolute":       {group(filepath.Join(dir, "outside"), "/x"), &files.OutsideError{Path: filepath.Join(dir, "outside"), Bounds: sub.Bounds}},
		"not UTF-8":      {group("a\xff", "/x"), &files.EntryError{Path: "a\xff", Problem: "is not a valid name"}},
		"bad glob":       {group("[a", "/x"), &files.FieldError{Field: "from", Value: "[a", Problem: "is not a valid pattern"}},
		"relative":       {group("a", "x"), &files.FieldError{Field: "to", Value: "x", Problem: "must be an absolute path in the image, with slashes"}},
		"climbing":       {group("a", "/x/../y"), &files.FieldError{Field: "to", Value: "/x/../y", Problem: `must not contain ".."`}},
		"backslash":      {group("a", `/x\y`), &files.FieldError{Field: "to", Value: `/x\y`, Problem: "can't be a path in an image"}},
		"mode":           {with(func(g *files.Group) { g.Mode = "0888" }), &files.FieldError{Field: "mode", Value: "0888", Problem: `must be octal, as "0644"`}},
		"large mode":     {with(func(g *files.Group) { g.Mode = "17777" }), &files.FieldError{Field: "mode", Value: "17777", Problem: `must be octal, as "0644"`}},
		"owner's name":   {with(func(g *files.Group) { g.Owner = "me" }), &files.FieldError{Field: "owner", Value: "me", Problem: "must be numbers: UID or UID:GID"}},
		"negative owner": {with(func(g *files.Group) { g.Owner = "-1" }), &files.FieldError{Field: "owner", Value: "-1", Problem: "must be numbers: UID or UID:GID"}},
		"no group":       {with(func(g *files.Group) { g.Owner = "1:" }), &files.FieldError{Field: "owner", Value: "1:", Problem: "must be numbers: UID or UID:GID"}},
		"exclude":        {with(func(g *files.Group) { g.Exclude = []string{"[a"} }), &files.FieldError{Field: "exclude", Value: "[a", Problem: "is not a pattern as in .gitignore"}},
	}
	for name, test := range tests {
		_, err := files.Collect(t.Context(), sub, test.group)
		var group *files.GroupError
		if !errors.As(err, &group) || group.Where != ".imgo.yaml:3:5" || !strings.HasPrefix(err.Error(), ".imgo.yaml:3:5: ") {
			t.Errorf("%s: error %v, want a GroupError", name, err)
			continue
		}
		if diff := cmp.Diff(test.want, group.Err); diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
	bad := sub
	bad.AllowSecrets = []string{"[a"}
	var field *files.FieldError
	if _, err := files.Collect(t.Context(), bad, group("a", "/x")); !errors.As(err, &field) {
		t.Errorf("error %v, want a FieldError", err)
	}
}

func TestRootBelowBounds(t *testing.T) {
	dir := write(t, map[string]string{"shared/a": "a", "cmd/x/.imgo.yaml": ""})
	o := files.Options{Root: filepath.Join(dir, "cmd", "x"), Bounds: dir}
	set, err := files.Collect(t.Context(), o, files.Group{From: "../../shared", To: "/s"})
	check(t, err)
	if diff := cmp.Diff([]string{"-rw-r--r-- 0:0 /s/a a"}, rows(t, set)); diff != "" {
		t.Error(diff)
	}
}

func FuzzCollect(f *testing.F) {
	for _, from := range []string{"web", "web/**/*.js", "w*/{a,b}", "[a-w]*", "../x", "web/[", "/", ".", "web/js/../*", `w\eb`, "web/js/a.js"} {
		f.Add(from, "/srv/", "*.map", "0644", "1:2")
	}
	f.Add("*", "/", "!/a/**/b", "7777", "0")
	dir := f.TempDir()
	for _, name := range []string{"web/js/a.js", "web/js/b.map", "web/a", "x y"} {
		p := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o755), os.WriteFile(p, []byte(name), 0o644)); err != nil {
			f.Fatal(err)
		}
	}
	f.Fuzz(func(t *testing.T, from, to, exclude, mode, owner string) {
		g := files.Group{From: from, To: to, Exclude: []string{exclude}, Mode: mode, Owner: owner}
		set, err := files.Collect(t.Context(), options(dir), g)
		if err != nil {
			return
		}
		for _, file := range set.Files {
			if !strings.HasPrefix(file.Path, path.Clean(to)) {
				t.Errorf("%+v puts %q into the image", g, file.Path)
			}
		}
		if _, err := layer.New(t.Context(), &layertest.Memory{}, layer.Options{}, set.Files); err != nil {
			t.Errorf("%+v: %v", g, err)
		}
	})
}

// fakeToken has the shape of a secret. It is put together here, since a file with
// one is refused in many places.
var fakeToken = "ghp_" + "Zk3vQ9xL2mN8pR5tY7wB1cD4fG6hJ0sAeU2i"

func TestSecrets(t *testing.T) {
	dir := write(t, map[string]string{
		"conf/.env": "A=b", "conf/.env.example": "A=b", "conf/app.yaml": "a: b\ntoken: " + fakeToken + "\n", "conf/plain": "x",
	})
	g := files.Group{From: "conf", To: "/conf", Where: "w"}
	_, err := files.Collect(t.Context(), options(dir), g)
	var group *files.GroupError
	if !errors.As(err, &group) {
		t.Fatalf("error %v, want a GroupError", err)
	}
	joined, _ := group.Err.(interface{ Unwrap() []error })
	want := []error{
		&files.SecretError{File: "conf/.env", Rule: "env file", Where: "w"},
		&files.SecretError{File: "conf/app.yaml", Line: 2, Rule: "GitHub token", Where: "w"},
	}
	if diff := cmp.Diff(want, joined.Unwrap()); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
	if strings.Contains(err.Error(), fakeToken[4:]) {
		t.Errorf("the error tells the secret: %v", err)
	}
	for _, allowed := range [][]string{{"conf/.env", "conf/*.yaml"}, {"**"}, {"./conf/.env", "**/app.yaml"}} {
		o := options(dir)
		o.AllowSecrets = allowed
		set, err := files.Collect(t.Context(), o, g)
		if err != nil || set.Count != 4 {
			t.Errorf("%q allowed: %v", allowed, err)
		}
	}
}

func TestManySecretsAreSummedUp(t *testing.T) {
	content := map[string]string{}
	for i := range 12 {
		content[fmt.Sprintf("d/%02d/.env", i)] = ""
	}
	_, err := files.Collect(t.Context(), options(write(t, content)), files.Group{From: "d", To: "/d"})
	if err == nil || !strings.Contains(err.Error(), "d/09/.env") || !strings.HasSuffix(err.Error(), "and as much in 2 more files") {
		t.Errorf("error %v", err)
	}
}

func TestKeyNamesTheContent(t *testing.T) {
	content := map[string]string{"d/a": "a", "d/b/c": "c"}
	g := files.Group{From: "d", To: "/d"}
	collect := func(content map[string]string, g files.Group) *files.Set {
		set, err := files.Collect(t.Context(), options(write(t, content)), g)
		check(t, err)
		return set
	}
	first := collect(content, g)
	if first.Count != 2 || first.Size != 2 || first.From != "d" || first.To != "/d" {
		t.Errorf("set %+v", first)
	}
	// A changed key costs everybody the layers in their caches, no more.
	if want := "files 3793a8de"; !strings.HasPrefix(first.Key, want) {
		t.Errorf("key %s, want %s…", first.Key, want)
	}
	if again := collect(content, g); again.Key != first.Key {
		t.Error("the same content elsewhere has another key")
	}
	seen := map[string]string{first.Key: "first"}
	for name, set := range map[string]*files.Set{
		"content": collect(map[string]string{"d/a": "b", "d/b/c": "c"}, g),
		"name":    collect(map[string]string{"d/a": "a", "d/b/d": "c"}, g),
		"to":      collect(content, files.Group{From: "d", To: "/e"}),
		"mode":    collect(content, files.Group{From: "d", To: "/d", Mode: "0600"}),
		"owner":   collect(content, files.Group{From: "d", To: "/d", Owner: "0:1"}),
		"less":    collect(content, files.Group{From: "d", To: "/d", Exclude: []string{"b"}}),
	} {
		if other := seen[set.Key]; other != "" {
			t.Errorf("%s and %s have the same key", name, other)
		}
		seen[set.Key] = name
	}
}

func TestChangesAreNoticed(t *testing.T) {
	for name, change := range map[string]func(path string) error{
		"content": func(p string) error { return os.WriteFile(p, []byte("others"), 0o644) },
		"shorter": func(p string) error { return os.WriteFile(p, []byte("sho"), 0o644) },
		"longer":  func(p string) error { return os.WriteFile(p, []byte("before and after"), 0o644) },
		"gone":    os.Remove,
	} {
		dir := write(t, map[string]string{"a": "before"})
		set, err := files.Collect(t.Context(), options(dir), files.Group{From: "a", To: "/a"})
		check(t, err)
		check(t, change(filepath.Join(dir, "a")))
		_, err = layer.New(t.Context(), &layertest.Memory{}, layer.Options{}, set.Files)
		var changed *files.ChangedError
		if !errors.As(err, &changed) || changed.File != "a" {
			t.Errorf("%s: error %v, want a ChangedError", name, err)
		}
	}
}

func TestKoData(t *testing.T) {
	dir := write(t, map[string]string{"cmd/x/kodata/a": "a", "cmd/x/kodata/b/c": "c", "cmd/y/main.go": "", "cmd/z/kodata": "file"})
	set, err := files.KoData(t.Context(), filepath.Join(dir, "cmd", "x"), options(dir))
	check(t, err)
	want := []string{"-rw-r--r-- 0:0 /var/run/ko/a a", "-rw-r--r-- 0:0 /var/run/ko/b/c c"}
	if diff := cmp.Diff(want, rows(t, set)); diff != "" {
		t.Error(diff)
	}
	if set, err := files.KoData(t.Context(), filepath.Join(dir, "cmd", "y"), options(dir)); set != nil || err != nil {
		t.Errorf("without kodata: %v, %v", set, err)
	}
	var entry *files.EntryError
	if _, err := files.KoData(t.Context(), filepath.Join(dir, "cmd", "z"), options(dir)); !errors.As(err, &entry) {
		t.Errorf("error %v, want an EntryError", err)
	}
}

func TestCancel(t *testing.T) {
	dir := write(t, map[string]string{"d/a": "a"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, from := range []string{"d", "d/a"} {
		if _, err := files.Collect(ctx, options(dir), files.Group{From: from, To: "/d"}); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: error %v", from, err)
		}
	}
}

// A file of 32 MB that takes no space stands for one of 500.
func TestMemoryDoesNotGrowWithTheFile(t *testing.T) {
	const size = 32 << 20
	dir := write(t, map[string]string{"big": ""})
	check(t, os.Truncate(filepath.Join(dir, "big"), size))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	set, err := files.Collect(t.Context(), options(dir), files.Group{From: "big", To: "/big"})
	check(t, err)
	runtime.ReadMemStats(&after)
	if allocated := after.TotalAlloc - before.TotalAlloc; set.Size != size || allocated > 2<<20 {
		t.Errorf("a file of %d bytes allocated %d", set.Size, allocated)
	}
}

// The repository's own files hold credentials, and what the build writes would make it
// another image each time.
func TestWhatIsLeftOut(t *testing.T) {
	dir := write(t, map[string]string{
		".git/config": "x", ".git/HEAD": "ref: x", "sub/.git/config": "x", "a": "a", "out/x.tar": "t", "layout/index.json": "{}",
	})
	o := options(dir)
	for _, name := range []string{"out/x.tar", "layout"} {
		real, err := filepath.EvalSymlinks(filepath.Join(dir, filepath.FromSlash(name)))
		check(t, err)
		o.Outputs = append(o.Outputs, real)
	}
	set, err := files.Collect(t.Context(), o, files.Group{From: ".", To: "/s"})
	check(t, err)
	var got []string
	for _, f := range set.Files {
		if f.Mode.IsRegular() {
			got = append(got, f.Path)
		}
	}
	if diff := cmp.Diff([]string{"/s/a"}, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	for _, from := range []string{".git", ".git/config", ".git/*", "sub/.git"} {
		if _, err := files.Collect(t.Context(), o, files.Group{From: from, To: "/s"}); err == nil || !strings.Contains(err.Error(), "credentials") {
			t.Errorf("from %s: %v", from, err)
		}
	}
	if _, err := files.Collect(t.Context(), o, files.Group{From: ".git/HEAD", To: "/s"}); err != nil {
		t.Errorf("HEAD: %v", err)
	}
}
