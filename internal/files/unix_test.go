//go:build unix

package files_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/imgo-build/imgo/internal/files"
)

func TestModesDontDependOnTheCheckout(t *testing.T) {
	var keys []string
	for _, modes := range [][2]os.FileMode{{0o644, 0o755}, {0o600, 0o700}, {0o666, 0o777}, {0o444, 0o500}} {
		dir := write(t, map[string]string{"d/s/plain": "a", "d/run": "b"})
		check(t, os.Chmod(filepath.Join(dir, "d/s/plain"), modes[0]))
		check(t, os.Chmod(filepath.Join(dir, "d/run"), modes[1]))
		check(t, os.Chmod(filepath.Join(dir, "d/s"), modes[1]|0o700))
		set, err := files.Collect(t.Context(), options(dir), files.Group{From: "d", To: "/d"})
		check(t, err)
		if diff := cmp.Diff([]string{"-rwxr-xr-x 0:0 /d/run b", "-rw-r--r-- 0:0 /d/s/plain a"}, rows(t, set)); diff != "" {
			t.Errorf("%v: %s", modes, diff)
		}
		keys = append(keys, set.Key)
	}
	if strings.Count(strings.Join(keys, " "), keys[0]) != len(keys) {
		t.Errorf("keys %q", keys)
	}
}

func TestLinksThatStay(t *testing.T) {
	dir := write(t, map[string]string{
		"d/a": "a", "d/sub/b": "b",
		"d/l1": "-> a", "d/l2": "-> sub/../sub//b", "d/sub/l3": "-> ../l1", "d/dir": "-> ./sub", "d/through": "-> dir/b", "d/sub/self": "-> ..",
		"from": "-> d", "file": "-> d/a",
	})
	check(t, os.Symlink(filepath.Join(dir, "d/sub/b"), filepath.Join(dir, "d/sub/abs")))
	want := []string{
		"-rw-r--r-- 0:0 /x/a a",
		"Lrwxrwxrwx 0:0 /x/dir -> ./sub",
		"Lrwxrwxrwx 0:0 /x/l1 -> a",
		"Lrwxrwxrwx 0:0 /x/l2 -> sub/../sub//b",
		"Lrwxrwxrwx 0:0 /x/sub/abs -> b",
		"-rw-r--r-- 0:0 /x/sub/b b",
		"Lrwxrwxrwx 0:0 /x/sub/l3 -> ../l1",
		"Lrwxrwxrwx 0:0 /x/sub/self -> ..",
		"Lrwxrwxrwx 0:0 /x/through -> dir/b",
	}
	for i, row := range want {
		want[i] = strings.Replace(row, "Lrwxrwxrwx", "L---------", 1)
	}
	for _, from := range []string{"d", "from"} {
		set, err := files.Collect(t.Context(), options(dir), files.Group{From: from, To: "/x"})
		check(t, err)
		if diff := cmp.Diff(want, rows(t, set)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", from, diff)
		}
	}
	set, err := files.Collect(t.Context(), options(dir), files.Group{From: "file", To: "/x/"})
	check(t, err)
	if diff := cmp.Diff([]string{"-rw-r--r-- 0:0 /x/file a"}, rows(t, set)); diff != "" {
		t.Errorf("a link to a file (-want +got):\n%s", diff)
	}
}

func TestLinksThatAreRefused(t *testing.T) {
	outside := write(t, map[string]string{"secret": "x"})
	link := func(target, problem string) error {
		return &files.LinkError{Path: "d/l", Target: target, Problem: problem}
	}
	const notCopied = "points to what is not copied with it"
	tests := map[string]error{
		"../other/x":        link("../other/x", notCopied),
		"excluded":          link("excluded", notCopied),
		"nothing":           link("nothing", "points to nothing"),
		"a/x":               nil, // an error of the file system
		"l":                 nil,
		outside + "/secret": &files.OutsideError{Path: "d/l", Target: outside + "/secret"},
		"/etc/passwd":       &files.OutsideError{Path: "d/l", Target: "/etc/passwd"},
		"../d/a":            link("../d/a", notCopied), // dangles in the image: d has another name there
	}
	for target, want := range tests {
		dir := write(t, map[string]string{"d/a": "a", "d/excluded": "e", "other/x": "x", "d/l": "-> " + target})
		_, err := files.Collect(t.Context(), options(dir), files.Group{From: "d", To: "/x", Exclude: []string{"excluded"}})
		var linkErr *files.LinkError
		var outsideErr *files.OutsideError
		switch {
		case errors.As(err, &outsideErr):
			outsideErr.Bounds = ""
			if diff := cmp.Diff(want, error(outsideErr)); diff != "" {
				t.Errorf("%s: %s", target, diff)
			}
		case errors.As(err, &linkErr):
			if diff := cmp.Diff(want, error(linkErr)); want != nil && diff != "" {
				t.Errorf("%s: %s", target, diff)
			}
		default:
			t.Errorf("%s: error %v", target, err)
		}
	}
}

func TestSourcesThatLeadOutside(t *testing.T) {
	outside := write(t, map[string]string{"secret": "x", "d/secret": "x"})
	dir := write(t, map[string]string{"dir": "-> " + outside, "sub/file": "-> " + outside + "/secret", "gone": "-> nowhere"})
	for _, from := range []string{"dir", "dir/d", "dir/secret", "sub/file", "dir/*", "dir/d/*"} {
		_, err := files.Collect(t.Context(), options(dir), files.Group{From: from, To: "/x"})
		var out *files.OutsideError
		if !errors.As(err, &out) {
			t.Errorf("%s: error %v, want an OutsideError", from, err)
		}
	}
	var link *files.LinkError
	if _, err := files.Collect(t.Context(), options(dir), files.Group{From: "gone", To: "/x"}); !errors.As(err, &link) {
		t.Errorf("error %v, want a LinkError", err)
	}
}

// A directory that becomes a link to elsewhere after it was looked at is not followed
// when the layer is written.
func TestLaterLinksDontLeadOutside(t *testing.T) {
	outside := write(t, map[string]string{"a": "a"})
	dir := write(t, map[string]string{"d/s/a": "a"})
	set, err := files.Collect(t.Context(), options(dir), files.Group{From: "d", To: "/x"})
	check(t, err)
	check(t, os.RemoveAll(filepath.Join(dir, "d/s")))
	check(t, os.Symlink(outside, filepath.Join(dir, "d/s")))
	if content, err := read(set.Files[0]); err == nil {
		t.Errorf("read %q", content)
	}
}

func TestSpecialFilesAreRefused(t *testing.T) {
	dir := write(t, map[string]string{"d/a": "a"})
	t.Chdir(dir) // a socket's path is short
	check(t, syscall.Mkfifo("d/pipe", 0o644))
	socket, err := net.Listen("unix", "d/socket")
	check(t, err)
	defer socket.Close()
	check(t, os.WriteFile("d/back\\slash", nil, 0o644))
	names := map[string]string{"d/pipe": "neither", "d/socket": "neither", `d/back\slash`: "name"}
	if os.WriteFile("d/\xff", nil, 0o644) == nil { // some file systems refuse
		names["d/\xff"] = "name"
	}
	for name, want := range names {
		exclude := []string{"*", "!" + strings.ReplaceAll(filepath.Base(name), `\`, `\\`)}
		_, err := files.Collect(t.Context(), options(dir), files.Group{From: "d", To: "/x", Exclude: exclude})
		var entry *files.EntryError
		if !errors.As(err, &entry) || entry.Path != name || !strings.Contains(entry.Problem, want) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	for _, from := range []string{"d/pipe", "d/socket"} {
		var entry *files.EntryError
		if _, err := files.Collect(t.Context(), options(dir), files.Group{From: from, To: "/x"}); !errors.As(err, &entry) {
			t.Errorf("%s: error %v", from, err)
		}
	}
	set, err := files.Collect(t.Context(), options(dir), files.Group{From: "d/*a", To: "/x"})
	if err != nil || set.Count != 1 {
		t.Errorf("with a glob that leaves them out: %v", err)
	}
}

func TestKoDataFollowsLinks(t *testing.T) {
	outside := write(t, map[string]string{"x": "x"})
	dir := write(t, map[string]string{
		"LICENSE": "mit", ".git/HEAD": "ref", "web/index.html": "index",
		"cmd/a/kodata/LICENSE": "-> ../../../LICENSE", "cmd/a/kodata/HEAD": "-> ../../../.git/HEAD", "cmd/a/kodata/web": "-> ../../../web",
		"cmd/b/kodata/x":   "-> " + outside + "/x",
		"cmd/c/kodata/up":  "-> ..",
		"cmd/d/kodata/x":   "-> nothing",
		"shared/e":         "e",
		"cmd/e/kodata":     "-> ../../shared",
		"cmd/f/kodata/key": "-> ../../../conf/.env",
		"conf/.env":        "A=b",
	})
	want := map[string][]string{
		"a": {"-rw-r--r-- 0:0 /var/run/ko/HEAD ref", "-rw-r--r-- 0:0 /var/run/ko/LICENSE mit", "-rw-r--r-- 0:0 /var/run/ko/web/index.html index"},
		"e": {"-rw-r--r-- 0:0 /var/run/ko/e e"},
	}
	for name, want := range want {
		set, err := files.KoData(t.Context(), filepath.Join(dir, "cmd", name), options(dir))
		check(t, err)
		if diff := cmp.Diff(want, rows(t, set)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	for name, want := range map[string]string{"b": "outside of", "c": "leads into itself", "d": "points to nothing", "f": "is a secret (env file)"} {
		_, err := files.KoData(t.Context(), filepath.Join(dir, "cmd", name), options(dir))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", name, err, want)
		}
	}
	o := options(dir)
	o.AllowSecrets = []string{"conf/.env"}
	if _, err := files.KoData(t.Context(), filepath.Join(dir, "cmd", "f"), o); err != nil {
		t.Error(err)
	}
}
