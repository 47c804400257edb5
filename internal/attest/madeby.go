package attest

import (
	"context"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/imgo-build/imgo/internal/attest/provenance"
	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/image"
)

// source asks where the sources of a target come from, where that is to be told.
func (a *Attester) source(ctx context.Context, m *build.Made) (*provenance.Source, error) {
	pkg := m.Target.Package
	if !m.Target.Settings.Attest.Provenance || a.opts.Source == nil || len(m.Images) == 0 || pkg.Module == nil || pkg.Module.Dir == "" {
		return nil, nil
	}
	return a.opts.Source(ctx, pkg.Module.Dir)
}

// provenanceInput collects how a target was made, apart from the subjects.
func (a *Attester) provenanceInput(m *build.Made, source *provenance.Source) provenance.Input {
	t := m.Target
	in := provenance.Input{
		Source: source, Package: t.Package.ImportPath, Name: t.Package.Name,
		Config: imageSettings(t), Builder: a.opts.Builder,
		Imgo: provenance.Imgo{Version: a.opts.Version, AssemblyVersion: a.opts.Assembly},
	}
	for i := range m.Images {
		img := &m.Images[i]
		platform := image.PlatformString(img.Platform)
		in.Platforms = append(in.Platforms, platform)
		if base := img.Base; base.Name != "" {
			in.Bases = append(in.Bases, provenance.Base{
				Platform: platform, Ref: t.Settings.BaseFor(img.Platform),
				Material: provenance.Material{
					Name: base.Name, URI: baseURI(base),
					Digest: map[string]string{base.Digest.Algorithm: base.Digest.Hex},
				},
			})
		}
		for _, p := range img.Programs {
			if p.Info == nil {
				continue
			}
			in.Modules = mergeModules(in.Modules, modulesOf(p.Info))
			if i == 0 && p.Path == t.Entrypoint() {
				in.Go = goSettings(p)
			}
		}
	}
	return in
}

// goSettings are those of the image's own program.
func goSettings(p build.MadeProgram) provenance.GoSettings {
	toolchain, _, _ := strings.Cut(p.Info.GoVersion, " ")
	out := provenance.GoSettings{
		Tags: p.Go.Tags, Ldflags: p.Go.Ldflags, Gcflags: p.Go.Gcflags, VCS: p.Go.VCS,
		Env: map[string]string{}, Toolchain: toolchain,
	}
	for _, s := range p.Info.Settings {
		switch {
		case s.Key == "-trimpath":
			out.Trimpath = s.Value == "true"
		case strings.HasPrefix(s.Key, "-") || strings.HasPrefix(s.Key, "vcs") || s.Key == "GOOS" || s.Key == "GOARCH":
		case provenance.AllowedEnv(s.Key):
			out.Env[s.Key] = s.Value
		}
	}
	for _, kv := range p.Go.BuildEnv {
		if key, value, _ := strings.Cut(kv, "="); provenance.AllowedEnv(key) {
			out.Env[key] = value
		}
	}
	return out
}

// modulesOf lists what a binary is made of beside its main module.
func modulesOf(info *debug.BuildInfo) []provenance.Module {
	var out []provenance.Module
	for _, d := range info.Deps {
		m := provenance.Module{Path: d.Path, Version: d.Version, Sum: d.Sum}
		if r := d.Replace; r != nil {
			m.Sum = r.Sum
			m.ReplacedBy = &provenance.Module{Path: filepath.ToSlash(r.Path), Version: versionOf(r)}
		}
		out = append(out, m)
	}
	return out
}

// versionOf is empty for a directory, which build information calls "(devel)".
func versionOf(m *debug.Module) string {
	if m.Version == "(devel)" {
		return ""
	}
	return m.Version
}

// mergeModules adds modules that are not listed yet.
func mergeModules(list, more []provenance.Module) []provenance.Module {
	for _, m := range more {
		if !slices.ContainsFunc(list, func(o provenance.Module) bool { return o.Path == m.Path && o.Version == m.Version }) {
			list = append(list, m)
		}
	}
	return list
}

// baseURI names a base by its repository, tag and digest.
func baseURI(base build.Base) string {
	ref, err := name.ParseReference(base.Name)
	if err != nil {
		return ""
	}
	tag := ""
	if t, ok := ref.(name.Tag); ok {
		tag = t.TagStr()
	}
	return provenance.ImageURI(ref.Context().Name(), tag, base.Digest.String())
}
