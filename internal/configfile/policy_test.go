package configfile

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/imgo-build/imgo/internal/policy"
)

func TestPolicyIsLayeredByRule(t *testing.T) {
	f, err := Parse([]byte(`
defaults:
  policy:
    nonRoot: true
    static: true
    maxSize: 1.5MiB
    maxLayers: 6
    bases: [scratch, distroless, "cgr.io/acme/**", "localhost:5000/x", "{gcr.io,ghcr.io}/a"]
    licenses: {allow: [MIT, Apache-2.0 WITH LLVM-exception], unknown: allow}
    require: [signature, sbom]
    trust:
      - key: keys/cosign.pub
        log: false
      - {identityRegexp: "https://github.com/acme/.*", issuer: https://token.actions.githubusercontent.com}
images:
  a: {package: ., policy: {static: false, maxSize: 0, licenses: {deny: [GPL-3.0-only]}, require: []}}
  b: {package: ., policy: {nonRoot: false, noSecrets: true}}
  none:
    package: .
    policy:
profiles:
  dev: {defaults: {policy: {maxLayers: 0}}}
`), "f", "/dir")
	if err != nil {
		t.Fatal(err)
	}
	bases := []string{"scratch", "distroless", "cgr.io/acme/**", "localhost:5000/x", "{gcr.io,ghcr.io}/a"}
	allow := policy.Licenses{Allow: []string{"MIT", "Apache-2.0 WITH LLVM-exception"}, Unknown: policy.Allow}
	whole := &policy.Policy{
		NonRoot: true, Static: true, MaxSize: 3 << 19, MaxLayers: 6, Bases: bases, Licenses: allow, Require: []string{"signature", "sbom"},
	}
	a, b := *whole, *whole
	a.Static, a.MaxSize, a.Licenses, a.Require = false, 0, policy.Licenses{Deny: []string{"GPL-3.0-only"}}, nil
	b.NonRoot, b.NoSecrets = false, true
	for i, want := range []*policy.Policy{&a, &b, whole} {
		s := f.Images[i].Over(f.Defaults)
		if diff := cmp.Diff(want, s.Policy.Rules()); diff != "" {
			t.Errorf("%s (-want +got)\n%s", f.Images[i].Name, diff)
		}
	}
	s := f.Images[0].Over(f.Defaults)
	if got := s.Policy.Pos(policy.NonRoot).String() + " " + s.Policy.Pos(policy.LicensesRule).String(); got != "f:4:14 f:16:65" {
		t.Error(got)
	}
	if t1 := s.Policy.Trust.Items; len(t1) != 2 || t1[0].Key.V != "keys/cosign.pub" || !t1[0].Log.IsSet() || t1[1].Issuer.V == "" {
		t.Errorf("%+v", t1)
	}
	dev, err := f.WithProfiles([]string{"dev"})
	if err != nil || dev.Defaults.Policy.Rules().MaxLayers != 0 || dev.Defaults.Policy.Rules().MaxSize != 3<<19 {
		t.Errorf("%v: %+v", err, dev)
	}
	if p := (&Policy{NonRoot: Value[bool]{Pos: Pos{"f", 1, 1}}}).Rules(); p != nil {
		t.Errorf("%+v", p)
	}
}

func TestSizesOfPolicies(t *testing.T) {
	for s, want := range map[string]int64{
		"0": 0, "1000": 1000, "30MB": 30e6, "1.5GB": 15e8, "7kB": 7000, "7KB": 7000, "2KiB": 2048, "12B": 12, "1GiB": 1 << 30,
	} {
		if reason, _ := imageSize.judge(s); reason != "" || sizeOf(s) != want {
			t.Errorf("%s: %d, %s", s, sizeOf(s), reason)
		}
	}
	for s, hint := range map[string]string{
		"30 MB": `did you mean "30MB"?`, "30mb": `did you mean "30MB"?`, "30M": `did you mean "30MB"?`, "1.5 gi": `did you mean "1.5GiB"?`,
		"MB": "for example 30MB", "-1": "for example 30MB", "30TB": "for example 30MB", "1.5": "for example 30MB", "": "for example 30MB",
		"99999999999GiB": "for example 30MB", "99999999999999999999999999999999": "for example 30MB",
	} {
		if reason, got := imageSize.judge(s); reason == "" || got != hint {
			t.Errorf("%q: %s (%s)", s, reason, got)
		}
	}
}
