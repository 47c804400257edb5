package configfile

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write the files that are generated")

const (
	wrongFile = "testdata/wrong.txtar"
	said      = ": said"
	excuse    = "schema: "
)

// said returns the errors as the table has them.
func errorLines(err error) string {
	var b strings.Builder
	var all *Errors
	if errors.As(err, &all) {
		for _, e := range all.List {
			fmt.Fprintln(&b, strings.TrimPrefix(e.Error(), "f:"))
			if e.Hint != "" {
				fmt.Fprintln(&b, "  hint: "+e.Hint)
			}
		}
	}
	return b.String()
}

// wrongCase is one entry of the table.
type wrongCase struct {
	name, yaml, said string
	excuse           string // why the schema accepts it
}

func wrongCases(t testing.TB) []wrongCase {
	archive, err := txtar.ParseFile(wrongFile)
	if err != nil {
		t.Fatal(err)
	}
	var out []wrongCase
	for i := 0; i+1 < len(archive.Files); i += 2 {
		yaml, text := archive.Files[i], string(archive.Files[i+1].Data)
		if archive.Files[i+1].Name != yaml.Name+said {
			t.Fatalf("%s: no answer follows", yaml.Name)
		}
		c := wrongCase{name: yaml.Name, yaml: string(yaml.Data), said: text}
		if rest, ok := strings.CutPrefix(text, excuse); ok {
			c.excuse, c.said, _ = strings.Cut(rest, "\n")
		}
		out = append(out, c)
	}
	return out
}

func TestWrongConfigurations(t *testing.T) {
	cases := wrongCases(t)
	if len(cases) < 200 {
		t.Errorf("only %d cases", len(cases))
	}
	for i, c := range cases {
		file, err := Parse([]byte(c.yaml), "f", "/dir")
		got := errorLines(err)
		if file != nil || got == "" {
			t.Errorf("%s: accepted", c.name)
		}
		if strings.Contains(got, "hunter2") {
			t.Errorf("%s: a password is in the message", c.name)
		}
		if diff := cmp.Diff(c.said, got); diff != "" && !*update {
			t.Errorf("%s: (-want +got)\n%s", c.name, diff)
		}
		cases[i].said = got
	}
	if *update {
		writeWrong(t, cases)
	}
}

func writeWrong(t *testing.T, cases []wrongCase) {
	archive, err := txtar.ParseFile(wrongFile)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range cases {
		text := c.said
		if c.excuse != "" {
			text = excuse + c.excuse + "\n" + text
		}
		archive.Files[2*i+1].Data = []byte(text)
	}
	if err := os.WriteFile(wrongFile, txtar.Format(archive), 0o644); err != nil {
		t.Fatal(err)
	}
}
