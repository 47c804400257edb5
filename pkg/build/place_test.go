package build

import (
	"archive/tar"
	"bytes"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/imgo-build/imgo/internal/expand"
	"github.com/imgo-build/imgo/internal/rootfs"
	"github.com/imgo-build/imgo/pkg/layer"
)

// baseTree is a base with merged /usr, as Debian has it.
func baseTree(t *testing.T) *rootfs.Tree {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, h := range []tar.Header{
		{Typeflag: tar.TypeDir, Name: "tmp/", Mode: 0o1777},
		{Typeflag: tar.TypeDir, Name: "usr/", Mode: 0o755},
		{Typeflag: tar.TypeDir, Name: "usr/lib/", Mode: 0o751, Uid: 3, Gid: 4},
		{Typeflag: tar.TypeSymlink, Name: "lib", Linkname: "usr/lib"},
		{Typeflag: tar.TypeReg, Name: "file"},
	} {
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(buf.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	img, err := mutate.AppendLayers(empty.Image, []v1.Layer{l}...)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := rootfs.Read(t.Context(), img)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func TestFilesFindTheirPlaceInTheBase(t *testing.T) {
	list, err := place(baseTree(t), []layer.File{
		{Path: "/tmp/x", Mode: 0o644},
		{Path: "/lib/a/b", Mode: 0o644},
		{Path: "/new/c", Mode: 0o644},
		{Path: "/lib", Mode: fs.ModeDir | 0o700},
	})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, f := range list {
		got[f.Path] = f.Mode.String()
		if f.Path == "/usr/lib" && f.UID != 0 {
			t.Error("the owner of a directory that was given is the base's")
		}
	}
	// /lib leads to /usr/lib, /tmp keeps its mode, and what the base lacks is left to
	// package layer.
	want := map[string]string{
		"/tmp/x": "-rw-r--r--", "/tmp": "dtrwxrwxrwx", "/usr/lib/a/b": "-rw-r--r--", "/usr/lib": "drwx------", "/usr": "drwxr-xr-x", "/new/c": "-rw-r--r--",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestPlacesThatCannotBe(t *testing.T) {
	for path, want := range map[string]string{
		"/tmp":    "write /tmp/",
		"/lib":    "write /lib/",
		"/file/x": "/file is no directory in the base",
	} {
		if _, err := place(baseTree(t), []layer.File{{Path: path, Mode: 0o644}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestClaims(t *testing.T) {
	file := func(p string) []layer.File { return []layer.File{{Path: p, Mode: 0o644}} }
	for _, second := range []string{"/a", "/a/b", "/etc/passwd"} {
		c := claims{}
		for _, p := range []string{"/a", "/etc/passwd"} {
			if err := c.add("one", file(p)); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.add("two", file(second)); err == nil || !strings.Contains(err.Error(), "by one") {
			t.Errorf("%s: %v", second, err)
		}
		if err := c.add("three", file("/etc/group")); err != nil {
			t.Errorf("a neighbour is refused: %v", err)
		}
	}
}

// What a stranger's template makes of a variable need not look like a secret.
func TestTemplatesDoNotTellSecrets(t *testing.T) {
	const token = "ghp_x7Kq2ZpL9vT4mNc8RbW1sYfJ6hDgE3uA5oQk"
	target := func(s Settings) *Target {
		s.Go.Dir = "/"
		return &Target{
			Name: "x", Package: Package{ImportPath: "m/x", Name: "x"}, Settings: s,
			Values: expand.Values{Env: map[string]string{"GITHUB_TOKEN": token, "HOME": "/root"}},
		}
	}
	amd64 := v1.Platform{OS: "linux", Architecture: "amd64"}
	label := func(text string, untrusted bool) Settings {
		return Settings{Config: Config{Labels: []Var{{Key: "t", Text: Text{Value: text, Untrusted: untrusted}}}}}
	}
	for name, c := range map[string]struct {
		settings Settings
		wrong    bool
	}{
		"whole":               {label("{{.Env.GITHUB_TOKEN}}", true), true},
		"a part":              {label("{{slice .Env.GITHUB_TOKEN 0 9}}", true), true},
		"allowed by the file": {func() Settings { s := label("{{.Env.GITHUB_TOKEN}}", true); s.AllowSecrets = []string{"t"}; return s }(), true},
		"allowed by the user": {func() Settings {
			s := label("{{slice .Env.GITHUB_TOKEN 0 9}}", true)
			s.UserAllows = []string{"GITHUB_TOKEN"}
			return s
		}(), false},
		"the user's own":         {label("{{slice .Env.GITHUB_TOKEN 0 9}}", false), false},
		"nothing secret":         {label("{{.Env.HOME}}", true), false},
		"an argument":            {Settings{Config: Config{Args: []string{token}}}, true},
		"a zero byte":            {label(`{{"\x00"}}`, false), true},
		"linker flags":           {Settings{Ldflags: []Text{{Value: "-X main.t={{slice .Env.GITHUB_TOKEN 0 9}}", Untrusted: true}}}, true},
		"linker flags that link": {Settings{Ldflags: []Text{{Value: `-X main.t={{" -extld=x"}}`, Untrusted: true}}}, true},
	} {
		if _, err := target(c.settings).on(amd64); (err != nil) != c.wrong {
			t.Errorf("%s: %v", name, err)
		}
	}
	tags := target(Settings{Tags: []Text{{Value: "{{slice .Env.GITHUB_TOKEN 0 9}}", Untrusted: true}}})
	if _, err := (Naming{}).expand(tags); err == nil {
		t.Error("a tag tells a part of the token")
	}
}
