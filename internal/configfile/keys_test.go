package configfile

import (
	"fmt"
	"strings"
	"testing"
)

const referenceFile = "../../docs/configuration.md"

const referenceIntro = "# The configuration file\n\n" +
	"<!-- Generated from internal/configfile: go test ./internal/configfile -update -->\n\n" +
	"imgo reads `.imgo.yaml` (or `.imgo.yml`) from the directory that it runs in or from one above it, up to the root of the git checkout; " +
	"outside of a checkout up to the nearest folder with a `go.mod` or `go.work`. `--config` and `IMGO_CONFIG` name another one. " +
	"The file is optional, and so is everything in it.\n\n" +
	"What is given on the command line goes before the environment (`IMGO_…`), that before the image's own settings, these before `defaults`. " +
	"Single values and lists replace each other as a whole, `user`, `files`, `healthcheck`, `sign` and `verifyBase` too; " +
	"`env`, `labels`, `annotations`, `buildEnv`, `binaries`, the rules of `policy` and the platforms of `base` are merged by key. " +
	"A profile's `defaults` go before those of the file, and its images before the file's.\n\n" +
	"Keys that imgo doesn't know are errors, apart from those at the top that begin with `x-`: a place for YAML anchors. " +
	"[imgo.schema.json](imgo.schema.json) is a JSON schema, with which editors complete and check the file; " +
	"it can't tell everything that imgo checks, such as the order of a range's ends.\n\n" +
	"Values in double braces are [templates](templates.md) (`\"{{.Version}}\"`). They have to be in quotes, since `{` begins a mapping in YAML.\n\n"

// reference writes the reference of all keys.
func reference(t *testing.T) string {
	top, settings := Keys()
	var b strings.Builder
	b.WriteString(referenceIntro + "## An example\n\n```yaml\n" + validText(t, "example") + "```\n\n## At the top\n\n")
	for _, k := range top {
		describe(&b, k)
	}
	b.WriteString("## Settings of `defaults` and of images\n\n")
	for _, k := range settings {
		describe(&b, k)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func describe(b *strings.Builder, k KeyDoc) {
	fmt.Fprintf(b, "### `%s`\n\n%s\n\n", k.Name, k.Description)
	fmt.Fprintf(b, "Value: %s.", k.Want)
	if len(k.In) > 0 {
		fmt.Fprintf(b, " In %s", strings.Join(k.In, " or "))
		if k.Required {
			b.WriteString(", where it is required")
		}
		b.WriteString(".")
	}
	fmt.Fprintf(b, "\n\n```yaml\n%s\n```\n\n", k.Example)
	if len(k.Fields) == 0 {
		return
	}
	b.WriteString("| key | meaning | example |\n|---|---|---|\n")
	describeFields(b, "", k.Fields)
	b.WriteString("\n")
}

// describeFields describes the keys of a mapping, and of the mappings in it.
func describeFields(b *strings.Builder, below string, fields []KeyDoc) {
	for _, f := range fields {
		name := "`" + below + f.Name + "`"
		if f.Required {
			name += " (required)"
		}
		fmt.Fprintf(b, "| %s | %s | `%s` |\n", name, f.Description, f.Example)
		describeFields(b, below+f.Name+".", f.Fields)
	}
}

func TestReferenceFile(t *testing.T) { generated(t, referenceFile, []byte(reference(t))) }

// The examples of the reference are accepted where they are said to belong.
func TestExamplesOfKeys(t *testing.T) {
	top, settings := Keys()
	for _, k := range top {
		yaml := k.Example
		if k.Name == "profiles" {
			yaml += "\nimages: {server: {package: ./cmd/server}}"
		}
		accepted(t, yaml)
	}
	for _, k := range settings {
		if len(k.In) == 0 {
			t.Errorf("%s is allowed nowhere", k.Name)
		}
		for _, place := range k.In {
			accepted(t, in(place, k.Example))
		}
		for _, f := range k.Fields {
			accepted(t, in(k.In[0], nested(k, f)))
		}
	}
}

func in(place, example string) string {
	switch {
	case place == "defaults":
		return "defaults: {" + example + "}"
	case strings.HasPrefix(example, "package:"):
		return "images: {server: {" + example + "}}"
	default:
		return "images: {server: {package: ., " + example + "}}"
	}
}

// verifyBaseNeeds is what else is said beside each key of verifyBase.
var verifyBaseNeeds = map[string][]string{
	"log": {"key: base.pub"}, "identity": {"issuer: https://a.example"}, "identityRegexp": {"issuer: https://a.example"},
	"issuer": {"identity: a@b.c"}, "issuerRegexp": {"identity: a@b.c"},
}

// nested is one key of a mapping with what else the mapping needs.
func nested(k, f KeyDoc) string {
	needs := map[string][]string{
		"files": {"from: a", "to: /a"}, "user": {"name: app"}, "binaries": {"package: ."},
		"healthcheck": {"url: http://:80/"}, "sign": {"key: cosign.key"},
	}[k.Name]
	if k.Name == "verifyBase" {
		needs = verifyBaseNeeds[f.Name]
	}
	lines := []string{f.Example}
	for _, n := range needs {
		name, _, _ := strings.Cut(n, ":")
		if name != f.Name && (f.Name != "test" || name != "url") && f.Name != "keyless" {
			lines = append(lines, n)
		}
	}
	value := "{" + strings.Join(lines, ", ") + "}"
	switch k.Name {
	case "files":
		value = "[" + value + "]"
	case "binaries":
		value = "{x: " + value + "}"
	}
	return k.Name + ": " + value
}

func accepted(t *testing.T, yaml string) {
	t.Helper()
	if _, err := Parse([]byte(yaml), "f", "/dir"); err != nil {
		t.Errorf("%s: %s", yaml, err)
	}
	if judged, err := schemaError(t, yaml); !judged || err != nil {
		t.Errorf("%s: by the schema: %v", yaml, err)
	}
}
