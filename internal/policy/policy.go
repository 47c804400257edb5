// Package policy judges an image by what its owner demands of it: what .imgo.yaml says
// under policy:.
//
// It is pure: whoever has the image gathers [Facts], and [Policy.Check] says which rules
// they break, always all of them and in one order. A policy fails closed: a fact that is
// not known breaks the rules that need it, so the zero value of Facts, which knows
// nothing, breaks every rule. It is not for finding facts out, nor for checking whether
// attestations are true: what Facts names as attested has been verified before.
package policy

import (
	"cmp"
	"slices"
)

// Policy is a set of rules. The zero value has none.
type Policy struct {
	NonRoot   bool  // the process does not start as user 0
	Static    bool  // the binaries need no dynamic linker
	NoSecrets bool  // nothing that looks like a secret is in the image
	MaxSize   int64 // bytes, compressed, of one platform's image; 0: any
	MaxLayers int   // of one platform's image, the base's included; 0: any

	// Bases are patterns of allowed repositories, as in "gcr.io/distroless/*", where **
	// stands for any number of elements, and the words scratch and distroless. A pattern
	// without a host is one of Docker Hub's, as references are: alpine, acme/*. Nil: any
	// base.
	Bases    []string
	Licenses Licenses
	Require  []string // attestations: of the words Signature, SBOM, Provenance
}

// Licenses are SPDX identifiers, such as MIT or "GPL-2.0-only WITH Classpath-exception-2.0",
// in any case. What is in neither list is allowed only where Allow is nil.
//
// The more exact entry decides: denying GPL-2.0 denies GPL-2.0-only, GPL-2.0-or-later and
// either with an exception, but for those that Allow names in full.
type Licenses struct {
	Allow, Deny []string
	// Unknown says what becomes of modules whose licence nobody could tell: Allow or
	// Deny. Empty means Deny where there are lists.
	Unknown string
}

// The values of Licenses.Unknown.
const (
	Allow = "allow"
	Deny  = "deny"
)

// The words of Policy.Require and Facts.Attestations.
const (
	Signature  = "signature"
	SBOM       = "sbom"
	Provenance = "provenance"
)

// Rule names a rule as the configuration file does.
type Rule string

// The rules, in the order in which violations are listed.
const (
	NonRoot      Rule = "nonRoot"
	Static       Rule = "static"
	NoSecrets    Rule = "noSecrets"
	MaxSize      Rule = "maxSize"
	MaxLayers    Rule = "maxLayers"
	Bases        Rule = "bases"
	LicensesRule Rule = "licenses"
	Require      Rule = "require"
)

// Facts is what is known of the image of one platform. Zero values mean that nothing is.
type Facts struct {
	Platform string // such as linux/arm64; goes into the violations

	UserKnown bool
	User      string // of the image's config, as it is there; empty means root
	UID       *int64 // what the name or number of User stands for in the image's /etc/passwd

	Static *bool
	Size   int64 // bytes, compressed
	Layers int

	BaseKnown bool
	// Base is the reference of the base, with or without tag and digest; empty for
	// scratch. One that came from a file says so: "oci:DIR", or a path that ends in .tar
	// or is absolute.
	Base string

	LicensesKnown bool
	// Licenses holds the SPDX expressions of each module: one for each place that says
	// one, all of which count. None, NONE and NOASSERTION mean that it is unknown.
	Licenses map[string][]string

	SecretsKnown bool
	Secrets      []string // where they are: paths, names of variables; never their values

	Attestations []string // verified ones, by the words of Policy.Require

	// Why says of a rule, a clause for people, why what it needs is not known.
	Why map[Rule]string
}

// Violation is one reason why an image is not as demanded.
type Violation struct {
	Rule     Rule
	Platform string
	Subject  string // what breaks the rule: a user, base, module, place of a secret, attestation; empty where it is the image as a whole
	Value    string // of licenses: the expression
	Unknown  bool   // it can't be told whether the rule holds
	Text     string // a clause for people, without the platform
}

// Has reports whether there is such a rule: whose facts need no gathering otherwise.
func (p *Policy) Has(r Rule) bool {
	if p == nil {
		return false
	}
	switch r {
	case NonRoot:
		return p.NonRoot
	case Static:
		return p.Static
	case NoSecrets:
		return p.NoSecrets
	case MaxSize:
		return p.MaxSize != 0
	case MaxLayers:
		return p.MaxLayers != 0
	case Bases:
		return p.Bases != nil
	case LicensesRule:
		l := p.Licenses
		return l.Allow != nil || len(l.Deny) > 0 || (l.Unknown != "" && l.Unknown != Allow)
	case Require:
		return len(p.Require) > 0
	}
	return false
}

// Rules lists the rules that there are, in the order in which violations are.
func (p *Policy) Rules() []Rule {
	var out []Rule
	for _, c := range checks {
		if p.Has(c.rule) {
			out = append(out, c.rule)
		}
	}
	return out
}

type ruleCheck struct {
	rule  Rule
	check func(*Policy, Facts) []Violation
}

// checks are the rules in their order.
var checks = []ruleCheck{
	{NonRoot, checkUser},
	{Static, checkStatic},
	{NoSecrets, checkSecrets},
	{MaxSize, checkSize},
	{MaxLayers, checkLayers},
	{Bases, checkBase},
	{LicensesRule, checkLicenses},
	{Require, checkAttestations},
}

// Check returns all that breaks the policy, in the order of the rules, then of subjects.
// The policy should be a valid one; what is wrong in it allows nothing.
func (p *Policy) Check(f Facts) []Violation {
	var all []Violation
	for _, c := range checks {
		if !p.Has(c.rule) {
			continue
		}
		found := c.check(p, f)
		for i := range found {
			found[i].Rule, found[i].Platform = c.rule, f.Platform
			if why := f.Why[c.rule]; found[i].Unknown && why != "" {
				found[i].Text += ": " + why
			}
		}
		slices.SortFunc(found, func(a, b Violation) int {
			return cmp.Or(cmp.Compare(a.Subject, b.Subject), cmp.Compare(a.Value, b.Value))
		})
		all = append(all, slices.Compact(found)...)
	}
	return all
}
