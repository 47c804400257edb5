package sbom_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/imgo-build/imgo/internal/attest/sbom"
)

func TestParseOthers(t *testing.T) {
	for _, c := range []struct {
		name, doc string
		format    sbom.Format
		want      []sbom.Component
	}{
		{
			"SPDX that concluded", `{"spdxVersion":"SPDX-2.2","documentDescribes":["SPDXRef-a"],"packages":[
				{"SPDXID":"SPDXRef-a","name":"image"},
				{"SPDXID":"SPDXRef-b","name":"b","versionInfo":"1","licenseConcluded":"(MIT OR ISC) AND Apache-2.0","licenseDeclared":"MIT"},
				{"SPDXID":"SPDXRef-c","name":"c","licenseConcluded":"NONE","licenseDeclared":"MIT OR ISC AND Zlib",
				 "externalRefs":[{"referenceCategory":"PACKAGE_MANAGER","referenceType":"purl","referenceLocator":"pkg:golang/c"}]}]}`,
			sbom.FormatSPDX, []sbom.Component{
				{Name: "b", Version: "1", Licenses: []string{"Apache-2.0", "MIT OR ISC"}},
				{Name: "c", PURL: "pkg:golang/c", Licenses: []string{"MIT OR ISC AND Zlib"}},
			},
		},
		{
			"SPDX that describes everything", `{"spdxVersion":"SPDX-2.3","documentDescribes":["SPDXRef-a","SPDXRef-b"],"packages":[
				{"SPDXID":"SPDXRef-a","name":"a"},{"SPDXID":"SPDXRef-b","name":"b"}]}`,
			sbom.FormatSPDX, []sbom.Component{{Name: "a"}, {Name: "b"}},
		},
		{
			"nested CycloneDX", `{"bomFormat":"CycloneDX","specVersion":"1.5","components":[
				{"type":"library","name":"a","purl":"pkg:golang/a","licenses":[{"license":{"id":"MIT"}},{"license":{"name":"Own"}}],
				 "components":[{"type":"library","name":"b","licenses":[{"expression":"((MIT) AND ISC)"}]}]},
				{"type":"library","name":"c","licenses":[{"license":{"id":"MIT","acknowledgement":"declared"}},{"license":{"id":"ISC","acknowledgement":"concluded"}}]}]}`,
			sbom.FormatCycloneDX, []sbom.Component{
				{Name: "a", PURL: "pkg:golang/a", Licenses: []string{"MIT", "Own"}},
				{Name: "b", Licenses: []string{"ISC", "MIT"}},
				{Name: "c", Licenses: []string{"ISC"}},
			},
		},
	} {
		format, got, err := sbom.Parse([]byte(c.doc))
		if err != nil || format != c.format {
			t.Errorf("%s: %s, %v", c.name, format, err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for _, doc := range []string{"", "null", "[]", "{}", "x", `{"_type":"https://in-toto.io/Statement/v1"}`, `{"spdxVersion":1}`} {
		if _, _, err := sbom.Parse([]byte(doc)); !errors.Is(err, sbom.ErrNoSBOM) {
			t.Errorf("%q: %v", doc, err)
		}
	}
	for doc, want := range map[string]string{
		`{"spdxVersion":"SPDX-9"}`:                                                `version "SPDX-9" of SPDX isn't known`,
		`{"bomFormat":"CycloneDX","specVersion":"2.0"}`:                           `version "2.0" of CycloneDX isn't known`,
		`{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld"}`:           "SPDX 3 isn't known",
		`{"spdxVersion":"SPDX-2.3","packages":{}}`:                                "reading an SPDX document: ",
		`{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"name":1}]}`: "reading a CycloneDX document: ",
	} {
		if _, _, err := sbom.Parse([]byte(doc)); err == nil || !strings.Contains(err.Error(), want) || errors.Is(err, sbom.ErrNoSBOM) {
			t.Errorf("%s: got %v, want %s", doc, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, img := range images() {
		for _, format := range formats {
			doc, err := format.write(img)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(doc)
		}
	}
	f.Add([]byte(`{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"licenses":[{"expression":"((((MIT"}]}]}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		format, list, err := sbom.Parse(doc)
		if err != nil && len(list) > 0 || err == nil && format == "" {
			t.Errorf("%q, %d components, %v", format, len(list), err)
		}
	})
}
