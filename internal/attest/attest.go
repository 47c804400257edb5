// Package attest tells of images what isn't in them: what they are made of (SBOM), how
// they were made (provenance) and who answers for that (signatures). It makes the
// documents, has them signed by imgo-sigstore where that is asked for, and puts them
// beside the image as artifacts that refer to it; and it finds and judges them again.
//
// What it promises:
//
//   - The image's digest does not depend on any of it.
//   - Nothing is added twice: what the same signer said of the same digest in the same
//     words is left as it is, and an unsigned document has the same bytes each time.
//   - A verdict rests on signatures alone. What a registry lists, and what the manifests
//     of artifacts say of themselves, only tells where to look.
//
// It holds no cryptography (see internal/attest/sign) and no format
// (internal/attest/sbom, internal/attest/provenance).
package attest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/imgo-build/imgo/internal/attest/provenance"
	"github.com/imgo-build/imgo/internal/attest/sbom"
	"github.com/imgo-build/imgo/internal/attest/wire"
	"github.com/imgo-build/imgo/internal/flight"
	"github.com/imgo-build/imgo/internal/wholefile"
	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/event"
	"github.com/imgo-build/imgo/pkg/image"
	"github.com/imgo-build/imgo/pkg/layer"
	"github.com/imgo-build/imgo/pkg/publish"
)

// Registry is what is needed of [publish.Registry].
type Registry interface {
	Attach(ctx context.Context, repo name.Repository, subject v1.Descriptor, list []publish.Attachment) ([]v1.Hash, error)
	Attached(ctx context.Context, repo name.Repository, subject v1.Hash, artifactTypes ...string) ([]publish.Referrer, error)
	FetchAttachment(ctx context.Context, repo name.Repository, ref publish.Referrer) (publish.Attachment, error)
	AttachOld(ctx context.Context, repo name.Repository, subject v1.Hash, suffix string, add []publish.OldLayer) error
	AttachedOld(ctx context.Context, repo name.Repository, subject v1.Hash, suffix string) ([]publish.OldLayer, error)
	Resolve(ctx context.Context, ref name.Reference) (v1.Descriptor, error)
	Manifest(ctx context.Context, repo name.Repository, digest v1.Hash) ([]byte, v1.Descriptor, error)
	BlobSize(ctx context.Context, repo name.Repository, digest v1.Hash) (int64, error)
	ReadBlob(ctx context.Context, repo name.Repository, digest v1.Hash, read func(io.Reader) error) error
}

// Sigstore signs and judges signatures. It is a process of its own
// (internal/attest/sigstore).
type Sigstore interface {
	Find() (path string, err error)
	Sign(ctx context.Context, r *wire.SignRequest) (*wire.SignResponse, error)
	Verify(ctx context.Context, r *wire.VerifyRequest) (*wire.VerifyResponse, error)
	PublicKey(ctx context.Context, r *wire.PublicKeyRequest) (*wire.Identity, error)
}

// Options are what an [Attester] works with.
type Options struct {
	Registry Registry
	Sigstore Sigstore
	Results  layer.Results // remembers across runs what was told of which image
	Recheck  bool          // nothing of that is believed
	Events   event.Sink
	Version  string // of imgo
	Assembly string // its assembly version
	// Packages lists the packages of a base.
	Packages func(ctx context.Context, base build.Base) (sbom.Base, error)
	// Runtime is the layer that images without a base have.
	Runtime sbom.Runtime
	// Licenses tells the licences of modules, by PATH@VERSION.
	Licenses func(ctx context.Context, p build.MadeProgram) map[string][]string
	// Dir is where relative paths of the command line begin, absolute.
	Dir string
	// Source tells where the sources in a directory come from, paths apart, and the root of
	// the repository; nil for nobody knows.
	Source func(ctx context.Context, dir string) (source *provenance.Source, root string, err error)
	// Effective adds to the go command's settings what the environment does, so that they
	// come to the same where that is silent; nil adds nothing. Its GOWORK is an absolute path.
	Effective func(s build.GoSettings) build.GoSettings
	// Builder says who runs imgo.
	Builder provenance.Builder
	// Password is asked for the password of a key.
	Password func(ctx context.Context, path string) (string, error)
	// Token is an identity token, or empty where nobody has one.
	Token func(ctx context.Context) (string, error)
	// Interactive says that a browser may be opened where there is no token.
	Interactive bool
}

// Attester implements [build.Attester].
type Attester struct {
	opts    Options
	signers flight.Group[build.Signing, *signer] // a password is asked for once
}

// New returns an Attester.
func New(o Options) *Attester {
	if o.Events == nil {
		o.Events = event.Discard
	}
	return &Attester{opts: o}
}

// Prepare implements [build.Attester]: it looks for what signing needs.
func (a *Attester) Prepare(t *build.Target) error {
	s := t.Settings.Attest.Sign
	if s == nil {
		return nil
	}
	for what, path := range map[string]string{"key": s.Key, "trusted root": s.TrustedRoot} {
		if path == "" {
			continue
		}
		if _, err := os.Stat(path); err != nil {
			return fmt.Errorf("reading the %s: %w", what, err)
		}
	}
	_, err := a.opts.Sigstore.Find()
	return err
}

// document is something to be told of an image or index.
type document struct {
	subjects  []v1.Descriptor // the first is the one that it is about
	predicate string          // its type
	mediaType string          // of body
	body      []byte          // what is attached unsigned
	statement []byte          // what is signed
}

// Attest implements [build.Attester].
func (a *Attester) Attest(ctx context.Context, m *build.Made, repos []name.Repository) (err error) {
	settings := &m.Target.Settings.Attest
	if settings.SBOMDir == "" && len(repos) == 0 {
		return nil
	}
	origin, err := a.origin(ctx, m)
	if err != nil {
		return err
	}
	in, err := a.provenanceInput(m, &origin)
	if err != nil {
		return err
	}
	key := a.key(m, &in)
	if settings.SBOMDir == "" && !a.opts.Recheck && !m.Sent && a.toldAll(key, repos, settings.Sign != nil && settings.Sign.Key == "") {
		return nil
	}
	done := event.Track(a.opts.Events, event.Attest, m.Target.Name)
	defer func() { done("", err) }()
	docs, err := a.documents(ctx, m, in, repos)
	if err != nil {
		return err
	}
	if settings.SBOMDir != "" {
		if err := writeSBOMs(settings.SBOMDir, m, docs); err != nil {
			return err
		}
	}
	for _, repo := range repos {
		if settings.Sign != nil {
			err = a.signed(ctx, repo, settings.Sign, m, docs)
		} else {
			err = a.unasked(m, repo, a.unsigned(ctx, repo, docs))
		}
		if err != nil {
			return fmt.Errorf("attesting %s: %w", repo.Digest(m.Descriptor.Digest.String()), err)
		}
		if a.opts.Results != nil {
			_ = a.opts.Results.Remember(toldKey(key, repo), nil) // it only saves work
		}
	}
	return nil
}

// key names all that decides what is told of an image.
func (a *Attester) key(m *build.Made, in *provenance.Input) string {
	sum := sha256.New()
	e := json.NewEncoder(sum)
	s := &m.Target.Settings
	_ = e.Encode([]any{"2", a.opts.Version, m.Descriptor.Digest, s.Attest, asked(m), projectPath(m.Target, m.Target.Package), in})
	if s.Attest.Sign != nil && s.Attest.Sign.Key != "" {
		key, err := os.ReadFile(s.Attest.Sign.Key)
		_ = e.Encode([]any{key, err == nil})
	}
	return hex.EncodeToString(sum.Sum(nil))
}

func toldKey(key string, repo name.Repository) string { return "attested " + key + " " + repo.Name() }

// toldAll reports whether an earlier run told the same of an image in all repositories. Who
// signs without a key is known only once he has a token: then nothing is.
func (a *Attester) toldAll(key string, repos []name.Repository, keyless bool) bool {
	return a.opts.Results != nil && !keyless && !slices.ContainsFunc(repos, func(repo name.Repository) bool {
		_, ok := a.opts.Results.Lookup(toldKey(key, repo))
		return !ok
	})
}

// unsigned attaches documents as they are.
func (a *Attester) unsigned(ctx context.Context, repo name.Repository, docs []document) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, subject := range subjectsOf(docs) {
		var list []publish.Attachment
		for _, d := range docs {
			if d.body == nil || !d.about(subject) {
				continue
			}
			list = append(list, publish.Attachment{
				ArtifactType: d.mediaType, MediaType: d.mediaType, Content: d.body,
				Annotations: map[string]string{"in-toto.io/predicate-type": d.predicate},
				Hasty:       true, // anybody can say it again, in the same words
			})
		}
		g.Go(func() error {
			_, err := a.opts.Registry.Attach(ctx, repo, subject, list)
			return err
		})
	}
	return g.Wait()
}

func (d *document) about(subject v1.Descriptor) bool {
	return slices.ContainsFunc(d.subjects, func(s v1.Descriptor) bool { return s.Digest == subject.Digest })
}

// subjectsOf are the images and indexes that documents are about, each once.
func subjectsOf(docs []document) []v1.Descriptor {
	var out []v1.Descriptor
	for _, d := range docs {
		for _, s := range d.subjects {
			if !slices.ContainsFunc(out, func(o v1.Descriptor) bool { return o.Digest == s.Digest }) {
				out = append(out, s)
			}
		}
	}
	return out
}

// writeSBOMs leaves a copy of each SBOM in a directory: NAME.spdx.json, or
// NAME.linux-amd64.spdx.json where there are several platforms.
func writeSBOMs(dir string, m *build.Made, docs []document) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("making the folder of SBOMs: %w", err)
	}
	for _, d := range docs {
		ext := map[string]string{wire.PredicateSPDX: "spdx", wire.PredicateCycloneDX: "cdx"}[d.predicate]
		if ext == "" {
			continue
		}
		file := m.Target.Name
		for _, img := range m.Images {
			if len(m.Images) > 1 && img.Descriptor.Digest == d.subjects[0].Digest {
				file += "." + strings.ReplaceAll(image.PlatformString(img.Platform), "/", "-")
			}
		}
		if err := wholefile.Write(filepath.Join(dir, file+"."+ext+".json"), d.body, 0o644); err != nil {
			return fmt.Errorf("writing an SBOM: %w", err)
		}
	}
	return nil
}
