package imgo

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"

	"github.com/imgo-build/imgo/internal/attest/sbom"
	"github.com/imgo-build/imgo/internal/base"
	"github.com/imgo-build/imgo/internal/policy"
	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/image"
	"github.com/imgo-build/imgo/pkg/publish"
)

// judge holds what is built to its policy. It implements [build.Judge].
type judge struct{ *Client }

// Judge gathers what the rules ask for and nothing else. That a policy holds is remembered,
// so that what did not change costs nothing; what breaks one is found again each time.
func (j judge) Judge(ctx context.Context, m *build.Made) ([]policy.Violation, error) {
	rules := *m.Target.Settings.Policy
	rules.Require = nil // of which the plan took care
	if len(rules.Rules()) == 0 {
		return nil, nil
	}
	key := j.key(&rules, m)
	if !j.opts.NoFastPath {
		if _, ok := j.memory.Lookup(key); ok {
			return nil, nil
		}
	}
	facts, lasting, err := j.facts(ctx, &rules, m)
	if err != nil {
		return nil, err
	}
	var out []policy.Violation
	for _, f := range facts {
		out = append(out, rules.Check(f)...)
	}
	if len(out) == 0 && lasting {
		_ = j.memory.Remember(key, nil) // it only saves work
	}
	return out, nil
}

// key names all that decides whether a policy holds.
func (j judge) key(rules *policy.Policy, m *build.Made) string {
	sum := sha256.New()
	s := &m.Target.Settings
	bases := []string{m.Target.Origin}
	for i := range m.Images {
		bases = append(bases, baseOf(s, &m.Images[i]))
	}
	_ = json.NewEncoder(sum).Encode([]any{"1", j.opts.Version, m.Descriptor.Digest, rules, s.AllowSecrets, bases})
	return "policy holds " + hex.EncodeToString(sum.Sum(nil))
}

// facts are those of each image. Of what was built, the build knows most; what only
// travels has to tell itself. lasting is false where they may change while the image
// stays as it is.
func (j judge) facts(ctx context.Context, rules *policy.Policy, m *build.Made) (out []policy.Facts, lasting bool, err error) {
	allowed := allowance(m.Target.Settings.AllowSecrets)
	if len(m.Images) == 0 {
		out, err = j.factsOfArchive(ctx, rules, m, allowed)
		return out, true, err
	}
	lasting = true
	for i := range m.Images {
		img := &m.Images[i]
		seen, err := inspectImage(img.Image)
		if err != nil {
			return nil, false, err
		}
		h := held{client: j.Client, subject: &subject{archive: &publish.Archive{}}, image: img.Image, seen: seen}
		f := h.facts()
		f.Platform = image.PlatformString(img.Platform)
		static := !slices.ContainsFunc(img.Programs, func(p build.MadeProgram) bool { return p.Dynamic != nil })
		f.Static = &static
		f.Base, f.BaseKnown = baseOf(&m.Target.Settings, img), true
		if rules.Has(policy.LicensesRule) {
			f.LicensesKnown, f.Licenses = true, map[string][]string{}
			for _, p := range img.Programs {
				lasting = j.licencesIn(ctx, m.Target, p, f.Licenses) && lasting
			}
		}
		if rules.Has(policy.NoSecrets) {
			// The user's files were searched when they were read.
			if err := h.searchFor(ctx, &f, allowed, ProgramLayer, ProbeLayer); err != nil {
				return nil, false, err
			}
		}
		out = append(out, f)
	}
	return out, lasting, nil
}

// baseOf is the base of an image as the policy takes it: empty for the one without layers
// of its own, and as it was asked for where it came from a file.
func baseOf(s *build.Settings, img *build.MadeImage) string {
	ref := s.BaseFor(img.Platform)
	if ref == base.Scratch {
		return ""
	}
	return cmp.Or(img.Base.Name, ref)
}

// licencesIn adds the modules of a program with their licences: those that it is linked
// with, and its own where that is another's than the image's. It reports whether they
// last: those of a directory may change.
func (c *Client) licencesIn(ctx context.Context, t *build.Target, p build.MadeProgram, out map[string][]string) (lasting bool) {
	if p.Info == nil {
		return true
	}
	found := c.licensesOf(ctx, p)
	lasting = true
	for _, d := range p.Info.Deps {
		key := sbom.Key(d)
		called := key
		if d.Replace != nil && sbom.IsDirectory(d.Replace) {
			called, lasting = d.Path+"@", false // as the SBOM has it: a directory is no name
		}
		out[called] = found[key]
	}
	if m := p.Package.Module; m != nil && m.Version != "" && (t.Package.Module == nil || t.Package.Module.Path != m.Path) {
		key := m.Path + "@" + m.Version
		out[key] = c.modulesLicenses(ctx, &p.Go, []ProgramModule{{Path: m.Path, Version: m.Version}})[key]
	}
	return lasting
}

// factsOfArchive are what the images of an archive tell of themselves.
func (c *Client) factsOfArchive(ctx context.Context, rules *policy.Policy, m *build.Made, allowed allowance) ([]policy.Facts, error) {
	s := &subject{arg: m.Target.Origin, archive: &publish.Archive{}}
	one, images, err := s.inspect(publish.Entry{Artifact: m.Artifact}, nil)
	if err != nil {
		return nil, err
	}
	var out []policy.Facts
	for i, img := range images {
		h := held{client: c, subject: s, image: img, seen: one.Images[i]}
		f := h.facts()
		f.Base, f.BaseKnown = h.recordedBase()
		if err := h.look(ctx, rules, &f, allowed); err != nil {
			return nil, err
		}
		if rules.Has(policy.LicensesRule) {
			if err := c.addPrograms(ctx, s, img, &h.seen, true, nil); err != nil {
				return nil, err
			}
			f.Licenses, f.LicensesKnown = c.licensesOfPrograms(ctx, &m.Target.Settings.Go, h.seen.Programs)
		}
		out = append(out, f)
	}
	return out, nil
}

// licensesOfPrograms tells the licences of the modules that programs say they are linked
// with. Nothing is known where one of them doesn't say.
func (c *Client) licensesOfPrograms(ctx context.Context, s *build.GoSettings, programs []InspectedProgram) (map[string][]string, bool) {
	out := map[string][]string{}
	for _, p := range programs {
		if p.Problem != "" {
			return nil, false
		}
		for _, m := range p.Modules {
			called := m.Path + "@" // of one that a directory replaced: nobody has it any more
			if r := cmp.Or(m.Replace, &m); !r.local() {
				called = r.Path + "@" + r.Version
			}
			out[called] = nil
		}
		maps.Copy(out, c.modulesLicenses(ctx, s, p.Modules))
	}
	return out, len(programs) > 0
}
