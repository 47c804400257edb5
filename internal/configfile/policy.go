package configfile

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/imgo-build/imgo/internal/policy"
)

// Policy is what `policy` demands of an image. Each rule goes over the same one below it;
// false, 0 and an empty list demand nothing, whatever is below.
type Policy struct {
	NonRoot, Static, NoSecrets Value[bool]
	MaxSize                    Value[int64] // bytes
	MaxLayers                  Value[int64]
	Bases                      List
	Licenses                   Value[Licenses]
	Require                    List
	Trust                      Trust
}

// Licenses are the lists of `policy.licenses`.
type Licenses struct {
	Allow, Deny List
	Unknown     Value[string]
}

// Trust is whom `imgo verify --policy` trusts: any of these.
type Trust struct {
	Items []VerifyBase // with a key, or identity and issuer
	Pos   Pos
}

func (t Trust) over(under Trust) Trust {
	if t.Pos.IsSet() {
		return t
	}
	return under
}

func (p Policy) over(under Policy) Policy {
	return Policy{
		NonRoot: p.NonRoot.over(under.NonRoot), Static: p.Static.over(under.Static), NoSecrets: p.NoSecrets.over(under.NoSecrets),
		MaxSize: p.MaxSize.over(under.MaxSize), MaxLayers: p.MaxLayers.over(under.MaxLayers), Bases: p.Bases.over(under.Bases),
		Licenses: p.Licenses.over(under.Licenses), Require: p.Require.over(under.Require), Trust: p.Trust.over(under.Trust),
	}
}

// Rules returns the policy to be checked, nil where nothing is demanded.
func (p *Policy) Rules() *policy.Policy {
	if out := p.rules(); len(out.Rules()) > 0 {
		return out
	}
	return nil
}

func (p *Policy) rules() *policy.Policy {
	return &policy.Policy{
		NonRoot: p.NonRoot.V, Static: p.Static.V, NoSecrets: p.NoSecrets.V,
		MaxSize: p.MaxSize.V, MaxLayers: int(p.MaxLayers.V), Bases: p.Bases.Strings(), Require: p.Require.Strings(),
		Licenses: policy.Licenses{
			Allow: p.Licenses.V.Allow.Strings(), Deny: p.Licenses.V.Deny.Strings(), Unknown: p.Licenses.V.Unknown.V,
		},
	}
}

// Pos is where a rule is set, or nowhere.
func (p *Policy) Pos(r policy.Rule) Pos {
	return map[policy.Rule]Pos{
		policy.NonRoot: p.NonRoot.Pos, policy.Static: p.Static.Pos, policy.NoSecrets: p.NoSecrets.Pos,
		policy.MaxSize: p.MaxSize.Pos, policy.MaxLayers: p.MaxLayers.Pos, policy.Bases: p.Bases.Pos,
		policy.LicensesRule: p.Licenses.Pos, policy.Require: p.Require.Pos,
	}[r]
}

func policyKeys() []field[Settings] {
	return []field[Settings]{
		setting(everywhere, "policy", "What the image is held to: when it is built, before anything is written or pushed, and by `imgo verify --policy`. "+
			"An image's rules go over those of `defaults` one by one. What is meant by each is said in [supply-chain.md](supply-chain.md#policy).",
			`policy: {nonRoot: true, static: true, maxSize: 30MB}`, policyObject().kind(), func(s *Settings) *Policy { return &s.Policy }),
	}
}

func policyObject() object[Policy] {
	return object[Policy]{
		want: "a mapping of rules", foreign: foreignPolicy(), empty: true,
		fields: []field[Policy]{
			key("nonRoot", "It doesn't start as root.", `nonRoot: true`, truth(), func(p *Policy) *Value[bool] { return &p.NonRoot }),
			key("static", "Its binaries need no dynamic linker.", `static: true`, truth(), func(p *Policy) *Value[bool] { return &p.Static }),
			key("noSecrets", "Nothing in it looks like a secret, but for what `allowSecrets` names.", `noSecrets: true`, truth(), func(p *Policy) *Value[bool] { return &p.NoSecrets }),
			key("maxSize", "How large the layers of one platform may be in all, compressed: bytes, or a number with kB, MB, GB, KiB, MiB or GiB. 0 sets no limit.",
				`maxSize: 30MB`, scalarOf(imageSize, sizeOf), func(p *Policy) *Value[int64] { return &p.MaxSize }),
			key("maxLayers", "How many layers one platform may have, the base's included. 0 sets no limit.",
				`maxLayers: 6`, number("a number of layers from 0 to 1000", "6", 0, 1000), func(p *Policy) *Value[int64] { return &p.MaxLayers }),
			key("bases", "Repositories of allowed bases: patterns, in which `*` stands for a part between slashes and `**` for several, and the words `scratch` and `distroless`.",
				`bases: [scratch, distroless, "cgr.io/acme/**"]`,
				listing{want: "a list of repositories", item: basePattern, least: 1, unique: true}.kind(), func(p *Policy) *List { return &p.Bases }),
			key("licenses", "Allowed and denied licences of modules.", `licenses: {allow: [MIT, Apache-2.0, BSD-3-Clause]}`,
				located(licensesObject().kind()), func(p *Policy) *Value[Licenses] { return &p.Licenses }),
			key("require", "What has to be said of the image by a signature: `signature`, `sbom`, `provenance`.", `require: [signature, sbom]`,
				requireList.kind(), func(p *Policy) *List { return &p.Require }),
			key("trust", "Whom `imgo verify --policy` trusts: any of these keys and identities.", `trust: [{key: cosign.pub}]`,
				trustKind(), func(p *Policy) *Trust { return &p.Trust }),
		},
		check: checkPolicy,
	}
}

// checkPolicy asks the policy itself what is wrong with it.
func checkPolicy(d *decoder, _ *node, at string, p *Policy) bool {
	err := p.rules().Validate()
	list := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		list = joined.Unwrap()
	}
	for _, err := range list {
		if e, ok := errors.AsType[*policy.SettingError](err); ok {
			pos, path := p.place(e)
			d.fail(pos, at+"."+path, quote(e.Value)+" "+e.Problem, "")
		}
	}
	return err == nil
}

// place is where a wrong value is.
func (p *Policy) place(e *policy.SettingError) (Pos, string) {
	l := map[string]List{
		"bases": p.Bases, "require": p.Require, "licenses.allow": p.Licenses.V.Allow, "licenses.deny": p.Licenses.V.Deny,
	}[e.Key]
	for i, item := range l.Items {
		if item.V == e.Value {
			return item.Pos, element(e.Key, i)
		}
	}
	return p.Pos(policy.Rule(e.Key)), e.Key
}

var requireList = listing{
	want: "a list of what has to be there", unique: true,
	item: scalar{want: "something that can be required", words: []string{policy.Signature, policy.SBOM, policy.Provenance}, example: policy.SBOM},
}

var basePattern = scalar{
	want: "a repository or a pattern of some", form: "use lower-case letters, digits, '.', '_', '-' and '/'", example: "gcr.io/distroless/*",
	refuse: []refusal{
		{`://`, "a repository is named without a scheme", "for example gcr.io/distroless/*"},
		{`^oci:|^[./]|\.tar$|\\`, "this is a file, which has no repository", "only bases in a registry can be allowed by name"},
		{`@|:[^/]*$`, "bases are allowed by their repositories", "leave out the tag or digest"},
	},
	pattern: `^([a-z0-9.*?_{},!^\[\]-]+(:[0-9]+)?/)?[a-z0-9.*?_{},!^\[\]/-]+$`, suggest: strings.ToLower,
}

var (
	licenseID = scalar{
		want: "the SPDX identifier of a licence", example: "Apache-2.0",
		refuse: []refusal{
			{`[()]| (AND|OR|and|or) `, "an entry is one licence", "list each by itself: [MIT, Apache-2.0]"},
			{`^([Nn][Oo][Nn][Ee]|[Nn][Oo][Aa][Ss][Ss][Ee][Rr][Tt][Ii][Oo][Nn])$`, "this says that no licence is known", "write unknown: allow"},
			{`^([Aa][Nn][Dd]|[Oo][Rr]|[Ww][Ii][Tt][Hh])$`, "this is no licence", "for example Apache-2.0"},
		},
		pattern: `^[A-Za-z0-9.:-]+\+?( (WITH|with) [A-Za-z0-9.-]+)?$`,
		suggest: func(s string) string {
			return nearest(s, []string{"MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MPL-2.0", "GPL-2.0-only", "GPL-3.0-only", "LGPL-3.0-only", "AGPL-3.0-only", "Unlicense"})
		},
	}
	licenseList = listing{want: "a list of licences", item: licenseID, least: 1, unique: true}
)

func licensesObject() object[Licenses] {
	return object[Licenses]{
		want: "a mapping with allow, deny or unknown", short: "write {allow: [MIT, Apache-2.0]}",
		foreign: map[string]string{
			"allowed": meant("allow"), "allowlist": meant("allow"), "whitelist": meant("allow"), "only": meant("allow"),
			"denied": meant("deny"), "denylist": meant("deny"), "blacklist": meant("deny"), "forbid": meant("deny"), "disallow": meant("deny"),
			"missing": meant("unknown"), "undetected": meant("unknown"),
		},
		fields: []field[Licenses]{
			key("allow", "SPDX identifiers of what is allowed. With it, nothing else is.", `allow: [MIT, Apache-2.0]`, licenseList.kind(), func(l *Licenses) *List { return &l.Allow }),
			key("deny", "SPDX identifiers of what is not allowed.", `deny: [GPL-3.0-only]`, licenseList.kind(), func(l *Licenses) *List { return &l.Deny }),
			key("unknown", "What becomes of modules whose licence nobody could tell: `allow`, or `deny`, which is meant where nothing is said.", `unknown: deny`,
				scalar{want: "allow or deny", words: []string{policy.Allow, policy.Deny}}.kind(), func(l *Licenses) *Value[string] { return &l.Unknown }),
		},
		check: func(d *decoder, n *node, at string, l *Licenses) bool {
			if len(n.entries) == 0 {
				d.fail(owner(n), at, "it says nothing of licences", "for example allow: [MIT, Apache-2.0]")
			}
			return len(n.entries) > 0
		},
		also: schema{"minProperties": 1},
	}
}

// trustKind is a list of signers, who are described as those of bases are.
func trustKind() kind[Trust] {
	const want = "a list of mappings with key, or identity and issuer"
	signer := verifyBaseObject()
	signer.short, signer.foreign = "write {key: cosign.pub}", foreignTrust()
	signer.fields[0] = key("key", "The file of a public key, relative to the folder of this file.", `key: cosign.pub`, trustedKey.kind(), func(v *VerifyBase) *Value[string] { return &v.Key })
	item := signer.kind()
	return kind[Trust]{
		want: want, fields: item.fields,
		decode: func(d *decoder, n *node, at string) (Trust, bool) {
			if n.kind != list {
				hint := ""
				if n.kind == mapping {
					hint = "begin each with a dash: - {key: cosign.pub}"
				}
				d.mismatch(n, at, want, hint)
				return Trust{}, false
			}
			out, ok := Trust{Pos: n.pos}, true
			for i, entry := range n.items {
				v, good := item.decode(d, entry, element(at, i))
				out.Items, ok = append(out.Items, v), ok && good
			}
			return out, ok
		},
		schema: func() schema { return schema{"type": "array", "items": item.schema()} },
	}
}

var trustedKey = scalar{
	want: "a path relative to the folder of this file", example: "cosign.pub", quoteless: true,
	refuse: append(slices.Clone(unverifiable),
		refusal{`\.key$`, "this is a private key, which verifies nothing", "name the public key, such as cosign.pub"},
		refusal{`^(/|~|[A-Za-z]:[/\\])`, "an absolute path exists on one machine only", "write it relative to the folder of this file, or name the key with imgo verify --key"},
		noTemplateInTrust),
	pattern: `^[^\x00-\x1f\x7f]+$`,
}

func foreignTrust() map[string]string {
	out := foreignVerifyBase()
	out["preset"] = "write identity and issuer"
	return out
}

// sizeUnits are those of sizes, by their names.
var sizeUnits = []struct {
	name  string
	bytes int64
}{
	{"B", 1}, {"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30},
}

// largestSize is more than any image has, and small enough for exact arithmetic.
const largestSize = 1 << 50

var imageSize = scalar{
	want: "a size", form: "write bytes, or a number with kB, MB, GB, KiB, MiB or GiB", example: "30MB", accept: integer,
	bounds:  schema{"minimum": 0, "maximum": largestSize},
	pattern: `^([0-9]+|[0-9]+(\.[0-9]+)?(B|[kKMG]B|[KMG]iB))$`,
	check: func(s string) (string, string) {
		if number, unit := splitSize(s); number*float64(unit) > largestSize {
			return quote(s) + " is more than any image has", "for example 30MB"
		}
		return "", ""
	},
	suggest: meantSize,
}

// splitSize takes a valid size apart.
func splitSize(s string) (float64, int64) {
	digits := strings.TrimRight(s, "kKMGiB")
	number, err := strconv.ParseFloat(digits, 64)
	if err != nil {
		return largestSize, 2 // too many digits
	}
	for _, u := range sizeUnits {
		if s[len(digits):] == u.name {
			return number, u.bytes
		}
	}
	return number, 1
}

func sizeOf(s string) int64 {
	number, unit := splitSize(s)
	return int64(number * float64(unit))
}

// meantSize knows sizes with blanks, of other cases and without the B.
func meantSize(s string) string {
	s = strings.ToLower(strings.Join(strings.Fields(s), ""))
	digits := strings.TrimRight(s, "kmgib")
	for _, u := range sizeUnits {
		if unit := s[len(digits):]; unit != "" && (strings.ToLower(u.name) == unit || strings.ToLower(u.name) == unit+"b") {
			return digits + u.name
		}
	}
	return ""
}

func foreignPolicy() map[string]string {
	out := map[string]string{
		"enabled": "a rule that is left out demands nothing", "fail": "a broken rule always stops the build", "warn": "a broken rule always stops the build",
		"user": "write nonRoot: true", "platforms": "platforms is no rule: it is a key beside policy",
	}
	for meaning, names := range map[string][]string{
		"nonRoot":   {"runasnonroot", "noroot", "rootless", "unprivileged"},
		"static":    {"staticbinary", "nocgo", "dynamic"},
		"noSecrets": {"secrets", "nosecret", "secretscan", "denysecrets"},
		"maxSize":   {"size", "maximumsize", "sizelimit", "sizebudget", "budget", "imagesize"},
		"maxLayers": {"layers", "maximumlayers", "layerlimit"},
		"bases":     {"base", "allowedbases", "allowbases", "baseimages", "allowedbaseimages", "registries"},
		"licenses":  {"license", "licence", "licences", "allowedlicenses", "allowedlicences", "allowlicenses"},
		"require":   {"required", "requires", "attestations", "signed", "signature", "sbom", "provenance"},
		"trust":     {"trusted", "key", "keys", "identity", "identities", "issuer", "verify", "authorities"},
	} {
		for _, name := range names {
			out[name] = meant(meaning)
		}
	}
	return out
}

// foreignRules adds what is looked for beside policy, and rules that stand there.
func foreignRules(foreign map[string]string) map[string]string {
	for _, name := range []string{"policies", "rules", "gate", "gates", "checks", "imagepolicy"} {
		foreign[name] = meant("policy")
	}
	for rule, example := range map[string]string{
		"nonroot": "nonRoot: true", "runasnonroot": "nonRoot: true", "static": "static: true", "nosecrets": "noSecrets: true",
		"maxsize": "maxSize: 30MB", "size": "maxSize: 30MB", "maxlayers": "maxLayers: 6", "bases": "bases: [scratch]", "allowedbases": "bases: [scratch]",
		"licenses": "licenses: {allow: [MIT]}", "licences": "licenses: {allow: [MIT]}", "allowedlicenses": "licenses: {allow: [MIT]}",
		"require": "require: [signature]", "trust": "trust: [{key: cosign.pub}]",
	} {
		foreign[rule] = "write policy: {" + example + "}"
	}
	return foreign
}
