package provenance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/imgo-build/imgo/internal/secrets"
)

// config returns settings without those that hold secrets. Of a list with one nothing
// is left, and the setting is missing.
func (r *redaction) config(what string, config map[string]any) (map[string]any, error) {
	raw, err := json.Marshal(config)
	if err != nil {
		return nil, fmt.Errorf("the image's settings: %w", err)
	}
	if lossy(raw) {
		return nil, errors.New("the image's settings: there is a text in them that is not in UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var out map[string]any
	if err := dec.Decode(&out); err != nil {
		return nil, fmt.Errorf("the image's settings: %w", err)
	}
	r.files(what, out)
	r.prune(what, out)
	return out, nil
}

func (r *redaction) prune(what string, m map[string]any) {
	for key, v := range m {
		where := what + "." + key
		inner, mapping := v.(map[string]any)
		if mapping && key == "binaries" { // their names promise nothing of what is built
			r.binaries(where, inner)
		} else if mapping && key != "healthcheck" { // half a check would be none
			r.prune(where, inner)
		} else if rule := inAny(key, v); rule != "" {
			r.omit(where, rule)
			delete(m, key)
		}
	}
}

func (r *redaction) binaries(what string, m map[string]any) {
	for name, v := range m {
		if rule := inAny("", v); rule != "" {
			r.omit(what+"."+name, rule)
			delete(m, name)
		}
	}
}

// files leaves out groups of files that don't come from the repository.
func (r *redaction) files(what string, config map[string]any) {
	list, ok := config["files"].([]any)
	if !ok {
		return
	}
	kept := []any{}
	for i, group := range list {
		m, _ := group.(map[string]any)
		if from, ok := m["from"].(string); ok && !r.tells(r.configDir, from) {
			r.omit(fmt.Sprintf("%s.files[%d]", what, i), pathOfMachine)
			continue
		}
		kept = append(kept, group)
	}
	if config["files"] = kept; len(kept) == 0 {
		delete(config, "files")
	}
}

// inAny is the kind of secret in a value, or in any of a list.
func inAny(key string, v any) string {
	switch v := v.(type) {
	case string:
		if f, found := secrets.InValue(key, v); found {
			return f.Rule
		}
	case []any:
		for _, e := range v {
			if rule := inAny(key, e); rule != "" {
				return rule
			}
		}
		return inWords(v)
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			if rule := inAny(k, v[k]); rule != "" {
				return rule
			}
		}
	}
	return ""
}

// inWords is the kind of secret in a command line: NAME=VALUE, or a flag and its value in
// the next word, where the name says what the value is.
func inWords(list []any) string {
	for i, e := range list {
		word, _ := e.(string)
		name, value, ok := strings.Cut(word, "=")
		if !ok && strings.HasPrefix(word, "-") && i+1 < len(list) {
			if next, _ := list[i+1].(string); !strings.HasPrefix(next, "-") {
				value = next
			}
		}
		if rule := byName(strings.TrimLeft(name, "-"), value); rule != "" {
			return rule
		}
	}
	return ""
}

// byName is the kind of secret that a value is by its name, or by its own shape. Names are
// those of variables and flags, in which a word begins with an upper-case letter too. What
// the name promises is believed even of a value that could be a common word: what is left
// out here costs nothing but a line in a document.
func byName(name, value string) string {
	if f, found := secrets.InValue(name, value); found {
		return f.Rule
	}
	const literal = "Qz7rT90xLw" // is a secret wherever one is expected
	promise, promised := secrets.InValue(inWordsOf(name), literal)
	_, real := secrets.InValue("PASSWORD", value) // no reference to one, and no placeholder
	number := len(value) < 8 && strings.Trim(value, "0123456789") == ""
	if !promised || !real || number && promise.Rule != "password" {
		return ""
	}
	return promise.Rule
}

// inWordsOf sets the words of a name apart: "dbPass" is "_db_Pass".
func inWordsOf(name string) string {
	upper := func(i int) bool { return i < len(name) && name[i] >= 'A' && name[i] <= 'Z' }
	lower := func(i int) bool { return i < len(name) && name[i] >= 'a' && name[i] <= 'z' }
	var out strings.Builder
	out.WriteByte('_')
	for i := range len(name) {
		digit := i > 0 && name[i-1] >= '0' && name[i-1] <= '9'
		if i > 0 && upper(i) && (lower(i-1) || digit || upper(i-1) && lower(i+1)) {
			out.WriteByte('_')
		}
		out.WriteByte(name[i])
	}
	return out.String()
}
