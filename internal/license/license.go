// Package license finds out what licence a module is under, as an SPDX identifier
// for an image's org.opencontainers.image.licenses.
//
// It knows the licences that most Go modules have, by phrases that only they have,
// and says nothing rather than something wrong. It does not read the licences of
// dependencies.
package license

import (
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/imgo-build/imgo/internal/pattern"
)

// fileNames are where a module says what its licence is.
var fileNames = []string{"LICENSE", "LICENSE.md", "LICENSE.txt", "LICENCE", "LICENCE.md", "LICENCE.txt", "COPYING", "COPYING.md", "COPYING.txt"}

// maxSize bounds what is read of a file: no licence is longer.
const maxSize = 128 << 10

// Detect reads the licence file in a module's directory. It returns an SPDX licence
// identifier, or an empty string where there is no file or it is none of those known.
func Detect(dir string) string {
	for _, name := range fileNames {
		path := filepath.Join(dir, name)
		// To open a pipe would take for ever.
		if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
			continue
		}
		f, err := os.Open(path)
		if err != nil {
			continue
		}
		text, err := io.ReadAll(io.LimitReader(f, maxSize))
		f.Close()
		if err == nil {
			return Identify(string(text))
		}
	}
	return ""
}

var declared = pattern.New(`SPDX-License-Identifier:\s*([A-Za-z0-9][A-Za-z0-9.+-]*(?: (?:AND|OR|WITH) [A-Za-z0-9][A-Za-z0-9.+-]*)*)`)

// phrases that a licence's text has all of, and none of the others'. Longer licences
// that quote shorter ones come first.
var phrases = []struct {
	id  string
	has []string
}{
	{id: "AGPL-3.0-only", has: []string{"gnu affero general public license version 3"}},
	{id: "LGPL-3.0-only", has: []string{"gnu lesser general public license version 3"}},
	{id: "LGPL-2.1-only", has: []string{"gnu lesser general public license version 2.1"}},
	{id: "GPL-3.0-only", has: []string{"gnu general public license version 3"}},
	{id: "GPL-2.0-only", has: []string{"gnu general public license version 2, june 1991"}},
	{id: "MPL-2.0", has: []string{"mozilla public license version 2.0"}},
	{id: "Apache-2.0", has: []string{"apache license version 2.0, january 2004"}},
	{id: "BSL-1.0", has: []string{"boost software license - version 1.0"}},
	{id: "CC0-1.0", has: []string{"cc0 1.0 universal"}},
	{id: "Unlicense", has: []string{"this is free and unencumbered software released into the public domain"}},
	{id: "BSD-3-Clause", has: []string{"redistribution and use in source and binary forms", "names of its contributors"}},
	{id: "BSD-3-Clause", has: []string{"redistribution and use in source and binary forms", "may be used to endorse or promote products"}},
	{id: "BSD-2-Clause", has: []string{"redistribution and use in source and binary forms"}},
	{id: "ISC", has: []string{"permission to use, copy, modify, and/or distribute this software for any purpose with or without fee", "copyright notice and this permission notice appear"}},
	{id: "ISC", has: []string{"permission to use, copy, modify, and distribute this software for any purpose with or without fee", "copyright notice and this permission notice appear"}},
	{id: "MIT", has: []string{"permission is hereby granted, free of charge, to any person obtaining a copy", "the above copyright notice and this permission notice shall be included"}},
}

// Identify names the licence that a text is. A text with the words of two of them
// has no single name.
func Identify(text string) string {
	if m := declared.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	words := strings.Join(strings.Fields(strings.ToLower(text)), " ")
	found := ""
	for _, p := range phrases {
		if !containsAll(words, p.has) || p.id == found {
			continue
		}
		if found != "" {
			if strings.HasPrefix(found, "BSD-") && strings.HasPrefix(p.id, "BSD-") {
				continue // the longer one has the words of the shorter
			}
			if isGNU(found) && isGNU(p.id) {
				continue // they mention each other
			}
			return ""
		}
		found = p.id
	}
	return found
}

func isGNU(id string) bool { return strings.Contains(id, "GPL-") }

func containsAll(text string, parts []string) bool {
	for _, p := range parts {
		if !strings.Contains(text, p) {
			return false
		}
	}
	return true
}
