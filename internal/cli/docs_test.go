package cli

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra/doc"
)

var update = flag.Bool("update", false, "write docs/cli anew")

// TestDocsAreUpToDate keeps docs/cli equal to the help texts.
func TestDocsAreUpToDate(t *testing.T) {
	const committed = "../../docs/cli"
	dir := t.TempDir()
	if *update {
		dir = committed
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	root := (&app{}).root()
	root.DisableAutoGenTag = true
	root.InitDefaultCompletionCmd()
	if err := doc.GenMarkdownTree(root, dir); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(docFiles(t, committed), docFiles(t, dir)); diff != "" {
		t.Errorf("docs/cli differs from the help texts; run go test ./internal/cli -run TestDocs -update (-committed +now):\n%s", diff)
	}
}

func docFiles(t *testing.T, dir string) map[string]string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		out[filepath.Base(p)] = string(b)
	}
	return out
}
