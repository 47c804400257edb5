package attest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/internal/attest/wire"
	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/event"
	"github.com/imgo-build/imgo/pkg/publish"
)

// words is a statement to be signed about images or indexes.
type words struct {
	subjects  []v1.Descriptor
	predicate string
	statement []byte
	payload   []byte // of the older scheme, for a signature
}

// signed signs what is not signed yet, and attaches it.
func (a *Attester) signed(ctx context.Context, repo name.Repository, s *build.Signing, m *build.Made, docs []document) error {
	all, err := signatures(repo, m.Subjects())
	if err != nil {
		return err
	}
	for _, d := range docs {
		all = append(all, words{subjects: d.subjects, predicate: d.predicate, statement: d.statement})
	}
	signer, err := a.signer(ctx, s)
	if err != nil {
		return err
	}
	return a.sign(ctx, repo, s, signer, all)
}

// signatures are what is to be signed so that subjects are.
func signatures(repo name.Repository, subjects []v1.Descriptor) ([]words, error) {
	var all []words
	for _, subject := range subjects {
		w, err := signature(repo, subject)
		if err != nil {
			return nil, err
		}
		all = append(all, w)
	}
	return all, nil
}

// signature is the statement that a digest is answered for.
func signature(repo name.Repository, subject v1.Descriptor) (words, error) {
	w := words{subjects: []v1.Descriptor{subject}, predicate: wire.PredicateSign}
	var err error
	if w.statement, err = wire.SignatureStatement(subject.Digest.String()); err != nil {
		return w, err
	}
	w.payload, err = wire.SimplePayload(repo.Name(), subject.Digest.String())
	return w, err
}

// sign attaches to each subject what its signer has not said of it before.
func (a *Attester) sign(ctx context.Context, repo name.Repository, s *build.Signing, signer *signer, all []words) error {
	missing, err := a.unsaid(ctx, repo, signer, all)
	if err != nil {
		return err
	}
	missingOld := missing
	if s.CosignTags {
		if missingOld, err = a.unsaidOld(ctx, repo, signer, all); err != nil {
			return err
		}
	}
	if len(missing) == 0 && (!s.CosignTags || len(missingOld) == 0) {
		return nil
	}
	if len(missing) > 0 {
		if err := a.signBundles(ctx, repo, signer, missing); err != nil {
			return err
		}
	}
	if s.CosignTags && len(missingOld) > 0 {
		return a.signOld(ctx, repo, signer, missingOld)
	}
	return nil
}

// said is a subject and what is to be said of it.
type said struct {
	subject v1.Descriptor
	words   *words
}

func each(all []words) []said {
	var out []said
	for i := range all {
		for _, subject := range all[i].subjects {
			out = append(out, said{subject, &all[i]})
		}
	}
	return out
}

// group sorts what is to be said by what is said, so that each is signed once.
func group(list []said) (statements []*words, index []int) {
	for _, s := range list {
		at := slices.Index(statements, s.words)
		if at < 0 {
			at = len(statements)
			statements = append(statements, s.words)
		}
		index = append(index, at)
	}
	return statements, index
}

func (a *Attester) signBundles(ctx context.Context, repo name.Repository, signer *signer, missing []said) error {
	statements, index := group(missing)
	request := wire.SignRequest{Signer: signer.Signer}
	for _, w := range statements {
		request.Statements = append(request.Statements, w.statement)
	}
	response, err := a.opts.Sigstore.Sign(ctx, &request)
	if err != nil {
		return err
	}
	if len(response.Bundles) != len(statements) {
		return fmt.Errorf("signing: %d bundles came back for %d statements", len(response.Bundles), len(statements))
	}
	bySubject := map[v1.Hash][]publish.Attachment{}
	var subjects []v1.Descriptor
	for i, s := range missing {
		if bySubject[s.subject.Digest] == nil {
			subjects = append(subjects, s.subject)
		}
		bySubject[s.subject.Digest] = append(bySubject[s.subject.Digest], publish.Attachment{
			ArtifactType: wire.BundleMediaType, MediaType: wire.BundleMediaType,
			Content: response.Bundles[index[i]], Annotations: wire.ReferrerAnnotations(s.words.predicate),
		})
	}
	// The first subject is the one that the tag will point to: what belongs to the images
	// of an index is there before it.
	for _, subject := range slices.Backward(subjects) {
		if _, err := a.opts.Registry.Attach(ctx, repo, subject, bySubject[subject.Digest]); err != nil {
			return err
		}
	}
	return nil
}

// unsaid leaves out what the signer has said before.
func (a *Attester) unsaid(ctx context.Context, repo name.Repository, signer *signer, all []words) ([]said, error) {
	bundles := map[v1.Hash][]json.RawMessage{}
	request := signer.verification()
	for _, s := range each(all) {
		if _, asked := bundles[s.subject.Digest]; asked {
			continue
		}
		found, err := a.bundles(ctx, repo, s.subject.Digest)
		if err != nil {
			return nil, err
		}
		bundles[s.subject.Digest] = []json.RawMessage{}
		for _, f := range found {
			if f.broken != "" {
				continue
			}
			bundles[s.subject.Digest] = append(bundles[s.subject.Digest], f.bundle)
			request.Bundles = append(request.Bundles, f.bundle)
		}
	}
	if len(request.Bundles) == 0 || !signer.known() {
		return each(all), nil
	}
	response, err := a.opts.Sigstore.Verify(ctx, &request)
	if err != nil {
		return nil, err
	}
	verdicts := map[string]wire.Verdict{}
	for i, v := range response.Bundles {
		verdicts[string(request.Bundles[i])] = v
	}
	return slices.DeleteFunc(each(all), func(s said) bool {
		return slices.ContainsFunc(bundles[s.subject.Digest], func(b json.RawMessage) bool {
			v := verdicts[string(b)]
			return v.OK && bytes.Equal(v.Payload, s.words.statement)
		})
	}), nil
}

// unsaidOld does the same for the older scheme.
func (a *Attester) unsaidOld(ctx context.Context, repo name.Repository, signer *signer, all []words) ([]said, error) {
	if !signer.known() {
		return each(all), nil
	}
	payloads := map[v1.Hash][][]byte{}
	for _, s := range each(all) {
		if _, asked := payloads[s.subject.Digest]; asked {
			continue
		}
		list, err := a.verifiedOld(ctx, repo, s.subject.Digest, signer.verification())
		if err != nil {
			return nil, err
		}
		payloads[s.subject.Digest] = [][]byte{}
		for _, v := range list {
			if v.OK {
				payloads[s.subject.Digest] = append(payloads[s.subject.Digest], v.Payload)
			}
		}
	}
	return slices.DeleteFunc(each(all), func(s said) bool {
		want := s.words.statement
		if s.words.payload != nil {
			want = s.words.payload
		}
		return slices.ContainsFunc(payloads[s.subject.Digest], func(p []byte) bool { return bytes.Equal(p, want) })
	}), nil
}

// verifiedOld judges what the older scheme has of a digest: signatures, then attestations.
func (a *Attester) verifiedOld(ctx context.Context, repo name.Repository, digest v1.Hash, request wire.VerifyRequest) ([]wire.Verdict, error) {
	for _, suffix := range []string{wire.SignatureSuffix, wire.AttestationSuffix} {
		layers, err := a.opts.Registry.AttachedOld(ctx, repo, digest, suffix)
		if err != nil {
			return nil, err
		}
		for _, l := range layers {
			simple := wire.SimpleFrom(l.Content, l.Annotations)
			if suffix == wire.SignatureSuffix {
				request.Simple = append(request.Simple, simple)
			} else {
				request.Envelopes = append(request.Envelopes, simple)
			}
		}
	}
	if len(request.Simple)+len(request.Envelopes) == 0 {
		return nil, nil
	}
	response, err := a.opts.Sigstore.Verify(ctx, &request)
	if err != nil {
		return nil, err
	}
	return append(response.Simple, response.Envelopes...), nil
}

// signOld signs in the older scheme.
func (a *Attester) signOld(ctx context.Context, repo name.Repository, signer *signer, missing []said) error {
	statements, index := group(missing)
	request := wire.SignRequest{Signer: signer.Signer, Envelopes: true}
	place := make([]int, len(statements)) // in its list of the response
	for i, w := range statements {
		if w.payload != nil {
			place[i] = len(request.Simple)
			request.Simple = append(request.Simple, w.payload)
		} else {
			place[i] = len(request.Statements)
			request.Statements = append(request.Statements, w.statement)
		}
	}
	response, err := a.opts.Sigstore.Sign(ctx, &request)
	if err != nil {
		return err
	}
	if len(response.Simple) != len(request.Simple) || len(response.Envelopes) != len(request.Statements) {
		return fmt.Errorf("signing: another number of signatures came back than was asked for")
	}
	for i, s := range slices.Backward(missing) {
		suffix, mediaType, sig := wire.SignatureSuffix, wire.SimpleMediaType, wire.SimpleSignature{}
		var annotations map[string]string
		if s.words.payload != nil {
			sig = response.Simple[place[index[i]]]
			annotations = sig.Annotations()
		} else {
			suffix, mediaType = wire.AttestationSuffix, wire.EnvelopeMediaType
			sig = response.Envelopes[place[index[i]]]
			annotations = sig.Annotations()
			annotations[wire.AnnotationOldPredicate] = s.words.predicate
		}
		layer := publish.OldLayer{MediaType: mediaType, Content: sig.Payload, Annotations: annotations}
		if err := a.opts.Registry.AttachOld(ctx, repo, s.subject.Digest, suffix, []publish.OldLayer{layer}); err != nil {
			return err
		}
	}
	return nil
}

// signer is who signs, and how his signatures are known again.
type signer struct {
	wire.Signer
	identity wire.Identity // what is known of it
}

// known reports whether one's own signatures can be told from others'.
func (s *signer) known() bool { return s.identity.PublicKeyPEM != "" || s.identity.SAN != "" }

func (s *signer) verification() wire.VerifyRequest {
	return wire.VerifyRequest{
		KeyPEM: s.identity.PublicKeyPEM, Identity: s.identity.SAN, Issuer: s.identity.Issuer,
		TrustedRoot: s.TrustedRoot, IgnoreLog: s.NoLog,
	}
}

// signer reads what is needed to sign, once for all images.
func (a *Attester) signer(ctx context.Context, s *build.Signing) (*signer, error) {
	out, _, err := a.signers.Do(ctx, *s, func() (*signer, error) { return a.newSigner(ctx, s) })
	return out, err
}

func (a *Attester) newSigner(ctx context.Context, s *build.Signing) (*signer, error) {
	out := &signer{Signer: wire.Signer{FulcioURL: s.FulcioURL, RekorURL: s.RekorURL, TSAURL: s.TSAURL, NoLog: s.NoLog}}
	if s.TrustedRoot != "" {
		root, err := os.ReadFile(s.TrustedRoot)
		if err != nil {
			return nil, fmt.Errorf("reading the trusted root: %w", err)
		}
		out.TrustedRoot = string(root)
	}
	if s.Key == "" {
		return out, a.keyless(ctx, out)
	}
	key, err := os.ReadFile(s.Key)
	if err != nil {
		return nil, fmt.Errorf("reading the key: %w", err)
	}
	out.Key = string(key)
	out.Password, err = a.opts.Password(ctx, s.Key)
	if err != nil {
		return nil, err
	}
	identity, err := a.opts.Sigstore.PublicKey(ctx, &wire.PublicKeyRequest{Key: out.Key, Password: out.Password})
	if err != nil {
		return nil, fmt.Errorf("reading the key %s: %w", s.Key, err)
	}
	out.identity = *identity
	return out, nil
}

// SignReference signs what is in a registry: an image, or an index and its images.
func (a *Attester) SignReference(ctx context.Context, ref name.Reference, s *build.Signing) (digest name.Digest, err error) {
	done := event.Track(a.opts.Events, event.Attest, ref.String())
	defer func() { done("", err) }()
	top, err := a.opts.Registry.Resolve(ctx, ref)
	if err != nil {
		return digest, err
	}
	repo := ref.Context()
	digest = repo.Digest(top.Digest.String())
	found, err := a.subjectsIn(ctx, repo, top.Digest)
	if err != nil {
		return digest, err
	}
	var subjects []v1.Descriptor
	for _, subject := range found {
		subjects = append(subjects, subject.Descriptor)
	}
	all, err := signatures(repo, subjects)
	if err != nil {
		return digest, err
	}
	signer, err := a.signer(ctx, s)
	if err != nil {
		return digest, err
	}
	return digest, a.sign(ctx, repo, s, signer, all)
}
