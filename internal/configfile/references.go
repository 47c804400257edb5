package configfile

import (
	"errors"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/imgo-build/imgo/pkg/image"
)

// The grammar of names, from the OCI distribution specification ("Pulling manifests"),
// and of the hosts in front of them.
const (
	component = image.PathComponent
	host      = `([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(:[0-9]+)?`
	tag       = image.TagGrammar
)

var imageName = scalar{
	want: "an image's name", form: "use lower case letters and digits, with '-', '_' or '.' between them", example: "server",
	pattern: "^" + component + "$", longest: 128, suggest: lower,
}

var profileName = scalar{
	want: "a profile's name", form: "use letters, digits, '-', '_' and '.'", example: "dev",
	pattern: `^[A-Za-z0-9_][A-Za-z0-9._-]*$`,
}

// notInName are mistakes in any name of a repository. What is in front of an @ may be a
// password, so that it is not repeated.
var notInName = []refusal{
	{`://`, "a repository is named without a scheme", "leave out the part before '//'"},
	{`@`, "a repository's name has neither a password nor a digest", "leave out the part before or after '@'; passwords are stored by imgo login"},
}

var repository = scalar{
	want: "a repository, HOST/PATH in lower case", example: "ghcr.io/acme/server",
	refuse: append(notInName[:2:2],
		refusal{`/[^/]*:[^/]*$`, "a repository is named without a tag here", "tags have a key of their own: tags: [v1]"}),
	pattern: "^(" + host + "|" + component + ")(/" + component + ")+$",
	suggest: lower,
	check:   func(s string) (string, string) { return parsedRepository(s) },
}

var repositoryPrefix = scalar{
	want: "a prefix of repositories, HOST or HOST/PATH in lower case", example: "ghcr.io/acme",
	refuse: append(notInName[:2:2],
		refusal{`/[^/]*:[^/]*$`, "a prefix of repositories is named without a tag", "tags have a key of their own: tags: [v1]"}),
	pattern: "^(" + host + "|" + component + ")(/" + component + ")*/?$",
	suggest: lower,
	check:   func(s string) (string, string) { return parsedRepository(strings.TrimSuffix(s, "/") + "/x") },
	canon:   func(s string) string { return strings.TrimSuffix(s, "/") },
}

// parsedRepository asks those who will use the name: without a host a name is one of
// Docker Hub, where upper case is wrong in its first part too.
func parsedRepository(s string) (reason, hint string) {
	repo, err := name.NewRepository(s)
	if err == nil && matches("^"+component+"(/"+component+")*$", repo.RepositoryStr()) {
		return "", ""
	}
	return quote(s) + " is not a repository, HOST/PATH in lower case", ""
}

func lower(s string) string { return strings.ToLower(s) }

var tagName = scalar{
	want: "a tag", form: "use letters, digits, '_', '.' and '-', not beginning with '.' or '-'", example: "latest",
	accept: integer | float, bounds: schema{"minimum": 0},
	refuse: []refusal{
		{`^:`, "a tag is written without the colon here", ""},
		{`/`, "a tag has no slash: this looks like a whole reference", "the repository has a key of its own: repository"},
	},
	pattern: "^" + tag + "$", longest: image.LongestTag, templates: true,
	suggest: func(s string) string { return strings.Map(tagRune, s) },
}

func tagRune(r rune) rune {
	if strings.ContainsRune("+ ~@#", r) {
		return '-'
	}
	return r
}

// baseReference is a name, a path, or a reference: whether there is such a base is found
// out where it is read.
var baseReference = scalar{
	want: "a base", example: "alpine", quoteless: true, why: baseReason, suggest: lower,
	pattern: `^(oci:[^\x00-\x1f\x7f]+|\.{0,2}[/\\][^\x00-\x1f\x7f]*|[^\x00-\x1f\x7f]*\.tar|(` + host + `/)?` + component + `(/` + component + `)*(:` + tag + `)?(@sha256:[0-9a-f]{64})?)$`,
	check: func(s string) (string, string) {
		if matches(`^oci:|^\.{0,2}[/\\]|\.tar$`, s) {
			return "", ""
		}
		if _, err := name.ParseReference(s, name.WeakValidation); err != nil {
			return "it is not a base: " + baseReason(s), ""
		}
		return "", ""
	},
}

// baseReason doesn't repeat the reference: there may be a password in it.
func baseReason(s string) string {
	before, after, _ := strings.Cut(s, "@")
	switch {
	case strings.HasPrefix(after, "sha"):
		return "a digest is written @sha256: and 64 hexadecimal digits in lower case"
	case after != "" && before != "":
		return "a reference holds no password; imgo login stores it"
	case strings.Contains(s, "://"):
		return "a reference has no scheme: leave out the part before '//'"
	default:
		return "it is none of scratch, distroless, alpine, a reference, oci:DIR and FILE.tar"
	}
}

// platforms is the pattern of what image.ParsePlatform reads, for the schema's sake;
// a test compares the two. Case and blanks don't vary in a file.
const platforms = `linux/(386|amd64(/v[1-4])?|arm(/v[5-7])?|arm64(/v(8(\.[0-9])?|9(\.[0-5])?))?|loong64|mips|mips64|mips64le|mipsle|ppc64|ppc64le|riscv64|s390x)`

var platform = scalar{
	want: "a platform", example: "linux/amd64", why: platformReason, pattern: "^" + platforms + "$",
	suggest: meantPlatform, canon: canonicalPlatform,
}

var platformOrAll = scalar{
	want: "a platform", example: "linux/amd64", why: platformReason, pattern: "^(all|" + platforms + ")$",
	refuse:  []refusal{{`,`, "one element is one platform", "write a list: [linux/amd64, linux/arm64]"}},
	suggest: meantPlatform, canon: canonicalPlatform,
}

func platformReason(s string) string {
	if bad, ok := errors.AsType[*image.PlatformError](onlyError(image.ParsePlatform(s))); ok {
		return bad.Reason
	}
	return ""
}

func onlyError[T any](_ T, err error) error { return err }

func canonicalPlatform(s string) string {
	if p, err := image.ParsePlatform(s); err == nil {
		return image.PlatformString(p)
	}
	return s
}

func meantPlatform(s string) string {
	p, err := image.ParsePlatform(s)
	if err == nil {
		return image.PlatformString(p)
	}
	if strings.EqualFold(s, "all") {
		return "all"
	}
	if bad, ok := errors.AsType[*image.PlatformError](err); ok {
		return bad.Suggestion
	}
	return ""
}

var platformList = listing{
	want: "a platform or a list of platforms", item: platformOrAll, one: &platformOrAll, least: 1, unique: true,
	check: func(l []string) (string, string) {
		for _, p := range l {
			if p == "all" && len(l) > 1 {
				return "all stands alone", "leave out the other platforms, or all"
			}
		}
		return "", ""
	},
	extra: func(schema) schema {
		one := schema{"type": "array", "items": platform.schema(), "minItems": 1}
		all := schema{"type": "array", "items": schema{"const": "all"}, "minItems": 1}
		return schema{"anyOf": []schema{one, all}}
	},
}

// baseKind is a reference, or references by platform.
func baseKind() kind[BaseChoice] {
	const defaultKey = "default"
	byPlatform := scalar{
		want: "a platform or default", example: "linux/arm64", pattern: "^(default|" + platforms + ")$",
		suggest: func(s string) string {
			if nearest(s, []string{defaultKey}) != "" {
				return defaultKey
			}
			return meantPlatform(s)
		},
		canon: canonicalPlatform,
	}
	one := kind[BaseChoice]{
		decode: func(d *decoder, n *node, at string) (BaseChoice, bool) {
			v, ok := baseReference.kind().decode(d, n, at)
			return BaseChoice{Base: v}, ok
		},
		schema: baseReference.schema,
	}
	pairs := entries[Pairs]("", "", byPlatform, baseReference.kind(), pair)
	each := kind[BaseChoice]{schema: pairs.schema, decode: func(d *decoder, n *node, at string) (BaseChoice, bool) {
		list, ok := pairs.decode(d, n, at)
		var out BaseChoice
		for _, p := range list {
			if p.Key == defaultKey {
				out.Base = Value[string]{p.Value, p.Pos}
				continue
			}
			if _, twice := out.Bases.Get(p.Key); twice {
				d.fail(p.Pos, child(at, p.Key), "the platform is there twice", "variants that are the default can be left out: linux/arm64/v8 is linux/arm64")
				ok = false
			}
			out.Bases = append(out.Bases, p)
		}
		if ok && len(list) == 0 {
			d.fail(n.pos, at, "the mapping is empty", "leave the key out, or write a reference")
			ok = false
		}
		return out, ok
	}}
	each.schema = func() schema { s := pairs.schema(); s["minProperties"] = 1; return s }
	return either("a base or a mapping of bases by platform", one, each)
}

func pair(key string, _ Pos, v Value[string]) Pair { return Pair{Key: key, Value: v.V, Pos: v.Pos} }
