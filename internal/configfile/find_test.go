package configfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFind(t *testing.T) {
	for name, c := range map[string]struct {
		files string // separated by blanks; those with a closing slash are folders
		want  string // empty for none
	}{
		"in the folder":                {".git/ a/b/.imgo.yaml a/.imgo.yaml", "a/b/.imgo.yaml"},
		"the other name":               {".git/ a/b/.imgo.yml", "a/b/.imgo.yml"},
		"above":                        {".git/ .imgo.yaml", ".imgo.yaml"},
		"above a module in a checkout": {".git/ .imgo.yaml a/b/go.mod", ".imgo.yaml"},
		"above the checkout":           {".imgo.yaml a/.git/ a/b/x", ""},
		"worktree":                     {".imgo.yaml a/.git a/b/x", ""},
		"root of the module":           {"a/go.mod a/.imgo.yaml", "a/.imgo.yaml"},
		"above the module":             {".imgo.yaml a/go.mod a/b/x", ""},
		"root of the workspace":        {"a/go.work a/.imgo.yaml", "a/.imgo.yaml"},
		"module in a workspace":        {"go.work .imgo.yaml a/go.mod a/b/x", ""},
		"neither module nor checkout":  {"a/.imgo.yaml a/b/x", ""},
		"only the folder":              {"a/b/.imgo.yaml", "a/b/.imgo.yaml"},
		"a folder of that name":        {"a/b/.imgo.yaml/", "a/b/.imgo.yaml"},
	} {
		root := t.TempDir()
		for f := range strings.FieldsSeq(c.files) {
			path := filepath.Join(root, f)
			if strings.HasSuffix(f, "/") {
				if err := os.MkdirAll(path, 0o755); err != nil {
					t.Fatal(err)
				}
				continue
			}
			write(t, path, "")
		}
		if err := os.MkdirAll(filepath.Join(root, "a/b"), 0o755); err != nil {
			t.Fatal(err)
		}
		want := ""
		if c.want != "" {
			want = filepath.Join(root, c.want)
		}
		got, ok, err := Find(filepath.Join(root, "a", "b"))
		if err != nil || got != want || ok != (want != "") {
			t.Errorf("%s: %q, %t, %v", name, got, ok, err)
		}
	}
}

func TestFindRefusesTwoFiles(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, Name), "")
	write(t, filepath.Join(dir, AlternateName), "")
	if path, ok, err := Find(dir); err == nil || ok || !strings.Contains(err.Error(), ".imgo.yml: .imgo.yaml is in the same folder") {
		t.Errorf("%q, %t, %v", path, ok, err)
	}
}
