package attest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

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

// SignError is what went wrong while something was being signed, and not verified.
type SignError struct{ Err error }

func (e *SignError) Error() string { return e.Err.Error() }
func (e *SignError) Unwrap() error { return e.Err }

// sign attaches to each subject what its signer has not said of it before. The first
// subject of all is the one that a tag points to, or will.
func (a *Attester) sign(ctx context.Context, repo name.Repository, s *build.Signing, signer *signer, all []words) error {
	if err := a.signMissing(ctx, repo, s, signer, all); err != nil {
		return &SignError{err}
	}
	return nil
}

func (a *Attester) signMissing(ctx context.Context, repo name.Repository, s *build.Signing, signer *signer, all []words) error {
	missing, err := a.unsaid(ctx, repo, signer, all)
	if err != nil {
		return err
	}
	var missingOld []said
	if s.CosignTags {
		if missingOld, err = a.unsaidOld(ctx, repo, signer, all); err != nil {
			return err
		}
	}
	if len(missing)+len(missingOld) == 0 {
		return nil
	}
	made, err := a.make(ctx, signer, missing, missingOld)
	if err != nil {
		return err
	}
	top := all[0].subjects[0].Digest
	err = a.attachBundles(ctx, repo, top, missing, made)
	var refused *publish.AttachError
	if s.CosignTags && errors.As(err, &refused) {
		a.warn(repo, "%s takes no artifacts that refer to an image (%v): signatures are under cosign's older tags only", refused.Registry, refused.Err)
		err = nil
	}
	if err != nil {
		return err
	}
	return a.attachOld(ctx, repo, top, missingOld, made)
}

func (a *Attester) warn(repo name.Repository, format string, args ...any) {
	a.opts.Events.Emit(event.Event{Kind: event.Warning, Stage: event.Attest, Subject: repo.Name(), Text: fmt.Sprintf(format, args...)})
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

// made are signatures, by what they are over.
type made struct {
	bundles map[*words]json.RawMessage
	old     map[*words]wire.SimpleSignature
}

// make signs what is missing in either scheme, each statement once and all of it with one
// start of imgo-sigstore.
func (a *Attester) make(ctx context.Context, signer *signer, missing, missingOld []said) (*made, error) {
	request := wire.SignRequest{Signer: signer.Signer}
	var statements, simple []*words
	for _, s := range missing {
		if !slices.Contains(statements, s.words) {
			statements = append(statements, s.words)
		}
	}
	for _, s := range missingOld {
		switch {
		case s.words.payload != nil && !slices.Contains(simple, s.words):
			simple = append(simple, s.words)
		case s.words.payload == nil && !slices.Contains(statements, s.words):
			statements = append(statements, s.words)
		}
		request.Envelopes = request.Envelopes || s.words.payload == nil
	}
	for _, w := range statements {
		request.Statements = append(request.Statements, w.statement)
	}
	for _, w := range simple {
		request.Simple = append(request.Simple, w.payload)
	}
	response, err := a.opts.Sigstore.Sign(ctx, &request)
	if err != nil {
		return nil, err
	}
	if len(response.Bundles) != len(statements) || len(response.Simple) != len(simple) || request.Envelopes && len(response.Envelopes) != len(statements) {
		return nil, errors.New("signing: another number of signatures came back than was asked for")
	}
	out := &made{bundles: map[*words]json.RawMessage{}, old: map[*words]wire.SimpleSignature{}}
	for i, w := range statements {
		out.bundles[w] = response.Bundles[i]
		if request.Envelopes {
			out.old[w] = response.Envelopes[i]
		}
	}
	for i, w := range simple {
		out.old[w] = response.Simple[i]
	}
	return out, nil
}

func (a *Attester) attachBundles(ctx context.Context, repo name.Repository, top v1.Hash, missing []said, made *made) error {
	bySubject := map[v1.Hash][]publish.Attachment{}
	for _, s := range missing {
		bySubject[s.subject.Digest] = append(bySubject[s.subject.Digest], publish.Attachment{
			ArtifactType: wire.BundleMediaType, MediaType: wire.BundleMediaType,
			Content: made.bundles[s.words], Annotations: wire.ReferrerAnnotations(s.words.predicate),
		})
	}
	return topLast(ctx, top, missing, func(ctx context.Context, subject v1.Descriptor) error {
		_, err := a.opts.Registry.Attach(ctx, repo, subject, bySubject[subject.Digest])
		return err
	})
}

// attachers is how many images are told of at the same time.
const attachers = 4

// topLast does something for each subject, several at a time, and last for the one that a
// tag points to or will: what belongs to the images of an index is there before it.
func topLast(ctx context.Context, top v1.Hash, list []said, do func(context.Context, v1.Descriptor) error) error {
	done := map[v1.Hash]bool{}
	var last []v1.Descriptor
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(attachers)
	for _, s := range list {
		subject := s.subject
		if done[subject.Digest] {
			continue
		}
		done[subject.Digest] = true
		if subject.Digest == top {
			last = append(last, subject)
			continue
		}
		g.Go(func() error { return do(gctx, subject) })
	}
	if err := g.Wait(); err != nil || len(last) == 0 {
		return err
	}
	return do(ctx, last[0])
}

// unsaid leaves out what the signer has said before.
func (a *Attester) unsaid(ctx context.Context, repo name.Repository, signer *signer, all []words) ([]said, error) {
	bundles := map[v1.Hash][]json.RawMessage{}
	var known []json.RawMessage
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
			if f.tag != nil && f.tag.Needed {
				return nil, f.tag // better before something is written to a log
			}
			if f.broken == "" {
				bundles[s.subject.Digest] = append(bundles[s.subject.Digest], f.bundle)
				known = append(known, f.bundle)
			}
		}
	}
	if len(known) == 0 || !signer.known() {
		return each(all), nil
	}
	list, err := a.verdicts(ctx, signer.verification(), known)
	if err != nil {
		return nil, err
	}
	verdicts := map[string]wire.Verdict{}
	for i, v := range list {
		verdicts[string(known[i])] = v
	}
	return slices.DeleteFunc(each(all), func(s said) bool {
		return slices.ContainsFunc(bundles[s.subject.Digest], func(b json.RawMessage) bool {
			v := verdicts[string(b)]
			return v.OK && bytes.Equal(v.Payload, s.words.statement)
		})
	}), nil
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
