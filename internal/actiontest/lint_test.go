//go:build e2e

package actiontest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// lint runs actionlint in a repository and returns what it finds, nothing where all
// workflows are right.
func lint(t *testing.T, repo string) string {
	t.Helper()
	cmd := exec.Command(tools.actionlint, "-no-color", "-oneline", "-shellcheck=", "-pyflakes=")
	cmd.Dir = repo
	out, err := cmd.CombinedOutput()
	if err != nil && len(out) == 0 {
		t.Fatal(err)
	}
	return string(out)
}

// lintText checks one workflow, in a repository where "./" is this action.
func lintText(t *testing.T, text string) string {
	t.Helper()
	repo := t.TempDir()
	if err := os.Mkdir(filepath.Join(repo, ".git"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(repo, "action.yml"), read(t, actionFile))
	write(t, filepath.Join(repo, ".github/workflows/test.yml"), text)
	return lint(t, repo)
}

func TestWorkflowsOfThisRepository(t *testing.T) {
	found, err := filepath.Glob("../../.github/workflows/*.yml")
	if err != nil || len(found) == 0 {
		t.Fatalf("no workflows: %v", err)
	}
	if out := lint(t, "../.."); out != "" {
		t.Error(out)
	}
}

func TestWorkflowsOfTheTests(t *testing.T) {
	for _, text := range []string{imagesWorkflow, failuresWorkflow, outputsWorkflow, signWorkflow} {
		if out := lintText(t, text); out != "" {
			t.Error(out)
		}
	}
}

// Examples are complete workflows. They are checked with the action of this checkout
// in the place of the released one, so that inputs and outputs are checked too.
func TestExamplesInDocumentation(t *testing.T) {
	released := regexp.MustCompile(`uses: imgo-build/imgo@\S+`)
	var examples [][]string
	for _, file := range []string{docFile, signingFile} {
		found := regexp.MustCompile("(?s)```yaml\n(name: .*?)```").FindAllStringSubmatch(read(t, file), -1)
		if len(found) == 0 {
			t.Fatalf("no examples in %s", file)
		}
		examples = append(examples, found...)
	}
	for _, m := range examples {
		if !released.MatchString(m[1]) {
			t.Errorf("an example without the action:\n%s", m[1])
		}
		if out := lintText(t, released.ReplaceAllString(m[1], "uses: ./")); out != "" {
			t.Errorf("%s:\n%s", m[1], out)
		}
	}
}

// The checks above are worth something only as long as actionlint reads action.yml.
func TestUnknownInputAndOutputAreRefused(t *testing.T) {
	for old, wrong := range map[string]string{
		"packages: ./cmd/server": "package: ./cmd/server",
		"outputs.tarball":        "outputs.tar",
	} {
		out := lintText(t, strings.Replace(imagesWorkflow, old, wrong, 1))
		if !strings.Contains(out, "is not defined") {
			t.Errorf("with %s actionlint says %q", wrong, out)
		}
	}
}
