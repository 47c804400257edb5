package config

import (
	"cmp"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/internal/account"
	"github.com/imgo-build/imgo/internal/configfile"
	"github.com/imgo-build/imgo/internal/expand"
	"github.com/imgo-build/imgo/internal/files"
	"github.com/imgo-build/imgo/internal/goflag"
	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/image"
	"github.com/imgo-build/imgo/pkg/layer"

	"github.com/imgo-build/imgo/internal/pattern"
)

// settings checks what an image is made with.
func (r *resolver) settings(s configfile.Settings, goDir string, root files.Options) build.Settings {
	root.AllowSecrets = s.AllowSecrets.Strings()
	var userAllows []string
	for _, name := range s.AllowSecrets.Items {
		if isFlag(name.Pos) {
			userAllows = append(userAllows, name.V)
		}
	}
	out := build.Settings{
		Go: build.GoSettings{
			Dir:     goDir,
			Gcflags: r.flagValues(s.Gcflags, goflag.CheckGcflags),
			Tags:    r.flagValues(s.BuildTags, goflag.CheckTags),
			VCS:     s.VCS.V,
		},
		Base:         r.base(s.Base),
		Repository:   s.Repository.V,
		Prefix:       s.Repo.V,
		FilesRoot:    root,
		AllowSecrets: root.AllowSecrets,
		UserAllows:   userAllows,
		Origins:      origins(&s),
		Config: build.Config{
			WorkingDir:  cmp.Or(s.Workdir.V, DefaultWorkdir),
			Env:         r.vars("env", s.Env),
			Ports:       s.Ports.Strings(),
			Volumes:     s.Volumes.Strings(),
			Args:        s.Args.Strings(),
			Cmd:         s.Cmd.Strings(),
			StopSignal:  s.StopSignal.V,
			Healthcheck: health(s.Healthcheck),
			BinaryPath:  s.BinaryPath.V,
			Labels:      r.vars("label", s.Labels),
			Annotations: r.vars("annotation", s.Annotations),
			Created:     r.created,
			Docker:      r.docker(s.MediaTypes),
			Compression: r.compression(&s),
		},
	}
	out.Attest = r.attest(&s, out.Origins)
	out.Policy = rules(&s, out.Origins)
	out.BaseTrust = r.baseTrust(&s, out.Origins)
	cgo := ""
	out.Go.BuildEnv, cgo = r.buildEnv(s.BuildEnv)
	out.Platforms, out.AllPlatforms = r.platforms(s.Platforms)
	out.Bases = r.bases(s.Bases)
	// The empty base has no C library: what is dynamic there is refused by the compiler.
	out.Go.AllowDynamic = cgo == "1" && (out.Base != DefaultBase || len(out.Bases) > 0)
	out.Config.User, out.Config.Account = r.user(s.User)
	for _, t := range s.Tags.Items {
		r.template("tags", t.V, t.Pos, false)
		out.Tags = append(out.Tags, textOf(t))
	}
	for _, t := range s.Ldflags.Items {
		r.template("ldflags", t.V, t.Pos, true)
		out.Ldflags = append(out.Ldflags, textOf(t))
	}
	for _, f := range s.Files.Items {
		g := files.Group{From: f.From.V, To: f.To.V, Owner: f.Owner.V, Exclude: f.Exclude.Strings(), Where: f.Pos.String()}
		if f.Mode.IsSet() {
			g.Mode = fmt.Sprintf("%04o", f.Mode.V)
		}
		out.Files = append(out.Files, g)
	}
	return out
}

// at names a setting for a message: by its flag, or by its place and key.
func at(p configfile.Pos, key string) string {
	if isFlag(p) {
		return p.File
	}
	return p.String() + ": " + key
}

// isFlag reports whether a value comes from the command line or the environment, and
// so from the user.
func isFlag(p configfile.Pos) bool { return p.Line == 0 }

func textOf(v configfile.Value[string]) build.Text {
	return build.Text{Value: v.V, Where: v.Pos.String(), Untrusted: !isFlag(v.Pos)}
}

// flagValues holds what comes from a file to what does no harm. Flags for the linker
// are looked at when their templates are expanded.
func (r *resolver) flagValues(list configfile.List, check func(string) error) []string {
	for _, t := range list.Items {
		if !isFlag(t.Pos) {
			r.policy(t.Pos, check(t.V))
		}
	}
	return list.Strings()
}

func (r *resolver) policy(p configfile.Pos, err error) {
	if err != nil {
		r.errs = append(r.errs, &build.SettingError{Where: p.String(), Err: err})
	}
}

// buildEnv also returns what is said of CGO_ENABLED.
func (r *resolver) buildEnv(pairs configfile.Pairs) (env []string, cgo string) {
	for _, p := range pairs {
		if !isFlag(p.Pos) {
			r.policy(p.Pos, goflag.CheckEnv(p.Key, p.Value))
		}
		if p.Key == "CGO_ENABLED" {
			cgo = p.Value
		}
		value := p.Value
		if p.Key == "GOFLAGS" && !isFlag(p.Pos) && r.in.Goflags != "" {
			value = r.in.Goflags + " " + value // the user's own count too, and come first
		}
		env = append(env, p.Key+"="+value)
	}
	return env, cgo
}

// template checks the templates in a text.
func (r *resolver) template(key, text string, p configfile.Pos, platform bool) {
	parsed, err := expand.Parse(text)
	if err != nil {
		r.fail(at(p, key), "%s", err)
		return
	}
	if !platform && parsed.NeedsPlatform() {
		r.fail(at(p, key), "{{.Platform}} has no value here: all platforms of an image share it")
	}
}

// base only looks for a password that must not travel any further; what the base is
// gets decided where it is read.
func (r *resolver) base(b configfile.Value[string]) string {
	if !b.IsSet() {
		return DefaultBase
	}
	return r.baseRef(b.V, b.Pos)
}

func (r *resolver) baseRef(ref string, p configfile.Pos) string {
	if dir, ok := strings.CutPrefix(ref, "oci:"); ok {
		return "oci:" + r.path(dir, p)
	}
	if strings.HasSuffix(ref, ".tar") {
		return r.path(ref, p)
	}
	if redacted, host, found := build.Credentials(ref); found {
		r.fail(at(p, "base"), "%q: a reference holds no password: log in with imgo login %s, and leave out the part before '@'", redacted, host)
	}
	return ref
}

// path is a path of a base. Those of the configuration begin where it lies, those of
// the command line where imgo runs, which is for others to know.
func (r *resolver) path(path string, p configfile.Pos) string {
	if isFlag(p) || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(r.fileDir, filepath.FromSlash(path))
}

func (r *resolver) bases(pairs configfile.Pairs) []build.PlatformBase {
	var out []build.PlatformBase
	for _, p := range pairs {
		platform, err := image.ParsePlatform(p.Key)
		if err != nil {
			r.errs = append(r.errs, err)
			continue
		}
		out = append(out, build.PlatformBase{Platform: platform, Base: r.baseRef(p.Value, p.Pos)})
	}
	return out
}

func (r *resolver) platforms(given configfile.List) (list []v1.Platform, all bool) {
	names := given.Strings()
	if !given.IsSet() {
		names = []string{DefaultPlatform}
	}
	for _, name := range names {
		if name == "all" {
			all = true
			continue
		}
		p, err := image.ParsePlatform(name)
		if err != nil {
			r.errs = append(r.errs, err)
			continue
		}
		if !slices.ContainsFunc(list, p.Equals) {
			list = append(list, p)
		}
	}
	if len(names) == 0 {
		r.fail(at(given.Pos, "platforms"), "at least one platform is needed, or all")
	}
	if all && len(names) > 1 {
		r.fail(at(given.Pos, "platforms"), "all stands alone: leave out the other platforms, or all")
	}
	return list, all
}

var numericUser = pattern.New(`^\d+(:\d+)?$`)

// user accepts numbers as they are. Names are looked up in the base, and created
// where it lacks them. root is 0 everywhere.
func (r *resolver) user(u configfile.Value[configfile.User]) (id string, spec *account.Spec) {
	name := u.V.Spec
	switch {
	case !u.IsSet():
		return DefaultUser, nil
	case numericUser.MatchString(name):
		for part := range strings.SplitSeq(name, ":") {
			if n, err := strconv.ParseUint(part, 10, 64); err != nil || n > math.MaxUint32-1 {
				r.fail(at(u.Pos, "user"), "%s is not an id: ids go from 0 to %d", part, uint32(math.MaxUint32-1))
			}
		}
		return name, nil
	case name == "root" || name == "root:root":
		return "0:0", nil
	case name == "":
		name = u.V.Name.V
	}
	parsed, err := account.Parse(name)
	if err != nil {
		r.fail(at(u.Pos, "user"), "%q is neither UID[:GID] nor a user's name: %s", name, err)
		return "", nil
	}
	if u.V.UID.IsSet() {
		parsed.UID = int(u.V.UID.V)
	}
	if u.V.GID.IsSet() {
		parsed.GID = int(u.V.GID.V)
	}
	parsed.Home = u.V.Home.V
	return name, &parsed
}

// vars checks the mappings of an image's config.
func (r *resolver) vars(key string, pairs configfile.Pairs) []build.Var {
	var out []build.Var
	for _, p := range pairs {
		setting := at(p.Pos, key)
		if !utf8.ValidString(p.Key) || !utf8.ValidString(p.Value) {
			r.fail(setting, "%q is not UTF-8, as the text of an image has to be", p.Key+"="+p.Value)
		}
		if strings.ContainsFunc(p.Key, unicode.IsControl) {
			r.fail(setting, "the key %q has line breaks or control characters", p.Key)
		}
		if strings.ContainsRune(p.Value, 0) {
			r.fail(setting, "the value of %s has a zero byte", p.Key)
		}
		r.template(key+" "+p.Key, p.Value, p.Pos, key != "annotation")
		out = append(out, build.Var{Key: p.Key, Text: textOf(configfile.Value[string]{V: p.Value, Pos: p.Pos})})
	}
	return out
}

func (r *resolver) docker(m configfile.Value[string]) bool {
	if m.IsSet() && m.V != "oci" && m.V != "docker" {
		r.fail(at(m.Pos, "mediaTypes"), "%q is neither oci nor docker", m.V)
	}
	return m.V == "docker"
}

// compression refuses what the media types that are certain to be used can't express. A
// health check of the base, which takes Docker's too, is known only later.
func (r *resolver) compression(s *configfile.Settings) layer.Compression {
	if !s.Compression.IsSet() {
		return layer.Gzip
	}
	setting := at(s.Compression.Pos, "compression")
	c, err := layer.ParseCompression(s.Compression.V)
	switch check := s.Healthcheck; {
	case err != nil:
		r.fail(setting, "%s", err)
	case c != layer.Zstd:
	case s.MediaTypes.V == "docker":
		r.fail(setting, "Docker's media types, which %s asks for, have no zstd: leave out one of the two", at(s.MediaTypes.Pos, "mediaTypes"))
	case check.IsSet() && !check.V.Disabled:
		r.fail(setting, "a health check (%s) takes Docker's media types, and these have no zstd: leave out one of the two", at(check.Pos, "healthcheck"))
	}
	return c
}

func health(v configfile.Value[configfile.Healthcheck]) *build.Healthcheck {
	if !v.IsSet() {
		return nil
	}
	h := v.V
	return &build.Healthcheck{
		None: h.Disabled, Test: h.Test, URL: h.URL, Retries: int(h.Retries.V),
		Interval: h.Interval.V, Timeout: h.Timeout.V, StartPeriod: h.StartPeriod.V, StartInterval: h.StartInterval.V,
	}
}

// origins says for each setting that is not a default where it comes from.
func origins(s *configfile.Settings) map[string]string {
	out := map[string]string{}
	note := func(name string, p configfile.Pos) {
		if p.IsSet() {
			out[name] = p.String()
		}
	}
	note("package", s.Package.Pos)
	note("repository", s.Repository.Pos)
	note("repo", s.Repo.Pos)
	note("tags", s.Tags.Pos)
	note("platforms", s.Platforms.Pos)
	note("user", s.User.Pos)
	note("workdir", s.Workdir.Pos)
	note("ports", s.Ports.Pos)
	note("volumes", s.Volumes.Pos)
	note("args", s.Args.Pos)
	note("cmd", s.Cmd.Pos)
	note("stopSignal", s.StopSignal.Pos)
	note("healthcheck", s.Healthcheck.Pos)
	note("binaryPath", s.BinaryPath.Pos)
	note("files", s.Files.Pos)
	note("vcs", s.VCS.Pos)
	note("mediaTypes", s.MediaTypes.Pos)
	note("compression", s.Compression.Pos)
	for _, p := range s.BuildEnv {
		note("buildEnv."+p.Key, p.Pos)
	}
	several := map[string][]configfile.Pos{"base": {s.Base.Pos}}
	for _, b := range s.Bases {
		several["base"] = append(several["base"], b.Pos)
	}
	for name, l := range map[string]configfile.List{"ldflags": s.Ldflags, "gcflags": s.Gcflags, "buildTags": s.BuildTags} {
		for _, item := range l.Items {
			several[name] = append(several[name], item.Pos)
		}
	}
	for name, places := range several {
		var from []string
		for _, p := range places {
			if p.IsSet() && !slices.Contains(from, p.String()) {
				from = append(from, p.String())
			}
		}
		if len(from) > 0 {
			out[name] = strings.Join(from, ", ")
		}
	}
	return out
}
