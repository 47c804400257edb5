package cli

import (
	"errors"

	"github.com/imgo-build/imgo/internal/policy"
	"github.com/imgo-build/imgo/pkg/build"
)

// hintPolicy is what to do about the first rule of a policy that is broken.
func hintPolicy(err error) string {
	e, ok := errors.AsType[*build.PolicyError](err)
	if !ok {
		return ""
	}
	v := e.Violations[0]
	if v.Rule == policy.LicensesRule && v.Unknown {
		return "imgo sbom, or imgo build --sbom-dir DIR, shows what is known of each module; licenses: {unknown: allow} takes what nobody could tell"
	}
	if v.Rule == policy.Bases && v.Unknown && v.Subject == "" {
		return "a base counts as verified provenance tells it: imgo push --sign, or --key FILE, puts that beside what it builds"
	}
	return policyHints[v.Rule]
}

// policyHints are for each rule.
var policyHints = map[policy.Rule]string{
	policy.NonRoot:      "name another user: user: 65534:65534, or a name, which is created where the base lacks it",
	policy.Static:       "build without cgo (no CGO_ENABLED=1), or link statically with --ldflags '-linkmode external -extldflags -static'",
	policy.NoSecrets:    "give secrets to the container when it starts; what only looks like one is named by allowSecrets: a variable, or an absolute path in the image",
	policy.MaxSize:      "imgo inspect says which layer has how much",
	policy.MaxLayers:    "imgo inspect lists the layers; files that are one group in .imgo.yaml share one",
	policy.Bases:        "choose a base that policy.bases allows, or add its repository there",
	policy.LicensesRule: "imgo sbom, or imgo build --sbom-dir DIR, shows which module is under what; go mod why -m MODULE says what needs it",
	policy.Require:      "sign what is pushed (--sign, --key FILE, or sign in .imgo.yaml); SBOM and provenance are made then unless they were switched off",
}
