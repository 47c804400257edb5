package build

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/internal/expand"
	"github.com/imgo-build/imgo/internal/goflag"
	"github.com/imgo-build/imgo/internal/secrets"
	"github.com/imgo-build/imgo/pkg/image"
)

// SettingError is text of the user's that can't be used.
type SettingError struct {
	Setting string // such as "env LOG_LEVEL"; empty where Err names it
	Where   string // a flag, or a place in the configuration
	Err     error
}

func (e *SettingError) Error() string {
	text := e.Err.Error()
	for _, part := range []string{e.Setting, e.Where} {
		if part != "" {
			text = part + ": " + text
		}
	}
	return text
}

// Unwrap returns the cause.
func (e *SettingError) Unwrap() error { return e.Err }

// SecretError is a value that looks like a secret, which an image would tell everyone.
type SecretError struct {
	Setting string // such as "env DB_PASSWORD"
	Name    string // by which it can be allowed
	Where   string
	Rule    string // what it looks like
	// OnlyUser says that a configuration file can't allow it: it comes from the
	// environment of whoever builds.
	OnlyUser bool
}

func (e *SecretError) Error() string {
	where := e.Where
	if where != "" {
		where += ": "
	}
	return fmt.Sprintf("%s%s looks like a secret (%s), which anyone who can pull the image could read", where, e.Setting, e.Rule)
}

// variant is what of a target depends on the platform, its templates expanded.
type variant struct {
	platform    v1.Platform
	env         []string // KEY=VALUE
	labels      map[string]string
	annotations map[string]string
	programs    []Program // the entrypoint's last
}

// on expands the target's templates for a platform. It says everything that is wrong.
func (t *Target) on(p v1.Platform) (*variant, error) {
	x := t.expansion()
	x.values.Platform = image.PlatformString(p)
	v := &variant{platform: p}
	for _, e := range t.Settings.Config.Env {
		v.env = append(v.env, e.Key+"="+x.value("env", e))
	}
	c := &t.Settings.Config
	x.words("args", t.Settings.Origins["args"], c.Args)
	x.words("cmd", t.Settings.Origins["cmd"], c.Cmd)
	if c.Healthcheck != nil {
		x.words("healthcheck", t.Settings.Origins["healthcheck"], c.Healthcheck.Test)
	}
	v.labels = x.pairs("label", t.Settings.Config.Labels)
	v.annotations = x.pairs("annotation", t.Settings.Config.Annotations)
	for _, prog := range t.programs() {
		prog.Go.Ldflags = slices.Clone(prog.Go.Ldflags)
		for _, f := range prog.Ldflags {
			prog.Go.Ldflags = append(prog.Go.Ldflags, x.ldflags(f))
		}
		v.programs = append(v.programs, prog)
	}
	return v, errors.Join(x.errs...)
}

// parts are what is said of every image of the target, whatever it is made of.
func (t *Target) parts() image.Parts {
	p := image.Parts{Title: t.Name, Source: sourceURL(t.Package.Module), Licenses: t.Licenses}
	if t.VCS != nil {
		p.Revision, p.Version, p.Date = t.VCS.Revision, t.VCS.Version, t.VCS.Created
	}
	return p
}

// indexAnnotations are the annotations of an index over images of the target.
func (t *Target) indexAnnotations(b Base) (map[string]string, error) {
	p := t.parts()
	if b.Name != "" {
		p.BaseName, p.BaseDigest = b.Name, b.Index
	}
	out := p.Described()
	x := t.expansion()
	maps.Copy(out, x.pairs("annotation", t.Settings.Config.Annotations))
	return out, errors.Join(x.errs...)
}

// expansion expands texts and collects what is wrong with them.
type expansion struct {
	values     expand.Values
	allow      []string // by anybody
	userAllows []string // by the user
	errs       []error
}

func (t *Target) expansion() expansion {
	x := expansion{values: t.Values, allow: t.Settings.AllowSecrets, userAllows: t.Settings.UserAllows}
	x.values.Name = t.Name
	return x
}

func (x *expansion) pairs(kind string, vars []Var) map[string]string {
	if len(vars) == 0 {
		return nil
	}
	out := make(map[string]string, len(vars))
	for _, v := range vars {
		out[v.Key] = x.value(kind, v)
	}
	return out
}

func (x *expansion) value(kind string, v Var) string {
	return x.text(kind+" "+v.Key, v.Key, v.Key, v.Text)
}

// text expands one text; key and name are what the detector of secrets and its list
// of exceptions know it by.
func (x *expansion) text(setting, key, name string, t Text) string {
	tmpl, err := expand.Parse(t.Value)
	value := ""
	if err == nil {
		value, err = tmpl.Execute(x.values)
	}
	if err == nil && strings.ContainsRune(value, 0) {
		err = errors.New("it comes to a text with a zero byte")
	}
	if err != nil {
		x.errs = append(x.errs, &SettingError{Setting: setting, Where: t.Where, Err: err})
		return ""
	}
	x.checkEnv(setting, tmpl, t)
	if slices.Contains(x.allow, name) {
		return value
	}
	if f, found := secrets.InValue(key, value); found {
		x.errs = append(x.errs, &SecretError{Setting: setting, Name: name, Where: t.Where, Rule: f.Rule})
	}
	return value
}

// checkEnv looks at the variables that a stranger's template reads: what it makes of
// them need not look like a secret any more.
func (x *expansion) checkEnv(setting string, tmpl *expand.Template, t Text) {
	if !t.Untrusted {
		return
	}
	for _, name := range tmpl.EnvNames() {
		if slices.Contains(x.userAllows, name) {
			continue
		}
		if f, found := secrets.InValue(name, x.values.Env[name]); found {
			x.errs = append(x.errs, &SecretError{
				Setting: setting + ": the variable " + name, Name: name, Where: t.Where, Rule: f.Rule, OnlyUser: true,
			})
		}
	}
}

// words looks for secrets in texts without templates.
func (x *expansion) words(setting, where string, list []string) {
	for _, w := range list {
		if slices.Contains(x.allow, setting) {
			return
		}
		if f, found := secrets.InValue("", w); found {
			x.errs = append(x.errs, &SecretError{Setting: setting, Name: setting, Where: where, Rule: f.Rule})
		}
	}
}

// ldflags expands flags for the linker. What the linker will see of a configuration
// file's is held to what does no harm, whatever its templates came to.
func (x *expansion) ldflags(t Text) string {
	value := x.text("ldflags", "", "ldflags", t)
	if !t.Untrusted {
		return value
	}
	if err := goflag.CheckLdflags(value); err != nil {
		x.errs = append(x.errs, &SettingError{Where: t.Where, Err: err})
	}
	return value
}

// Texts lists everything of an image's that may hold a template.
func (s *Settings) Texts() []string {
	var out []string
	for _, vars := range [][]Var{s.Config.Env, s.Config.Labels, s.Config.Annotations} {
		for _, v := range vars {
			out = append(out, v.Value)
		}
	}
	for _, t := range s.Tags {
		out = append(out, t.Value)
	}
	for _, t := range s.Ldflags {
		out = append(out, t.Value)
	}
	return out
}
