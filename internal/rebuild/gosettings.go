package rebuild

import (
	"errors"
	"slices"
	"strings"

	"github.com/imgo-build/imgo/internal/goflag"
)

// decided are the variables of the go command that a rebuild takes from elsewhere: from
// the platform, and from the toolchain that the provenance names.
var decided = []string{"GOOS", "GOARCH", "GOAMD64", "GOARM", "GOARM64", "GOPPC64", "GORISCV64", "GOWASM", "GOTOOLCHAIN"}

// checkGo holds flags and variables to what a configuration file may say: whoever signed a
// provenance is trusted to tell the truth, not to have programs run.
func (r *Recipe) checkGo() error {
	g := &r.parsed.Go
	for _, list := range []struct {
		what   string
		values []string
		check  func(string) error
	}{{"go.tags", g.Tags, goflag.CheckTags}, {"go.ldflags", g.Ldflags, goflag.CheckLdflags}, {"go.gcflags", g.Gcflags, goflag.CheckGcflags}} {
		for _, value := range list.values {
			if err := list.check(value); err != nil {
				return refusedFlag(list.what, err)
			}
		}
	}
	for _, kv := range r.buildEnv() {
		if err := goflag.CheckEnv(kv.key, kv.value.(string)); err != nil {
			return refusedFlag("go.env", err)
		}
	}
	return nil
}

// refusedFlag says which flag, without the advice for whoever writes a configuration.
func refusedFlag(what string, err error) error {
	e, ok := errors.AsType[*goflag.Error](err)
	switch {
	case !ok:
		return refuse(what, "%v", err)
	case e.Flag == "":
		return refuse(what, "%s", e.Reason)
	}
	return refuse(what, "%s is not taken from others: %s", e.Flag, e.Reason)
}

// buildEnv are the variables of the go command.
func (r *Recipe) buildEnv() []entry {
	g := &r.parsed.Go
	var out []entry
	for _, key := range sortedKeys(g.Env) {
		value := g.Env[key]
		if key == "GOFIPS140" {
			value, _, _ = strings.Cut(value, "-") // a binary names the snapshot of the version too
		}
		// Options of a level, as in GOARM=7,softfloat, no platform has, nor a configuration.
		if value != "" && (!slices.Contains(decided, key) || strings.Contains(value, ",")) {
			out = append(out, entry{key, value})
		}
	}
	if g.Trimpath || strings.Contains(g.Env["GOFLAGS"], "-trimpath") {
		return out
	}
	const untrimmed = "-trimpath=false"
	if i := slices.IndexFunc(out, func(e entry) bool { return e.key == "GOFLAGS" }); i >= 0 {
		out[i].value = out[i].value.(string) + " " + untrimmed
		return out
	}
	return append(out, entry{"GOFLAGS", untrimmed})
}

// goSettings are the go command's settings as the configuration has them.
func (r *Recipe) goSettings() []entry {
	g := &r.parsed.Go
	var out []entry
	add := func(key string, list []string) {
		if len(list) > 0 {
			out = append(out, entry{key, list})
		}
	}
	var tags, ldflags []string
	for _, t := range g.Tags {
		for _, tag := range goflag.SplitTags(t) {
			if !slices.Contains(tags, tag) {
				tags = append(tags, tag)
			}
		}
	}
	for _, f := range g.Ldflags {
		ldflags = append(ldflags, literal(f))
	}
	add("buildTags", tags)
	add("ldflags", ldflags)
	add("gcflags", g.Gcflags)
	if env := r.buildEnv(); len(env) > 0 {
		out = append(out, entry{"buildEnv", env})
	}
	if g.VCS {
		out = append(out, entry{"vcs", true})
	}
	return out
}
