package attest

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"slices"
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
func (a *Attester) documents(ctx context.Context, m *build.Made, source *provenance.Source, repos []name.Repository) ([]document, error) {
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
		doc, err := a.provenance(m, source, repos)
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
		b := sbom.Binary{Path: p.Path, Info: p.Info, Licenses: a.opts.Licenses(ctx, p)}
		if p.Info != nil {
			for _, s := range p.Info.Settings {
				if s.Key == "vcs.revision" {
					b.Revision = s.Value
				}
			}
		}
		out.Binaries = append(out.Binaries, b)
	}
	if img.Base.Image == nil || img.Base.Name == "" && img.Base.Digest == (v1.Hash{}) {
		return out, nil
	}
	base, err := a.opts.Packages(ctx, img.Base)
	if err != nil {
		return out, err
	}
	out.Base = &base
	return out, nil
}

// describeLayers tells the runtime layer and files of the user's from the layers of the
// base and the binaries, by what the history says of them.
func (a *Attester) describeLayers(img *build.MadeImage, out *sbom.Image) error {
	config, err := img.Image.ConfigFile()
	if err != nil {
		return err
	}
	manifest, err := img.Image.Manifest()
	if err != nil {
		return err
	}
	inBase := 0
	if img.Base.Image != nil {
		layers, err := img.Base.Image.Layers()
		if err != nil {
			return err
		}
		inBase = len(layers)
	}
	history := image.LayerHistory(config)
	for i, l := range manifest.Layers {
		if i >= len(history) || i >= len(config.RootFS.DiffIDs) {
			break
		}
		text, ours := strings.CutPrefix(history[i], "imgo: ")
		switch {
		case !ours || slices.ContainsFunc(img.Programs, func(p build.MadeProgram) bool { return strings.HasPrefix(text, p.Path+" from package ") }):
		case l.Digest.String() == a.opts.Runtime.Digest:
			runtime := a.opts.Runtime
			out.Runtime = &runtime
		case i >= inBase:
			out.Files = append(out.Files, sbom.FileLayer{Digest: l.Digest.String(), DiffID: config.RootFS.DiffIDs[i].String(), Description: text})
		}
	}
	return nil
}

// provenance says how all images of a target were made.
func (a *Attester) provenance(m *build.Made, source *provenance.Source, repos []name.Repository) (document, error) {
	d := document{subjects: m.Subjects(), predicate: wire.PredicateProvenance, mediaType: wire.InTotoPayloadType}
	in := a.provenanceInput(m, source)
	for _, s := range d.subjects {
		in.Subjects = append(in.Subjects, provenance.Subject{Name: nameOf(m, repos), Digest: map[string]string{s.Digest.Algorithm: s.Digest.Hex}})
	}
	var err error
	d.statement, err = provenance.Statement(in)
	d.body = d.statement
	return d, err
}

// imageSettings are an image's settings in the words of .imgo.yaml, as far as they are
// in its configuration anyway. Values that may hold secrets are not.
func imageSettings(t *build.Target) map[string]any {
	c := &t.Settings.Config
	out := map[string]any{"name": t.Name, "user": c.User, "workdir": c.WorkingDir, "binaryPath": path.Clean(t.Entrypoint())}
	if c.Account != nil {
		out["user"] = c.Account.Name
	}
	lists := map[string][]string{"ports": c.Ports, "volumes": c.Volumes, "args": c.Args, "cmd": c.Cmd}
	for key, vars := range map[string][]build.Var{"env": c.Env, "labels": c.Labels, "annotations": c.Annotations} {
		for _, v := range vars {
			lists[key] = append(lists[key], v.Key)
		}
	}
	for key, list := range lists {
		if len(list) > 0 {
			out[key] = list
		}
	}
	if c.Docker {
		out["mediaTypes"] = "docker"
	}
	out["compression"] = c.Compression.String()
	return out
}
