package config

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/imgo-build/imgo/internal/configfile"
)

// flags are the settings of the command line and the environment.
func (r *resolver) flags() configfile.Settings {
	in := &r.in
	return configfile.Settings{
		BaseChoice:   configfile.BaseChoice{Base: r.one("base", in.Base)},
		VerifyBase:   r.verifyBaseFlag(),
		Platforms:    r.many("platform", in.Platforms),
		User:         given(r, "user", configfile.User{Spec: in.User}),
		Workdir:      r.one("workdir", in.Workdir, configfile.ParseFolder),
		Env:          r.variables(),
		Ports:        r.ports(),
		Volumes:      r.parsed("volume", in.Volumes, configfile.ParseVolume),
		Args:         r.many("arg", in.Args),
		Cmd:          r.many("cmd", in.Cmd),
		StopSignal:   r.one("stop-signal", in.StopSignal, configfile.ParseSignal),
		Healthcheck:  r.healthcheck(),
		BinaryPath:   r.one("binary-path", in.BinaryPath, configfile.ParseImagePath),
		Files:        r.files(),
		Labels:       r.pairs("label", in.Labels),
		Annotations:  r.pairs("annotation", in.Annotations),
		Ldflags:      r.many("ldflags", in.Ldflags),
		Gcflags:      r.many("gcflags", in.Gcflags),
		BuildTags:    r.many("tags", in.BuildTags),
		BuildEnv:     r.pairs("build-env", in.BuildEnv),
		VCS:          given(r, "vcs", in.VCS),
		MediaTypes:   r.one("media-types", in.MediaTypes),
		Compression:  r.one("compression", in.Compression),
		AllowSecrets: r.many("allow-secret", in.AllowSecrets),
		SBOM:         r.sbomFormats(),
		Provenance:   given(r, "provenance", in.Provenance),
		Sign:         r.signFlags(),
	}
}

// pos is where the value of a flag comes from: nowhere, or the flag or variable.
func (r *resolver) pos(flag string) configfile.Pos {
	return configfile.Pos{File: r.in.Given[flag]}
}

// given is a flag's value where the flag was given.
func given[T any](r *resolver, flag string, v T) configfile.Value[T] {
	if p := r.pos(flag); p.IsSet() {
		return configfile.Value[T]{V: v, Pos: p}
	}
	return configfile.Value[T]{}
}

// one is a flag with one value, which is parsed where it has a grammar.
func (r *resolver) one(flag, v string, parse ...func(string) (string, error)) configfile.Value[string] {
	out := given(r, flag, v)
	for _, p := range parse {
		if !out.IsSet() {
			break
		}
		var err error
		if out.V, err = p(v); err != nil {
			r.fail(out.Pos.File, "%s", err)
		}
	}
	return out
}

// many is a flag that can be repeated.
func (r *resolver) many(flag string, list []string) configfile.List {
	out := configfile.List{Pos: r.pos(flag)}
	if out.Pos.IsSet() {
		for _, v := range list {
			out.Items = append(out.Items, configfile.Value[string]{V: v, Pos: out.Pos})
		}
	}
	return out
}

// parsed is many with a grammar.
func (r *resolver) parsed(flag string, list []string, parse func(string) (string, error)) configfile.List {
	out := r.many(flag, list)
	for i := range out.Items {
		var err error
		if out.Items[i].V, err = parse(out.Items[i].V); err != nil {
			r.fail(out.Pos.File, "%s", err)
		}
	}
	return out
}

func (r *resolver) ports() configfile.List {
	out := configfile.List{Pos: r.pos("port")}
	for _, arg := range r.in.Ports {
		ports, err := configfile.ParsePorts(arg)
		if err != nil {
			r.fail(out.Pos.File, "%s", err)
		}
		for _, p := range ports {
			out.Items = append(out.Items, configfile.Value[string]{V: p, Pos: out.Pos})
		}
	}
	return out
}

func (r *resolver) healthcheck() configfile.Value[configfile.Healthcheck] {
	arg := r.in.Healthcheck
	if arg == "none" {
		return given(r, "healthcheck", configfile.Healthcheck{Disabled: true})
	}
	out := given(r, "healthcheck", configfile.Healthcheck{})
	if out.IsSet() {
		var err error
		if out.V.URL, err = configfile.ParseHealthURL(arg); err != nil {
			r.fail(out.Pos.File, "%s", err)
		}
	}
	return out
}

// files are FROM:TO[:MODE[:OWNER]], where OWNER is UID[:GID].
func (r *resolver) files() configfile.Files {
	out := configfile.Files{Pos: r.pos("file")}
	for _, arg := range r.in.Files {
		rule := configfile.FileRule{Pos: out.Pos}
		from, rest, ok := strings.Cut(arg, ":")
		parts := strings.SplitN(rest, ":", 3)
		rule.From = configfile.Value[string]{V: r.fromFile(from), Pos: out.Pos}
		to, err := configfile.ParseDestination(parts[0])
		if !ok || from == "" || err != nil {
			r.fail(out.Pos.File, "%q is not of the form FROM:TO[:MODE[:OWNER]] with an absolute path as TO, such as web/dist:/srv/www", arg)
			continue
		}
		rule.To = configfile.Value[string]{V: to, Pos: out.Pos}
		if len(parts) > 1 && parts[1] != "" {
			mode, err := configfile.ParseMode(parts[1])
			if err != nil {
				r.fail(out.Pos.File, "%q: %s", arg, err)
			}
			rule.Mode = configfile.Value[uint32]{V: mode, Pos: out.Pos}
		}
		if len(parts) > 2 {
			rule.Owner = configfile.Value[string]{V: parts[2], Pos: out.Pos}
		}
		out.Items = append(out.Items, rule)
	}
	return out
}

// fromFile is a path of the command line as the configuration would have it: files come
// from where that lies.
func (r *resolver) fromFile(path string) string {
	rel, err := filepath.Rel(r.fileDir, filepath.Join(r.workDir, filepath.FromSlash(path)))
	if err != nil || path == "" || filepath.IsAbs(path) || r.fileDir == r.workDir {
		return path
	}
	return filepath.ToSlash(rel)
}

// pairs splits KEY=VALUE arguments. The last of equal keys wins, as with docker.
func (r *resolver) pairs(flag string, args []string) configfile.Pairs {
	var out configfile.Pairs
	p := r.pos(flag)
	for _, arg := range args {
		key, value, ok := strings.Cut(arg, "=")
		if !ok || key == "" {
			r.fail(p.File, "%q is not of the form KEY=VALUE", arg)
			continue
		}
		out = slices.DeleteFunc(out, func(q configfile.Pair) bool { return q.Key == key })
		out = append(out, configfile.Pair{Key: key, Value: value, Pos: p})
	}
	return out
}

// variables are those of the image.
func (r *resolver) variables() configfile.Pairs {
	out := r.pairs("env", r.in.Env)
	for _, p := range out {
		if _, err := configfile.ParseVariable(p.Key); err != nil {
			r.fail(p.Pos.File, "%q: %s", p.Key, err)
		}
	}
	return out
}

// overFlags puts the command line over the file. Files and what the go command is given
// add up, in the order in which it counts.
func overFlags(file, flags configfile.Settings) configfile.Settings {
	out := flags.Over(file)
	out.Ldflags = concat(file.Ldflags, flags.Ldflags)
	out.Gcflags = concat(file.Gcflags, flags.Gcflags)
	out.BuildTags = concat(file.BuildTags, flags.BuildTags)
	out.Sign = signOver(file.Sign, flags.Sign)
	out.AllowSecrets = concat(file.AllowSecrets, flags.AllowSecrets)
	if flags.Files.IsSet() {
		out.Files.Items = slices.Concat(file.Files.Items, flags.Files.Items)
	}
	return out
}

func concat(lower, upper configfile.List) configfile.List {
	if !upper.IsSet() {
		return lower
	}
	return configfile.List{Items: slices.Concat(lower.Items, upper.Items), Pos: upper.Pos}
}
