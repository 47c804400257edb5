package build

import (
	"context"
	"runtime/debug"
	"slices"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"

	"github.com/imgo-build/imgo/pkg/image"
	"github.com/imgo-build/imgo/pkg/publish"
)

// Attestations says what is told of an image beside itself.
type Attestations struct {
	SBOM       []string // formats: "spdx", "cyclonedx"
	SBOMDir    string   // where a copy of each SBOM goes, absolute; empty for none
	Provenance bool
	Sign       *Signing // nil: nothing is signed
}

// None reports whether nothing is told.
func (a *Attestations) None() bool { return len(a.SBOM) == 0 && !a.Provenance && a.Sign == nil }

// Signing says who signs, and where signatures are kept.
type Signing struct {
	Key         string // path of a cosign private key, absolute; empty for a certificate of Fulcio's
	FulcioURL   string // empty for the public one, as are the others
	RekorURL    string
	TSAURL      string
	TrustedRoot string // path of a trusted_root.json of a private deployment, absolute, or empty
	NoLog       bool   // nothing goes to a transparency log; only with a key
	CosignTags  bool   // cosign's older scheme (tags sha256-….sig), beside referrers
}

// Made is an image or index that was built, and what it was made of.
type Made struct {
	Target     *Target
	Artifact   image.Artifact
	Descriptor v1.Descriptor // of the image, or of the index over all platforms
	Images     []MadeImage   // one a platform; empty for what was built before
	Sent       bool          // a repository did not have it before this run, or not under all its tags
}

// Subjects are the image or index itself and, after an index, its images.
func (m *Made) Subjects() []v1.Descriptor {
	out := []v1.Descriptor{m.Descriptor}
	for _, img := range m.Images {
		if img.Descriptor.Digest != m.Descriptor.Digest {
			out = append(out, img.Descriptor)
		}
	}
	return out
}

// MadeImage is the image of one platform.
type MadeImage struct {
	Platform   v1.Platform
	Image      v1.Image
	Descriptor v1.Descriptor
	Base       Base
	Programs   []MadeProgram
}

// MadeProgram is a binary in an image.
type MadeProgram struct {
	Program
	Info    *debug.BuildInfo
	Dynamic *Dynamic // nil for a static one
}

// Attester tells of images what isn't in them. It is called when a target's repositories
// have the image, before its tags move there; without repositories, only files are written.
type Attester interface {
	// Prepare finds out, before anything is built, what would make Attest fail for certain.
	Prepare(t *Target) error
	Attest(ctx context.Context, m *Made, repos []name.Repository) error
}

// attests reports whether something is to be told of a target.
func (r *run) attests(t *Target) bool { return r.stages.Attester != nil && !t.Settings.Attest.None() }

// attest lets the attester do what a target's settings ask for.
func (r *run) attest(ctx context.Context, i int, artifact image.Artifact, images []v1.Image, places []publish.Publisher) error {
	t := &r.plan.Targets[i]
	if !r.attests(t) {
		return nil
	}
	m, err := r.outcome(i, artifact, images)
	if err != nil {
		return err
	}
	m.Sent = slices.ContainsFunc(places, sent)
	var repos []name.Repository
	if r.plan.Output.Kind == ToRegistry {
		for _, d := range t.Repos {
			repos = append(repos, d.Repo)
		}
	}
	return r.stages.Attester.Attest(ctx, m, repos)
}

// outcome is what was made for a target.
func (r *run) outcome(i int, artifact image.Artifact, images []v1.Image) (*Made, error) {
	m := &Made{Target: &r.plan.Targets[i], Artifact: artifact}
	var err error
	if m.Descriptor, err = descriptorOf(artifact); err != nil {
		return nil, err
	}
	for n, img := range images {
		p := &r.targets[i].platforms[n]
		made := MadeImage{Platform: p.platform, Image: img}
		if made.Descriptor, err = descriptorOf(img); err != nil {
			return nil, err
		}
		if made.Base, err = p.base.wait(); err != nil {
			return nil, err
		}
		bins, err := p.binaries.wait()
		if err != nil {
			return nil, err
		}
		for k, prog := range p.programs {
			bin := bins[p.units[k]]
			made.Programs = append(made.Programs, MadeProgram{Program: prog, Info: bin.Info, Dynamic: bin.Dynamic})
		}
		m.Images = append(m.Images, made)
	}
	return m, nil
}

// sent reports whether a place did not have what was put there.
func sent(p publish.Publisher) bool {
	s, ok := p.(interface{ Sent() bool })
	return ok && s.Sent()
}

func descriptorOf(a image.Artifact) (v1.Descriptor, error) {
	d, err := partial.Descriptor(a)
	if err != nil {
		return v1.Descriptor{}, err
	}
	return *d, nil
}
