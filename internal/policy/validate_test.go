package policy

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestValidate(t *testing.T) {
	for _, p := range []*Policy{
		{}, full(),
		{Bases: []string{"alpine", "**", "localhost:5000/x", "{gcr.io,ghcr.io}/acme/**", "a.example.com/[a-c]/*"}},
		{Licenses: Licenses{Allow: []string{"MIT", "GPL-2.0+", "Apache-2.0 WITH LLVM-exception", "LicenseRef-a"}, Deny: []string{"ISC"}, Unknown: Deny}},
	} {
		if err := p.Validate(); err != nil {
			t.Errorf("%+v: %v", p, err)
		}
	}
	for _, c := range []struct {
		policy     Policy
		key, value string
	}{
		{Policy{MaxSize: -1}, "maxSize", "-1"},
		{Policy{MaxLayers: -2}, "maxLayers", "-2"},
		{Policy{Bases: []string{}}, "bases", "[]"},
		{Policy{Bases: []string{""}}, "bases", ""},
		{Policy{Bases: []string{"gcr.io/[a"}}, "bases", "gcr.io/[a"},
		{Policy{Bases: []string{"alpine:3.24"}}, "bases", "alpine:3.24"},
		{Policy{Bases: []string{"localhost:5000/x:1"}}, "bases", "localhost:5000/x:1"},
		{Policy{Bases: []string{"alpine@sha256:00"}}, "bases", "alpine@sha256:00"},
		{Policy{Bases: []string{"https://gcr.io/x"}}, "bases", "https://gcr.io/x"},
		{Policy{Bases: []string{"base.tar"}}, "bases", "base.tar"},
		{Policy{Bases: []string{"Alpine"}}, "bases", "Alpine"},
		{Policy{Licenses: Licenses{Allow: []string{}}}, "licenses.allow", "[]"},
		{Policy{Licenses: Licenses{Allow: []string{"MIT OR ISC"}}}, "licenses.allow", "MIT OR ISC"},
		{Policy{Licenses: Licenses{Allow: []string{"(MIT)"}}}, "licenses.allow", "(MIT)"},
		{Policy{Licenses: Licenses{Deny: []string{"GPL-*"}}}, "licenses.deny", "GPL-*"},
		{Policy{Licenses: Licenses{Deny: []string{""}}}, "licenses.deny", ""},
		{Policy{Licenses: Licenses{Allow: []string{"GPL-2.0"}, Deny: []string{"gpl-2.0-only"}}}, "licenses.deny", "gpl-2.0-only"},
		{Policy{Licenses: Licenses{Unknown: "alow"}}, "licenses.unknown", "alow"},
		{Policy{Require: []string{"SBOM"}}, "require", "SBOM"},
	} {
		err := c.policy.Validate()
		e, ok := errors.AsType[*SettingError](err)
		if !ok || e.Key != c.key || e.Value != c.value || e.Problem == "" {
			t.Errorf("%+v: %v", c.policy, err)
		}
	}
	many := Policy{MaxSize: -1, Require: []string{"sboom"}, Licenses: Licenses{Unknown: "maybe"}}
	want := `maxSize: "-1" is less than nothing
licenses.unknown: "maybe" is neither of the two words: allow, deny
require: "sboom" is no attestation that can be required: signature, sbom, provenance`
	if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(many.Validate().Error(), "\n")); diff != "" {
		t.Error(diff)
	}
}
