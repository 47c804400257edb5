package policy

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func ptr[T any](v T) *T { return &v }

// full is a policy with every rule, and good are facts that break none of them.
func full() *Policy {
	return &Policy{
		NonRoot: true, Static: true, NoSecrets: true, MaxSize: 100, MaxLayers: 3,
		Bases:    []string{scratch, "gcr.io/distroless/*"},
		Licenses: Licenses{Allow: []string{"MIT", "BSD-3-Clause"}},
		Require:  []string{Signature, SBOM, Provenance},
	}
}

func good() Facts {
	return Facts{
		Platform: "linux/amd64", UserKnown: true, User: "65534:65534", Static: ptr(true), Size: 100, Layers: 3,
		BaseKnown: true, Base: "gcr.io/distroless/static:nonroot@sha256:0123",
		LicensesKnown: true, Licenses: map[string][]string{"example.com/a": {"MIT"}, "example.com/b": {"MIT", "BSD-3-Clause"}},
		SecretsKnown: true, Attestations: []string{Provenance, SBOM, Signature},
	}
}

var order = []Rule{NonRoot, Static, NoSecrets, MaxSize, MaxLayers, Bases, LicensesRule, Require}

func rules(list []Violation) (out []Rule) {
	for _, v := range list {
		if len(out) == 0 || out[len(out)-1] != v.Rule {
			out = append(out, v.Rule)
		}
	}
	return out
}

func TestCheckKeepsAllRules(t *testing.T) {
	if err := full().Validate(); err != nil {
		t.Fatal(err)
	}
	if found := full().Check(good()); found != nil {
		t.Errorf("%+v", found)
	}
}

// What is not known breaks the rule that needs it; without the rule nobody asks.
func TestCheckFailsClosed(t *testing.T) {
	found := full().Check(Facts{Platform: "linux/arm64"})
	if diff := cmp.Diff(order, rules(found)); diff != "" {
		t.Error(diff)
	}
	for _, v := range found {
		if v.Platform != "linux/arm64" || v.Text == "" {
			t.Errorf("%+v", v)
		}
		if v.Rule != Require && (!v.Unknown || !strings.HasPrefix(v.Text, "can't be told: ")) {
			t.Errorf("%+v is not said to be unknown", v)
		}
	}
	for _, p := range []*Policy{nil, {}} {
		if found := p.Check(Facts{User: "root", Secrets: []string{"/key"}}); found != nil {
			t.Errorf("without rules: %+v", found)
		}
	}
}

// Each fact by itself: exactly its rule is broken.
func TestCheckEachRule(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(*Facts)
		rule    Rule
		subject string
		value   string
		unknown bool
	}{
		"no user":           {func(f *Facts) { f.User = "" }, NonRoot, "", "", false},
		"only a group":      {func(f *Facts) { f.User = ":1000" }, NonRoot, ":1000", "", false},
		"root":              {func(f *Facts) { f.User = "root" }, NonRoot, "root", "", false},
		"root with a group": {func(f *Facts) { f.User = "root:1000" }, NonRoot, "root:1000", "", false},
		"root, renumbered":  {func(f *Facts) { f.User, f.UID = "root", ptr(int64(5)) }, NonRoot, "root", "", false},
		"0":                 {func(f *Facts) { f.User = "0" }, NonRoot, "0", "", false},
		"0:0":               {func(f *Facts) { f.User = "0:0" }, NonRoot, "0:0", "", false},
		"000":               {func(f *Facts) { f.User = "000:1" }, NonRoot, "000:1", "", false},
		"a name":            {func(f *Facts) { f.User = "app" }, NonRoot, "app", "", true},
		"a name for 0":      {func(f *Facts) { f.User, f.UID = "toor", ptr(int64(0)) }, NonRoot, "toor", "", false},
		"a number for 0":    {func(f *Facts) { f.User, f.UID = "1000", ptr(int64(0)) }, NonRoot, "1000", "", false},
		"too large a user":  {func(f *Facts) { f.User = "4294967296" }, NonRoot, "4294967296", "", true},
		"a negative user":   {func(f *Facts) { f.User = "-0" }, NonRoot, "-0", "", true},
		"user not known":    {func(f *Facts) { f.UserKnown = false }, NonRoot, "", "", true},

		"dynamic":             {func(f *Facts) { f.Static = ptr(false) }, Static, "", "", false},
		"linkage not known":   {func(f *Facts) { f.Static = nil }, Static, "", "", true},
		"a secret":            {func(f *Facts) { f.Secrets = []string{"/etc/key.pem"} }, NoSecrets, "/etc/key.pem", "", false},
		"secrets not known":   {func(f *Facts) { f.SecretsKnown = false }, NoSecrets, "", "", true},
		"large":               {func(f *Facts) { f.Size++ }, MaxSize, "", "", false},
		"size not known":      {func(f *Facts) { f.Size = 0 }, MaxSize, "", "", true},
		"many layers":         {func(f *Facts) { f.Layers++ }, MaxLayers, "", "", false},
		"layers not known":    {func(f *Facts) { f.Layers = 0 }, MaxLayers, "", "", true},
		"another base":        {func(f *Facts) { f.Base = "alpine:3.24" }, Bases, "docker.io/library/alpine", "", false},
		"base not known":      {func(f *Facts) { f.BaseKnown, f.Base = false, "" }, Bases, "", "", true},
		"licence denied":      {func(f *Facts) { f.Licenses["example.com/b"] = []string{"MIT", "GPL-3.0-only"} }, LicensesRule, "example.com/b", "GPL-3.0-only", false},
		"licence empty":       {func(f *Facts) { f.Licenses["example.com/b"] = nil }, LicensesRule, "example.com/b", "", true},
		"licence not told":    {func(f *Facts) { f.Licenses["example.com/b"] = []string{"NOASSERTION"} }, LicensesRule, "example.com/b", "NOASSERTION", true},
		"licences not known":  {func(f *Facts) { f.LicensesKnown = false }, LicensesRule, "", "", true},
		"a missing signature": {func(f *Facts) { f.Attestations = []string{SBOM, Provenance} }, Require, Signature, "", false},
		"a missing SBOM":      {func(f *Facts) { f.Attestations = []string{Signature, Provenance} }, Require, SBOM, "", false},
	} {
		f := good()
		c.change(&f)
		got := full().Check(f)
		if len(got) != 1 {
			t.Errorf("%s: %+v", name, got)
			continue
		}
		want := Violation{Rule: c.rule, Platform: "linux/amd64", Subject: c.subject, Value: c.value, Unknown: c.unknown, Text: got[0].Text}
		if diff := cmp.Diff(want, got[0]); diff != "" || want.Text == "" {
			t.Errorf("%s: %q %s", name, want.Text, diff)
		}
	}
}

func TestCheckUsersThatAreNotRoot(t *testing.T) {
	for _, f := range []Facts{{User: "1"}, {User: "65534"}, {User: "65534:0"}, {User: "app", UID: ptr(int64(10001))}, {User: "app:root", UID: ptr(int64(1))}} {
		f.UserKnown = true
		if found := (&Policy{NonRoot: true}).Check(f); found != nil {
			t.Errorf("%q: %+v", f.User, found)
		}
	}
}

// All of it in one order, whatever the order of the facts, and nothing twice.
func TestCheckOrder(t *testing.T) {
	f := good()
	f.User, f.Secrets = "root", []string{"z", "a", "z"}
	f.Attestations = nil
	f.Licenses = map[string][]string{"m/z": {"Zlib"}, "m/a": {"Zlib", "AAL"}, "m/m": {"Zlib"}}
	p := full()
	p.Require = append(p.Require, Signature)
	var got []string
	for _, v := range p.Check(f) {
		got = append(got, strings.TrimSpace(string(v.Rule)+" "+v.Subject+" "+v.Value))
	}
	want := []string{
		"nonRoot root", "noSecrets a", "noSecrets z",
		"licenses m/a AAL", "licenses m/a Zlib", "licenses m/m Zlib", "licenses m/z Zlib",
		"require provenance", "require sbom", "require signature",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What an image says of itself can't write to a terminal.
func TestTextsAreQuoted(t *testing.T) {
	const evil = "\x1b[2Jx"
	p := &Policy{NonRoot: true, NoSecrets: true, Bases: []string{scratch}, Licenses: Licenses{Allow: []string{"MIT"}}}
	f := Facts{UserKnown: true, User: evil, SecretsKnown: true, Secrets: []string{evil}, BaseKnown: true, Base: evil,
		LicensesKnown: true, Licenses: map[string][]string{evil: {evil, ""}}}
	found := p.Check(f)
	if len(found) != 5 {
		t.Errorf("%+v", found)
	}
	for _, v := range found {
		if strings.Contains(v.Text, "\x1b") {
			t.Errorf("%q", v.Text)
		}
	}
}

func TestHas(t *testing.T) {
	for i, p := range []*Policy{
		{NonRoot: true}, {Static: true}, {NoSecrets: true}, {MaxSize: 1}, {MaxLayers: 1},
		{Bases: []string{scratch}}, {Licenses: Licenses{Deny: []string{"MIT"}}}, {Require: []string{SBOM}},
	} {
		for k, rule := range order {
			if got := p.Has(rule); got != (i == k) {
				t.Errorf("%+v has %s: %v", p, rule, got)
			}
		}
	}
	if !(&Policy{Licenses: Licenses{Unknown: Deny}}).Has(LicensesRule) || (&Policy{Licenses: Licenses{Unknown: Allow}}).Has(LicensesRule) {
		t.Error("unknown: deny alone is a rule, unknown: allow is none")
	}
	if (*Policy)(nil).Has(NonRoot) || full().Has("other") {
		t.Error("a rule that isn't there")
	}
}
