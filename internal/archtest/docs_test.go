package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// TestArchitectureNamesWhatExists keeps the walk through the code true.
func TestArchitectureNamesWhatExists(t *testing.T) {
	const root = "../.."
	text, err := os.ReadFile(filepath.Join(root, "docs", "architecture.md"))
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`((?:cmd|internal|pkg|testdata|docs)/[^`\\s]*)`").FindAllSubmatch(text, -1)
	if len(named) < 20 {
		t.Fatalf("only %d files are named: is the document still a walk through the code?", len(named))
	}
	for _, m := range named {
		found, err := filepath.Glob(filepath.Join(root, string(m[1])))
		if err != nil || len(found) == 0 {
			t.Errorf("docs/architecture.md names %s, which is not there", m[1])
		}
	}
}
