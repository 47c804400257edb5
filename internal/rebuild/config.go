package rebuild

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// taken are the settings of an image that the configuration gets as the provenance has
// them. They are the configuration's own words, and judged where it is read.
var taken = []string{
	"user", "workdir", "binaryPath", "ports", "volumes", "args", "cmd", "stopSignal", "healthcheck", "mediaTypes", "compression", "files",
}

// setConfig takes the settings from the provenance, and values from the image. What it
// doesn't know would be lost, and what does more than describe an image is none of a
// provenance's business: both are refused.
func (r *Recipe) setConfig() error {
	config := r.parsed.Config
	for _, key := range sortedKeys(config) {
		if !slices.Contains(append([]string{"name", "env", "labels", "annotations", "binaries"}, taken...), key) {
			return refuse("config."+key, "this imgo doesn't know such a setting")
		}
	}
	if name, ok := config["name"].(string); ok && name != "" {
		r.name = name
	}
	// What a package alone is called need not be a name that a configuration may give.
	r.named = imageName.MatchString(r.name) && len(r.name) <= 128
	for _, key := range taken {
		if v, ok := config[key]; ok && v != nil {
			r.settings = append(r.settings, entry{key, v})
		}
	}
	if err := r.setBinaries(config["binaries"]); err != nil {
		return err
	}
	r.setValues("env", func(i *Image) map[string]string {
		out := map[string]string{}
		for _, kv := range i.Env {
			key, value, _ := strings.Cut(kv, "=")
			out[key] = value
		}
		return out
	})
	r.setValues("labels", func(i *Image) map[string]string { return i.Labels })
	// Docker's media types have no annotations: there they are labels.
	r.setValues("annotations", func(i *Image) map[string]string {
		out := maps.Clone(i.Labels)
		if out == nil {
			out = map[string]string{}
		}
		maps.Copy(out, i.Annotations)
		return out
	})
	return nil
}

// setBinaries takes further binaries in the order in which the image has them: a mapping
// of JSON has none. What they are called there need not be a name that a configuration can
// have; it means nothing beside the path.
func (r *Recipe) setBinaries(v any) error {
	if v == nil {
		return nil
	}
	binaries, ok := v.(map[string]any)
	if !ok {
		return refuse("config.binaries", "it is no mapping")
	}
	if !r.named {
		return refuse("config.binaries", "an image named %q can't have more than one binary", r.name)
	}
	var out []entry
	for _, name := range sortedKeys(binaries) {
		b, ok := binaries[name].(map[string]any)
		if _, hasPath := b["path"].(string); !ok || !hasPath {
			return refuse("config.binaries", "%q has no path", name)
		}
		out = append(out, entry{name, b})
	}
	place := func(e entry) int {
		return slices.Index(r.artifact.Images[0].Programs, e.value.(map[string]any)["path"].(string))
	}
	slices.SortStableFunc(out, func(a, b entry) int { return cmp.Compare(place(a), place(b)) })
	for i := range out {
		out[i].key = fmt.Sprintf("binary%d", i+1)
	}
	r.settings = append(r.settings, entry{"binaries", out})
	return nil
}

// setValues takes values from the images, for the keys that the provenance lists.
func (r *Recipe) setValues(what string, of func(*Image) map[string]string) {
	var out []entry
	for _, key := range keys(r.parsed.Config[what]) {
		var values []string
		for i := range r.artifact.Images {
			if v, ok := of(&r.artifact.Images[i])[key]; ok {
				values = append(values, v)
			}
		}
		if len(values) != len(r.artifact.Images) {
			r.addNote("config.%s names %s, which the image does not have", what, key)
			continue
		}
		text, ok := r.template(values)
		if !ok {
			r.addNote("config.%s: %s differs from platform to platform in a way that can't be repeated", what, key)
		}
		out = append(out, entry{key, text})
	}
	if len(out) > 0 {
		r.settings = append(r.settings, entry{what, out})
	}
}

// template is the text that comes to the value that each of the images has. Where they
// differ, the only reason that is known is the name of the platform in it.
func (r *Recipe) template(values []string) (text string, ok bool) {
	same := func(f func(i int) string) bool {
		for i := range values {
			if f(i) != f(0) {
				return false
			}
		}
		return true
	}
	if same(func(i int) string { return values[i] }) {
		return literal(values[0]), true
	}
	named := func(i int) string {
		parts := strings.Split(values[i], r.artifact.Images[i].Platform)
		for n, part := range parts {
			text, brace := strings.CutSuffix(literal(part), "{")
			if brace && n < len(parts)-1 {
				text += `{{"{"}}` // a brace before a template would belong to it
			} else if brace {
				text += "{"
			}
			parts[n] = text
		}
		return strings.Join(parts, "{{.Platform}}")
	}
	if same(named) {
		return named(0), true
	}
	return literal(values[0]), false
}

// literal is a text that stands for itself where templates are expanded.
func literal(s string) string { return strings.ReplaceAll(s, "{{", `{{"{{"}}`) }

// config writes the configuration for a package, and says what to build by it.
func (r *Recipe) config(pkg string) (text, arg string) {
	settings := slices.Concat(
		r.settings, r.goSettings(), r.bases(),
		[]entry{
			{"platforms", r.Platforms()}, {"sbom", "none"},
			// The image is there already, and this one goes nowhere: what looks like a secret
			// in it is no reason not to look.
			{"allowSecrets", r.allowed()},
		},
	)
	var b strings.Builder
	if !r.named {
		write(&b, []entry{{"defaults", settings}})
		return b.String() + "\n", r.parsed.Package
	}
	write(&b, []entry{{"images", []entry{{r.name, append([]entry{{"package", pkg}}, settings...)}}}})
	return b.String() + "\n", r.name
}

// allowed lists everything by the names under which it can be allowed.
func (r *Recipe) allowed() []string {
	out := []string{"args", "cmd", "healthcheck", "ldflags", "**"}
	for _, what := range []string{"env", "labels", "annotations"} {
		for _, key := range keys(r.parsed.Config[what]) {
			if !slices.Contains(out, key) {
				out = append(out, key)
			}
		}
	}
	return out
}

// bases are the bases with the digests that they had.
func (r *Recipe) bases() []entry {
	var byPlatform []entry
	for _, b := range r.parsed.Bases {
		ref, digest := b.Ref, b.Material.Digest["sha256"]
		// The name is the whole one, with the tag, which the image tells too. Without a name
		// it is a file of the commit's, see checkBases and localBases.
		if name := b.Material.Name; name != "" {
			if ref = name; !strings.Contains(name, "@") {
				ref += "@sha256:" + digest
			}
		}
		if b.Platform == "" {
			return []entry{{"base", ref}}
		}
		if slices.Contains(r.Platforms(), b.Platform) {
			byPlatform = append(byPlatform, entry{b.Platform, ref})
		}
	}
	if len(byPlatform) == 0 {
		return nil
	}
	same := func(e entry) bool { return e.value == byPlatform[0].value }
	if len(byPlatform) == len(r.Platforms()) && !slices.ContainsFunc(byPlatform, func(e entry) bool { return !same(e) }) {
		return []entry{{"base", byPlatform[0].value}}
	}
	return []entry{{"base", byPlatform}}
}

// entry is a key of a mapping whose order matters.
type entry struct {
	key   string
	value any
}

// write writes a value as YAML in the form of JSON, on one line. Texts are quoted so that
// YAML, whose escapes are Go's for all that is valid UTF-8, reads them as they are.
func write(b *strings.Builder, v any) {
	switch v := v.(type) {
	case string:
		b.WriteString(strconv.QuoteToASCII(strings.ToValidUTF8(v, "\ufffd")))
	case bool, json.Number:
		fmt.Fprint(b, v)
	case []string:
		list(b, '[', ']', len(v), func(i int) { write(b, v[i]) })
	case []any:
		list(b, '[', ']', len(v), func(i int) { write(b, v[i]) })
	case []entry:
		list(b, '{', '}', len(v), func(i int) {
			write(b, v[i].key)
			b.WriteString(": ")
			write(b, v[i].value)
		})
	case map[string]any:
		var entries []entry
		for _, key := range sortedKeys(v) {
			entries = append(entries, entry{key, v[key]})
		}
		write(b, entries)
	default:
		b.WriteString("null")
	}
}

func list(b *strings.Builder, begin, end byte, n int, each func(i int)) {
	b.WriteByte(begin)
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		each(i)
	}
	b.WriteByte(end)
}
