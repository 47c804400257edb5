package configfile

import (
	"slices"
	"strings"
)

// NoSBOM in place of formats says that there is to be none.
const NoSBOM = "none"

// Sign is what `sign` says: Off, or exactly one of Keyless and Key with the rest.
//
// The services that take part have no keys here, and are not to get any: Fulcio is sent
// a token of the identity of whoever builds, and a file may be a stranger's.
type Sign struct {
	Off     bool          // `false`
	Keyless Value[bool]   // by a certificate for the identity of whoever builds
	Key     Value[string] // of a private key's file, as written: relative to the folder of the file
	Log     Value[bool]   // whether the signature goes to a transparency log; unset is true
	// CosignTags adds tags as older versions of cosign look for them.
	CosignTags Value[bool]
}

func attestKeys() []field[Settings] {
	return []field[Settings]{
		setting(everywhere, "sbom", "Which lists of what is in an image (SBOMs) are kept beside it in the registry and, with `--sbom-dir`, in files: `spdx`, `cyclonedx` or both, or `none`. Without it that is `[spdx]`.",
			`sbom: [spdx, cyclonedx]`, sbomList.kind(), func(s *Settings) *List { return &s.SBOM }),
		setting(everywhere, "provenance", "Whether a statement of what the image was built from, and how (SLSA provenance), is kept beside it in the registry. Without it that is so where the image is signed.",
			`provenance: true`, truth(), func(s *Settings) *Value[bool] { return &s.Provenance }),
		setting(everywhere, "sign", "How images are signed where they are pushed: `keyless`, by a certificate for the identity of whoever builds; by a key, with a mapping; or `false`. "+
			"The services that take part are named by flags alone (`--fulcio-url`, `--rekor-url`, `--tsa-url`, `--trusted-root`): Fulcio gets a token of that identity, and a file may be a stranger's.",
			`sign: keyless`, signKind(), func(s *Settings) *Value[Sign] { return &s.Sign }),
	}
}

var sbomFormats = []string{"spdx", "cyclonedx"}

// sbomFormat is an element of a list, and sbomChoice what can stand for a list.
var (
	sbomFormat = scalar{
		want: "a format of SBOMs", example: "spdx", words: sbomFormats, suggest: meantSBOM(sbomFormats),
		refuse: []refusal{{"^" + NoSBOM + "$", NoSBOM + " stands alone", "leave out the formats, or write " + NoSBOM + " in place of the list"}},
	}
	sbomChoice = scalar{
		want: "a format of SBOMs or none", example: "spdx", words: append(slices.Clone(sbomFormats), NoSBOM),
		suggest: meantSBOM(append(slices.Clone(sbomFormats), NoSBOM)),
	}
	sbomList = listing{
		want: "a list of formats, or none", item: sbomFormat, one: &sbomChoice, unique: true,
		hint: func(n *node) string {
			if n.kind == boolean && strings.EqualFold(n.text, "false") {
				return "write none"
			}
			return "write [spdx], [spdx, cyclonedx] or none"
		},
		check: func(l []string) (string, string) {
			if len(l) == 0 {
				return "the list is empty", "write none for no SBOM"
			}
			return "", ""
		},
		extra: func(items schema) schema { items["minItems"] = 1; return items },
	}
)

// meantSBOM knows how syft and cosign call the formats.
func meantSBOM(words []string) func(string) string {
	return func(s string) string {
		s = fold(s)
		for _, w := range sbomFormats {
			if strings.HasPrefix(s, w) {
				return w
			}
		}
		return nearest(s, words)
	}
}

// unsignable is what is taken for the file of a private key and isn't one.
var unsignable = []refusal{
	{`-----BEGIN|\n`, "this is a key itself", "name the file that it is in"},
	{`^[a-z0-9]+://|^pkcs11:`, "a key is a file here, not one of a service", "for example cosign.key, as cosign generate-key-pair writes it"},
	{`\.pub$`, "this is a public key, which signs nothing", "name the private key, such as cosign.key"},
}

// keyPath is the path of a private key on the command line. A pasted key is not repeated.
var keyPath = scalar{want: "a file's name", example: "cosign.key", quoteless: true, refuse: unsignable, pattern: `^[^\x00-\x1f\x7f]+$`}

// signingKey is one in the file.
var signingKey = scalar{
	want: "a path relative to the folder of this file", example: "cosign.key", quoteless: true,
	refuse: append(slices.Clone(unsignable),
		refusal{`^(/|~|[A-Za-z]:[/\\])`, "an absolute path exists on one machine only", "write it relative to the folder of this file, or name the key with --key or IMGO_KEY"},
		refusal{`\{\{`, "there are no templates here", "name the key with --key or IMGO_KEY where it is not always the same"}),
	pattern: `^[^\x00-\x1f\x7f]+$`,
}

// signWords is what stands in place of a mapping, false apart.
var signWords = scalar{want: "a way to sign", example: "keyless", words: []string{"keyless"}, quoteless: true}

func signKind() kind[Value[Sign]] {
	const want = "keyless, false, or a mapping with key"
	const how = "write keyless, or {key: cosign.key}"
	word := kind[Sign]{
		decode: func(d *decoder, n *node, at string) (Sign, bool) {
			switch {
			case n.kind == boolean && strings.EqualFold(n.text, "false"):
				return Sign{Off: true}, true
			case n.kind == boolean:
				d.fail(n.pos, at, "true doesn't say how", how)
			case n.kind == text && slices.Contains([]string{"no", "off", "none", "false"}, strings.ToLower(n.text)):
				d.mismatch(n, at, want, "write false")
			case n.kind != text:
				d.mismatch(n, at, want, how)
			case nearest(n.text, signWords.words) == "":
				d.fail(n.pos, at, "it is not "+signWords.want, how+" with the path of a key")
			default:
				_, ok := signWords.read(d, n, at, want)
				return Sign{Keyless: Value[bool]{ok, n.pos}}, ok
			}
			return Sign{}, false
		},
		schema: func() schema { return schema{"enum": []any{"keyless", false}} },
	}
	return located(either(want, word, signObject().kind()))
}

func signObject() object[Sign] {
	return object[Sign]{
		want: "a mapping with key or keyless", foreign: foreignSign(),
		fields: []field[Sign]{
			key("key", "The file of a private key that cosign can use, relative to the folder of this file. Its password is taken from `COSIGN_PASSWORD`, or asked for.",
				`key: cosign.key`, signingKey.kind(), func(s *Sign) *Value[string] { return &s.Key }),
			key("keyless", "A certificate of Fulcio's in place of a key: `true`.", `keyless: true`, onlyTrue(), func(s *Sign) *Value[bool] { return &s.Keyless }),
			key("log", "Whether the signature goes to Rekor, a public log. `false` only with a key.", `log: false`, truth(), func(s *Sign) *Value[bool] { return &s.Log }),
			key("cosignTags", "Whether signatures can also be found by the tags of older versions of cosign.", `cosignTags: true`, truth(), func(s *Sign) *Value[bool] { return &s.CosignTags }),
		},
		check: func(d *decoder, n *node, at string, s *Sign) bool {
			switch {
			case !s.Key.IsSet() && !s.Keyless.IsSet():
				d.fail(owner(n), at, "it says neither key nor keyless", "for example key: cosign.key")
			case s.Key.IsSet() && s.Keyless.IsSet():
				d.fail(owner(n), at, "it says both key and keyless", "leave one of them out")
			case s.Keyless.IsSet() && s.Log.IsSet() && !s.Log.V:
				d.fail(s.Log.Pos, child(at, "log"), "a certificate is valid for minutes, and the log says that it was used in these", "leave log out, or sign with a key")
			default:
				return true
			}
			return false
		},
		also: schema{"oneOf": []schema{
			{"required": []string{"key"}},
			{"required": []string{"keyless"}, "properties": schema{"log": schema{"const": true}}},
		}},
	}
}

// onlyTrue is for what is said or left out.
func onlyTrue() kind[Value[bool]] {
	k := truth()
	decode := k.decode
	k.want, k.schema = "true", func() schema { return schema{"const": true} }
	k.decode = func(d *decoder, n *node, at string) (Value[bool], bool) {
		v, ok := decode(d, n, at)
		if ok && !v.V {
			d.fail(n.pos, at, "false says nothing of how to sign", "leave it out, or write sign: false to sign nothing")
			return v, false
		}
		return v, ok
	}
	return k
}

// byFlag is said of what a file can't decide: see [Sign].
func byFlag(flag string) string {
	return "a file may be a stranger's and can't choose the services of signing: use --" + flag
}

func foreignSign() map[string]string {
	out := map[string]string{
		"privatekey": meant("key"), "keyref": meant("key"), "keyfile": meant("key"), "file": meant("key"),
		"notlog": "write log: false", "notransparencylog": "write log: false", "tlog": meant("log"), "tlogupload": meant("log"), "transparencylog": meant("log"),
		"tags": meant("cosignTags"), "legacy": meant("cosignTags"),
		"password": "a password doesn't belong into a file: set COSIGN_PASSWORD", "passphrase": "a password doesn't belong into a file: set COSIGN_PASSWORD",
	}
	return withServices(out)
}

// withServices adds what flags are for.
func withServices(foreign map[string]string) map[string]string {
	for flag, names := range map[string][]string{
		"fulcio-url":   {"fulcio", "fulciourl"},
		"rekor-url":    {"rekor", "rekorurl"},
		"tsa-url":      {"tsa", "tsaurl", "timestampserver", "timestampserverurl"},
		"trusted-root": {"trustedroot", "trustroot"},
	} {
		for _, name := range names {
			foreign[name] = byFlag(flag)
		}
	}
	return foreign
}

// foreignAttest are names that others have for what is told of an image, and those of
// `sign` where they don't belong.
func foreignAttest(foreign map[string]string) map[string]string {
	foreign["sboms"], foreign["sbomformat"], foreign["sbomformats"] = meant("sbom"), meant("sbom"), meant("sbom")
	foreign["sbomdir"] = "where copies go is said with --sbom-dir"
	foreign["attest"] = "write sbom, provenance and sign"
	foreign["attestations"] = foreign["attest"]
	foreign["slsa"], foreign["slsaprovenance"] = meant("provenance"), meant("provenance")
	for _, name := range []string{"signs", "signing", "signature", "signatures", "cosign", "dockersigns"} {
		foreign[name] = meant("sign")
	}
	foreign["keyless"] = "write sign: keyless"
	foreign["key"] = "write sign: {key: cosign.key}"
	foreign["cosigntags"] = "write sign: {key: cosign.key, cosignTags: true}"
	return withServices(foreign)
}
