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

// BaseList is what a configuration says of bases, in all its profiles.
type BaseList struct {
	Uses    []build.BaseUse  // each reference once, as it is written
	Default *build.BaseTrust // who has to have signed what no image uses; nil for nobody
	Dir     string           // where paths begin
	Lock    string           // path of the lock, which need not exist
}

// Bases lists the bases that the configuration uses.
func Bases(in Input) (BaseList, error) {
	r := resolver{in: in}
	dir := r.dir()
	file := r.file(dir)
	if len(r.errs) > 0 {
		return BaseList{}, errors.Join(r.errs...)
	}
	out := BaseList{Dir: dir, Lock: lockPath(dir, file)}
	choices := [][]string{nil}
	for _, p := range file.Profiles {
		choices = append(choices, []string{p.Name})
	}
	for _, profiles := range choices {
		in.Profiles = profiles
		req, err := resolve(in, dir, file)
		if err != nil {
			return BaseList{}, err
		}
		if profiles == nil {
			out.Default = req.Default.BaseTrust
		}
		out.add(&req.Default)
		for i := range req.Images {
			out.add(&req.Images[i].Settings)
		}
	}
	return out, nil
}

// add notes the bases of an image, and who has to have signed them.
func (l *BaseList) add(s *build.Settings) {
	for _, ref := range s.AllBases() {
		i := slices.IndexFunc(l.Uses, func(u build.BaseUse) bool { return u.Ref == ref })
		if i < 0 {
			i = len(l.Uses)
			l.Uses = append(l.Uses, build.BaseUse{Ref: ref})
		}
		if t := s.BaseTrust; t != nil && !slices.Contains(l.Uses[i].Trust, *t) {
			l.Uses[i].Trust = append(l.Uses[i].Trust, *t)
		}
	}
}
