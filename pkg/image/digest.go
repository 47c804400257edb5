package image

import (
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// ShortDigest is a digest as people compare it, the algorithm and twelve digits, and
// empty for none.
func ShortDigest(h v1.Hash) string {
	if h == (v1.Hash{}) {
		return ""
	}
	return ShortenDigest(h.String())
}

// ShortenDigest is [ShortDigest] of a digest in writing.
func ShortenDigest(digest string) string {
	algorithm, hex, _ := strings.Cut(digest, ":")
	return algorithm + ":" + hex[:min(len(hex), 12)]
}

// The grammar of names, from the OCI distribution specification ("Pulling manifests"), as
// regular expressions that are not anchored. A tag has up to [LongestTag] characters.
const (
	PathComponent = `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
	TagGrammar    = `[a-zA-Z0-9_][a-zA-Z0-9._-]*`
	LongestTag    = 128
)
