package git

import (
	"context"
	"os"
	"path/filepath"
	"strings"
)

// dirty reports whether the work tree differs from HEAD.
func (r *runner) dirty(ctx context.Context, f *Facts, o Options) (bool, error) {
	// git names a directory that has only new files instead of the files, which is
	// fast, but hides whether all of them are ignored.
	untracked := "normal"
	var ignored []string
	for _, path := range o.Ignore {
		if !filepath.IsAbs(path) {
			path = filepath.Join(o.Dir, path)
		}
		rel, inside := f.rel(path)
		if _, err := os.Lstat(path); err == nil && inside {
			untracked = "all"
			ignored = append(ignored, rel)
		}
	}
	// A submodule has a configuration of its own, which git would follow to see
	// whether files in it are changed: it only looks which commit it is at.
	var args []string
	for _, o := range f.Overrides {
		args = append(args, "-c", o[0]+"="+o[1])
	}
	args = append(args, "status", "--porcelain", "-z", "--no-renames",
		"--ignore-submodules=dirty", "--untracked-files="+untracked)
	out, err := r.run(ctx, args...)
	if err != nil {
		return false, err
	}
	for entry := range strings.SplitSeq(out, "\x00") {
		if len(entry) > 3 && !covered(entry[3:], ignored) {
			return true, nil
		}
	}
	return false, nil
}

// covered reports whether a path is one of those ignored, or below one.
func covered(path string, ignored []string) bool {
	for _, i := range ignored {
		if rest, ok := strings.CutPrefix(path, i); ok && (rest == "" || rest[0] == '/') {
			return true
		}
	}
	return false
}

// rel is a path relative to the root, with slashes and "" for the root, and whether it
// lies inside. A symbolic link stands for itself, unlike those on the way to it.
func (f *Facts) rel(path string) (string, bool) {
	dir, name := filepath.Split(filepath.Clean(path))
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	rel, err := filepath.Rel(f.Root, filepath.Join(dir, name))
	if err != nil || !filepath.IsLocal(rel) {
		return "", false
	}
	if rel == "." {
		rel = ""
	}
	return filepath.ToSlash(rel), true
}

// fromGit turns a path as git prints it into one of this system.
func fromGit(path string) string { return filepath.FromSlash(path) }
