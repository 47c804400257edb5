package git

import (
	"cmp"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
)

// Version is the version of a module at HEAD, as the go command stamps it into
// binaries: the highest semantic version that is tagged at HEAD and fits the module's
// path, else a pseudo-version above the highest one in Facts.History; with "+dirty"
// where the work tree is. Tags of a module below the root begin with its directory.
// The facts must have been read with Dirty and History.
//
// It differs in that it needs no module at the root, and in that it doesn't know of
// retracted versions. It is empty for a directory outside of the repository.
func Version(f *Facts, modulePath, moduleDir string) string {
	if real, err := filepath.EvalSymlinks(moduleDir); err == nil {
		moduleDir = real
	}
	dir, inside := f.rel(moduleDir)
	if !inside || f.Commit == "" {
		return ""
	}
	_, major, _ := module.SplitPathVersion(modulePath)
	if strings.HasPrefix(major, "/") && path.Base(dir) == major[1:] {
		dir = strings.TrimPrefix(path.Dir(dir), ".") // a major version's own directory
	}
	prefix := ""
	if dir != "" {
		prefix = dir + "/"
	}
	version := ""
	for _, tag := range f.Tags {
		if v, exact := tagged(tag, prefix, major); exact && semver.Compare(v, version) > 0 {
			version = v
		}
	}
	if version == "" {
		base := ""
		for _, tag := range f.History {
			if v, _ := tagged(tag, prefix, major); v != "" && semver.Compare(v, base) > 0 {
				base = v
			}
		}
		version = module.PseudoVersion(module.PathMajorPrefix(major), base, f.CommitTime, f.Commit[:12])
	}
	if f.Dirty {
		version += "+dirty"
	}
	return version
}

// tagged is the version that a tag gives to a module, or empty, and whether it is all
// that the tag says: one with build metadata is good only to build upon.
func tagged(tag, prefix, major string) (v string, exact bool) {
	name, ok := strings.CutPrefix(tag, prefix)
	if !ok || module.IsPseudoVersion(name) {
		return "", false
	}
	v = semver.Canonical(name)
	if v == "" || !strings.HasPrefix(name, v) || module.CheckPathMajor(v, major) != nil {
		return "", false
	}
	return v, v == name
}

// chooseTag sorts tags and takes the one that names the commit best.
func chooseTag(tags []string) string {
	slices.SortFunc(tags, compareTags)
	best := ""
	for _, tag := range tags {
		if semver.IsValid(tag) && semver.Compare(tag, best) >= 0 {
			best = tag
		}
	}
	if best == "" && len(tags) > 0 {
		best = tags[len(tags)-1]
	}
	return best
}

// compareTags puts release-9 before release-10.
func compareTags(a, b string) int {
	i, j := 0, 0
	for i < len(a) && j < len(b) {
		m, n := digits(a[i:]), digits(b[j:])
		if m == 0 || n == 0 {
			if a[i] != b[j] {
				return cmp.Compare(a[i], b[j])
			}
			i, j = i+1, j+1
			continue
		}
		x, y := strings.TrimLeft(a[i:i+m], "0"), strings.TrimLeft(b[j:j+n], "0")
		if c := cmp.Or(cmp.Compare(len(x), len(y)), strings.Compare(x, y)); c != 0 {
			return c
		}
		i, j = i+m, j+n
	}
	return cmp.Or(cmp.Compare(len(a)-i, len(b)-j), strings.Compare(a, b))
}

// digits counts those that s begins with.
func digits(s string) int { return len(s) - len(strings.TrimLeft(s, "0123456789")) }
