package licenses

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/licensecheck"
)

const mit = `MIT License

Copyright (c) 2026 The authors

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
`

const isc = `Copyright (c) 2026 The authors

Permission to use, copy, modify, and/or distribute this software for any
purpose with or without fee is hereby granted, provided that the above
copyright notice and this permission notice appear in all copies.

THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH
REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF MERCHANTABILITY
AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR ANY SPECIAL, DIRECT,
INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES WHATSOEVER RESULTING FROM
LOSS OF USE, DATA OR PROFITS, WHETHER IN AN ACTION OF CONTRACT, NEGLIGENCE OR
OTHER TORTIOUS ACTION, ARISING OUT OF OR IN CONNECTION WITH THE USE OR
PERFORMANCE OF THIS SOFTWARE.
`

// memory is a cache's results.
type memory struct {
	mu    sync.Mutex
	known map[string]string
}

func (m *memory) Lookup(key string) ([]byte, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	value, ok := m.known[key]
	return []byte(value), ok
}

func (m *memory) Remember(key string, value []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.known[key] = string(value)
	return nil
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestFilesOfAModule(t *testing.T) {
	for _, c := range []struct {
		name  string
		files map[string]string
		want  []string
	}{
		{"none", nil, nil},
		{"one", map[string]string{"LICENSE": mit}, []string{"MIT"}},
		{"any case and ending", map[string]string{"license.Md": mit}, []string{"MIT"}},
		{"British", map[string]string{"LICENCE.txt": isc}, []string{"ISC"}},
		{"two files", map[string]string{"LICENSE-MIT": mit, "COPYING": isc}, []string{"ISC", "MIT"}},
		{"two texts in one file", map[string]string{"LICENSE": mit + "\n\n" + isc}, []string{"ISC", "MIT"}},
		{"the same twice", map[string]string{"LICENSE": mit, "COPYING": mit}, []string{"MIT"}},
		{"other names", map[string]string{"README.md": mit, "license.go": mit, "licensing.txt": mit, "LICENSE-3rdparty.csv": mit}, nil},
		{"not in the root", map[string]string{"sub/LICENSE": mit, "LICENSES/MIT.txt": mit}, nil},
		{"nothing in it", map[string]string{"LICENSE": " \n\t"}, nil},
		{"too long", map[string]string{"LICENSE": mit + strings.Repeat(" ", maxSize)}, nil},
	} {
		dir := t.TempDir()
		for name, text := range c.files {
			write(t, filepath.Join(dir, filepath.FromSlash(name)), text)
		}
		got, err := New("", nil).OfDir(dir)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// This also builds the tables of all licences, and takes a second for it.
func TestRareLicences(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"words of somebody's own", "You may look at it on Sundays.", nil},
		{"a licence with conditions of one's own", mit + strings.Repeat("Nobody may use this on a Sunday. ", 20), nil},
		{"a notice", "This program is free software; you can redistribute it and/or modify it under the terms of the GNU General Public License as published by the Free Software Foundation; either version 2 of the License, or (at your option) any later version.", []string{"GPL-2.0-or-later"}},
		{"an identifier", "https://www.gnu.org/licenses/old-licenses/gpl-2.0-standalone.html", []string{"GPL-2.0-only"}},
	} {
		if diff := cmp.Diff(c.want, classify([]byte(c.text))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestIdentifiers(t *testing.T) {
	for id, want := range map[string]string{
		"MIT": "MIT", "GPL-2.0": "GPL-2.0-only", "GPL-2.0-or-later": "GPL-2.0-or-later", "LGPL-2.1": "LGPL-2.1-only", "AGPL-3.0": "AGPL-3.0-only",
		"GFDL-1.3-invariants-only": "GFDL-1.3-invariants-only", "LGPLLR": "LGPLLR", "CommonsClause": "LicenseRef-CommonsClause",
	} {
		if got := spdxID(id); got != want {
			t.Errorf("%s: got %s, want %s", id, got, want)
		}
	}
}

// The lists name the classifier's licences, and the key of remembered answers its version.
func TestListsAreThoseOfTheClassifier(t *testing.T) {
	builtin := map[string]bool{}
	for _, l := range licensecheck.BuiltinLicenses() {
		builtin[l.ID] = true
	}
	for _, id := range slices.Concat(known, unlisted) {
		if !builtin[id] {
			t.Errorf("licensecheck has no %s", id)
		}
	}
	mod, err := os.ReadFile("../../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	name, _, _ := strings.Cut(classifier, "/")
	if want := strings.Replace("github.com/google/"+name, "@", " ", 1) + "\n"; !strings.Contains(string(mod), want) {
		t.Errorf("go.mod has no %q: change classifier, and look for new identifiers that SPDX doesn't have", want)
	}
}

func TestModuleCache(t *testing.T) {
	cache := t.TempDir()
	license := filepath.Join(cache, "github.com", "!burnt!sushi", "toml@v1.4.1-0.20240526193622-a339e1f7089c", "COPYING")
	write(t, license, mit)
	write(t, filepath.Join(cache, "example.com", "odd@v1.0.0+incompatible", "README"), mit)
	results := &memory{known: map[string]string{}}
	f := New(cache, results)
	toml := Module{"github.com/BurntSushi/toml", "v1.4.1-0.20240526193622-a339e1f7089c"}
	modules := []Module{
		toml, toml, {"example.com/odd", "v1.0.0+incompatible"}, {"example.com/absent", "v1.0.0"},
		{"./directory", ""}, {"example.com/main", "(devel)"}, {"../../outside", "v1.0.0"},
	}
	want := map[string][]string{toml.Path + "@" + toml.Version: {"MIT"}}
	if diff := cmp.Diff(want, f.All(t.Context(), modules)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	remembered := map[string]string{
		resultKey(toml.Path, toml.Version):                  `["MIT"]`,
		resultKey("example.com/odd", "v1.0.0+incompatible"): "null",
	}
	if diff := cmp.Diff(remembered, results.known); diff != "" {
		t.Errorf("remembered (-want +got):\n%s", diff)
	}

	write(t, license, isc)
	got, err := f.Of(t.Context(), toml.Path, toml.Version)
	if err != nil || !cmp.Equal(got, []string{"MIT"}) {
		t.Errorf("remembered: %v, %v", got, err)
	}
	results.known[resultKey(toml.Path, toml.Version)] = "broken"
	if got, err := f.Of(t.Context(), toml.Path, toml.Version); err != nil || !cmp.Equal(got, []string{"ISC"}) {
		t.Errorf("after a broken record: %v, %v", got, err)
	}
	var ids []string
	if err := json.Unmarshal([]byte(results.known[resultKey(toml.Path, toml.Version)]), &ids); err != nil || !cmp.Equal(ids, []string{"ISC"}) {
		t.Errorf("record: %v, %v", ids, err)
	}
}

func TestNoModuleCache(t *testing.T) {
	for _, dir := range []string{"", filepath.Join(t.TempDir(), "absent")} {
		if got, err := New(dir, nil).Of(t.Context(), "example.com/x", "v1.0.0"); got != nil || err != nil {
			t.Errorf("%q: %v, %v", dir, got, err)
		}
	}
	if got, err := New("", nil).OfDir(filepath.Join(t.TempDir(), "absent")); got != nil || err != nil {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := New(t.TempDir(), nil).Of(t.Context(), "../x", "v1.0.0"); err == nil || !strings.Contains(err.Error(), "licences of ../x@v1.0.0: ") {
		t.Errorf("a path that leads out: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := New("", nil).Of(ctx, "example.com/x", "v1.0.0"); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
