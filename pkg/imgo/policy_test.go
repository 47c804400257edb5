package imgo

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"encoding/binary"
	"encoding/json"
	"errors"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/internal/attest"
	"github.com/imgo-build/imgo/internal/attest/provenance"
	"github.com/imgo-build/imgo/internal/attest/sbom"
	"github.com/imgo-build/imgo/internal/attest/wire"
	"github.com/imgo-build/imgo/internal/policy"
	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/image"
	"github.com/imgo-build/imgo/pkg/publish"
)

// elfProgram is the beginning of a program with some program headers, and a little more.
func elfProgram(order binary.ByteOrder, class elf.Class, types ...elf.ProgType) string {
	var b bytes.Buffer
	data := elf.ELFDATA2LSB
	if order == binary.BigEndian {
		data = elf.ELFDATA2MSB
	}
	ident := elf.ELFMAG + string([]byte{byte(class), byte(data), byte(elf.EV_CURRENT)})
	write := func(v any) {
		if err := binary.Write(&b, order, v); err != nil {
			panic(err)
		}
	}
	if class == elf.ELFCLASS32 {
		h := elf.Header32{Phoff: 52, Phentsize: 32, Phnum: uint16(len(types))}
		copy(h.Ident[:], ident)
		write(h)
		for _, t := range types {
			write(elf.Prog32{Type: uint32(t)})
		}
	} else {
		h := elf.Header64{Phoff: 64, Phentsize: 56, Phnum: uint16(len(types))}
		copy(h.Ident[:], ident)
		write(h)
		for _, t := range types {
			write(elf.Prog64{Type: uint32(t)})
		}
	}
	return b.String() + "and more"
}

var (
	staticProgram  = elfProgram(binary.LittleEndian, elf.ELFCLASS64, elf.PT_LOAD, elf.PT_DYNAMIC)
	dynamicProgram = elfProgram(binary.LittleEndian, elf.ELFCLASS64, elf.PT_LOAD, elf.PT_INTERP)
)

func TestLinkage(t *testing.T) {
	for name, c := range map[string]struct {
		content string
		want    linkage
	}{
		"static":          {staticProgram, linkedStatically},
		"dynamic":         {dynamicProgram, linkedDynamically},
		"32 bits":         {elfProgram(binary.LittleEndian, elf.ELFCLASS32, elf.PT_LOAD), linkedStatically},
		"32 bits dynamic": {elfProgram(binary.LittleEndian, elf.ELFCLASS32, elf.PT_LOAD, elf.PT_INTERP), linkedDynamically},
		"big endian":      {elfProgram(binary.BigEndian, elf.ELFCLASS64, elf.PT_INTERP), linkedDynamically},
		"both":            {elfProgram(binary.BigEndian, elf.ELFCLASS32, elf.PT_LOAD, elf.PT_INTERP), linkedDynamically},
		"of Go":           {goProgram("go1.25", ""), linkedStatically},
		"without headers": {elfProgram(binary.LittleEndian, elf.ELFCLASS64), unknownLinkage},
		"cut off":         {dynamicProgram[:100], unknownLinkage},
		"no class":        {elfProgram(binary.LittleEndian, elf.ELFCLASSNONE, elf.PT_LOAD), unknownLinkage},
		"a script":        {"#!/bin/sh\n" + strings.Repeat("x", 100), unknownLinkage},
		"empty":           {"", unknownLinkage},
	} {
		if got := linkageOf(strings.NewReader(c.content)); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

func FuzzLinkage(f *testing.F) {
	f.Add([]byte(staticProgram))
	f.Add([]byte(dynamicProgram))
	f.Add([]byte(elfProgram(binary.BigEndian, elf.ELFCLASS32, elf.PT_INTERP)))
	f.Fuzz(func(t *testing.T, content []byte) {
		if linkageOf(bytes.NewReader(content)) != unknownLinkage && !strings.HasPrefix(string(content), elf.ELFMAG) {
			t.Error("it is no program")
		}
	})
}

// holding is an image to be held to a policy.
func (c *Client) holding(t *testing.T, img v1.Image) *held {
	t.Helper()
	seen, err := inspectImage(img)
	if err != nil {
		t.Fatal(err)
	}
	return &held{client: c, subject: &subject{archive: &publish.Archive{}}, image: img, seen: seen}
}

func program(t *testing.T, path, content string) image.Addition {
	t.Helper()
	return layerOf(t, "imgo: /"+path+" from package example.com/m/cmd/x", regular(path, content, 0o755))
}

func TestFactsThatLayersTell(t *testing.T) {
	yes, no := true, false
	uid := func(n int64) *int64 { return &n }
	link := entry{tar.Header{Name: "usr/bin/server", Linkname: "../../opt/server", Typeflag: tar.TypeSymlink, Mode: 0o777}, ""}
	account := func(lines string) image.Addition {
		return layerOf(t, "ADD rootfs", regular("etc/passwd", lines, 0o644), regular("opt/server", dynamicProgram, 0o755), link, regular("bin/script", "#!/bin/sh\n", 0o755))
	}
	const passwd = "root:x:0:0::/:/sh\napp:x:1000:1000::/:/sh\nadmin:x:0:0::/:/sh\nodd:x:zero:0::/:/sh\nodd:x:7:7::/:/sh\n"
	other := func(user string, command ...string) image.Parts {
		return image.Parts{Layers: []image.Addition{account(passwd)}, User: user, Entrypoint: command}
	}
	for name, c := range map[string]struct {
		parts  image.Parts
		static *bool
		uid    *int64
	}{
		"of imgo":           {image.Parts{User: "1:1", Layers: []image.Addition{program(t, "app/x", staticProgram)}, Entrypoint: []string{"/app/x"}}, &yes, nil},
		"two binaries":      {image.Parts{User: "1:1", Layers: []image.Addition{program(t, "app/y", dynamicProgram), program(t, "app/x", staticProgram)}, Entrypoint: []string{"/app/x"}}, &no, nil},
		"one is strange":    {image.Parts{User: "1:1", Layers: []image.Addition{program(t, "app/y", "#!/bin/sh"), program(t, "app/x", staticProgram)}, Entrypoint: []string{"/app/x"}}, nil, nil},
		"hidden by a layer": {image.Parts{User: "1:1", Layers: []image.Addition{program(t, "app/x", staticProgram), layerOf(t, "ADD x", regular("app/x", dynamicProgram, 0o755))}, Entrypoint: []string{"/app/x"}}, &no, nil},
		"hidden by a link": {image.Parts{User: "1:1", Layers: []image.Addition{account(""), program(t, "app/x", staticProgram), layerOf(t, "imgo: /app/x from package a/b",
			entry{tar.Header{Name: "app/x", Linkname: "../opt/server", Typeflag: tar.TypeSymlink, Mode: 0o777}, ""})}, Entrypoint: []string{"/app/x"}}, &no, nil},
		"starts another":      {image.Parts{User: "1:1", Layers: []image.Addition{account(""), program(t, "app/x", staticProgram)}, Entrypoint: []string{"/opt/server"}}, &no, nil},
		"by PATH and link":    {other("app", "server", "--flag"), &no, uid(1000)},
		"relative":            {image.Parts{Layers: []image.Addition{account(passwd)}, User: "admin:x", WorkingDir: "/opt", Cmd: []string{"./server"}}, &no, uid(0)},
		"a script":            {other("odd", "/bin/script"), nil, nil},
		"nothing":             {other("nobody"), nil, nil},
		"a missing program":   {other("1000", "/bin/missing"), nil, nil},
		"only upper passwd":   {image.Parts{User: "app", Layers: []image.Addition{account(passwd), layerOf(t, "imgo: user app", regular("etc/passwd", "app:x:0:5::/:\n", 0o644))}}, nil, uid(0)},
		"a number is numeric": {other("1000", "/opt/server"), &no, nil},
	} {
		h := inspector(t).holding(t, assemble(t, c.parts))
		f := h.facts()
		if err := h.look(t.Context(), &policy.Policy{NonRoot: true, Static: true}, &f, nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff([]any{c.static, c.uid}, []any{f.Static, f.UID}); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
}

const githubToken = "ghp_8Jd2kLmQ0xZpR7vT4wYbN1cF6hGs3aUe5iOt"

func TestSecretsInImages(t *testing.T) {
	files := layerOf(t, "imgo: /srv from web", regular("srv/app.ini", "token = "+githubToken, 0o644), regular("srv/.netrc", "", 0o600),
		regular("srv/plain", "x", 0o644), regular("srv/allowed/key", "token = "+githubToken, 0o644))
	h := inspector(t).holding(t, assemble(t, image.Parts{
		Base:   baseImage(t, time.Unix(1, 0)),
		Layers: []image.Addition{files, program(t, "app/x", staticProgram+"\n"+githubToken)},
		Env:    []string{"API_TOKEN=" + githubToken, "TEST_TOKEN=" + githubToken, "LOG=info"},
		Labels: map[string]string{"l": githubToken}, Annotations: map[string]string{"a": githubToken, "ok": githubToken},
		Entrypoint: []string{"/app/x", "--token=" + githubToken},
	}))
	f := h.facts()
	if err := h.look(t.Context(), &policy.Policy{NoSecrets: true}, &f, allowance{"TEST_TOKEN", "ok", "/srv/allowed/**"}); err != nil {
		t.Fatal(err)
	}
	want := []string{"env API_TOKEN", "label l", "annotation a", "args", "/srv/app.ini", "/srv/.netrc", "/app/x"}
	if diff := cmp.Diff(want, f.Secrets); diff != "" || !f.SecretsKnown {
		t.Error(diff)
	}
	// Only what a rule needs is looked at.
	f = h.facts()
	if err := h.look(t.Context(), &policy.Policy{MaxLayers: 3}, &f, nil); err != nil || f.SecretsKnown || f.Layers != 4 || f.Size == 0 {
		t.Errorf("%v: %+v", err, f)
	}
}

// A base in the base's layers is not searched, and bytes elsewhere can't be.
func TestLayersElsewhereAreNotKnown(t *testing.T) {
	h := inspector(t).holding(t, assemble(t, image.Parts{Layers: []image.Addition{program(t, "app/x", staticProgram)}, User: "app", Entrypoint: []string{"/bin/y"}}))
	h.seen.Layers[0].elsewhere = true
	f := h.facts()
	p := &policy.Policy{NoSecrets: true, Static: true, NonRoot: true}
	if err := h.look(t.Context(), p, &f, nil); err != nil || f.SecretsKnown || f.Static != nil || f.UID != nil {
		t.Errorf("%v: %+v", err, f)
	}
	if found := p.Check(f); len(found) != 3 || !strings.Contains(found[2].Text, "kept elsewhere") {
		t.Errorf("%+v", found)
	}
}

// report has provenance with some bases, and an SBOM, where there is one.
func report(t *testing.T, doc []byte, bases ...provenance.Base) *attest.SubjectReport {
	t.Helper()
	statement, err := provenance.Statement(provenance.Input{
		Subjects: []provenance.Subject{{Name: "x", Digest: map[string]string{"sha256": strings.Repeat("a", 64)}}},
		Package:  "example.com/m/cmd/x", Name: "x", Bases: bases,
	})
	if err != nil {
		t.Fatal(err)
	}
	out := &attest.SubjectReport{Checks: []attest.Check{
		{Kind: attest.Provenance, OK: true, Predicate: []byte("{}"), Statements: []json.RawMessage{statement}},
	}}
	if doc != nil {
		out.Checks = append(out.Checks, attest.Check{Kind: attest.SBOM, OK: true, Predicate: doc})
	}
	return out
}

func TestBasesThatAreBelieved(t *testing.T) {
	material := func(name string) provenance.Base {
		return provenance.Base{Platform: "linux/amd64", Ref: name, Material: provenance.Material{Name: name, URI: "pkg:oci/x"}}
	}
	local := provenance.Base{Platform: "linux/amd64", Ref: "oci:base", Material: provenance.Material{Digest: map[string]string{"sha256": strings.Repeat("b", 64)}}}
	digest := v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("a", 64)}
	alpine := assemble(t, image.Parts{Base: baseImage(t, time.Unix(1, 0)), BaseName: "docker.io/library/alpine:3.24", BaseDigest: digest, Layers: []image.Addition{program(t, "app/x", "")}})
	nameless := assemble(t, image.Parts{Base: baseImage(t, time.Unix(1, 0)), Layers: []image.Addition{program(t, "app/x", "")}})
	scratch := assemble(t, image.Parts{Layers: []image.Addition{layerOf(t, "imgo: runtime layer (CA roots …)"), program(t, "app/x", "")}})
	unverified := &attest.SubjectReport{Checks: []attest.Check{{Kind: attest.Provenance, OK: false, Predicate: []byte("{}")}}}
	for name, c := range map[string]struct {
		img       v1.Image
		report    *attest.SubjectReport
		base, why string
	}{
		"the same":       {alpine, report(t, nil, material("docker.io/library/alpine:3.24")), "docker.io/library/alpine:3.24", ""},
		"scratch":        {scratch, report(t, nil), "", ""},
		"another":        {alpine, report(t, nil, material("docker.io/library/debian:13")), "", `the image names "docker.io/library/alpine:3.24" and its provenance "docker.io/library/debian:13"`},
		"not told":       {alpine, report(t, nil), "", `the image names "docker.io/library/alpine:3.24" and its provenance none`},
		"nowhere":        {nameless, report(t, nil), "", "neither the image nor its provenance names it"},
		"a file":         {nameless, report(t, nil, local), "", "it came from a file"},
		"only told":      {nameless, report(t, nil, material("gcr.io/x")), "gcr.io/x", ""},
		"not verified":   {alpine, unverified, "", "the image has no provenance that was verified, and anybody can write annotations"},
		"other platform": {scratch, report(t, nil, provenance.Base{Platform: "linux/arm64", Ref: "x", Material: material("x").Material}), "", ""},
	} {
		base, why := inspector(t).holding(t, c.img).verifiedBase(c.report, "linux/amd64")
		if base != c.base || why != c.why {
			t.Errorf("%s: %q, %q", name, base, why)
		}
	}
	broken := report(t, nil)
	broken.Checks[0].Statements = []json.RawMessage{[]byte("{}")}
	if _, why := inspector(t).holding(t, alpine).verifiedBase(broken, "linux/amd64"); why == "" {
		t.Error("what can't be read is believed")
	}
}

func TestLicensesOfAVerifiedSBOM(t *testing.T) {
	info := func(path, module, version string) *debug.BuildInfo {
		return &debug.BuildInfo{
			GoVersion: "go1.26.1", Path: path, Main: debug.Module{Path: module, Version: version},
			Deps: []*debug.Module{{Path: "example.com/a", Version: "v1.0.0"}, {Path: "example.com/b", Version: "v2.0.0"}},
		}
	}
	image1 := sbom.Image{
		Name: "x", Digest: "sha256:" + strings.Repeat("a", 64), Platform: "linux/amd64", Created: time.Unix(0, 0),
		Binaries: []sbom.Binary{
			{Path: "/app/x", Info: info("example.com/m/cmd/x", "example.com/m", "v0.1.0"), Licenses: map[string][]string{"example.com/a@v1.0.0": {"BSD-3-Clause", "MIT"}, "example.com/m@v0.1.0": {"ISC"}}},
			{Path: "/app/tool", Info: info("example.org/tool", "example.org/tool", "v3.0.0")},
		},
		Base: &sbom.Base{Name: "alpine", Digest: "sha256:" + strings.Repeat("b", 64), Packages: []sbom.Package{{Type: "apk", Name: "busybox", Version: "1", License: "GPL-2.0-only"}}},
	}
	h := inspector(t).holding(t, assemble(t, image.Parts{Layers: []image.Addition{
		layerOf(t, "imgo: /app/tool from package example.org/tool"), program(t, "app/x", ""),
	}}))
	want := map[string][]string{"example.com/a@v1.0.0": {"BSD-3-Clause", "MIT"}, "example.com/b@v2.0.0": nil, "example.org/tool@v3.0.0": nil}
	for _, write := range []func(sbom.Image) ([]byte, error){sbom.SPDX, sbom.CycloneDX} {
		doc, err := write(image1)
		if err != nil {
			t.Fatal(err)
		}
		got, why := h.verifiedLicenses(report(t, doc))
		if diff := cmp.Diff(want, got); diff != "" || why != "" {
			t.Errorf("%s (-want +got)\n%s", why, diff)
		}
	}
	if _, why := h.verifiedLicenses(report(t, nil)); why != "the image has no SBOM that was verified" {
		t.Error(why)
	}
	if _, why := h.verifiedLicenses(report(t, []byte("{}"))); why == "" {
		t.Error("a document that is no SBOM says something")
	}
}

// made is an image that was built, with a program of a module.
func made(t *testing.T, p *policy.Policy, d *build.Dynamic) *build.Made {
	t.Helper()
	img := assemble(t, image.Parts{User: "65534:65534", Layers: []image.Addition{program(t, "app/x", staticProgram)}, Entrypoint: []string{"/app/x"}})
	digest, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	info := &debug.BuildInfo{Main: debug.Module{Path: "example.com/m"}, Deps: []*debug.Module{{Path: "example.com/a", Version: "v1.0.0"}}}
	prog := build.Program{Path: "/app/x", Package: build.Package{Module: &build.Module{Path: "example.com/m"}}}
	return &build.Made{
		Target:   &build.Target{Name: "x", Package: prog.Package, Settings: build.Settings{Base: "scratch", Policy: p}},
		Artifact: img, Descriptor: v1.Descriptor{Digest: digest},
		Images: []build.MadeImage{{Platform: v1.Platform{OS: "linux", Architecture: "arm64"}, Image: img, Programs: []build.MadeProgram{{Program: prog, Info: info, Dynamic: d}}}},
	}
}

func broken(list []policy.Violation) []policy.Rule {
	var out []policy.Rule
	for _, v := range list {
		out = append(out, v.Rule)
	}
	return out
}

// That a policy holds is found out once; what breaks it, each time.
func TestJudgeRemembersWhatHolds(t *testing.T) {
	c := inspector(t)
	p := &policy.Policy{NonRoot: true, Static: true, NoSecrets: true, MaxSize: 1 << 20, MaxLayers: 1, Bases: []string{"scratch"}, Require: []string{policy.Signature}}
	judged := func(m *build.Made) []policy.Rule {
		t.Helper()
		list, err := judge{c}.Judge(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		return broken(list)
	}
	dynamic := &build.Dynamic{Interp: "/lib/ld.so"}
	for range 2 {
		if got := judged(made(t, p, dynamic)); !slices.Equal(got, []policy.Rule{policy.Static}) {
			t.Errorf("%v", got)
		}
	}
	if got := judged(made(t, p, nil)); got != nil {
		t.Errorf("%v", got)
	}
	if got := judged(made(t, p, dynamic)); got != nil {
		t.Errorf("it was not remembered: %v", got)
	}
	stricter := *p
	stricter.MaxSize = 10
	if got := judged(made(t, &stricter, dynamic)); !slices.Equal(got, []policy.Rule{policy.Static, policy.MaxSize}) {
		t.Errorf("another policy: %v", got)
	}
	other := made(t, p, nil)
	other.Target.Settings.Base = "oci:base"
	if got := judged(other); !slices.Equal(got, []policy.Rule{policy.Bases}) {
		t.Errorf("another base: %v", got)
	}
	c.opts.NoFastPath = true
	if got := judged(made(t, p, dynamic)); !slices.Equal(got, []policy.Rule{policy.Static}) {
		t.Errorf("without memory: %v", got)
	}
	if list, err := (judge{c}).Judge(t.Context(), made(t, &policy.Policy{Require: []string{policy.Signature}}, dynamic)); list != nil || err != nil {
		t.Errorf("what is required beside an image: %v, %v", list, err)
	}
}

// An archive tells of itself what a build would know.
func TestArchivesAreHeldToAPolicy(t *testing.T) {
	c := inspector(t)
	elsewhere := image.Parts{Layers: []image.Addition{layerOf(t, "COPY . .", regular("x", "token = "+githubToken, 0o644))}, Entrypoint: []string{"/x"}, User: "0"}
	first, second := assemble(t, elsewhere), assemble(t, image.Parts{
		User: "1", Layers: []image.Addition{layerOf(t, "imgo: runtime layer (…)"), program(t, "app/x", staticProgram)}, Entrypoint: []string{"/app/x"},
		Platform: v1.Platform{OS: "linux", Architecture: "arm64"},
	})
	index, err := image.Index([]v1.Image{first, second}, nil, image.OCI)
	if err != nil {
		t.Fatal(err)
	}
	digest, err := index.Digest()
	if err != nil {
		t.Fatal(err)
	}
	m := &build.Made{Artifact: index, Descriptor: v1.Descriptor{Digest: digest}, Target: &build.Target{Origin: filepath.Join("x", "in.tar"), Settings: build.Settings{
		Policy: &policy.Policy{NonRoot: true, Static: true, NoSecrets: true, Bases: []string{"scratch"}},
	}}}
	list, err := judge{c}.Judge(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]policy.Rule{policy.NonRoot, policy.Static, policy.NoSecrets, policy.Bases}, broken(list)); diff != "" {
		t.Error(diff)
	}
	for _, v := range list {
		if v.Platform != "linux/amd64" {
			t.Errorf("%+v", v)
		}
	}
}

// The words of policies and attestations are the same.
func TestKindsAreThoseOfPolicies(t *testing.T) {
	if diff := cmp.Diff([]attest.Kind{policy.Signature, policy.SBOM, policy.Provenance}, attest.Kinds); diff != "" {
		t.Error(diff)
	}
	signed := &attest.SubjectReport{Checks: []attest.Check{{Kind: attest.Signature, OK: true, PredicateType: wire.PredicateSign}}}
	if verified(signed, attest.Signature) == nil || verified(signed, attest.SBOM) != nil {
		t.Error("a signature has nothing to read, and counts")
	}
}

func TestAnyOfSeveralWhoAreTrusted(t *testing.T) {
	gone := errors.New("no network")
	reports := map[string]*attest.Report{"good": {Digest: "good", Verified: true}, "bad": {Digest: "bad"}, "worse": {Digest: "worse"}}
	for keys, want := range map[string]string{
		"good": "good", "bad": "bad", "worse bad": "worse", "bad good": "good", "gone good": "good", "gone bad": "error", "bad gone": "error",
	} {
		var trusts []attest.Trust
		for key := range strings.FieldsSeq(keys) {
			trusts = append(trusts, attest.Trust{KeyPEM: key})
		}
		got := "error"
		r, err := anyOf(trusts, func(t attest.Trust) (*attest.Report, error) {
			if t.KeyPEM == "gone" {
				return nil, gone
			}
			return reports[t.KeyPEM], nil
		})
		if err == nil {
			got = r.Digest
		}
		if got != want || err != nil && !errors.Is(err, gone) {
			t.Errorf("%s: %s, %v", keys, got, err)
		}
	}
}
