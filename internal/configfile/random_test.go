package configfile

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// generator writes random documents with the keys of the table. Values are those of the
// examples, each with any key, and some that are wrong nearly everywhere.
type generator struct {
	*rand.Rand
	settings, top []KeyDoc
	values        []string
}

func newGenerator(seed uint64) *generator {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 1))}
	g.top, g.settings = Keys()
	g.values = []string{
		`null`, `true`, `false`, `0`, `1`, `1000`, `-3`, `70000`, `1.5`, `""`, `" "`, `[]`, `{}`, `[[]]`, `{a: b}`, `{a: [b]}`,
		`[null]`, `[1, a, true]`, `["a\nb"]`, `["a\0b"]`, `"{{.X}}"`, `/`, `/a/b/`, `/a//b`, `a b`, `a=b`, `A`, `x.go`, `./...`,
		`1.10`, `ghcr.io/acme/server:v1`, `me@host`, `12:13`, `30`, `5 s`, `1h2m3s`, `SIGKILL`, `sigkill`, `none`, `all`, `[all]`, `oci`,
		`tcp://:1`, `tcp://x`, `http://x:y@z/`, `[CMD]`, `[CMD-SHELL, a]`, `"80/tcp"`, `80/xyz`, `"0755"`, `"999"`, `linux/arm`, `linux/arm/v8`,
		`[spdx]`, `spdx-json`, `[none]`, `cosign.pub`, `/k`, `env://K`, `keyless`, `{keyless: true, log: false}`, `{key: k, keyless: true}`, `{key: k, log: false}`,
	}
	var collect func([]KeyDoc)
	collect = func(keys []KeyDoc) {
		for _, k := range keys {
			_, value, _ := strings.Cut(k.Example, ": ")
			g.values = append(g.values, value)
			collect(k.Fields)
		}
	}
	collect(g.settings)
	return g
}

func (g *generator) one(of ...string) string { return of[g.IntN(len(of))] }

func (g *generator) chance(percent int) bool { return g.IntN(100) < percent }

// document is a mapping whose values fit their keys in so many of a hundred cases.
func (g *generator) document(fitting int) string {
	image := func() string { return g.mapping(g.settings, "an image", fitting) }
	var out []string
	if g.chance(20) {
		out = append(out, "version: "+g.one("1", "1", "1", "2", `"1"`))
	}
	if g.chance(60) {
		out = append(out, "defaults: "+g.mapping(g.settings, "defaults", fitting))
	}
	out = append(out, fmt.Sprintf("images: {%s: %s}", g.one("server", "server", "server", "a_b", "A"), image()))
	if g.chance(30) {
		// Whether an image exists that a profile changes is not for a schema to say.
		out = append(out, fmt.Sprintf("profiles: {dev: {defaults: %s, images: {new: %s}}}",
			g.mapping(g.settings, "defaults", fitting), image()))
	}
	if g.chance(5) {
		out = append(out, g.one("x-any: [{a: 1}]", "zzz: 1", "package: ./x"))
	}
	return strings.Join(out, "\n") + "\n"
}

// mapping has a random choice of keys, all that are required, and rarely another one.
func (g *generator) mapping(keys []KeyDoc, place string, fitting int) string {
	var out []string
	for _, k := range keys {
		allowed := place == "" || strings.Contains(strings.Join(k.In, ","), place)
		switch {
		case k.Required && allowed && (k.Name == "package" && place != "" || g.chance(fitting)):
		case !allowed && g.chance((100-fitting)/20):
		case !allowed || !g.chance(15):
			continue
		}
		out = append(out, k.Name+": "+g.value(k, fitting))
	}
	if g.chance((100 - fitting) / 10) {
		out = append(out, "frobnicate: 1")
	}
	return "{" + strings.Join(out, ", ") + "}"
}

func (g *generator) value(k KeyDoc, fitting int) string {
	_, example, _ := strings.Cut(k.Example, ": ")
	switch {
	case len(k.Fields) > 0 && g.chance(50):
		fields := g.mapping(k.Fields, "", fitting)
		switch k.Name {
		case "files", "trust":
			return "[" + fields + "]"
		case "binaries":
			return "{name: " + fields + "}"
		}
		return fields
	case g.chance(fitting):
		return example
	case k.Name == "mode": // whether a number is octal is not for a schema to say
		return g.one(`"0644"`, `"9"`, `u+x`, `[]`, `null`, `0644`)
	default:
		return g.values[g.IntN(len(g.values))]
	}
}

func TestSchemaAndDecoderAgreeOnRandomDocuments(t *testing.T) {
	accepted, refused := 0, 0
	for seed := range uint64(510) {
		g := newGenerator(seed)
		yaml := g.document([]int{100, 97, 60}[seed%3])
		_, err := Parse([]byte(yaml), "f", "/dir")
		judged, schemaErr := schemaError(t, yaml)
		if !judged {
			t.Fatalf("not YAML:\n%s%v", yaml, err)
		}
		if (err == nil) != (schemaErr == nil) {
			t.Errorf("seed %d:\n%s\ndecoder: %v\nschema: %v", seed, yaml, err, schemaErr)
		}
		if err == nil {
			accepted++
		} else {
			refused++
		}
	}
	if accepted < 130 || refused < 130 {
		t.Errorf("%d accepted and %d refused: the documents say too little", accepted, refused)
	}
}
