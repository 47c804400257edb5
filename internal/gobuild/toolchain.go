package gobuild

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/internal/goflag"
	"github.com/imgo-build/imgo/pkg/build"
)

// linkDefaults leave out the symbol table and the debug information. Build
// information and stack traces don't need them.
const linkDefaults = "-s -w"

// toolchain is the go command with all settings for a platform resolved.
type toolchain struct {
	path     string  // the go command; absolute
	dir      string  // where it runs; absolute
	env      environ // its whole environment
	user     environ // what of env is the user's own
	decided  environ // the part of env that imgo or the build environment set
	tags     []string
	flags    []string // of "go build", except -p and -o
	jobs     int      // -p
	platform v1.Platform
	goflags  []string // what the child's GOFLAGS says
}

// toolchain resolves settings for a platform. Nothing is run yet.
func (c *Compiler) toolchain(s build.GoSettings, p v1.Platform) (*toolchain, error) {
	platform, err := platformEnv(p)
	if err != nil {
		return nil, err
	}
	if err := checkBuildEnv(s.BuildEnv, platform); err != nil {
		return nil, err
	}
	if _, err := os.Stat(s.Dir); err != nil {
		return nil, fmt.Errorf("looking for packages: %w", err)
	}
	t := &toolchain{dir: s.Dir, jobs: s.Jobs, platform: p}
	t.decided = append(environ{"CGO_ENABLED=0"}, platform...)
	t.decided = append(t.decided, s.BuildEnv...)
	t.user = append(append(environ{}, c.env...), s.BuildEnv...)
	t.env = append(append(environ{}, c.env...), t.decided...)
	t.env = append(t.env, gitEnv(t.env, s.GitConfig)...)
	if t.path, err = t.env.goCommand(); err != nil {
		return nil, err
	}
	g, err := parseGoflags(t.env.goenv("GOFLAGS", s.Dir))
	if err != nil {
		return nil, err
	}
	if err := t.setFlags(s, g); err != nil {
		return nil, err
	}
	// PWD makes the go command keep the directory's name as the user knows it,
	// symbolic links included.
	t.env = append(t.env, "PWD="+s.Dir, goflagsVar(t.goflags))
	return t, nil
}

// setFlags joins GOFLAGS with the settings.
func (t *toolchain) setFlags(s build.GoSettings, g goflags) error {
	ldflags, err := parsePkgFlags("-ldflags", append(append([]string{linkDefaults}, g.ldflags...), s.Ldflags...))
	if err != nil {
		return err
	}
	gcflags, err := parsePkgFlags("-gcflags", append(append([]string{}, g.gcflags...), s.Gcflags...))
	if err != nil {
		return err
	}
	t.tags = mergeTags(append(append([]string{}, g.tags...), s.Tags...)...)
	t.goflags = g.rest
	t.flags = []string{"-buildvcs=" + strconv.FormatBool(s.VCS)}
	if !g.noTrimpath {
		t.flags = append(t.flags, "-trimpath")
	}
	if len(t.tags) > 0 {
		t.flags = append(t.flags, "-tags="+strings.Join(t.tags, ","))
	}
	for _, v := range mergeLdflags(ldflags) {
		t.flags = append(t.flags, "-ldflags="+v)
	}
	for _, v := range mergeGcflags(gcflags) {
		t.flags = append(t.flags, "-gcflags="+v)
	}
	return nil
}

// key names all of t that changes what the go command makes of a package.
func (t *toolchain) key() string {
	parts := []string{t.path, platformName(t.platform)}
	parts = append(parts, t.decided...)
	parts = append(parts, t.flags...)
	parts = append(parts, t.goflags...)
	return strings.Join(parts, "\n")
}

// splitModfile separates -modfile from the child's GOFLAGS. go/packages asks the go
// command for its version in GOPATH mode, where -modfile is an error; it goes on the
// command line of go list instead.
func (t *toolchain) splitModfile() (env environ, flags []string) {
	var rest []string
	for _, f := range t.goflags {
		name, _, _ := strings.Cut(strings.TrimPrefix(f, "-"), "=")
		if name == "-modfile" || name == "modfile" {
			flags = append(flags, f)
		} else {
			rest = append(rest, f)
		}
	}
	return append(t.env[:len(t.env):len(t.env)], goflagsVar(rest)), flags
}

// goflagsVar is the child's GOFLAGS. It is never empty, upon which the go command
// would look into the GOENV file again: -trimpath is given anyway, and GOFLAGS that
// speak against it are not empty.
func goflagsVar(flags []string) string {
	if len(flags) == 0 {
		flags = []string{"-trimpath"}
	}
	return "GOFLAGS=" + goflag.Join(flags)
}
