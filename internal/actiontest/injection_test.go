//go:build e2e

package actiontest

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// payloads run touch if a shell ever parses them, whichever quotes they end up in.
// %s is the name of the file.
var payloads = []string{
	"$(touch %s)",
	"`touch %s`",
	`"; touch %s; #`,
	`'; touch %s; #`,
	"x\ntouch %s\n:;",
}

// TestInjection gives each input each payload. None must run anything, and since
// none is a valid value either, all steps must fail.
func TestInjection(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(`
on: push
jobs:
  injection:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
`)
	var ids []string
	for _, input := range fields(t, "inputs") {
		for i, payload := range payloads {
			id := fmt.Sprintf("%s-%d", input.Name, i)
			ids = append(ids, id)
			fmt.Fprintf(&b, "      - {uses: ./, id: %s, continue-on-error: true, with: {%s}}\n", id, with(t, input.Name, fmt.Sprintf(payload, "pwned-"+id)))
		}
	}
	// The last step shows that a file would have been found.
	b.WriteString(`
      - run: |
          touch pwned-control
          find "$GITHUB_WORKSPACE" "$RUNNER_TEMP" "$HOME" -name '*pwned*' -printf '%f\n' | sort -u >"$RESULTS/pwned"
          printf '%s' "$STEPS" >"$RESULTS/steps.json"
        env:
          STEPS: ${{ toJSON(steps) }}
`)
	r := runWorkflow(t, b.String())
	steps := decode[map[string]step](t, r, "steps.json")
	for _, id := range ids {
		if got := steps[id].Outcome; got != "failure" {
			t.Errorf("step %s ended with %q", id, got)
		}
		if errors := r.find(id, "error"); len(errors) == 0 {
			t.Errorf("step %s did not say what is wrong", id)
		}
	}
	if diff := cmp.Diff("pwned-control\n", read(t, filepath.Join(r.results, "pwned"))); diff != "" {
		t.Errorf("files that a payload made (+):\n%s", diff)
	}
	err := filepath.WalkDir(filepath.Dir(r.home), func(path string, _ fs.DirEntry, err error) error {
		if strings.HasPrefix(filepath.Base(path), "pwned-") {
			t.Errorf("a payload made %s", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// with writes the inputs of a step, one of them hostile. JSON strings are YAML too.
func with(t *testing.T, name, value string) string {
	t.Helper()
	inputs := map[string]string{
		"working-directory": "testdata/mod/server",
		"packages":          "./cmd/server",
	}
	inputs[name] = value
	out, err := json.Marshal(inputs)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Trim(string(out), "{}")
}

const outputsWorkflow = `
on: push
jobs:
  outputs:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: ./
        id: build
        with:
          working-directory: testdata/mod/server
          packages: ./cmd/server
          args: '-o "imgo-end-of-output
            
            imgo-end-of-output

            digest<<E

            sha256:forged

            E

            .tar"'
      - run: printf '%s' "$STEPS" >"$RESULTS/steps.json"
        env:
          STEPS: ${{ toJSON(steps) }}
`

// A path is an output and may hold anything, line breaks too. It must not become
// another output.
func TestOutputsCannotBeForged(t *testing.T) {
	t.Parallel()
	r := runWorkflow(t, outputsWorkflow)
	out := decode[map[string]step](t, r, "steps.json")["build"].Outputs
	if _, digest, _ := strings.Cut(out["reference"], "@"); digest == "" || digest != out["digest"] {
		t.Errorf("digest is %q, reference is %q", out["digest"], out["reference"])
	}
	if want := "/imgo-end-of-output\nimgo-end-of-output\ndigest<<E\nsha256:forged\nE\n.tar"; !strings.HasSuffix(out["tarball"], want) {
		t.Errorf("tarball is %q, it does not end with %q", out["tarball"], want)
	}
}
