//go:build e2e

package actiontest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const failuresWorkflow = `
on: push
jobs:
  failures:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: ./
        id: typeerror
        continue-on-error: true
        with:
          working-directory: testdata/mod/broken
          packages: ./typeerror ./ok
      - uses: ./
        id: noparse
        continue-on-error: true
        with:
          working-directory: testdata/mod/broken
          packages: ./noparse
      - uses: ./
        id: homeless
        continue-on-error: true
        with:
          command: push
          working-directory: testdata/mod/server
          packages: ./cmd/server
      - uses: ./
        id: nogo
        continue-on-error: true
        env:
          PATH: ONLYBASH
      - run: printf '%s' "$STEPS" >"$RESULTS/steps.json"
        env:
          STEPS: ${{ toJSON(steps) }}
`

func TestFailures(t *testing.T) {
	t.Parallel()
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Fatal(err)
	}
	onlyBash := t.TempDir()
	if err := os.Symlink(bash, filepath.Join(onlyBash, "bash")); err != nil {
		t.Fatal(err)
	}
	r := runWorkflow(t, strings.ReplaceAll(failuresWorkflow, "ONLYBASH", onlyBash))
	steps := decode[map[string]step](t, r, "steps.json")
	for _, id := range []string{"typeerror", "noparse", "homeless", "nogo"} {
		if got := steps[id].Outcome; got != "failure" {
			t.Errorf("step %s ended with %q", id, got)
		}
	}

	t.Run("annotations", func(t *testing.T) {
		r.wantError(t, "typeerror", "testdata/mod/broken/typeerror/main.go", "5", `cannot use "one"`)
		r.wantError(t, "noparse", "testdata/mod/broken/noparse/main.go", "4", "string")
		r.wantError(t, "homeless", "", "", "push")
		r.wantError(t, "nogo", "", "", "actions/setup-go")
	})
	t.Run("what was built is reported", func(t *testing.T) {
		if got := steps["typeerror"].Outputs["reference"]; !strings.HasPrefix(got, "imgo.local/ok@sha256:") {
			t.Errorf("reference is %q", got)
		}
		for _, row := range []string{"| typeerror | | | failed: ", "| ok | linux/amd64 | "} {
			if !strings.Contains(r.summary(t, "typeerror"), row) {
				t.Errorf("no row %q in the summary:\n%s", row, r.summary(t, "typeerror"))
			}
		}
	})
}

// wantError looks for an annotation at a place, in words.
func (r *run) wantError(t *testing.T, id, file, line, text string) {
	t.Helper()
	for _, e := range r.find(id, "error") {
		if e.Args["file"] == file && e.Args["line"] == line && strings.Contains(e.Arg, text) {
			return
		}
	}
	t.Errorf("step %s: no error at %s:%s that contains %q among %+v", id, file, line, text, r.find(id, "error"))
}
