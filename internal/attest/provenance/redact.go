package provenance

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

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
	switch name {
	case "CC", "CXX", "FC", "AR", "PKG_CONFIG", "PKG_CONFIG_PATH", "GO_EXTLINK_ENABLED":
		return true
	}
	return strings.HasPrefix(name, "CGO_")
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
type redaction struct {
	moduleDir string // where relative directories of go.mod begin in the repository
	configDir string // where those of the settings do
	omitted   []omission
}

func newRedaction(in Input) *redaction {
	r := &redaction{}
	if in.Source != nil {
		r.moduleDir, r.configDir = in.Source.Path, in.Source.ConfigPath
	}
	for _, o := range in.Untold {
		r.omit(o.What, o.Why)
	}
	return r
}

func (r *redaction) omit(what, why string) { r.omitted = append(r.omitted, omission{what, why}) }

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

// base returns a base as it was asked for, unless that is a path that only the machine has.
func (r *redaction) base(what string, b Base) string {
	local := b.Material.Name == "" && b.Material.URI == ""
	if local && b.Ref != "" && !r.tells(r.configDir, strings.TrimPrefix(b.Ref, "oci:")) {
		r.omit(what, pathOfMachine)
		return ""
	}
	return withoutUser(b.Ref)
}

// tells says whether a path that begins somewhere in the repository stays in it.
func (r *redaction) tells(begin, p string) bool {
	if isLocalPath(p) {
		return false
	}
	p = path.Join(begin, strings.ReplaceAll(p, `\`, "/"))
	return p != ".." && !strings.HasPrefix(p, "../")
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

// isLocalPath says whether a path leads to a place of the machine, from wherever.
func isLocalPath(p string) bool {
	p = strings.ReplaceAll(p, `\`, "/")
	return path.IsAbs(p) || len(p) > 1 && p[1] == ':'
}
