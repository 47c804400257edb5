package actiontest

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	actionFile  = "../../action.yml"
	docFile     = "../../docs/github-action.md"
	signingFile = "../../docs/supply-chain.md"
)

// field is an input or output of the action.
type field struct{ Name, Default, Description string }

// fields reads the inputs or the outputs of action.yml. It knows as much of YAML as
// that file uses: one key a line, scalars on the same line.
func fields(t *testing.T, section string) []field {
	t.Helper()
	var out []field
	inside := false
	for line := range strings.Lines(read(t, actionFile)) {
		line = strings.TrimRight(line, "\n")
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		value = strings.Trim(strings.TrimSpace(value), `"`)
		indent := len(line) - len(strings.TrimLeft(line, " "))
		switch {
		case line == "" || strings.HasPrefix(key, "#"):
		case indent == 0:
			inside = key == section
		case inside && indent == 2:
			out = append(out, field{Name: key})
		case inside && key == "description":
			out[len(out)-1].Description = value
		case inside && key == "default":
			out[len(out)-1].Default = value
		}
	}
	return out
}

// rows reads the table below a heading of the documentation.
func rows(t *testing.T, heading string) [][]string {
	t.Helper()
	_, text, ok := strings.Cut(read(t, docFile), "\n## "+heading+"\n")
	if !ok {
		t.Fatalf("%s has no heading %q", docFile, heading)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	var out [][]string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "|") && !strings.HasPrefix(line, "|-") {
			cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
			for i, c := range cells {
				cells[i] = strings.Trim(strings.TrimSpace(c), "`")
			}
			out = append(out, cells)
		}
	}
	if len(out) == 0 {
		t.Fatalf("no table below %q", heading)
	}
	return out[1:]
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// plain is a cell as action.yml, which is no Markdown, has it.
func plain(cell string) string { return strings.ReplaceAll(cell, "`", "") }

func TestDocumentedInputs(t *testing.T) {
	var got []field
	for _, row := range rows(t, "Inputs") {
		got = append(got, field{Name: row[0], Default: row[1], Description: plain(row[2])})
	}
	if diff := cmp.Diff(fields(t, "inputs"), got); diff != "" {
		t.Errorf("inputs in action.yml (-) and in the documentation (+):\n%s", diff)
	}
}

func TestDocumentedOutputs(t *testing.T) {
	var got []field
	for _, row := range rows(t, "Outputs") {
		got = append(got, field{Name: row[0], Description: plain(row[1])})
	}
	if diff := cmp.Diff(fields(t, "outputs"), got); diff != "" {
		t.Errorf("outputs in action.yml (-) and in the documentation (+):\n%s", diff)
	}
}

// An expression inside of a script is text that the shell parses. They are allowed
// where they can't be: as the value of a variable of the environment, and of an output.
func TestExpressionsStayOutOfScripts(t *testing.T) {
	allowed := regexp.MustCompile(`^ +(?:INPUT_[A-Z_]+: \$\{\{ inputs\.[a-z-]+ \}\}|value: \$\{\{ steps\.imgo\.outputs\.[a-z]+ \}\})$`)
	passed := map[string]bool{}
	for line := range strings.Lines(read(t, actionFile)) {
		if !strings.Contains(line, "${{") {
			continue
		}
		if !allowed.MatchString(strings.TrimRight(line, "\n")) {
			t.Errorf("an expression where none is allowed: %s", line)
		}
		passed[strings.TrimSpace(line)] = true
	}
	if want := len(fields(t, "inputs")) + len(fields(t, "outputs")); len(passed) != want {
		t.Errorf("%d expressions for %d inputs and outputs", len(passed), want)
	}
}
