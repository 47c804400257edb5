package configfile

import (
	"bytes"
	"encoding/json"
	"strings"
)

// Schema returns the JSON schema (draft 2020-12) of a configuration file, for editors.
// It accepts every file that [Parse] accepts. The few things that only code can check,
// such as the order of a range's ends, it lets through.
func Schema() []byte {
	s := documentObject().schema()
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["title"] = "imgo configuration"
	s["description"] = "What imgo builds and how: .imgo.yaml. Everything is optional."
	defs := schema{}
	for _, f := range settingKeys() {
		defs[f.name] = described(f.schema(), f.doc)
	}
	s["$defs"] = defs
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(s); err != nil {
		panic(err) // maps, lists and texts of this package
	}
	return b.Bytes()
}

// KeyDoc describes one key.
type KeyDoc struct {
	Name        string
	Description string   // whole sentences, Markdown
	Example     string   // YAML, with the key
	Want        string   // what its value is: "a list of ports"
	Required    bool     // where it is allowed
	In          []string // where it is allowed: "defaults", "an image"; empty for keys at the top and in a mapping of one key
	Fields      []KeyDoc // keys of the value, where it is a mapping
}

// Keys returns the keys of a file, in the order in which they are best explained: first
// those at the top, without the keys below them, then those of defaults and images.
func Keys() (top, settings []KeyDoc) {
	top = keyDocs(documentObject().fields)
	for i := range top {
		top[i].Fields = nil
	}
	return top, keyDocs(settingKeys())
}

func keyDocs[S any](fields []field[S]) []KeyDoc {
	var out []KeyDoc
	for _, f := range fields {
		k := KeyDoc{Name: f.name, Description: f.doc, Example: f.example, Want: f.want, Required: f.required}
		if f.place&inDefaults != 0 {
			k.In = append(k.In, "defaults")
		}
		if f.place&inImage != 0 {
			k.In = append(k.In, "an image")
		}
		if f.fields != nil {
			k.Fields = f.fields()
		}
		out = append(out, k)
	}
	return out
}

// plainText removes the marks of code.
func plainText(markdown string) string { return strings.ReplaceAll(markdown, "`", "") }
