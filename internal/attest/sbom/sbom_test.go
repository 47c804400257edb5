package sbom_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	cyclonedx "github.com/CycloneDX/cyclonedx-go"
	"github.com/google/go-cmp/cmp"
	spdxjson "github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdx/v2/v2_3"
	"github.com/spdx/tools-golang/spdxlib"

	"github.com/imgo-build/imgo/internal/attest/sbom"
)

var update = flag.Bool("update", false, "write the golden files anew")

func digest(c string) string { return "sha256:" + strings.Repeat(c, 64) }

const sum = "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

func info(deps ...*debug.Module) *debug.BuildInfo {
	return &debug.BuildInfo{
		GoVersion: "go1.26.1 X:nodwarf5", Path: "example.com/shop/cmd/server",
		Main: debug.Module{Path: "example.com/shop", Version: "(devel)"}, Deps: deps,
	}
}

// whole is an image that has everything: odd names, replacements, two binaries that
// share modules, a base with packages.
func whole() sbom.Image {
	toml := &debug.Module{Path: "github.com/BurntSushi/toml", Version: "v1.5.0", Sum: sum}
	forked := &debug.Module{
		Path: "example.com/old", Version: "v1.0.0",
		Replace: &debug.Module{Path: "example.com/fork/v2", Version: "v2.0.1-0.20260102030405-0123456789ab", Sum: sum},
	}
	local := &debug.Module{Path: "example.com/shop/api", Version: "v0.0.0", Replace: &debug.Module{Path: "./api", Version: "(devel)"}}
	licenses := map[string][]string{
		"github.com/BurntSushi/toml@v1.5.0": {"MIT"},
		sbom.Key(forked):                    {"Apache-2.0", "LicenseRef-CommonsClause"},
		sbom.Key(local):                     {"Apache-2.0"},
		"example.com/shop@(devel)":          {"Apache-2.0 OR MIT"},
	}
	tool := info(toml, &debug.Module{Path: "example.com/x+y/z", Version: "v3.0.0+incompatible", Sum: sum})
	tool.Settings = []debug.BuildSetting{{Key: "vcs.revision", Value: "0123456789abcdef0123456789abcdef01234567"}, {Key: "vcs.modified", Value: "true"}}
	tool.Path = "example.com/shop/cmd/tool"
	return sbom.Image{
		Name: "ghcr.io/acme/Server", Digest: digest("a"), Platform: "linux/arm/v7", Created: time.Unix(0, 999), Tool: "v1.2.3",
		Binaries: []sbom.Binary{
			{Path: "/app/server", SHA256: strings.Repeat("b", 64), Info: info(toml, forked, local), Licenses: licenses, Revision: "0123456789abcdef0123456789abcdef01234567"},
			{Path: "/app/weird näme\xff\n\"<&>", SHA256: strings.Repeat("c", 64), Info: tool, Licenses: licenses},
		},
		Files: []sbom.FileLayer{{Digest: digest("d"), DiffID: digest("e"), Paths: 7, Description: "web/dist to /srv/www"}},
		Base: &sbom.Base{
			Name: "gcr.io/distroless/static:nonroot", Digest: digest("f"),
			Packages: []sbom.Package{
				{Type: "deb", Namespace: "debian", Name: "base-files", Version: "1:13.8+deb13u1~x", Arch: "amd64", Distro: "debian-13"},
				{Type: "apk", Namespace: "alpine", Name: "Musl", Version: "1.2.5-r9", Arch: "x86_64", Source: "musl", License: "MIT", Distro: "alpine-3.24.1"},
				{Type: "apk", Namespace: "alpine", Name: "odd", Version: "1", License: "GPL2 BSD", Distro: "alpine-3.24.1"},
			},
		},
	}
}

// small is an image on the empty base, of a program without modules.
func small() sbom.Image {
	bare := &debug.BuildInfo{GoVersion: "devel go1.27-0123456789 Mon Jan 2", Path: "command-line-arguments"}
	return sbom.Image{
		Name: "server", Digest: digest("1"), Platform: "linux/amd64", Created: time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600)),
		Binaries: []sbom.Binary{{Path: "/app/server", Info: bare}},
		Runtime: &sbom.Runtime{Digest: digest("2"), Parts: []sbom.Part{
			{Name: "ca-certificates", Version: "2026-01-01", Source: "https://example.com/roots.pem", License: "MPL-2.0"},
			{Name: "tzdata", Version: "2026a", Source: "the toolchain's generator", License: "public domain by its own words"},
		}},
	}
}

func opaque() sbom.Image {
	img := small()
	img.Runtime, img.Base = nil, &sbom.Base{Name: "localhost:5000/base", Digest: digest("3"), Incomplete: "it has no package database"}
	return img
}

func images() map[string]sbom.Image {
	return map[string]sbom.Image{"whole": whole(), "small": small(), "opaque": opaque()}
}

type format struct {
	word  sbom.Format
	write func(sbom.Image) ([]byte, error)
}

var formats = []format{{sbom.FormatSPDX, sbom.SPDX}, {sbom.FormatCycloneDX, sbom.CycloneDX}}

func mustWrite(t *testing.T, f format, img sbom.Image) []byte {
	t.Helper()
	doc, err := f.write(img)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestGolden(t *testing.T) {
	for name, img := range images() {
		for _, f := range formats {
			got := mustWrite(t, f, img)
			file := filepath.Join("testdata", name+"."+string(f.word)+".json")
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", file, diff)
			}
		}
	}
}

// The order of an image's parts isn't told, and other content has another name.
func TestSameContentSameBytes(t *testing.T) {
	for _, f := range formats {
		want := mustWrite(t, f, whole())
		for range 5 {
			img := whole()
			shuffle(img.Binaries)
			shuffle(img.Base.Packages)
			for _, b := range img.Binaries {
				shuffle(b.Info.Deps)
			}
			if diff := cmp.Diff(string(want), string(mustWrite(t, f, img))); diff != "" {
				t.Fatalf("%s (-want +got):\n%s", f.word, diff)
			}
		}
		other := whole()
		other.Binaries[0].Revision = "other"
		if name(t, want) == name(t, mustWrite(t, f, other)) {
			t.Errorf("%s: two documents of one name", f.word)
		}
	}
}

func shuffle[T any](s []T) { rand.Shuffle(len(s), func(i, j int) { s[i], s[j] = s[j], s[i] }) }

func name(t *testing.T, doc []byte) string {
	t.Helper()
	var d struct{ DocumentNamespace, SerialNumber string }
	if err := json.Unmarshal(doc, &d); err != nil {
		t.Fatal(err)
	}
	return d.DocumentNamespace + d.SerialNumber
}

func TestSPDXToolsReadIt(t *testing.T) {
	for name, img := range images() {
		text := mustWrite(t, formats[0], img)
		doc, err := spdxjson.Read(bytes.NewReader(text))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := spdxlib.ValidateDocument(doc); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if ids, err := spdxlib.GetDescribedPackageIDs(doc); err != nil || len(ids) != 1 {
			t.Errorf("%s: describes %v, %v", name, ids, err)
		}
		if !strings.HasPrefix(doc.DocumentNamespace, "https://") || doc.SPDXVersion != v2_3.Version {
			t.Errorf("%s: %s, %s", name, doc.DocumentNamespace, doc.SPDXVersion)
		}
		seen := map[string]bool{}
		for _, p := range doc.Packages {
			id := string(p.PackageSPDXIdentifier)
			if seen[id] || strings.Trim(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") != "" {
				t.Errorf("%s: ID %q is used twice or malformed", name, id)
			}
			seen[id] = true
			if p.PackageLicenseConcluded != "NOASSERTION" {
				t.Errorf("%s: nobody concluded %s of %s", name, p.PackageLicenseConcluded, p.PackageName)
			}
			for _, c := range p.PackageChecksums {
				if strings.HasPrefix(id, "Module-") || strings.HasPrefix(id, "Main-") {
					t.Errorf("%s: %s has the checksum %s: a module is no file", name, id, c.Value)
				}
			}
		}
		reached := map[string]bool{}
		for _, r := range doc.Relationships {
			reached[string(r.RefA.ElementRefID)], reached[string(r.RefB.ElementRefID)] = true, true
		}
		for id := range seen {
			if !reached[id] {
				t.Errorf("%s: nothing says what %s is to the image", name, id)
			}
		}
	}
}

func TestCycloneDXReadsIt(t *testing.T) {
	for name, img := range images() {
		var bom cyclonedx.BOM
		decoder := cyclonedx.NewBOMDecoder(bytes.NewReader(mustWrite(t, formats[1], img)), cyclonedx.BOMFileFormatJSON)
		if err := decoder.Decode(&bom); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := cyclonedx.NewBOMLink(bom.SerialNumber, bom.Version, nil); err == nil && bom.SpecVersion != cyclonedx.SpecVersion1_6 {
			t.Errorf("%s: %v", name, bom.SpecVersion)
		}
		refs := map[string]bool{bom.Metadata.Component.BOMRef: true}
		for _, c := range *bom.Components {
			if refs[c.BOMRef] || c.BOMRef == "" {
				t.Errorf("%s: %q is used twice", name, c.BOMRef)
			}
			refs[c.BOMRef] = true
		}
		nodes := map[string]bool{}
		for _, d := range *bom.Dependencies {
			nodes[d.Ref] = true
			if d.Dependencies == nil {
				continue
			}
			for _, on := range *d.Dependencies {
				if !refs[on] {
					t.Errorf("%s: %s depends on %s, which isn't there", name, d.Ref, on)
				}
			}
		}
		if !cmp.Equal(nodes, refs) {
			t.Errorf("%s: the graph has other nodes than there are components:\n%s", name, cmp.Diff(refs, nodes))
		}
	}
}

// Names that are the same when odd characters are gone, or in lower case.
func TestNamesThatCollide(t *testing.T) {
	img := small()
	paths := []string{"/app/a b", "/app/a-b", "/app/ä-b", "/app/\xff-b", "/app/\xfe-b", "", strings.Repeat("x", 300) + "1", strings.Repeat("x", 300) + "2"}
	img.Binaries = nil
	for _, p := range paths {
		img.Binaries = append(img.Binaries, sbom.Binary{Path: p, Info: info(
			&debug.Module{Path: "example.com/A", Version: "v1.0.0"}, &debug.Module{Path: "example.com/a", Version: "v1.0.0"},
			&debug.Module{Path: "example.com/a", Version: "v1.0.0", Sum: sum}, nil,
			&debug.Module{Path: "example.com/b", Replace: &debug.Module{Path: "./b"}}, &debug.Module{Path: "example.com/b", Replace: &debug.Module{Path: "../b"}},
		)})
	}
	doc, err := spdxjson.Read(bytes.NewReader(mustWrite(t, formats[0], img)))
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]int{}
	for _, p := range doc.Packages {
		ids[string(p.PackageSPDXIdentifier)]++
	}
	// The image, the runtime layer and its two parts, main module, stdlib, toolchain,
	// five modules.
	if want := 1 + 3 + len(paths) + 3 + 5; len(ids) != want || len(doc.Packages) != want {
		t.Errorf("%d IDs of %d packages, want %d", len(ids), len(doc.Packages), want)
	}
}

func TestErrors(t *testing.T) {
	for want, change := range map[string]func(*sbom.Image){
		`describing the image server: binary /app/server has no build info`:                     func(i *sbom.Image) { i.Binaries[0].Info = nil },
		`describing the image server: digest of the image: "" is not a SHA-256`:                 func(i *sbom.Image) { i.Digest = "" },
		`describing the image server: digest of the runtime layer: "sha256:x" is not a SHA-256`: func(i *sbom.Image) { i.Runtime.Digest = "sha256:x" },
		`describing the image server: digest of a layer of files: "x" is not a SHA-256`:         func(i *sbom.Image) { i.Files = []sbom.FileLayer{{Digest: "x"}} },
		`describing the image server: digest of the base x: "" is not a SHA-256`:                func(i *sbom.Image) { i.Base = &sbom.Base{Name: "x"} },
		`describing the image server: digest of the binary /app/server: "x" is not a SHA-256`:   func(i *sbom.Image) { i.Binaries[0].SHA256 = "x" },
	} {
		img := small()
		change(&img)
		for _, f := range formats {
			if _, err := f.write(img); err == nil || err.Error() != want {
				t.Errorf("got %v, want %s", err, want)
			}
		}
	}
}

// Both formats tell the same, and Parse reads it back.
func TestParseReadsWhatIsWritten(t *testing.T) {
	var read [2][]sbom.Component
	for i, f := range formats {
		word, list, err := sbom.Parse(mustWrite(t, f, whole()))
		if err != nil || word != f.word {
			t.Fatalf("%s: %v", word, err)
		}
		read[i] = list
	}
	if diff := cmp.Diff(read[0], read[1]); diff != "" {
		t.Errorf("SPDX and CycloneDX differ (-spdx +cyclonedx):\n%s", diff)
	}
	for _, want := range []sbom.Component{
		{Name: "github.com/BurntSushi/toml", Version: "v1.5.0", PURL: "pkg:golang/github.com/burntsushi/toml@v1.5.0", Licenses: []string{"MIT"}},
		{Name: "example.com/fork/v2", Version: "v2.0.1-0.20260102030405-0123456789ab", PURL: "pkg:golang/example.com/fork/v2@v2.0.1-0.20260102030405-0123456789ab", Licenses: []string{"Apache-2.0", "LicenseRef-CommonsClause"}},
		{Name: "example.com/shop/api", PURL: "pkg:golang/example.com/shop/api", Licenses: []string{"Apache-2.0"}},
		{Name: "example.com/shop", PURL: "pkg:golang/example.com/shop", Licenses: []string{"Apache-2.0 OR MIT"}},
		{Name: "example.com/x+y/z", Version: "v3.0.0+incompatible", PURL: "pkg:golang/example.com/x%2By/z@v3.0.0%2Bincompatible"},
		{Name: "stdlib", Version: "1.26.1", PURL: "pkg:golang/stdlib@1.26.1", Licenses: []string{"BSD-3-Clause"}},
		{Name: "base-files", Version: "1:13.8+deb13u1~x", PURL: "pkg:deb/debian/base-files@1:13.8%2Bdeb13u1~x?arch=amd64&distro=debian-13"},
		{Name: "gcr.io/distroless/static:nonroot", Version: digest("f"), PURL: "pkg:oci/static@" + digest("f") + "?repository_url=gcr.io%2Fdistroless%2Fstatic&tag=nonroot"},
	} {
		if !slices.ContainsFunc(read[0], func(c sbom.Component) bool { return cmp.Equal(c, want) }) {
			t.Errorf("there is no %+v", want)
		}
	}
	for _, c := range read[0] {
		if c.Name == "example.com/old" || c.Name == whole().Name {
			t.Errorf("%s is listed", c.Name)
		}
	}
}
