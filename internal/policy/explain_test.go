package policy

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestExplainSaysOnceWhatPlatformsShare(t *testing.T) {
	var list []Violation
	for _, platform := range []string{"linux/amd64", "linux/arm64"} {
		list = append(list, (&Policy{NonRoot: true, MaxLayers: 1, Require: []string{SBOM}}).Check(Facts{
			Platform: platform, UserKnown: true, User: "0", Layers: map[string]int{"linux/amd64": 2, "linux/arm64": 3}[platform],
		})...)
	}
	list = append(list, Violation{Rule: Static, Text: "x"})
	got := Explain(list, func(r Rule) string { return map[Rule]string{NonRoot: "f:1:2", Static: "f:3:4"}[r] })
	want := []string{
		`nonRoot: the image starts as root: its user is "0" (linux/amd64, linux/arm64; f:1:2)`,
		"static: x (f:3:4)",
		"maxLayers: the image has 2 layers; allowed are 1 (linux/amd64)",
		"maxLayers: the image has 3 layers; allowed are 1 (linux/arm64)",
		"require: the image has no sbom that was verified (linux/amd64, linux/arm64)",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := Explain(list[3:4], nil); got[0] != `nonRoot: the image starts as root: its user is "0" (linux/arm64)` {
		t.Error(got)
	}
}

// Who knows why something is not known has it said; what is known needs no reason.
func TestWhyAFactIsNotKnown(t *testing.T) {
	p := &Policy{NonRoot: true, Bases: []string{"alpine"}}
	found := p.Check(Facts{UserKnown: true, Why: map[Rule]string{Bases: "nobody says it", NonRoot: "unused"}})
	if len(found) != 2 || found[1].Text != "can't be told: the base is not known: nobody says it" ||
		found[0].Text != "the image starts as root: it names no user" {
		t.Errorf("%+v", found)
	}
	if diff := cmp.Diff([]Rule{NonRoot, Bases}, p.Rules()); diff != "" {
		t.Error(diff)
	}
	if r := (*Policy)(nil).Rules(); r != nil {
		t.Error(r)
	}
}
