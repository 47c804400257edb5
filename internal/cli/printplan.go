package cli

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/imgo-build/imgo/internal/config"
	"github.com/imgo-build/imgo/internal/configfile"
	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/image"
)

// jsonPlan is the document of --dry-run --json.
type jsonPlan struct {
	Output  string       `json:"output"`
	Targets []jsonTarget `json:"targets"`
}

type jsonTarget struct {
	Name     string        `json:"name"`
	Package  string        `json:"package,omitempty"`
	Source   string        `json:"source,omitempty"` // the archive that is pushed
	Tags     []string      `json:"tags"`
	Path     string        `json:"path,omitempty"`
	Engine   string        `json:"engine,omitempty"` // docker, podman, containerd, kind:CLUSTER
	Error    string        `json:"error,omitempty"`
	Settings []jsonSetting `json:"settings,omitempty"` // where something is built
}

// jsonSetting is a setting with where its value comes from: a flag, a variable, a
// place in the configuration, or "default".
type jsonSetting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	From  string `json:"from"`
}

// printPlan shows what a run would do.
func (a *app) printPlan(p *build.Plan, asJSON bool) error {
	doc := jsonPlan{Output: string(p.Output.Kind), Targets: []jsonTarget{}}
	for i := range p.Targets {
		t := &p.Targets[i]
		jt := jsonTarget{Name: t.Name, Package: t.Package.ImportPath, Source: t.Origin, Tags: tags(*t), Path: t.Path}
		if err := t.Err(); err != nil {
			jt.Error = err.Error()
		}
		if p.Output.Kind == build.ToEngine {
			jt.Engine = strings.TrimSuffix(p.Output.Engine+":"+p.Output.Cluster, ":")
		}
		if t.Artifact == nil {
			jt.Settings = settingsOf(t, p.Output.Kind == build.ToRegistry)
		}
		doc.Targets = append(doc.Targets, jt)
	}
	if asJSON {
		return a.printJSON(doc)
	}
	var b strings.Builder
	for _, t := range doc.Targets {
		printTarget(&b, t, doc.Output)
	}
	_, err := fmt.Fprint(a.Stdout, printable(b.String()))
	return err
}

func printTarget(b *strings.Builder, t jsonTarget, output string) {
	fmt.Fprintf(b, "%s\n", t.Name)
	row := func(name, value, from string) {
		switch {
		case value == "":
		case from == "":
			fmt.Fprintf(b, "  %-12s %s\n", name, value)
		default:
			fmt.Fprintf(b, "  %-12s %-28s # %s\n", name, strings.ReplaceAll(value, "\n", `\n`), from)
		}
	}
	row("package", t.Package, "")
	row("archive", t.Source, "")
	row("error", t.Error, "")
	for _, s := range t.Settings {
		row(s.Name, s.Value, s.From)
	}
	row("tags", strings.Join(t.Tags, ", "), "")
	row(output, t.Path+t.Engine, "")
}

// settingsOf lists what an image is made with: what always counts, and what was set.
func settingsOf(t *build.Target, pushed bool) []jsonSetting {
	s := &t.Settings
	c := &s.Config
	var out []jsonSetting
	add := func(name, value string) {
		out = append(out, jsonSetting{Name: name, Value: value, From: cmp.Or(s.Origins[name], "default")})
	}
	given := func(name, value string) {
		if s.Origins[name] != "" {
			add(name, value)
		}
	}
	add("base", baseOf(s))
	given("verifyBase", trustedBy(s.BaseTrust))
	add("platforms", strings.Join(platforms(s), ", "))
	add("user", c.User)
	given("workdir", c.WorkingDir)
	given("binaryPath", c.BinaryPath)
	given("args", strings.Join(c.Args, " "))
	given("cmd", strings.Join(c.Cmd, " "))
	given("ports", strings.Join(c.Ports, ", "))
	given("volumes", strings.Join(c.Volumes, ", "))
	given("stopSignal", c.StopSignal)
	if h := c.Healthcheck; h != nil {
		value := h.URL
		if h.None {
			value = "none"
		}
		given("healthcheck", cmp.Or(value, strings.Join(h.Test, " ")))
	}
	out = append(out, pairSettings("env", c.Env)...)
	out = append(out, pairSettings("label", c.Labels)...)
	out = append(out, pairSettings("annotation", c.Annotations)...)
	for _, f := range s.Files {
		out = append(out, jsonSetting{Name: "files", Value: f.From + " to " + f.To, From: f.Where})
	}
	for _, p := range t.More {
		out = append(out, jsonSetting{Name: "binary", Value: p.Path + " from " + p.Package.ImportPath, From: p.Where})
	}
	for _, f := range s.Ldflags {
		out = append(out, jsonSetting{Name: "ldflags", Value: f.Value, From: f.Where})
	}
	given("gcflags", strings.Join(s.Go.Gcflags, " "))
	given("buildTags", strings.Join(s.Go.Tags, ","))
	for _, kv := range s.Go.BuildEnv {
		key, _, _ := strings.Cut(kv, "=")
		out = append(out, jsonSetting{Name: "buildEnv", Value: kv, From: s.Origins["buildEnv."+key]})
	}
	given("vcs", fmt.Sprint(s.Go.VCS))
	given("mediaTypes", map[bool]string{true: "docker", false: "oci"}[c.Docker])
	given("compression", c.Compression.String())
	return append(append(out, policySettings(s, pushed)...), attestSettings(s, pushed)...)
}

// attestSettings lists what is told of an image beside itself. What only a registry has a
// place for is named elsewhere too, but not what it would be.
func attestSettings(s *build.Settings, pushed bool) []jsonSetting {
	var out []jsonSetting
	add := func(name, value string) {
		out = append(out, jsonSetting{Name: name, Value: value, From: cmp.Or(s.Origins[name], "default")})
	}
	setting := func(name, value string, always bool) {
		if from := s.Origins[config.OnPush+name]; from != "" {
			out = append(out, jsonSetting{Name: name, Value: "only where it is pushed", From: from})
		} else if always || s.Origins[name] != "" {
			add(name, value)
		}
	}
	a := &s.Attest
	setting("sbom", cmp.Or(strings.Join(a.SBOM, ", "), configfile.NoSBOM), pushed || a.SBOMDir != "")
	setting("sbomDir", a.SBOMDir, false)
	setting("provenance", fmt.Sprint(a.Provenance), pushed)
	setting("sign", signedBy(a.Sign), pushed)
	if g := a.Sign; g != nil {
		setting("fulcioURL", g.FulcioURL, false)
		setting("rekorURL", g.RekorURL, false)
		setting("tsaURL", g.TSAURL, false)
		setting("trustedRoot", g.TrustedRoot, false)
	}
	return out
}

// trustedBy says who has to have signed a base.
func trustedBy(t *build.BaseTrust) string {
	switch {
	case t == nil:
		return "none"
	case t.Preset != "":
		return t.Preset
	case t.NoLog:
		return t.String() + ", without a log"
	}
	return t.String()
}

func signedBy(s *build.Signing) string {
	if s == nil {
		return "false"
	}
	by := "keyless"
	if s.Key != "" {
		by = "by " + s.Key
	}
	if s.NoLog {
		by += ", without a log"
	}
	if s.CosignTags {
		by += ", with tags for older cosign"
	}
	return by
}

func pairSettings(name string, vars []build.Var) []jsonSetting {
	var out []jsonSetting
	for _, v := range vars {
		out = append(out, jsonSetting{Name: name, Value: v.Key + "=" + v.Value, From: v.Where})
	}
	return out
}

func baseOf(s *build.Settings) string {
	out := s.Base
	for _, b := range s.Bases {
		out += fmt.Sprintf(", %s for %s", b.Base, image.PlatformString(b.Platform))
	}
	return out
}

func platforms(s *build.Settings) []string {
	if s.AllPlatforms {
		return []string{"all"}
	}
	var out []string
	for _, platform := range s.Platforms {
		out = append(out, image.PlatformString(platform))
	}
	return out
}
