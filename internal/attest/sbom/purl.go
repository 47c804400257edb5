package sbom

import (
	"fmt"
	"slices"
	"strings"
)

// qualifier is a key and value after a package URL's question mark.
type qualifier struct{ key, value string }

// packageURL forms a package URL in its canonical form
// (https://github.com/package-url/purl-spec, "Rules for each PURL component").
// path is namespace and name; empty segments of it are dropped.
func packageURL(typ, path, version string, qualifiers ...qualifier) string {
	var b strings.Builder
	b.WriteString("pkg:" + typ)
	for segment := range strings.SplitSeq(path, "/") {
		if segment != "" {
			b.WriteString("/" + purlEscape(segment))
		}
	}
	if version != "" {
		b.WriteString("@" + purlEscape(version))
	}
	slices.SortFunc(qualifiers, func(a, b qualifier) int { return strings.Compare(a.key, b.key) })
	separator := "?"
	for _, q := range qualifiers {
		if q.value != "" {
			b.WriteString(separator + q.key + "=" + purlEscape(q.value))
			separator = "&"
		}
	}
	return b.String()
}

// purlEscape percent-encodes everything but letters, digits, the four punctuation
// characters and the colon, as the specification's "Character encoding" has it.
func purlEscape(s string) string {
	var b strings.Builder
	for _, c := range []byte(strings.ToValidUTF8(s, "\uFFFD")) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte(".-_~:", c) >= 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// golangURL is the package URL of a module. The type's definition wants lower case.
func golangURL(path, version string) string {
	return packageURL("golang", strings.ToLower(path), version)
}

// ociURL is the package URL of an image: the name is the last part of the repository,
// all of which is the repository_url where it says more.
func ociURL(ref, digest, platform string) string {
	repository, tag := splitReference(ref)
	name := repository[strings.LastIndexByte(repository, '/')+1:]
	if name == "" {
		return ""
	}
	q := []qualifier{{"tag", tag}}
	if name != repository {
		q = append(q, qualifier{"repository_url", repository})
	}
	if _, rest, ok := strings.Cut(platform, "/"); ok {
		arch, _, _ := strings.Cut(rest, "/")
		q = append(q, qualifier{"arch", arch})
	}
	return packageURL("oci", strings.ToLower(name), digest, q...)
}

// splitReference takes tag and digest from a reference.
func splitReference(ref string) (repository, tag string) {
	ref, _, _ = strings.Cut(ref, "@")
	if i := strings.LastIndexByte(ref, ':'); i > strings.LastIndexByte(ref, '/') {
		return ref[:i], ref[i+1:]
	}
	return ref, ""
}

// distributionURL is the package URL of a package of a distribution.
func distributionURL(p Package) string {
	namespace := strings.ToLower(p.Namespace)
	return packageURL(strings.ToLower(p.Type), namespace+"/"+strings.ToLower(p.Name), p.Version,
		qualifier{"arch", p.Arch}, qualifier{"distro", p.Distro})
}
