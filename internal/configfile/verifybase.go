package configfile

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// VerifyBase is what `verifyBase` says of who has to have signed a base: Off, a Preset, a
// Key, or one of each of identity and issuer.
//
// The roots of trust have no key here, and are not to get any: a file may be a stranger's.
type VerifyBase struct {
	Off    bool   // `none` or `false`
	Preset string // one of [BasePresets]

	Key Value[string] // of a public key's file, as written: relative to the folder of the file
	Log Value[bool]   // whether what the key signed has to be in a transparency log; unset is true

	Identity, IdentityRegexp Value[string] // of a certificate
	Issuer, IssuerRegexp     Value[string] // who vouches for the identity
}

// BasePresets are the words for the signers of known bases.
var BasePresets = []string{"distroless", "chainguard"}

// noBaseTrust in place of a preset says that anybody may have made the base.
const noBaseTrust = "none"

func verifyBaseKeys() []field[Settings] {
	return []field[Settings]{
		setting(everywhere, "verifyBase", "Who has to have signed the base before anything is built on it: `distroless` or `chainguard`, as these projects sign theirs; a key or an identity, with a mapping; or `none`. "+
			"It counts for the bases of all platforms. `scratch` is imgo's own, and `oci:DIR` and `FILE.tar`, which nobody signs, are refused. It takes imgo-sigstore.",
			`verifyBase: distroless`, verifyBaseKind(), func(s *Settings) *Value[VerifyBase] { return &s.VerifyBase }),
	}
}

// unverifiable is what is taken for the file of a public key and isn't one.
var unverifiable = []refusal{
	{`-----BEGIN|\n`, "this is a key itself", "name the file that it is in"},
	{`^[a-z0-9]+://|^pkcs11:`, "a key is a file here, not one of a service", "for example base.pub"},
}

// noTemplateInTrust keeps templates out of what has to be the same always.
var noTemplateInTrust = refusal{`\{\{`, "there are no templates here", "who is trusted is written out"}

var (
	publicKeyPath = scalar{want: "a file's name", example: "base.pub", quoteless: true, refuse: unverifiable, pattern: `^[^\x00-\x1f\x7f]+$`}
	verifyingKey  = scalar{
		want: "a path relative to the folder of this file", example: "base.pub", quoteless: true,
		refuse: append(slices.Clone(unverifiable),
			refusal{`^(/|~|[A-Za-z]:[/\\])`, "an absolute path exists on one machine only", "write it relative to the folder of this file, or name the key with --verify-base or IMGO_VERIFY_BASE"},
			noTemplateInTrust),
		pattern: `^[^\x00-\x1f\x7f]+$`,
	}
	signerIdentity = scalar{
		want: "an identity", form: "it has no blank", example: "release@example.com",
		refuse:  []refusal{{`\*`, "an identity is compared as it is, and this one has a wildcard", "write identityRegexp: https://github.com/acme/.*"}, noTemplateInTrust},
		pattern: `^[^\x00-\x20\x7f]+$`,
	}
	signerIssuer = scalar{
		want: "the URL of who vouches for identities", example: "https://accounts.google.com",
		refuse:  []refusal{{`\*`, "an issuer is compared as it is, and this one has a wildcard", `write issuerRegexp: https://.*\.example`}, noTemplateInTrust},
		pattern: `^https?://[^\x00-\x20\x7f]+$`,
		suggest: func(s string) string { return "https://" + s },
	}
	signerRegexp = scalar{
		want: "a regular expression", example: "https://github.com/acme/.*", refuse: []refusal{noTemplateInTrust}, pattern: `^[^\x00-\x1f\x7f]+$`,
		check: func(s string) (string, string) {
			if _, err := regexp.Compile(s); err != nil {
				return "it is not a regular expression: " + strings.TrimPrefix(err.Error(), "error parsing regexp: "), ""
			}
			return "", ""
		},
	}
)

// basePreset is what stands in place of a mapping, false apart.
var basePreset = scalar{want: "a preset", example: "distroless", words: append(slices.Clone(BasePresets), noBaseTrust), quoteless: true}

func verifyBaseKind() kind[Value[VerifyBase]] {
	const want = "distroless, chainguard, none, or a mapping with key or identity"
	const how = "write distroless, chainguard or none, or {key: base.pub}"
	word := kind[VerifyBase]{
		decode: func(d *decoder, n *node, at string) (VerifyBase, bool) {
			switch {
			case n.kind == boolean && strings.EqualFold(n.text, "false"):
				return VerifyBase{Off: true}, true
			case n.kind == boolean:
				d.fail(n.pos, at, "true doesn't say whose signature counts", how)
			case n.kind == text && slices.Contains([]string{"no", "off", "false"}, strings.ToLower(n.text)):
				d.mismatch(n, at, want, "write none")
			case n.kind != text:
				d.mismatch(n, at, want, how)
			case nearest(n.text, basePreset.words) == "":
				d.fail(n.pos, at, "it is not "+basePreset.want, how+" with the path of a public key")
			default:
				s, ok := basePreset.read(d, n, at, want)
				return basePresetOf(s), ok
			}
			return VerifyBase{}, false
		},
		schema: func() schema {
			return schema{"enum": []any{BasePresets[0], BasePresets[1], noBaseTrust, false}}
		},
	}
	return located(either(want, word, verifyBaseObject().kind()))
}

func basePresetOf(word string) VerifyBase {
	if word == noBaseTrust {
		return VerifyBase{Off: true}
	}
	return VerifyBase{Preset: word}
}

func verifyBaseObject() object[VerifyBase] {
	const whole = " It has to match the whole."
	return object[VerifyBase]{
		want: "a mapping with key or identity", foreign: foreignVerifyBase(),
		fields: []field[VerifyBase]{
			key("key", "The file of a public key, relative to the folder of this file.", `key: base.pub`, verifyingKey.kind(), func(v *VerifyBase) *Value[string] { return &v.Key }),
			key("log", "Whether what the key signed has to be in Rekor, a public log. `false` only with a key.", `log: false`, truth(), func(v *VerifyBase) *Value[bool] { return &v.Log }),
			key("identity", "Who signed, as Fulcio's certificate says: an e-mail address, the URL of a workflow.",
				`identity: keyless@distroless.iam.gserviceaccount.com`, signerIdentity.kind(), func(v *VerifyBase) *Value[string] { return &v.Identity }),
			key("identityRegexp", "The same as a regular expression."+whole, `identityRegexp: https://github.com/acme/bases/.*`, signerRegexp.kind(), func(v *VerifyBase) *Value[string] { return &v.IdentityRegexp }),
			key("issuer", "The URL of who vouches for the identity.", `issuer: https://accounts.google.com`, signerIssuer.kind(), func(v *VerifyBase) *Value[string] { return &v.Issuer }),
			key("issuerRegexp", "The same as a regular expression."+whole, `issuerRegexp: https://.*\.acme\.example`, signerRegexp.kind(), func(v *VerifyBase) *Value[string] { return &v.IssuerRegexp }),
		},
		check: checkVerifyBase, also: verifyBaseSchema(),
	}
}

func checkVerifyBase(d *decoder, n *node, at string, v *VerifyBase) bool {
	identified, vouched := v.Identity.IsSet() || v.IdentityRegexp.IsSet(), v.Issuer.IsSet() || v.IssuerRegexp.IsSet()
	switch {
	case v.Key.IsSet() && (identified || vouched):
		d.fail(owner(n), at, "it says both a key and an identity", "leave one of them out")
	case v.Key.IsSet():
		return true
	case !identified && !vouched:
		d.fail(owner(n), at, "it says neither key nor identity", "for example key: base.pub")
	case v.Identity.IsSet() && v.IdentityRegexp.IsSet():
		d.fail(owner(n), at, "it says both identity and identityRegexp", "leave one of them out")
	case v.Issuer.IsSet() && v.IssuerRegexp.IsSet():
		d.fail(owner(n), at, "it says both issuer and issuerRegexp", "leave one of them out")
	case !vouched:
		d.fail(owner(n), at, "anybody can claim an identity: who vouches for it is missing", "for example issuer: https://token.actions.githubusercontent.com")
	case !identified:
		d.fail(owner(n), at, "an issuer vouches for many: the identity is missing", "for example identityRegexp: https://github.com/acme/.*")
	case v.Log.IsSet() && !v.Log.V:
		d.fail(v.Log.Pos, child(at, "log"), "a certificate is valid for minutes, and the log says that it was used in these", "leave log out, or name a key")
	default:
		return true
	}
	return false
}

// verifyBaseSchema is what checkVerifyBase demands.
func verifyBaseSchema() schema {
	has := func(names ...string) []schema {
		var out []schema
		for _, name := range names {
			out = append(out, schema{"required": []string{name}})
		}
		return out
	}
	return schema{"oneOf": []schema{
		{"required": []string{"key"}, "not": schema{"anyOf": has("identity", "identityRegexp", "issuer", "issuerRegexp")}},
		{
			"allOf": []schema{{"oneOf": has("identity", "identityRegexp")}, {"oneOf": has("issuer", "issuerRegexp")}},
			"not":   schema{"required": []string{"key"}}, "properties": schema{"log": schema{"const": true}},
		},
	}}
}

// ParseVerifyBase reads what a command line says of who has to have signed a base: a
// preset, none, or the path of a public key, which may be absolute. The key has no place.
func ParseVerifyBase(s string) (VerifyBase, error) {
	switch {
	case s == "false":
		return VerifyBase{Off: true}, nil
	case slices.Contains(basePreset.words, s), !strings.ContainsAny(s, `./\`) && nearest(s, basePreset.words) != "":
		word, err := basePreset.parse(s)
		return basePresetOf(word), err
	}
	path, err := publicKeyPath.parse(s)
	return VerifyBase{Key: Value[string]{V: path}}, err
}

func foreignVerifyBase() map[string]string {
	out := map[string]string{
		"preset":      "write verifyBase: distroless",
		"trustedroot": "a file may be a stranger's and can't choose the roots of trust: use --trusted-root",
	}
	for meaning, names := range map[string][]string{
		"key":            {"publickey", "pub", "pubkey", "keyref", "keyfile", "file", "keys"},
		"log":            {"tlog", "rekor", "transparencylog"},
		"identity":       {"certificateidentity", "subject", "san", "email", "signer", "keyless"},
		"identityRegexp": {"certificateidentityregexp", "subjectregexp", "identityregex", "identitypattern"},
		"issuer":         {"certificateoidcissuer", "oidcissuer", "iss"},
		"issuerRegexp":   {"certificateoidcissuerregexp", "issuerregex", "issuerpattern"},
	} {
		for _, name := range names {
			out[name] = meant(meaning)
		}
	}
	for _, name := range []string{"insecureignoretlog", "ignoretlog", "notlog", "notransparencylog"} {
		out[name] = "write log: false"
	}
	out["trustroot"] = out["trustedroot"]
	return out
}

// foreignVerifying adds what others call the key as a whole.
func foreignVerifying(foreign map[string]string) map[string]string {
	all := map[string]string{
		"basekey":      "write verifyBase: {key: base.pub}",
		"baseidentity": "write verifyBase: {identity: …, issuer: …}",
	}
	for _, name := range []string{"verify", "verifybases", "baseverify", "verifybaseimage", "basetrust", "basesignature", "basepolicy"} {
		all[name] = meant("verifyBase")
	}
	maps.Copy(foreign, all)
	return foreign
}
