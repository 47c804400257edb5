// Package config turns what the user said, on the command line, in the environment
// and in the configuration file, into a [build.Request].
//
// Everything that can be checked without looking at packages or at the network is
// checked here, before anything runs, and all that is wrong is reported at once, each
// with the flag, the variable or the place in the file that it comes from. Precedence:
// flag, then environment (both in [Input]), then the file's image, then its defaults.
//
// A configuration file may be a stranger's: what it says about the go command is held
// to a list of what does no harm (internal/goflag). The command line is the user's own.
package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/imgo-build/imgo/internal/configfile"
	"github.com/imgo-build/imgo/internal/files"
	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/publish/engine"
)

// Defaults of the settings.
const (
	DefaultBase     = "scratch"
	DefaultPlatform = "linux/amd64"
	DefaultUser     = "65534:65534"
	DefaultWorkdir  = "/"
)

// Input is what the user said on the command line and in the environment, as typed.
type Input struct {
	Dir      string // the process's working directory, absolute
	Chdir    string // -C, relative to Dir
	Config   string // the configuration file, relative to Dir with Chdir; empty to look for one
	Profiles []string
	Patterns []string

	Base         string
	VerifyBase   string // a preset, the path of a public key, or "none"
	Platforms    []string
	User         string
	Workdir      string
	Env          []string // KEY=VALUE
	Ports        []string
	Volumes      []string
	Args         []string
	Cmd          []string
	StopSignal   string
	Healthcheck  string
	BinaryPath   string
	Files        []string // FROM:TO[:MODE[:OWNER]]
	Labels       []string // KEY=VALUE
	Annotations  []string // KEY=VALUE
	Ldflags      []string
	Gcflags      []string
	BuildTags    []string
	BuildEnv     []string // KEY=VALUE
	VCS          bool
	MediaTypes   string // "oci" or "docker"
	Compression  string // "gzip" or "zstd"
	AllowSecrets []string
	AttestInput
	// Given has the flags that were given, with how: as a flag or as a variable.
	Given map[string]string

	Push            bool // to a registry, else to disk
	Output          string
	Load            string // a local engine
	Repo            string
	Tags            []string
	Jobs            int
	SourceDateEpoch string
	Goflags         string // GOFLAGS of the user's environment
}

// Error is a setting that can't be used as it stands.
type Error struct {
	Setting string // as the user would type it, "--platform", or where it stands
	Reason  string
	Err     error // of the operating system, where it is one
}

func (e *Error) Error() string { return e.Setting + ": " + e.Reason }

func (e *Error) Unwrap() error { return e.Err }

// EnvVar is the environment variable that stands for a flag.
func EnvVar(flag string) string {
	return "IMGO_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// Resolve reads the configuration file and checks everything. The error joins all
// that is wrong.
func Resolve(in Input) (build.Request, error) {
	r := resolver{in: in}
	dir := r.dir()
	file := r.file(dir)
	if len(r.errs) > 0 {
		return build.Request{}, errors.Join(r.errs...) // nothing else could be said for sure
	}
	return resolve(in, dir, file)
}

// resolve is Resolve once the file is read.
func resolve(in Input, dir string, file *configfile.File) (build.Request, error) {
	if len(in.Profiles) > 0 {
		var err error
		if file, err = file.WithProfiles(in.Profiles); err != nil {
			return build.Request{}, err
		}
	}
	r := resolver{in: in}
	req := build.Request{
		Dir: dir, Patterns: in.Patterns, Output: r.output(dir), Naming: r.naming(), Jobs: in.Jobs,
	}
	if in.Jobs < 1 {
		r.fail("--jobs", "at least one job is needed, not %d", in.Jobs)
	}
	r.created, r.workDir, r.fileDir = r.sourceDate(), dir, file.Dir
	flags := r.flags()
	r.pushOnly()
	root := filesRoot(dir, file)
	req.Lock = lockPath(dir, file)
	if file.Path == "" {
		req.Default = r.settings(flags, dir, root)
	} else {
		req.Default = r.settings(overFlags(file.Defaults, flags), dir, root)
		req.Images = r.images(file, flags, root)
	}
	r.idle(&req)
	return req, errors.Join(dedup(r.errs)...)
}

// images are those of the configuration, each on top of the defaults and below the flags.
func (r *resolver) images(file *configfile.File, flags configfile.Settings, root files.Options) []build.Image {
	var out []build.Image
	for _, i := range file.Images {
		s := overFlags(i.Settings.Over(file.Defaults), flags)
		image := build.Image{Name: i.Name, Where: i.Pos.String(), Package: s.Package.V}
		if image.Package == "" {
			r.fail(i.Pos.String(), "image %s has no package: add package: ./cmd/%s, or wherever its command is", i.Name, i.Name)
			continue
		}
		var goDir string
		goDir, image.Package = packageDir(file.Dir, image.Package)
		image.Settings = r.settings(s, goDir, root)
		for _, b := range s.Binaries {
			image.Binaries = append(image.Binaries, build.Extra{
				Name: b.Name, Package: packageIn(file.Dir, goDir, b.Package.V), Path: b.Path.V, Where: b.Pos.String(),
			})
		}
		out = append(out, image)
	}
	return out
}

// dedup drops what was found again for another image.
func dedup(errs []error) []error {
	seen := map[string]bool{}
	return slices.DeleteFunc(errs, func(err error) bool {
		again := seen[err.Error()]
		seen[err.Error()] = true
		return again
	})
}

type resolver struct {
	in      Input
	workDir string // where those of the command line begin
	fileDir string // where the configuration's paths begin
	created time.Time
	errs    []error
}

func (r *resolver) fail(setting, format string, args ...any) {
	r.errs = append(r.errs, &Error{Setting: setting, Reason: fmt.Sprintf(format, args...)})
}

func (r *resolver) dir() string {
	dir := r.in.Chdir
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(r.in.Dir, dir)
	}
	switch info, err := os.Stat(dir); {
	case err != nil:
		r.fail("-C", "%s", err)
	case !info.IsDir():
		r.fail("-C", "%s is not a directory", r.in.Chdir)
	}
	return dir
}

// file finds and reads the configuration, profiles apart. Without one it is empty.
func (r *resolver) file(dir string) *configfile.File {
	empty := &configfile.File{Dir: dir}
	if len(r.errs) > 0 {
		return empty // there is no place to look in
	}
	path := r.in.Config
	switch {
	case path == os.DevNull: // as people say that there is to be none
		return empty
	case path == "":
		found, ok, err := configfile.Find(dir)
		if err != nil {
			r.errs = append(r.errs, err)
			return empty
		}
		if !ok {
			if len(r.in.Profiles) > 0 {
				r.fail("--profile", "there is no .imgo.yaml here or above that could have a profile %q: imgo init writes one", r.in.Profiles[0])
			}
			return empty
		}
		path = found
	case !filepath.IsAbs(path):
		path = filepath.Join(dir, path)
	}
	file, err := configfile.Read(path, shown(dir, path))
	if err != nil {
		r.errs = append(r.errs, err)
		return empty
	}
	return file
}

// shown is a path as messages name it: relative where that is not longer.
func shown(dir, path string) string {
	if rel, err := filepath.Rel(dir, path); err == nil && len(rel) < len(path) {
		return rel
	}
	return path
}

// packageDir returns where the go command resolves a package of the configuration:
// beside the file, or in the module that the package is in where that begins below it.
func packageDir(base, pattern string) (dir, pkg string) {
	if !strings.HasPrefix(pattern, "./") && !strings.HasPrefix(pattern, "../") {
		return base, pattern
	}
	module := moduleBelow(base, filepath.Join(base, filepath.FromSlash(pattern)))
	if module == "" || workspaceAbove(base) {
		return base, pattern
	}
	return module, packageIn(base, module, pattern)
}

// packageIn is a second package of an image, as the go command has to be told that
// runs in goDir.
func packageIn(base, goDir, pattern string) string {
	if goDir == base || (!strings.HasPrefix(pattern, "./") && !strings.HasPrefix(pattern, "../")) {
		return pattern
	}
	rel, err := filepath.Rel(goDir, filepath.Join(base, filepath.FromSlash(pattern)))
	if err != nil {
		return pattern
	}
	rel = filepath.ToSlash(rel)
	if rel != "." && !strings.HasPrefix(rel, "../") {
		rel = "./" + rel
	}
	return rel
}

// moduleBelow is the module that dir is in where that begins below base, or nothing.
func moduleBelow(base, dir string) string {
	for ; len(dir) > len(base); dir = filepath.Dir(dir) {
		if hasAny(dir, "go.mod") {
			return dir
		}
	}
	return ""
}

func workspaceAbove(dir string) bool {
	for ; ; dir = filepath.Dir(dir) {
		if hasAny(dir, "go.work") {
			return true
		}
		if dir == filepath.Dir(dir) {
			return false
		}
	}
}

// filesRoot is where files of images come from: relative to the configuration, and
// from nowhere outside of the project.
func filesRoot(dir string, file *configfile.File) files.Options {
	if file.Path != "" {
		dir = file.Dir
	}
	return files.Options{Root: dir, Bounds: configfile.Project(dir)}
}

func hasAny(dir string, names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		_, err := os.Lstat(filepath.Join(dir, name))
		return err == nil
	})
}

// sourceDate follows https://reproducible-builds.org/specs/source-date-epoch/.
func (r *resolver) sourceDate() time.Time {
	s := r.in.SourceDateEpoch
	if s == "" {
		return time.Unix(0, 0).UTC()
	}
	// The last moment that RFC 3339, and so an image's config, can express.
	const latest = 253402300799
	sec, err := strconv.ParseInt(s, 10, 64)
	if err != nil || sec < 0 || sec > latest {
		r.fail("SOURCE_DATE_EPOCH", "%q is not a number of seconds since 1970-01-01", s)
	}
	return time.Unix(sec, 0).UTC()
}

func (r *resolver) output(dir string) build.Output {
	out := build.Output{Kind: build.ToTarball, Dir: dir}
	if r.in.Push {
		out.Kind = build.ToRegistry
		return out
	}
	if r.in.Load != "" {
		return r.engine(out)
	}
	abs := func(path string) string {
		if filepath.IsAbs(path) {
			return filepath.Clean(path)
		}
		return filepath.Join(dir, path)
	}
	arg := r.in.Output
	layoutDir, isLayout := strings.CutPrefix(arg, "oci:")
	switch {
	case arg == "":
	case strings.HasPrefix(arg, "type=") || strings.HasPrefix(arg, "dest="):
		r.fail("-o", "%q is how docker buildx spells it: write -o FILE.tar, or -o oci:DIR for an OCI layout", arg)
	case isLayout && layoutDir == "":
		r.fail("-o", "oci: needs a directory, such as oci:out")
	case isLayout:
		out.Kind, out.Path = build.ToLayout, abs(layoutDir)
	case isDir(abs(arg)):
		out.Dir = abs(arg)
	case !strings.HasSuffix(arg, ".tar"):
		r.fail("-o", "%q is none of FILE.tar, oci:DIR and an existing directory", arg)
	default:
		out.Path = abs(arg)
	}
	return out
}

func (r *resolver) engine(out build.Output) build.Output {
	if r.in.Output != "" {
		r.fail("--load", "an image goes to one place: leave out --load or -o")
	}
	kind, cluster, err := engine.Parse(r.in.Load)
	if err != nil {
		r.fail("--load", "%s", err)
	}
	out.Kind, out.Engine, out.Cluster = build.ToEngine, kind, cluster
	return out
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func (r *resolver) naming() build.Naming {
	var n build.Naming
	if r.in.Repo != "" {
		prefix, err := build.ParsePrefix(r.in.Repo)
		if err != nil {
			r.errs = append(r.errs, err)
		}
		n.Prefix = prefix
	}
	for _, arg := range r.in.Tags {
		t, err := build.ParseTagArg(arg)
		if err != nil {
			r.errs = append(r.errs, err)
			continue
		}
		n.Tags = append(n.Tags, t)
	}
	return n
}
