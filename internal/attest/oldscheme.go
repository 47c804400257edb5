package attest

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/internal/attest/wire"
	"github.com/imgo-build/imgo/pkg/publish"
)

// oldSuffixes are those of the tags of cosign's older scheme.
var oldSuffixes = []string{wire.SignatureSuffix, wire.AttestationSuffix}

// unsaidOld is unsaid for the older scheme.
func (a *Attester) unsaidOld(ctx context.Context, repo name.Repository, signer *signer, all []words) ([]said, error) {
	if !signer.known() {
		return each(all), nil
	}
	payloads := map[v1.Hash][][]byte{}
	for _, s := range each(all) {
		if _, asked := payloads[s.subject.Digest]; asked {
			continue
		}
		list, odd, err := a.verifiedOld(ctx, repo, s.subject.Digest, signer.verification(), oldSuffixes...)
		if err != nil {
			return nil, err
		}
		var tag *publish.TagError
		if errors.As(errors.Join(odd...), &tag) {
			return nil, tag // better before something is written to a log
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

// verifiedOld judges what the older scheme has of a digest at tags with these suffixes,
// signatures before attestations. What can't be used is odd, and no error.
func (a *Attester) verifiedOld(ctx context.Context, repo name.Repository, digest v1.Hash, request wire.VerifyRequest, suffixes ...string) (verdicts []wire.Verdict, odd []error, err error) {
	for _, suffix := range suffixes {
		layers, err := a.opts.Registry.AttachedOld(ctx, repo, digest, suffix)
		if unusable(err) {
			odd = append(odd, err)
			continue
		}
		if err != nil {
			return nil, nil, err
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
		return nil, odd, nil
	}
	response, err := a.opts.Sigstore.Verify(ctx, &request)
	if err != nil {
		return nil, nil, err
	}
	return append(response.Simple, response.Envelopes...), odd, nil
}

// attachOld puts signatures and attestations under the tags of the older scheme.
func (a *Attester) attachOld(ctx context.Context, repo name.Repository, top v1.Hash, missing []said, made *made) error {
	type place struct {
		subject v1.Hash
		suffix  string
	}
	layers := map[place][]publish.OldLayer{}
	for _, s := range missing {
		sig := made.old[s.words]
		layer, suffix := publish.OldLayer{MediaType: wire.SimpleMediaType, Content: sig.Payload, Annotations: sig.Annotations()}, wire.SignatureSuffix
		if s.words.payload == nil {
			layer.MediaType, suffix = wire.EnvelopeMediaType, wire.AttestationSuffix
			layer.Annotations[wire.AnnotationOldPredicate] = s.words.predicate
		}
		at := place{s.subject.Digest, suffix}
		layers[at] = append(layers[at], layer)
	}
	return topLast(ctx, top, missing, func(ctx context.Context, subject v1.Descriptor) error {
		for _, suffix := range slices.Backward(oldSuffixes) {
			list := layers[place{subject.Digest, suffix}]
			if len(list) == 0 {
				continue
			}
			if err := a.opts.Registry.AttachOld(ctx, repo, subject.Digest, suffix, list); err != nil {
				return err
			}
		}
		return nil
	})
}
