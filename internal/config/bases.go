package config

import (
	"errors"
	"path/filepath"
	"slices"

	"github.com/imgo-build/imgo/internal/configfile"
	"github.com/imgo-build/imgo/pkg/build"
)

// LockName is the file that pins bases to digests. It lies beside the configuration,
// or in the root of the module.
const LockName = "imgo.lock"

// lockPath is where the lock of a project is.
func lockPath(dir string, file *configfile.File) string {
	if file.Path != "" {
		return filepath.Join(file.Dir, LockName)
	}
	for d := dir; ; d = filepath.Dir(d) {
		if hasAny(d, "go.mod", LockName) {
			return filepath.Join(d, LockName)
		}
		if hasAny(d, ".git") || d == filepath.Dir(d) {
			return filepath.Join(dir, LockName)
		}
	}
}

// Bases lists the bases that the configuration uses, in all its profiles, as they are
// written there, and says where their paths begin and where their lock is.
func Bases(in Input) (refs []string, dir, lock string, err error) {
	r := resolver{in: in}
	dir = r.dir()
	file := r.file(dir)
	if len(r.errs) > 0 {
		return nil, "", "", errors.Join(r.errs...)
	}
	choices := [][]string{nil}
	for _, p := range file.Profiles {
		choices = append(choices, []string{p.Name})
	}
	for _, profiles := range choices {
		in.Profiles = profiles
		req, err := resolve(in, dir, file)
		if err != nil {
			return nil, "", "", err
		}
		for _, ref := range basesOf(req) {
			if !slices.Contains(refs, ref) {
				refs = append(refs, ref)
			}
		}
	}
	return refs, dir, lockPath(dir, file), nil
}

func basesOf(req build.Request) []string {
	var out []string
	add := func(s build.Settings) {
		for _, ref := range s.AllBases() {
			if !slices.Contains(out, ref) {
				out = append(out, ref)
			}
		}
	}
	add(req.Default)
	for _, i := range req.Images {
		add(i.Settings)
	}
	return out
}
