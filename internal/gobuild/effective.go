package gobuild

import (
	"slices"
	"strconv"
	"strings"

	"github.com/imgo-build/imgo/internal/goflag"
	"github.com/imgo-build/imgo/pkg/build"
)

// without are flags of GOFLAGS that make no difference to a binary: they say how the go
// command works or talks, or imgo gives them itself.
var without = []string{"a", "buildvcs", "json", "modcacherw", "p", "v", "work", "x"}

// asked are variables that decide what is compiled, and that neither the platform nor a
// binary's build information tells.
var asked = []string{"GO111MODULE", "GO_EXTLINK_ENABLED"}

// askedWithCgo are those that count with cgo alone.
var askedWithCgo = []string{
	"AR", "CC", "CXX", "FC", "PKG_CONFIG", "PKG_CONFIG_PATH",
	"CGO_CFLAGS", "CGO_CPPFLAGS", "CGO_CXXFLAGS", "CGO_FFLAGS", "CGO_LDFLAGS",
}

// Effective returns settings that come to the same where the environment says nothing of Go
// as s does here: with what GOFLAGS and other variables add, be they in the environment or
// in the file that GOENV names. Of GOFLAGS, BuildEnv has what is neither tags nor flags of
// the linker and the compiler. GOWORK is the go.work that counts, an absolute path, where
// there is one, or "off".
//
// What can't be compiled with anyway comes back as it is.
func (c *Compiler) Effective(s build.GoSettings) build.GoSettings {
	env := append(append(environ{}, c.env...), s.BuildEnv...)
	g, err := parseGoflags(env.goenv("GOFLAGS", s.Dir))
	if err != nil {
		return s
	}
	out := s
	out.Ldflags = slices.Concat(g.ldflags, s.Ldflags)
	out.Gcflags = slices.Concat(g.gcflags, s.Gcflags)
	out.Tags = mergeTags(slices.Concat(g.tags, s.Tags)...)
	out.BuildEnv = nil
	set := func(key, value string) {
		if value != "" {
			out.BuildEnv = append(out.BuildEnv, key+"="+value)
		}
	}
	for _, kv := range s.BuildEnv {
		key, _, _ := strings.Cut(kv, "=")
		if key != "GOFLAGS" && key != "GOWORK" && !slices.Contains(asked, key) && !slices.Contains(askedWithCgo, key) {
			out.BuildEnv = append(out.BuildEnv, kv)
		}
	}
	names := asked
	if environ(s.BuildEnv).get("CGO_ENABLED") == "1" { // nobody else can turn it on
		names = slices.Concat(asked, askedWithCgo)
	}
	for _, name := range names {
		set(name, env.goenv(name, s.Dir))
	}
	set("GOFLAGS", goflag.Join(g.deciding()))
	work, err := (&toolchain{env: env, dir: s.Dir}).workFile()
	switch {
	case err != nil || env.goenv("GOWORK", s.Dir) == "off":
		set("GOWORK", env.goenv("GOWORK", s.Dir))
	default:
		set("GOWORK", work)
	}
	return out
}

// deciding are those of GOFLAGS that make a difference. imgo trims paths by itself, so that
// only the contrary does, if it is the last word.
func (g *goflags) deciding() []string {
	return slices.DeleteFunc(slices.Clone(g.rest), func(flag string) bool {
		name, value, _ := strings.Cut(strings.TrimLeft(flag, "-"), "=")
		if name == "trimpath" {
			on, err := strconv.ParseBool(value)
			return !g.noTrimpath || err != nil || on
		}
		return slices.Contains(without, name)
	})
}
