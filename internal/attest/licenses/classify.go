package licenses

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/google/licensecheck"
)

// classifier names what answers depend on: the module that classifies, and how it is
// used here. Raise the number behind the slash when that changes.
const classifier = "licensecheck@v0.3.1/2"

const (
	// enough is how much of a text, in percent of its words, must be text of known
	// licences, for the file to be recognised. pkg.go.dev asks for the same.
	enough = 75
)

// known are the licences that are looked for. licensecheck's tables for all 400 of its
// own take over a second and 100 MB to build, which is more than a build costs; a text
// of another licence is not recognised, and never taken for one of these.
var known = []string{
	"0BSD", "AGPL-3.0", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC-BY-4.0", "CC0-1.0",
	"EPL-2.0", "GPL-2.0", "GPL-2.0-or-later", "GPL-3.0", "GPL-3.0-or-later", "ISC", "LGPL-2.1", "LGPL-2.1-or-later", "LGPL-3.0", "LGPL-3.0-or-later", "MIT", "MIT-0", "MPL-2.0", "PostgreSQL", "Unlicense", "WTFPL", "Zlib",
}

var scanner = sync.OnceValue(func() *licensecheck.Scanner {
	var list []licensecheck.License
	for _, l := range licensecheck.BuiltinLicenses() {
		if slices.Contains(known, l.ID) {
			list = append(list, l)
		}
	}
	s, err := licensecheck.NewScanner(list)
	if err != nil {
		panic(fmt.Sprintf("licensecheck does not accept its own licences: %v", err)) // a test builds them
	}
	return s
})

// classify returns the identifiers of the licences that a text consists of, in the
// text's order, and none where too much of it is something else.
func classify(text []byte) []string {
	if len(strings.TrimSpace(string(text))) == 0 {
		return nil
	}
	coverage := scanner().Scan(text)
	if coverage.Percent < enough {
		return nil
	}
	var ids []string
	for _, m := range coverage.Match {
		ids = append(ids, spdxID(m.ID))
	}
	return ids
}

// unlisted are the classifier's own names, which SPDX's list doesn't have.
var unlisted = []string{
	"Aladdin-9", "Anti996", "BSD-1-Clause-Clear", "BSD-3-Clause-NoTrademark", "CC-BY-NC-SA-3.0-US", "CommonsClause",
	"GPL-2.0-or-3.0", "GooglePatentClause", "GooglePatentsFile", "MIT-NoAd", "Prosperity-3.0.0",
}

// spdxID turns an identifier of licensecheck's into one of SPDX's.
func spdxID(id string) string {
	switch {
	case slices.Contains(unlisted, id):
		return "LicenseRef-" + id
	case isGNU(id) && id[len(id)-2] == '.':
		// The text of the licence alone: SPDX deprecates the bare name, which means this.
		return id + "-only"
	default:
		return id
	}
}

func isGNU(id string) bool {
	for _, prefix := range []string{"AGPL-", "GFDL-", "GPL-", "LGPL-"} {
		if strings.HasPrefix(id, prefix) {
			return true
		}
	}
	return false
}
