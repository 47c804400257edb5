package provenance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/imgo-build/imgo/internal/goflag"
	"github.com/imgo-build/imgo/internal/secrets"
)

// Reasons for leaving something out, beside the kinds of secrets.
const (
	pathOfMachine = "a path of the machine"
	notListed     = "its value could be a secret or a path of the machine"
)

// AllowedEnv says whether the value of a variable of the go command's is told: those
// that decide what is compiled, and never those that say from where (GOPROXY,
// GOPRIVATE, GOAUTH) or by which programs.
func AllowedEnv(name string) bool {
	switch name {
	case "GOOS", "GOARCH", "GO386", "GOAMD64", "GOARM", "GOARM64", "GOMIPS", "GOMIPS64", "GOPPC64", "GORISCV64", "GOWASM",
		"CGO_ENABLED", "GO111MODULE", "GOEXPERIMENT", "GOFIPS140", "GOFLAGS", "GOTOOLCHAIN", "GOWORK":
		return true
	}
	return false
}

// matters says whether a variable that is not told has an influence on the binary, so
// that a rebuild without it may differ.
func matters(name string) bool {
	return name == "CC" || name == "CXX" || strings.HasPrefix(name, "CGO_")
}

// SecretError is something that looks like a secret, in a place where nothing can be
// left out.
type SecretError struct {
	Where string // the field of the statement
	Rule  string // the kind of secret
}

func (e *SecretError) Error() string {
	return fmt.Sprintf("writing the provenance: %s looks like a secret (%s)", e.Where, e.Rule)
}

// redaction leaves out what must not be told, and remembers that.
type redaction struct{ omitted []omission }

func (r *redaction) omit(what, why string) { r.omitted = append(r.omitted, omission{what, why}) }

// flags returns flags for a tool of Go's, or none where one of them holds a secret:
// the rest would not repeat the build.
func (r *redaction) flags(what string, list []string) []string {
	for _, value := range list {
		if rule := inFlags(value); rule != "" {
			r.omit(what, rule)
			return nil
		}
	}
	return list
}

// inFlags is the kind of secret in a list of flags. What "-X" sets is held against
// the name of the variable too.
func inFlags(value string) string {
	if f, found := secrets.InValue("", value); found {
		return f.Rule
	}
	words, err := goflag.Split(value)
	if err != nil {
		return ""
	}
	for i, word := range words {
		word = strings.TrimPrefix(word, "-") // --X is -X
		set, ok := strings.CutPrefix(word, "-X=")
		if !ok {
			set, ok = strings.CutPrefix(word, "X=")
		}
		if !ok && (word == "X" || word == "-X") && i+1 < len(words) {
			set = words[i+1]
		}
		name, v, _ := strings.Cut(set, "=")
		if f, found := secrets.InValue(name, v); found {
			return f.Rule
		}
	}
	return ""
}

// inVariable is the kind of secret in a variable of the go command's. GOFLAGS holds
// flags that hold flags.
func inVariable(name, value string) string {
	rule := inFlags(value)
	words, err := goflag.Split(value)
	if name != "GOFLAGS" || err != nil {
		return rule
	}
	for _, word := range words {
		for _, flag := range []string{"-ldflags=", "--ldflags="} {
			if nested, ok := strings.CutPrefix(word, flag); ok && rule == "" {
				rule = inFlags(nested)
			}
		}
	}
	return rule
}

// env returns the variables that may be told.
func (r *redaction) env(what string, env map[string]string) map[string]string {
	out := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		value := env[name]
		rule := inVariable(name, value)
		switch {
		case !AllowedEnv(name):
			if matters(name) {
				r.omit(what+"."+name, notListed)
			}
		case rule != "":
			r.omit(what+"."+name, rule)
		case name == "GOWORK" && value != "off" && value != "":
			r.omit(what+"."+name, pathOfMachine)
		default:
			out[name] = value
		}
	}
	return out
}

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
	r.prune(what, out)
	return out, nil
}

func (r *redaction) prune(what string, m map[string]any) {
	for key, v := range m {
		where := what + "." + key
		if inner, ok := v.(map[string]any); ok {
			r.prune(where, inner)
		} else if rule := inAny(key, v); rule != "" {
			r.omit(where, rule)
			delete(m, key)
		}
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
	case map[string]any: // in a list
		for _, k := range slices.Sorted(maps.Keys(v)) {
			if rule := inAny(k, v[k]); rule != "" {
				return rule
			}
		}
	}
	return ""
}

// anySecret looks at all texts of a document, keys included, by their shape.
func anySecret(where string, v any) error {
	switch v := v.(type) {
	case string:
		if f, found := secrets.InValue("", v); found {
			return &SecretError{Where: where, Rule: f.Rule}
		}
	case []any:
		for i, e := range v {
			if err := anySecret(fmt.Sprintf("%s[%d]", where, i), e); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if f, found := secrets.InValue("", key); found {
				return &SecretError{Where: "a name in " + where, Rule: f.Rule}
			}
			if err := anySecret(strings.TrimPrefix(where+"."+key, "."), v[key]); err != nil {
				return err
			}
		}
	}
	return nil
}

// isLocalPath says whether a path leads somewhere on the machine, and not to a place
// that is known from where the main module is.
func isLocalPath(p string) bool {
	p = strings.ReplaceAll(p, `\`, "/")
	return path.IsAbs(p) || len(p) > 1 && p[1] == ':'
}
