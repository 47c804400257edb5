package provenance

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/url"
	"path"
	"slices"
	"strings"
)

// publicSource is the source as everybody may know it.
func publicSource(s *Source) *Source {
	if s == nil {
		return nil
	}
	out := *s
	out.Repository = repository(s.Repository)
	return &out
}

// repository makes a URL of what git calls a remote, without credentials: of a user
// only "git" is left, which is nobody's name, and nothing of queries and fragments. It
// is empty for a directory of the machine.
func repository(remote string) string {
	if remote = strings.TrimSpace(remote); !strings.Contains(remote, "://") {
		// USER@HOST:PATH; C:\PATH is no host.
		host, p, ok := strings.Cut(remote, ":")
		if !ok || strings.ContainsAny(host, `/\`) || len(host) < 2 || strings.HasPrefix(p, ":") { // :: names a program
			return ""
		}
		remote = "ssh://" + host + "/" + strings.TrimPrefix(p, "/")
	}
	u, err := url.Parse(remote)
	if err != nil || u.Host == "" || !slices.Contains([]string{"https", "http", "ssh", "git"}, u.Scheme) {
		return ""
	}
	git := u.Scheme == "ssh" && u.User.Username() == "git"
	if u.User = nil; git {
		u.User = url.User("git")
	}
	u.RawQuery, u.ForceQuery, u.Fragment, u.RawFragment = "", false, "", ""
	return u.String()
}

// gitURI is the URI of a source in the form of SPDX's download locations, as GitHub's
// own provenance has it; empty where the repository is unknown.
func gitURI(s Source) string {
	if s.Repository == "" {
		return ""
	}
	uri := "git+" + s.Repository
	if s.Ref != "" {
		uri += "@" + s.Ref
	}
	return uri
}

// withoutUser takes what is before an "@" off the host of a URL. What is no URL stays
// as it is.
func withoutUser(s string) string {
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok {
		return s
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	at := strings.LastIndexByte(rest[:end], '@')
	return scheme + "://" + rest[at+1:]
}

// moduleURI is the package URL of a module. Its path keeps its case, which is part of
// a module's name.
func moduleURI(modulePath, version string) string {
	uri := "pkg:golang/" + escape(modulePath, "/")
	if version != "" {
		uri += "@" + escape(version, "")
	}
	return uri
}

// ImageURI is the package URL (type oci) of an image in a repository such as
// "gcr.io/distroless/static", with the tag that it was asked for by, or without.
func ImageURI(repository, tag, digest string) string {
	uri := "pkg:oci/" + escape(strings.ToLower(path.Base(repository)), "") + "@" + escape(digest, "") +
		"?repository_url=" + escape(repository, "/")
	if tag != "" {
		uri += "&tag=" + escape(tag, "")
	}
	return uri
}

// escape writes in percents what a part of a package URL can't have as it is. The
// bytes of keep stay.
func escape(s, keep string) string {
	const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_~"
	const digits = "0123456789ABCDEF"
	var out strings.Builder
	for i := range len(s) {
		if c := s[i]; strings.IndexByte(plain, c) >= 0 || strings.IndexByte(keep, c) >= 0 {
			out.WriteByte(c)
		} else {
			out.Write([]byte{'%', digits[c>>4], digits[c&15]})
		}
	}
	return out.String()
}

// dirHash writes a sum of go.sum the way in-toto has it (digest_set.md). It is empty
// for none.
func dirHash(sum string) (string, error) {
	if sum == "" {
		return "", nil
	}
	encoded, ok := strings.CutPrefix(sum, "h1:")
	raw, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if !ok || err != nil || len(raw) != 32 || strings.ContainsAny(sum, "\r\n") {
		return "", errors.New(`it is not "h1:" and 32 bytes in base64`)
	}
	return hex.EncodeToString(raw), nil
}

// badDigest says what is wrong with digests, or nothing.
func badDigest(set map[string]string) string {
	for algorithm, value := range set {
		switch {
		case algorithm == "":
			return "it has no algorithm"
		case !isHex(value):
			return algorithm + " is not in hexadecimal"
		case algorithm == "sha256" && len(value) != 64, algorithm == "sha512" && len(value) != 128:
			return algorithm + " has another length"
		}
	}
	return ""
}

func isCommit(s string) bool { return isHex(s) && (len(s) == 40 || len(s) == 64) }

func isHex(s string) bool { return s != "" && strings.Trim(s, "0123456789abcdef") == "" }
