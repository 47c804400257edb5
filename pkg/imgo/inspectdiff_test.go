package imgo

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/imgo-build/imgo/internal/registrytest"
	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/image"
)

// said are changes as people read them.
func said(changes []Change) []string {
	var out []string
	for i := range changes {
		c := &changes[i]
		if c.Old != nil {
			out = append(out, "- "+c.Field+" "+c.OldText())
		}
		if c.New != nil {
			out = append(out, "+ "+c.Field+" "+c.NewText())
		}
	}
	return out
}

// differences compares two artifacts.
func differences(t *testing.T, old, new image.Artifact, o CompareOptions) *Comparison {
	t.Helper()
	c := inspector(t)
	found, err := c.Compare(t.Context(), c.write(t, "old", old), c.write(t, "new", new), o)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestCompareTheSame(t *testing.T) {
	img := assemble(t, image.Parts{})
	found := differences(t, img, img, CompareOptions{Files: true})
	if !found.Same || len(found.Images) != 0 || found.Old.Digest == "" || found.Old.Digest != found.New.Digest {
		t.Errorf("%+v", found)
	}
	raw, err := json.Marshal(found)
	if err != nil || !strings.HasPrefix(string(raw), `{"same":true,"old":{"reference":"oci:old",`) || !strings.HasSuffix(string(raw), `"changes":[],"images":[]}`) {
		t.Errorf("%s, %v", raw, err)
	}
}

func TestCompareConfigs(t *testing.T) {
	digest := func(digit string) v1.Hash { return v1.Hash{Algorithm: "sha256", Hex: strings.Repeat(digit, 64)} }
	old := assemble(t, image.Parts{
		Base: baseImage(t, time.Unix(86400, 0)), BaseName: "docker.io/library/alpine:3.20", BaseDigest: digest("1"),
		Entrypoint: []string{"/app/x"}, Env: []string{"A=1", "B=1", "C=1"}, Labels: map[string]string{"l": "1", "m": "1"}, User: "1",
	})
	new := assemble(t, image.Parts{
		Base: baseImage(t, time.Unix(2*86400, 0)), BaseName: "docker.io/library/alpine:3.20", BaseDigest: digest("2"),
		Entrypoint: []string{"/app/x", "-v"}, Env: []string{"A=2", "C=1", "D="}, Labels: map[string]string{"l": "2", "n": "1"},
		Platform: v1.Platform{OS: "linux", Architecture: "arm64"}, StopSignal: "SIGINT", Created: time.Unix(1e9, 0),
	})
	found := differences(t, old, new, CompareOptions{})
	if found.Same || len(found.Changes) != 0 || len(found.Images) != 1 {
		t.Fatalf("%+v", found)
	}
	const key = "org.opencontainers.image.base.digest="
	want := []string{
		"- platform linux/amd64", "+ platform linux/arm64",
		"- created 1970-01-01T00:00:00Z", "+ created 2001-09-09T01:46:40Z",
		"- base docker.io/library/alpine:3.20@" + digest("1").String(), "+ base docker.io/library/alpine:3.20@" + digest("2").String(),
		"- user 1", "+ user 65534:65534", "+ args -v",
		"- env A=1", "+ env A=2", "- env B=1", "+ env D=", "+ stop signal SIGINT",
		"- label l=1", "+ label l=2", "- label m=1",
		"- label " + key + digest("1").String(), "+ label " + key + digest("2").String(), "+ label n=1",
		"- annotation " + key + digest("1").String(), "+ annotation " + key + digest("2").String(),
	}
	if diff := cmp.Diff(want, said(found.Images[0].Changes)); diff != "" {
		t.Error(diff)
	}
}

func TestCompareBases(t *testing.T) {
	program := layerOf(t, "imgo: /app/x from package m")
	old := assemble(t, image.Parts{Base: baseImage(t, time.Unix(86400, 0)), Layers: []image.Addition{program}})
	new := assemble(t, image.Parts{Base: baseImage(t, time.Unix(2*86400, 0)), Layers: []image.Addition{program}})
	found := differences(t, old, new, CompareOptions{}).Images[0]
	want := []string{"- base created 1970-01-02T00:00:00Z", "+ base created 1970-01-03T00:00:00Z"}
	if diff := cmp.Diff(want, said(found.Changes)); diff != "" {
		t.Error(diff)
	}
}

// paired says which layers stand beside each other.
func paired(layers []LayerComparison) string {
	var out []string
	for _, l := range layers {
		text := ""
		switch {
		case l.New == nil:
			text = "-" + l.Old.Digest
		case l.Old == nil:
			text = "+" + l.New.Digest
		case l.Same:
			text = l.Old.Digest
		default:
			text = l.Old.Digest + ">" + l.New.Digest
		}
		out = append(out, text)
	}
	return strings.Join(out, " ")
}

func TestMatchLayers(t *testing.T) {
	// A layer is written as KIND-HISTORY-DIGEST.
	layers := func(s string) []InspectedLayer {
		var out []InspectedLayer
		for f := range strings.FieldsSeq(s) {
			parts := strings.Split(f, "-")
			out = append(out, InspectedLayer{Kind: LayerKind(parts[0]), CreatedBy: parts[1], Digest: parts[2]})
		}
		return out
	}
	for _, c := range []struct {
		old, new, want string
		reordered      bool
	}{
		{"", "", "", false},
		{"b-x-1 p-x-2", "b-x-1 p-x-3", "1 2>3", false},
		{"b-x-1 p-x-2", "b-x-1 f-x-4 p-x-3", "1 +4 2>3", false},
		{"b-x-1 f-x-4 p-x-2", "p-x-3", "-1 -4 2>3", false},
		{"f-a-1 f-b-2", "f-b-3 f-a-4", "1>4 2>3", false},
		{"f-a-1 f-b-2", "f-b-2 f-a-1", "1 2", true},
		{"f-a-1 f-b-2", "f-c-3 f-b-2", "1>3 2", false},
		{"f-a-1 f-b-2", "f-c-3 f-d-4", "-1 -2 +3 +4", false},
		{"b-x-1 b-x-1", "b-x-1 b-x-2", "1 1>2", false},
		{"p-x-1", "f-x-1", "1", false},
	} {
		got, reordered := matchLayers(layers(c.old), layers(c.new))
		if paired(got) != c.want || reordered != c.reordered {
			t.Errorf("%s and %s: %s, reordered %t; want %s", c.old, c.new, paired(got), reordered, c.want)
		}
	}
}

func TestCompareBuildInfo(t *testing.T) {
	const next = `path	example.com/m/cmd/server
mod	example.com/m	v1.3.0	h1:aaa=
dep	example.com/a	v0.2.0	h1:bbb=
dep	example.com/c	v0.1.0	h1:ccc=
build	CGO_ENABLED=1
build	vcs.revision=abc
`
	img := func(version, modinfo, rest string) v1.Image {
		return assemble(t, image.Parts{Layers: []image.Addition{
			layerOf(t, "imgo: /app/probe from package m", regular("app/probe", goProgram("go1.25.1", ""), 0o755)),
			layerOf(t, "imgo: /app/server from package m", regular("app/server", goProgram(version, modinfo)+rest, 0o755)),
		}})
	}
	old, new := img("go1.25.1", modinfo, ""), img("go1.26.0", next, "")
	want := []string{
		"- go go1.25.1", "+ go go1.26.0",
		"- main module example.com/m v1.2.3", "+ main module example.com/m v1.3.0",
		"- setting CGO_ENABLED=0", "+ setting CGO_ENABLED=1",
		"- module example.com/a v0.1.0", "+ module example.com/a v0.2.0",
		"- module example.com/b v0.2.0 => example.com/fork v0.3.0",
		"+ module example.com/c v0.1.0",
	}
	check := func(what string, found *Comparison) {
		t.Helper()
		programs := found.Images[0].Programs
		if len(programs) != 1 || programs[0].Path != "/app/server" {
			t.Fatalf("%s: %+v", what, programs)
		}
		if diff := cmp.Diff(want, said(programs[0].Changes)); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	check("in files", differences(t, old, new, CompareOptions{}))
	if found := differences(t, old, img("go1.25.1", modinfo, "other code"), CompareOptions{}); len(found.Images[0].Programs) != 0 {
		t.Errorf("the same build info: %+v", found.Images[0].Programs)
	}

	// In a registry only if asked for, and never what both have.
	c := inspector(t)
	r := registrytest.New(t, registrytest.Options{})
	file, ref := c.write(t, "old", old), c.push(t, r, "x", new)
	for _, ask := range []bool{false, true} {
		r.Reset()
		found, err := c.Compare(t.Context(), file, ref, CompareOptions{BuildInfo: ask})
		if err != nil {
			t.Fatal(err)
		}
		if n := r.Counts()["GET blob"]; n != map[bool]int{false: 1, true: 2}[ask] {
			t.Errorf("asked %t: %d blobs were read", ask, n)
		}
		if ask {
			check("in a registry", found)
		} else if found.Images[0].Programs != nil {
			t.Errorf("unasked: %+v", found.Images[0].Programs)
		}
	}
}

func TestMatchPrograms(t *testing.T) {
	program := func(path, version string) InspectedProgram { return InspectedProgram{Path: path, GoVersion: version} }
	list := func(p ...InspectedProgram) []InspectedProgram { return p }
	for name, c := range map[string]struct {
		old, new []InspectedProgram
		want     string
	}{
		"nothing":       {nil, nil, ""},
		"the same":      {list(program("/a", "1")), list(program("/a", "1")), ""},
		"moved":         {list(program("/a", "1"), program("/x", "1")), list(program("/a", "1"), program("/b", "1")), "/b - path /x + path /b"},
		"other ones":    {list(program("/a", "1")), list(program("/b", "1"), program("/c", "1")), "/a - path /a - go 1, /b + path /b + go 1, /c + path /c + go 1"},
		"only new":      {nil, list(program("/b", "1")), "/b + path /b + go 1"},
		"other version": {list(program("/b", "1")), list(program("/b", "2")), "/b - go 1 + go 2"},
	} {
		var got []string
		for _, p := range matchPrograms(c.old, c.new) {
			got = append(got, p.Path+" "+strings.Join(said(p.Changes), " "))
		}
		if text := strings.Join(got, ", "); text != c.want {
			t.Errorf("%s: %s, want %s", name, text, c.want)
		}
	}
}

func TestComparePlatforms(t *testing.T) {
	x, y := layerOf(t, "imgo: /srv from x", regular("x", "1", 0o644)), layerOf(t, "imgo: /srv from x", regular("x", "2", 0o644))
	changed := assemble(t, image.Parts{Layers: []image.Addition{y}})
	extra := assemble(t, image.Parts{Platform: v1.Platform{OS: "linux", Architecture: "s390x"}})
	old := index(t, x)
	new := mutate.AppendManifests(old, mutate.IndexAddendum{Add: extra, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "s390x"}}})
	new = mutate.Annotations(new, map[string]string{"a": "b"}).(v1.ImageIndex)

	found := differences(t, old, new, CompareOptions{})
	var platforms []string
	for _, img := range found.Images {
		platforms = append(platforms, img.Platform)
		if !img.Same {
			t.Errorf("%s differs: %+v", img.Platform, img)
		}
	}
	if found.Same || len(found.Old.Only) != 0 || !cmp.Equal(found.New.Only, []string{"linux/s390x"}) || !cmp.Equal(platforms, []string{"linux/amd64", "linux/arm/v6"}) {
		t.Errorf("%+v", found)
	}
	if diff := cmp.Diff([]string{"+ annotation a=b"}, said(found.Changes)); diff != "" {
		t.Error(diff)
	}
	if found := differences(t, old, new, CompareOptions{Platforms: []string{"linux/amd64"}}); !found.Same || len(found.Images) != 1 {
		t.Errorf("of one platform: %+v", found)
	}

	// An index and an image.
	found = differences(t, old, changed, CompareOptions{})
	if len(found.Images) != 1 || found.Images[0].Same || !cmp.Equal(found.Old.Only, []string{"linux/arm/v6"}) || found.Changes[0].Field != "media type" {
		t.Errorf("%+v", found)
	}
	c := inspector(t)
	_, err := c.Compare(t.Context(), c.write(t, "old", old), c.write(t, "new", changed), CompareOptions{Platforms: []string{"linux/arm/v6"}})
	if _, ok := errors.AsType[*NoPlatformError](err); !ok || !strings.HasPrefix(err.Error(), "oci:new: there is no image for linux/arm/v6") {
		t.Errorf("%v", err)
	}
	_, err = c.Compare(t.Context(), c.write(t, "two", changed, extra), "oci:new", CompareOptions{})
	if _, ok := errors.AsType[*build.UsageError](err); !ok || !strings.Contains(err.Error(), "oci:two holds 2 images") {
		t.Errorf("%v", err)
	}
}

func TestCompareFiles(t *testing.T) {
	header := func(h tar.Header) entry { return entry{h, ""} }
	epoch := time.Unix(0, 0)
	shared := layerOf(t, "imgo: runtime layer", regular("etc/same", "x", 0o644))
	old := assemble(t, image.Parts{Layers: []image.Addition{shared,
		layerOf(t, "imgo: /a from a",
			regular("same", "x", 0o644), regular("content", "1", 0o644), regular("mode", "x", 0o644), regular("size", "x", 0o644),
			header(tar.Header{Name: "owner", Typeflag: tar.TypeReg, Uid: 1}), header(tar.Header{Name: "time", Typeflag: tar.TypeReg, ModTime: epoch}),
			header(tar.Header{Name: "link", Typeflag: tar.TypeSymlink, Linkname: "a"}), header(tar.Header{Name: "type", Typeflag: tar.TypeDir}),
			header(tar.Header{Name: "attributes", Typeflag: tar.TypeReg, PAXRecords: map[string]string{"SCHILY.xattr.a": "1"}}),
			regular("removed", "x", 0o600), regular("hidden", "x", 0o644)),
		layerOf(t, "imgo: /b from b", regular("hidden", "y", 0o644)),
	}})
	new := assemble(t, image.Parts{Layers: []image.Addition{shared,
		layerOf(t, "imgo: /a from a",
			regular("./same", "x", 0o644), regular("content", "2", 0o644), regular("mode", "x", 0o755), regular("size", "xx", 0o644),
			header(tar.Header{Name: "owner", Typeflag: tar.TypeReg, Uname: "root"}), header(tar.Header{Name: "time", Typeflag: tar.TypeReg, ModTime: time.Unix(1, 500), Format: tar.FormatPAX}),
			header(tar.Header{Name: "link", Typeflag: tar.TypeSymlink, Linkname: "b"}), regular("type", "", 0),
			header(tar.Header{Name: "attributes", Typeflag: tar.TypeReg}),
			regular("hidden", "y", 0o644)),
		layerOf(t, "imgo: /c from c", header(tar.Header{Name: "added", Typeflag: tar.TypeDir, Mode: 0o1777})),
	}})
	got := map[string][]string{}
	for _, f := range differences(t, old, new, CompareOptions{Files: true}).Images[0].Files {
		if !f.Old {
			got[f.Path] = append(got[f.Path], "is new")
		}
		if !f.New {
			got[f.Path] = append(got[f.Path], "is gone")
		}
		for _, c := range said(f.Changes) {
			if !strings.Contains(c, "sha256:") { // of which the first letters say enough
				got[f.Path] = append(got[f.Path], c)
			} else {
				text, _, _ := strings.Cut(c, " sha256:")
				got[f.Path] = append(got[f.Path], text)
			}
		}
	}
	want := map[string][]string{
		"/content":    {"- content", "+ content"},
		"/mode":       {"- mode 0644", "+ mode 0755"},
		"/size":       {"- size 1", "+ size 2", "- content", "+ content"},
		"/owner":      {"- owner 1:0", "+ owner 0:0", "+ owner names root:"},
		"/time":       {"- time 1970-01-01T00:00:00Z", "+ time 1970-01-01T00:00:01.0000005Z"},
		"/link":       {"- target a", "+ target b"},
		"/type":       {"- type directory", "+ type file", "+ size 0", "+ content"},
		"/attributes": {"- attributes"},
		"/removed":    {"is gone", "- type file", "- mode 0600", "- owner 0:0", "- size 1", "- content", "- time 1970-01-01T00:00:00Z"},
		"/added":      {"is new", "+ type directory", "+ mode 1777", "+ owner 0:0", "+ time 1970-01-01T00:00:00Z"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// The same files in another order, or compressed otherwise, are no files that differ.
func TestCompareLayersThatDifferInForm(t *testing.T) {
	a, b := regular("a", "x", 0o644), regular("b", "x", 0o644)
	plain := tarOf(t, a, b)
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	diffID, _, err := v1.SHA256(bytes.NewReader(plain))
	if err != nil {
		t.Fatal(err)
	}
	const history = "imgo: /srv from web"
	img := func(l image.Addition) v1.Image { return assemble(t, image.Parts{Layers: []image.Addition{l}}) }
	old := img(addition(history, plain))
	recompressed := img(image.Addition{History: history, Layer: gzipped{static.NewLayer(packed.Bytes(), types.OCILayer), diffID}})
	for name, c := range map[string]struct {
		new          v1.Image
		recompressed bool
	}{
		"order":       {img(layerOf(t, history, b, a)), false},
		"compression": {recompressed, true},
	} {
		found := differences(t, old, c.new, CompareOptions{Files: true}).Images[0]
		if found.Files == nil || len(found.Files) != 0 || found.Layers[0].Same || found.Layers[0].Recompressed() != c.recompressed {
			t.Errorf("%s: %+v", name, found)
		}
	}
}

// gzipped is a layer that knows its tar's digest.
type gzipped struct {
	v1.Layer
	diffID v1.Hash
}

func (l gzipped) DiffID() (v1.Hash, error) { return l.diffID, nil }

func TestTooManyFiles(t *testing.T) {
	table := fileTable{files: map[string]fileState{}, text: maxFileText - 3}
	if err := table.add(InspectedLayer{}, "/x", fileState{}); err != nil {
		t.Fatal(err)
	}
	err := table.add(InspectedLayer{Digest: "sha256:1"}, "/y", fileState{})
	if e, ok := errors.AsType[*LayerError](err); !ok || e.Digest != "sha256:1" {
		t.Errorf("%v", err)
	}
}
