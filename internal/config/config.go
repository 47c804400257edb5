// Package config turns what the user said, on the command line and in the
// environment, into a [build.Request].
//
// Everything that can be checked without looking at packages or at the network is
// checked here, before anything runs, and all that is wrong is reported at once.
// Precedence is decided before: an [Input] holds for each setting the value that
// won (flag, then environment, then default).
package config

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/image"
)

// Defaults of the settings.
const (
	DefaultBase     = "scratch"
	DefaultPlatform = "linux/amd64"
	DefaultUser     = "65534:65534"
)

// Input is what the user said, as typed.
type Input struct {
	Dir             string // the process's working directory, absolute
	Chdir           string // -C, relative to Dir
	Patterns        []string
	Base            string
	Platforms       []string
	User            string
	Labels          []string // KEY=VALUE
	Annotations     []string // KEY=VALUE
	Ldflags         []string
	Gcflags         []string
	BuildTags       []string
	BuildEnv        []string // KEY=VALUE
	VCS             bool
	MediaTypes      string // "oci" or "docker"
	Push            bool   // to a registry, else to disk
	Output          string // -o
	Repo            string
	Tags            []string
	Jobs            int
	SourceDateEpoch string
}

// Error is a setting that can't be used as it stands.
type Error struct {
	Setting string // as the user would type it: "--platform"
	Reason  string
}

func (e *Error) Error() string { return e.Setting + ": " + e.Reason }

// EnvVar is the environment variable that stands for a flag.
func EnvVar(flag string) string {
	return "IMGO_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// Resolve checks the input. The error joins everything that is wrong with it.
func Resolve(in Input) (build.Request, error) {
	r := resolver{in: in}
	dir := r.dir()
	req := build.Request{
		Patterns: in.Patterns,
		Go: build.GoSettings{
			Dir:      dir,
			Ldflags:  in.Ldflags,
			Gcflags:  in.Gcflags,
			Tags:     in.BuildTags,
			BuildEnv: r.buildEnv(),
			VCS:      in.VCS,
		},
		Base: r.base(),
		Config: build.Config{
			User:        r.user(),
			Labels:      r.pairs("--label", in.Labels),
			Annotations: r.pairs("--annotation", in.Annotations),
			Created:     r.created(),
			Docker:      r.docker(),
		},
		Output: r.output(dir),
		Naming: r.naming(),
		Jobs:   in.Jobs,
	}
	req.Platforms, req.AllPlatforms = r.platforms()
	if len(req.Patterns) == 0 {
		req.Patterns = []string{"."}
	}
	if in.Jobs < 1 {
		r.fail("--jobs", "at least one job is needed, not %d", in.Jobs)
	}
	return req, errors.Join(r.errs...)
}

type resolver struct {
	in   Input
	errs []error
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

// base only looks for a password that must not travel any further; what the base is
// gets decided where it is read.
func (r *resolver) base() string {
	b := r.in.Base
	if strings.HasPrefix(b, "oci:") || strings.HasSuffix(b, ".tar") {
		return b // a path
	}
	if redacted, host, found := build.Credentials(b); found {
		r.fail("--base", "%q: a reference holds no password: log in with imgo login %s, and leave out the part before '@'", redacted, host)
	}
	return b
}

func (r *resolver) platforms() (list []v1.Platform, all bool) {
	for _, arg := range r.in.Platforms {
		if arg == "all" {
			all = true
			continue
		}
		p, err := image.ParsePlatform(arg)
		if err != nil {
			r.errs = append(r.errs, err)
			continue
		}
		if !containsPlatform(list, p) {
			list = append(list, p)
		}
	}
	if len(r.in.Platforms) == 0 {
		r.fail("--platform", "at least one platform is needed, or all")
	}
	if all && len(r.in.Platforms) > 1 {
		r.fail("--platform", "all stands alone: leave out the other platforms, or all")
	}
	return list, all
}

func containsPlatform(list []v1.Platform, p v1.Platform) bool {
	for _, q := range list {
		if q.Equals(p) {
			return true
		}
	}
	return false
}

var (
	numericUser = regexp.MustCompile(`^\d+(:\d+)?$`)
	namedUser   = regexp.MustCompile(`^[a-z_][a-z0-9_.-]*(:[a-z_][a-z0-9_.-]*)?$`)
)

// user accepts numbers on any base, and names where they can be expected to exist:
// the empty base has just root and nobody.
func (r *resolver) user() string {
	u := r.in.User
	switch {
	case numericUser.MatchString(u):
		for part := range strings.SplitSeq(u, ":") {
			if n, err := strconv.ParseUint(part, 10, 64); err != nil || n > math.MaxUint32-1 {
				r.fail("--user", "%s is not an id: ids go from 0 to %d", part, uint32(math.MaxUint32-1))
			}
		}
	case !namedUser.MatchString(u):
		r.fail("--user", "%q is neither UID[:GID] nor a user's name", u)
	case r.in.Base == DefaultBase:
		for part := range strings.SplitSeq(u, ":") {
			if part != "root" && part != "nobody" {
				r.fail("--user", "the empty base has no user or group %q, only root and nobody: give numbers, such as %s", part, DefaultUser)
			}
		}
	}
	return u
}

// pairs splits KEY=VALUE arguments. The last of equal keys wins, as with docker.
func (r *resolver) pairs(flag string, args []string) map[string]string {
	if len(args) == 0 {
		return nil
	}
	out := make(map[string]string, len(args))
	for _, arg := range args {
		key, value, ok := strings.Cut(arg, "=")
		if !ok || key == "" {
			r.fail(flag, "%q is not of the form KEY=VALUE", arg)
			continue
		}
		if !utf8.ValidString(arg) {
			r.fail(flag, "%q is not UTF-8, as the text of an image has to be", arg)
		}
		if strings.ContainsFunc(key, unicode.IsControl) {
			r.fail(flag, "the key %q has line breaks or control characters", key)
		}
		out[key] = value
	}
	return out
}

func (r *resolver) buildEnv() []string {
	for _, arg := range r.in.BuildEnv {
		if key, _, ok := strings.Cut(arg, "="); !ok || key == "" {
			r.fail("--build-env", "%q is not of the form KEY=VALUE", arg)
		}
	}
	return r.in.BuildEnv
}

// created follows https://reproducible-builds.org/specs/source-date-epoch/.
func (r *resolver) created() time.Time {
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

func (r *resolver) docker() bool {
	if m := r.in.MediaTypes; m != "oci" && m != "docker" {
		r.fail("--media-types", "%q is neither oci nor docker", m)
	}
	return r.in.MediaTypes == "docker"
}

func (r *resolver) output(dir string) build.Output {
	out := build.Output{Kind: build.ToTarball, Dir: dir}
	if r.in.Push {
		out.Kind = build.ToRegistry
		return out
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
