package imgo

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/imgo-build/imgo/internal/attest"
	"github.com/imgo-build/imgo/internal/attest/provenance"
	"github.com/imgo-build/imgo/internal/rebuild"
	"github.com/imgo-build/imgo/pkg/publish/transport"
)

func TestOnlyVerifiedProvenanceIsBuiltFrom(t *testing.T) {
	statement := []byte(`{"_type": "x"}`)
	check := attest.Check{Kind: attest.Provenance, OK: true, Statements: []json.RawMessage{statement}}
	for name, c := range map[string]struct {
		report attest.Report
		parsed bool
	}{
		"verified":           {attest.Report{Verified: true, Subjects: []attest.SubjectReport{{Checks: []attest.Check{check}}}}, true},
		"not verified":       {attest.Report{Subjects: []attest.SubjectReport{{Checks: []attest.Check{check}}}}, false},
		"of another subject": {attest.Report{Verified: true, Subjects: []attest.SubjectReport{{}, {Checks: []attest.Check{check}}}}, false},
		"failed":             {attest.Report{Verified: true, Subjects: []attest.SubjectReport{{Checks: []attest.Check{{Kind: attest.Provenance, Statements: []json.RawMessage{statement}}}}}}, false},
		"an SBOM":            {attest.Report{Verified: true, Subjects: []attest.SubjectReport{{Checks: []attest.Check{{Kind: attest.SBOM, OK: true, Statements: []json.RawMessage{statement}}}}}}, false},
		"nothing":            {attest.Report{Verified: true}, false},
	} {
		_, err := provenOf(&c.report)
		_, refused := errors.AsType[*rebuild.RefusedError](err)
		if err == nil || refused == c.parsed {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The same bytes may have been built more than once, and others may say things beside imgo.
func TestWhatCanBeRepeatedIsBuiltFrom(t *testing.T) {
	from := func(commit string, dirty bool) json.RawMessage {
		statement, err := provenance.Statement(provenance.Input{
			Subjects: []provenance.Subject{{Name: "x", Digest: map[string]string{"sha256": strings.Repeat("a", 64)}}},
			Source:   &provenance.Source{Commit: strings.Repeat(commit, 40), Dirty: dirty},
			Package:  "example.com/m", Name: "m", Go: provenance.GoSettings{Toolchain: "go1.26.1"},
		})
		if err != nil {
			t.Fatal(err)
		}
		return statement
	}
	foreign := json.RawMessage(strings.Replace(string(from("f", false)), provenance.BuildType, "https://elsewhere.example", 1))
	for want, list := range map[string][]json.RawMessage{
		"2": {foreign, from("1", true), from("2", false), from("3", false)},
		"1": {from("1", true), foreign},
	} {
		parsed, err := provenOf(&attest.Report{Verified: true, Subjects: []attest.SubjectReport{{Checks: []attest.Check{
			{Kind: attest.Provenance, OK: true, Statements: list},
		}}}})
		if err != nil || parsed.Source.Commit != strings.Repeat(want, 40) {
			t.Errorf("%v, %v", parsed, err)
		}
	}
	report := &attest.Report{Verified: true, Subjects: []attest.SubjectReport{{Checks: []attest.Check{
		{Kind: attest.Provenance, OK: true, Statements: []json.RawMessage{foreign}},
	}}}}
	_, err := provenOf(report)
	if _, ok := errors.AsType[*provenance.OtherBuildError](err); !ok {
		t.Errorf("of another builder alone: %v", err)
	}
}

func TestProgramsThatNothingExplains(t *testing.T) {
	layer := func(digest, history string) *InspectedLayer {
		return &InspectedLayer{Kind: ProgramLayer, Digest: digest, DiffID: digest, CreatedBy: history}
	}
	const history = "imgo: /app/x from package example.com/m/x"
	changed := FileComparison{Path: "/app/x", Old: true, New: true, Changes: []Change{{Field: "content"}}}
	for name, c := range map[string]struct {
		img  ImageComparison
		want int
	}{
		"another content": {ImageComparison{
			Layers: []LayerComparison{{Old: layer("a", history), New: layer("b", history)}}, Files: []FileComparison{changed},
		}, 1},
		"explained": {ImageComparison{
			Layers: []LayerComparison{{Old: layer("a", history), New: layer("b", history)}}, Files: []FileComparison{changed},
			Programs: []ProgramComparison{{Path: "/app/x", Old: true, New: true}},
		}, 0},
		"another mode": {ImageComparison{
			Layers: []LayerComparison{{Old: layer("a", history), New: layer("b", history)}},
			Files:  []FileComparison{{Path: "/app/x", Old: true, New: true, Changes: []Change{{Field: "mode"}}}},
		}, 0},
		"the same layer": {ImageComparison{Layers: []LayerComparison{{Same: true, Old: layer("a", history), New: layer("a", history)}}}, 0},
		"a new program":  {ImageComparison{Layers: []LayerComparison{{New: layer("b", history)}}, Files: []FileComparison{{Path: "/app/x", New: true}}}, 0},
	} {
		if got := unexplained(&Comparison{Images: []ImageComparison{c.img}}); len(got) != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestConnectionsOfAnotherImgo(t *testing.T) {
	r := &rebuilding{Client: &Client{opts: Options{
		PlainHTTP: []string{"a:5000"}, Mirrors: map[string]string{"docker.io": "m/x"},
		Registries: map[string]transport.Registry{"b": {CA: []string{"/ca"}, Cert: "/cert", Key: "/key"}},
	}}}
	want := "--plain-http a:5000 --registry-ca b=/ca --registry-cert b=/cert,/key --registry-mirror docker.io=m/x"
	if diff := cmp.Diff(want, strings.Join(r.connections(), " ")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
