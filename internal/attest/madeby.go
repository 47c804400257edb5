package attest

import (
	"cmp"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/internal/attest/provenance"
	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/image"
)

// scratch is the base that is none (see internal/base).
const scratch = "scratch"

// provenanceInput collects how a target was made, apart from the subjects.
func (a *Attester) provenanceInput(m *build.Made, o *origin) (provenance.Input, error) {
	t := m.Target
	in := provenance.Input{
		Source: o.Source, Package: t.Package.ImportPath, Name: t.Package.Name,
		Config: imageSettings(t, o), Builder: a.opts.Builder,
		Imgo: provenance.Imgo{Version: a.opts.Version, AssemblyVersion: a.opts.Assembly},
	}
	for i := range m.Images {
		img := &m.Images[i]
		platform := image.PlatformString(img.Platform)
		in.Platforms = append(in.Platforms, platform)
		base, err := a.base(t, img, o)
		if err != nil {
			return in, err
		}
		if base != nil {
			in.Bases = append(in.Bases, *base)
		}
		if in.Files, err = a.addFiles(in.Files, img); err != nil {
			return in, err
		}
		for _, p := range img.Programs {
			if p.Info == nil {
				continue
			}
			in.Modules = mergeModules(in.Modules, modulesOf(p.Info))
			if p.Path == t.Entrypoint() {
				a.addGo(&in, p, mainModule(t), o)
			}
		}
	}
	return in, nil
}

// base is what an image stands on, or nil for the empty base.
func (a *Attester) base(t *build.Target, img *build.MadeImage, o *origin) (*provenance.Base, error) {
	base, ref := img.Base, t.Settings.BaseFor(img.Platform)
	if base.Image == nil || base.Name == "" && ref == scratch {
		return nil, nil
	}
	// The image of a platform follows from the index, of which an index on top of it tells.
	digest := cmp.Or(base.Index, base.Digest)
	if digest == (v1.Hash{}) { // a docker-archive has no manifest but the one that imgo makes
		var err error
		if digest, err = base.Image.Digest(); err != nil {
			return nil, err
		}
	}
	out := &provenance.Base{
		Platform: image.PlatformString(img.Platform), Ref: ref,
		Material: provenance.Material{Name: base.Name, URI: baseURI(base.Name, digest), Digest: digestSet(digest)},
	}
	if base.Name == "" { // then it is a path
		file, layout := strings.CutPrefix(ref, "oci:")
		if file = filepath.FromSlash(file); !filepath.IsAbs(file) {
			file = filepath.Join(a.opts.Dir, file)
		}
		if out.Ref = o.relative(file); layout {
			out.Ref = "oci:" + out.Ref
		}
	}
	return out, nil
}

// baseURI names a base by its repository, tag and digest.
func baseURI(base string, digest v1.Hash) string {
	ref, err := name.ParseReference(base)
	if err != nil {
		return ""
	}
	tag := ""
	if t, ok := ref.(name.Tag); ok {
		tag = t.TagStr()
	}
	return provenance.ImageURI(ref.Context().Name(), tag, digest.String())
}

func digestSet(h v1.Hash) map[string]string { return map[string]string{h.Algorithm: h.Hex} }

// addFiles adds the layers of the user's files that are not listed yet. Platforms share
// them, unless their bases have other places for them.
func (a *Attester) addFiles(list []provenance.Material, img *build.MadeImage) ([]provenance.Material, error) {
	layers, err := a.ownLayers(img)
	if err != nil {
		return nil, err
	}
	for _, l := range layers {
		digest, err := v1.NewHash(l.digest)
		if err != nil {
			return nil, err
		}
		if l.from == "" || slices.ContainsFunc(list, func(m provenance.Material) bool { return m.Name == l.to && m.Digest[digest.Algorithm] == digest.Hex }) {
			continue
		}
		list = append(list, provenance.Material{Name: l.to, Digest: digestSet(digest)})
	}
	return list, nil
}

// addGo tells how the image's own program was compiled for one platform. What was made
// beside it was compiled in the same way.
func (a *Attester) addGo(in *provenance.Input, p build.MadeProgram, module string, o *origin) {
	s := p.Go
	if a.opts.Effective != nil {
		s = a.opts.Effective(s)
	}
	settings := goSettings(s, p.Info)
	if work := settings.Env["GOWORK"]; filepath.IsAbs(work) && o.finds(work, module) {
		delete(settings.Env, "GOWORK")
	}
	if in.Go.Toolchain == "" {
		in.Go = settings
		if settings.Env["CGO_ENABLED"] == "1" {
			in.Untold = append(in.Untold, provenance.Omission{What: "go.env.CC", Why: "the C compiler and its libraries are the machine's"})
		}
		return
	}
	for key, value := range settings.Env {
		in.Go.Env[key] = value
	}
	differ := provenance.Omission{What: "go.ldflags", Why: "they differ from platform to platform"}
	if !slices.Contains(in.Untold, differ) && !slices.Equal(in.Go.Ldflags, settings.Ldflags) {
		in.Go.Ldflags, in.Untold = nil, append(in.Untold, differ)
	}
}

// goSettings are those of a program. What the platform decides is told by that, and the
// toolchain by its version.
func goSettings(s build.GoSettings, info *debug.BuildInfo) provenance.GoSettings {
	toolchain, _, _ := strings.Cut(info.GoVersion, " X:") // experiments
	out := provenance.GoSettings{
		Tags: s.Tags, Ldflags: s.Ldflags, Gcflags: s.Gcflags, VCS: s.VCS,
		Env: map[string]string{}, Toolchain: toolchain,
	}
	for _, kv := range s.BuildEnv {
		key, value, _ := strings.Cut(kv, "=")
		level := slices.Contains([]string{"GOOS", "GOARCH", "GOAMD64", "GOARM", "GOARM64"}, key) && !strings.Contains(value, ",")
		if !level && key != "GOTOOLCHAIN" {
			out.Env[key] = value
		}
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "-trimpath":
			out.Trimpath = s.Value == "true"
		case "CGO_ENABLED", "GOEXPERIMENT", "GOFIPS140":
			out.Env[s.Key] = s.Value
		}
	}
	return out
}

// modulesOf lists what a binary is made of beside its main module.
func modulesOf(info *debug.BuildInfo) []provenance.Module {
	var out []provenance.Module
	for _, d := range info.Deps {
		m := provenance.Module{Path: d.Path, Version: versionOf(d), Sum: d.Sum}
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
