package attest

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/internal/attest/provenance"
	"github.com/imgo-build/imgo/internal/attest/sbom"
	"github.com/imgo-build/imgo/internal/attest/wire"
	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/image"
)

// Media types of what is attached unsigned.
const (
	spdxType      = "application/spdx+json"
	cycloneDXType = "application/vnd.cyclonedx+json"
)

// documents makes what the settings ask for: SBOMs of each image, and where something was
// built, one provenance of everything.
func (a *Attester) documents(ctx context.Context, m *build.Made, in provenance.Input, repos []name.Repository) ([]document, error) {
	settings := &m.Target.Settings.Attest
	var docs []document
	for i := range m.Images {
		img := &m.Images[i]
		if len(settings.SBOM) == 0 {
			break
		}
		described, err := a.describe(ctx, m, img, repos)
		if err != nil {
			return nil, fmt.Errorf("listing what is in the image for %s: %w", image.PlatformString(img.Platform), err)
		}
		for _, format := range settings.SBOM {
			doc, err := sbomDocument(described, img.Descriptor, format)
			if err != nil {
				return nil, err
			}
			docs = append(docs, doc)
		}
	}
	if settings.Provenance && len(m.Images) > 0 {
		doc, err := provenanceDocument(m, in, repos)
		if err != nil {
			return nil, err
		}
		docs = append(docs, doc)
	}
	return docs, nil
}

func sbomDocument(described sbom.Image, subject v1.Descriptor, format string) (document, error) {
	d := document{subjects: []v1.Descriptor{subject}}
	var err error
	switch format {
	case "spdx":
		d.predicate, d.mediaType = wire.PredicateSPDX, spdxType
		d.body, err = sbom.SPDX(described)
	case "cyclonedx":
		d.predicate, d.mediaType = wire.PredicateCycloneDX, cycloneDXType
		d.body, err = sbom.CycloneDX(described)
	default:
		err = fmt.Errorf("%s is no format of SBOMs", format)
	}
	if err == nil {
		d.statement, err = wire.Statement(described.Name, subject.Digest.String(), d.predicate, json.RawMessage(d.body))
	}
	return d, err
}

// nameOf is what documents call an image: its first repository, or its own name.
func nameOf(m *build.Made, repos []name.Repository) string {
	if len(repos) > 0 {
		return repos[0].Name()
	}
	return m.Target.Name
}

// describe collects what is in an image.
func (a *Attester) describe(ctx context.Context, m *build.Made, img *build.MadeImage, repos []name.Repository) (sbom.Image, error) {
	out := sbom.Image{
		Name: nameOf(m, repos), Digest: img.Descriptor.Digest.String(), Platform: image.PlatformString(img.Platform),
		Created: m.Target.Settings.Config.Created, Tool: a.opts.Version,
	}
	if out.Created.IsZero() {
		out.Created = time.Unix(0, 0).UTC()
	}
	if err := a.describeLayers(img, &out); err != nil {
		return out, err
	}
	for _, p := range img.Programs {
		b := sbom.Binary{Path: p.Path, Info: p.Info, Dir: projectPath(m.Target, p.Package), Licenses: a.opts.Licenses(ctx, p)}
		if p.Info != nil {
			for _, s := range p.Info.Settings {
				if s.Key == "vcs.revision" {
					b.Revision = s.Value
				}
			}
		}
		out.Binaries = append(out.Binaries, b)
	}
	ref := m.Target.Settings.BaseFor(img.Platform)
	if img.Base.Image == nil || ref == scratch {
		return out, nil
	}
	base, err := a.opts.Packages(ctx, img.Base)
	if err != nil {
		return out, err
	}
	if base.Name == "" {
		base.Name = filepath.Base(strings.TrimPrefix(ref, "oci:")) // a file, which has no name of its own
	}
	if base.Digest == "" {
		digest, err := img.Base.Image.Digest()
		if err != nil {
			return out, err
		}
		base.Digest = digest.String()
	}
	out.Base = &base
	return out, nil
}

// describeLayers adds the runtime layer and the files of the user's.
func (a *Attester) describeLayers(img *build.MadeImage, out *sbom.Image) error {
	layers, err := a.ownLayers(img)
	if err != nil {
		return err
	}
	for _, l := range layers {
		if l.digest == a.opts.Runtime.Digest {
			runtime := a.opts.Runtime
			out.Runtime = &runtime
			continue
		}
		to, from := l.to, l.from
		switch {
		case from == "":
		case filepath.IsAbs(from):
			to += " from files"
		default:
			to += " from " + from
		}
		out.Files = append(out.Files, sbom.FileLayer{Digest: l.digest, DiffID: l.diffID, Description: to})
	}
	return nil
}

// provenanceDocument says how all images of a target were made.
func provenanceDocument(m *build.Made, in provenance.Input, repos []name.Repository) (document, error) {
	d := document{subjects: m.Subjects(), predicate: wire.PredicateProvenance, mediaType: wire.InTotoPayloadType}
	for _, s := range d.subjects {
		in.Subjects = append(in.Subjects, provenance.Subject{Name: nameOf(m, repos), Digest: map[string]string{s.Digest.Algorithm: s.Digest.Hex}})
	}
	var err error
	d.statement, err = provenance.Statement(in)
	d.body = d.statement
	return d, err
}
