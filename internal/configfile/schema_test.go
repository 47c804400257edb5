package configfile

import (
	"bytes"
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

const schemaFile = "../../docs/imgo.schema.json"

func TestSchemaFile(t *testing.T) { generated(t, schemaFile, Schema()) }

// generated compares a file with what it should hold, or writes it.
func generated(t *testing.T, file string, want []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s is not current: go test ./internal/configfile -update (-want +got)\n%s", file, diff)
	}
}

var compiledSchema = sync.OnceValues(func() (*jsonschema.Schema, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("imgo.json", doc); err != nil {
		return nil, err
	}
	return c.Compile("imgo.json")
})

// schemaError judges YAML as an editor would: it sees values, not how they are written.
// There is no answer where the file is not YAML that has values.
func schemaError(t testing.TB, yaml string) (judged bool, err error) {
	t.Helper()
	s, err := compiledSchema()
	if err != nil {
		t.Fatal(err)
	}
	root, errs := load([]byte(yaml), "f")
	if root == nil || len(errs) > 0 {
		return false, nil
	}
	if root.kind == null {
		return true, nil // an empty file: editors don't validate it
	}
	return true, s.Validate(jsonValue(root))
}

func jsonValue(n *node) any {
	switch n.kind {
	case mapping:
		out := map[string]any{}
		for _, e := range n.entries {
			out[e.key] = jsonValue(e.value)
		}
		return out
	case list:
		out := make([]any, len(n.items))
		for i, item := range n.items {
			out[i] = jsonValue(item)
		}
		return out
	case null:
		return nil
	case boolean:
		return strings.EqualFold(n.text, "true")
	case integer:
		v, err := strconv.ParseInt(n.text, 0, 64)
		if err != nil {
			return n.text
		}
		return json.Number(strconv.FormatInt(v, 10))
	case float:
		v, err := strconv.ParseFloat(n.text, 64)
		if err != nil {
			return n.text
		}
		return v
	default:
		return n.text
	}
}

func TestValidConfigurations(t *testing.T) {
	archive, err := txtar.ParseFile("testdata/valid.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range archive.Files {
		if _, err := Parse(f.Data, "f", "/dir"); err != nil {
			t.Errorf("%s: %s", f.Name, err)
		}
		if judged, err := schemaError(t, string(f.Data)); !judged || err != nil {
			t.Errorf("%s: %t, by the schema: %s", f.Name, judged, err)
		}
	}
}

func TestSchemaRefusesWhatTheDecoderRefuses(t *testing.T) {
	excused, judgedCases := 0, 0
	for _, c := range wrongCases(t) {
		judged, err := schemaError(t, c.yaml)
		switch {
		case !judged && c.excuse != "":
			t.Errorf("%s: the schema doesn't get to see it: no excuse is needed", c.name)
		case !judged:
		case err == nil && c.excuse == "":
			t.Errorf("%s: accepted by the schema", c.name)
		case err != nil && c.excuse != "":
			t.Errorf("%s: refused by the schema, which is said to be unable to: %s", c.name, err)
		case err == nil:
			excused++
			fallthrough
		default:
			judgedCases++
		}
	}
	if judgedCases < 150 || excused > 25 {
		t.Errorf("%d cases came to the schema, of which it let %d through", judgedCases, excused)
	}
}

func TestSchemaDescribesEveryKey(t *testing.T) {
	var doc any
	if err := json.Unmarshal(Schema(), &doc); err != nil {
		t.Fatal(err)
	}
	keys := 0
	var walk func(v any, at string)
	walk = func(v any, at string) {
		switch v := v.(type) {
		case map[string]any:
			if properties, ok := v["properties"].(map[string]any); ok {
				for name, p := range properties {
					keys++
					s := p.(map[string]any)
					if s["description"] == nil && s["$ref"] == nil {
						t.Errorf("%s.%s has no description", at, name)
					}
				}
				if v["additionalProperties"] != false {
					t.Errorf("%s takes any key", at)
				}
			}
			for k, child := range v {
				if k != "oneOf" { // conditions on keys that are described beside them
					walk(child, at+"."+k)
				}
			}
		case []any:
			for _, child := range v {
				walk(child, at)
			}
		}
	}
	walk(doc, "")
	if keys < 60 {
		t.Errorf("only %d keys", keys)
	}
}
