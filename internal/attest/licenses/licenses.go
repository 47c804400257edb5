// Package licenses finds the licences of Go modules in their licence files, by
// github.com/google/licensecheck, the classifier of pkg.go.dev.
//
// An answer is a sorted list of SPDX identifiers, all of which some licence file in the
// module's root directory carries. Which of them a user may choose between is not
// told: that isn't in the texts. A file that the classifier knows too little of says
// nothing, and nothing is guessed. A licence that SPDX has no identifier for has one
// that begins with "LicenseRef-".
//
// It reads files of modules and nothing else: no network, and no go command. It
// doesn't follow symbolic links, and reads no more than maxSize of a file.
package licenses

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/mod/module"
	"golang.org/x/sync/errgroup"

	"github.com/imgo-build/imgo/pkg/layer"
)

// maxSize bounds what is read of a licence file, in bytes: a longer one isn't read.
const maxSize = 1 << 20

// Module names a module as the go command does. The version is exact.
type Module struct{ Path, Version string }

// Finder finds licences. It is safe for use by several goroutines.
type Finder struct {
	cache   string
	results layer.Results
}

// New returns a finder for the modules in a module cache (GOMODCACHE). What it finds
// out is remembered in results, for a module cache doesn't change; nil remembers
// nothing.
func New(moduleCache string, results layer.Results) *Finder {
	return &Finder{cache: moduleCache, results: results}
}

// Of returns the licences of a module, sorted. There are none where the module isn't in
// the cache, as in a vendored build, where it has no licence file, or where none is
// recognised. It is an error where path and version are none of a module's, or a file
// can't be read.
func (f *Finder) Of(ctx context.Context, path, version string) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	key := resultKey(path, version)
	if ids, ok := f.lookup(key); ok {
		return ids, nil
	}
	dir, err := f.dir(path, version)
	if err != nil {
		return nil, fmt.Errorf("looking for the licences of %s@%s: %w", path, version, err)
	}
	if f.cache == "" {
		return nil, nil
	}
	ids, err := read(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil // and not remembered: the module may come
	case err != nil:
		return nil, fmt.Errorf("looking for the licences of %s@%s: %w", path, version, err)
	}
	f.remember(key, ids)
	return ids, nil
}

// OfDir returns the licences of the module in a directory: the main module, or what
// replaces another one. It is as Of, but remembers nothing.
func (f *Finder) OfDir(dir string) ([]string, error) {
	ids, err := read(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking for licences in %s: %w", dir, err)
	}
	return ids, nil
}

// All returns the licences of modules by PATH@VERSION. A module of which nothing is
// known isn't in the map, for whatever reason, and neither are those that were not
// looked at when ctx ended.
func (f *Finder) All(ctx context.Context, modules []Module) map[string][]string {
	var (
		mu    sync.Mutex
		found = map[string][]string{}
		group errgroup.Group
	)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for _, m := range modules {
		group.Go(func() error {
			if ids, err := f.Of(ctx, m.Path, m.Version); err == nil && len(ids) > 0 {
				mu.Lock()
				found[m.Path+"@"+m.Version] = ids
				mu.Unlock()
			}
			return nil
		})
	}
	_ = group.Wait() // none of them fails
	return found
}

// dir is where a module cache has a module (https://go.dev/ref/mod#module-cache).
func (f *Finder) dir(path, version string) (string, error) {
	p, err := module.EscapePath(path)
	if err != nil {
		return "", err
	}
	v, err := module.EscapeVersion(version)
	if err != nil {
		return "", err
	}
	return filepath.Join(f.cache, filepath.FromSlash(p)+"@"+v), nil
}

func (f *Finder) lookup(key string) ([]string, bool) {
	if f.results == nil {
		return nil, false
	}
	value, ok := f.results.Lookup(key)
	if !ok {
		return nil, false
	}
	var ids []string
	if json.Unmarshal(value, &ids) != nil {
		return nil, false
	}
	return ids, true
}

// remember keeps an answer. Where that doesn't work, it is found out again.
func (f *Finder) remember(key string, ids []string) {
	if f.results == nil {
		return
	}
	if value, err := json.Marshal(ids); err == nil {
		_ = f.results.Remember(key, value)
	}
}

func resultKey(path, version string) string {
	return "licenses " + classifier + " " + path + "@" + version
}

// read classifies the licence files in a directory. The error matches fs.ErrNotExist
// where there is no such directory.
func read(dir string) ([]string, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, e := range entries {
		// A pipe would keep us waiting, and a link may lead to anywhere.
		if !e.Type().IsRegular() || !isLicenseFile(e.Name()) {
			continue
		}
		text, err := readFile(root, e.Name())
		if err != nil {
			return nil, err
		}
		ids = append(ids, classify(text)...)
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

func readFile(root *os.Root, name string) ([]byte, error) {
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil || len(text) > maxSize {
		return nil, err
	}
	return text, nil
}

// stems begin the names of licence files, in lower case.
var stems = []string{"license", "licence", "copying", "unlicense", "mit-license"}

// notTexts are ends of names that begin like a licence file's and are something else, or
// are of documentation, which is in no image.
var notTexts = []string{".csv", ".docs", ".go", ".json", ".lre", ".png", ".py", ".sh", ".spdx", ".tmpl", ".toml", ".xml", ".yaml", ".yml"}

// isLicenseFile goes by the name: LICENSE, license.md, LICENCE-MIT, COPYING.LESSER, but
// not licensing.md or license.go.
func isLicenseFile(name string) bool {
	name = strings.ToLower(name)
	for _, stem := range stems {
		rest, ok := strings.CutPrefix(name, stem)
		if !ok {
			continue
		}
		if rest = strings.TrimPrefix(rest, "s"); rest == "" || strings.ContainsRune(".-_ ", rune(rest[0])) {
			return !slices.Contains(notTexts, filepath.Ext(name))
		}
	}
	return false
}
