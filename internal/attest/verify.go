package attest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/internal/attest/wire"
	"github.com/imgo-build/imgo/pkg/publish"
)

// Trust says whose signatures count.
type Trust struct {
	KeyPEM                   string // a public key; else an identity and its issuer
	Identity, IdentityRegexp string
	Issuer, IssuerRegexp     string
	TrustedRoot              string // JSON; empty for sigstore's own
	Offline                  bool
	IgnoreLog                bool // of a key
	Require                  []Kind
}

// Kind is a kind of what is told of an image.
type Kind string

// The kinds.
const (
	Signature  Kind = "signature"
	SBOM       Kind = "sbom"
	Provenance Kind = "provenance"
)

// Kinds lists all kinds.
var Kinds = []Kind{Signature, SBOM, Provenance}

// kindOf is the kind of a predicate; empty for any other.
func kindOf(predicateType string) Kind {
	switch {
	case predicateType == wire.PredicateSign:
		return Signature
	case strings.HasPrefix(predicateType, wire.PredicateSPDX), strings.HasPrefix(predicateType, wire.PredicateCycloneDX):
		return SBOM
	case strings.HasPrefix(predicateType, "https://slsa.dev/provenance/"):
		return Provenance
	}
	return ""
}

// Report is what was found of an image or index.
type Report struct {
	Reference string          `json:"reference"` // as asked for
	Digest    string          `json:"digest"`
	Verified  bool            `json:"verified"`
	Subjects  []SubjectReport `json:"subjects"` // the index or image itself first
}

// SubjectReport is what was found of one digest.
type SubjectReport struct {
	Digest   string    `json:"digest"`
	Platform string    `json:"platform,omitempty"` // empty for an index
	Checks   []Check   `json:"checks"`             // of what counts
	Ignored  []Ignored `json:"ignored,omitempty"`  // what doesn't
}

// Check is the outcome for one kind.
type Check struct {
	Kind          Kind          `json:"kind"`
	OK            bool          `json:"ok"`
	PredicateType string        `json:"predicateType,omitempty"`
	Reason        string        `json:"reason,omitempty"` // why not
	Identity      wire.Identity `json:"identity,omitzero"`
	SignedAt      time.Time     `json:"signedAt,omitzero"`
	LogIndex      int64         `json:"logIndex,omitempty"` // 0 for none
	OldScheme     bool          `json:"oldScheme,omitempty"`
	// Predicate is what was said.
	Predicate json.RawMessage `json:"-"`
}

// Ignored is an artifact that does not count, and why.
type Ignored struct {
	Digest string    `json:"digest,omitempty"` // of its manifest
	Code   wire.Code `json:"code"`
	Reason string    `json:"reason"`
}

// found is a bundle that refers to a subject.
type found struct {
	manifest v1.Hash
	bundle   json.RawMessage
	broken   string // why there is none
}

// unusable reports whether an artifact can't be had as it is listed, which is no reason to
// give up on the others: anybody who may push can attach one.
func unusable(err error) bool {
	var gone *publish.NotFoundError
	var other *publish.SubjectError
	var damaged *publish.DigestError
	return errors.As(err, &gone) || errors.As(err, &other) || errors.As(err, &damaged)
}

// bundles fetches the bundles that refer to a digest.
func (a *Attester) bundles(ctx context.Context, repo name.Repository, digest v1.Hash) ([]found, error) {
	list, err := a.opts.Registry.Attached(ctx, repo, digest)
	if err != nil {
		return nil, err
	}
	var out []found
	for _, ref := range list {
		if !strings.HasPrefix(ref.ArtifactType, wire.BundlePrefix) {
			continue
		}
		attachment, err := a.opts.Registry.FetchAttachment(ctx, repo, ref)
		switch {
		case unusable(err):
			out = append(out, found{manifest: ref.Descriptor.Digest, broken: err.Error()})
		case err != nil:
			return nil, err
		case !json.Valid(attachment.Content):
			out = append(out, found{manifest: ref.Descriptor.Digest, broken: "it is not a bundle: it is not JSON"})
		default:
			out = append(out, found{manifest: ref.Descriptor.Digest, bundle: attachment.Content})
		}
	}
	return out, nil
}

// Verify judges what there is of an image or index in a registry. An error means that it
// can't be told; what is wrong with the image is in the report.
func (a *Attester) Verify(ctx context.Context, ref name.Reference, trust Trust) (*Report, error) {
	top, err := a.opts.Registry.Resolve(ctx, ref)
	if err != nil {
		return nil, err
	}
	repo := ref.Context()
	all, err := a.subjectsIn(ctx, repo, top.Digest)
	if err != nil {
		return nil, err
	}
	report := &Report{Reference: ref.Name(), Digest: top.Digest.String(), Verified: true}
	for _, found := range all {
		s := SubjectReport{Digest: found.Digest.String(), Platform: found.platform()}
		if err := a.verifySubject(ctx, repo, &s, found.index, trust); err != nil {
			return nil, err
		}
		report.Verified = report.Verified && !slices.ContainsFunc(s.Checks, func(c Check) bool { return !c.OK })
		report.Subjects = append(report.Subjects, s)
	}
	return report, nil
}

// verifySubject judges what is said of one digest. An index has no SBOM of its own.
func (a *Attester) verifySubject(ctx context.Context, repo name.Repository, s *SubjectReport, index bool, trust Trust) error {
	digest, err := v1.NewHash(s.Digest)
	if err != nil {
		return err
	}
	list, err := a.bundles(ctx, repo, digest)
	if err != nil {
		return err
	}
	request := trust.request()
	var manifests []v1.Hash // of the bundles, in their order
	for _, f := range list {
		if f.broken != "" {
			s.Ignored = append(s.Ignored, Ignored{f.manifest.String(), wire.CodeBadBundle, f.broken})
			continue
		}
		request.Bundles, manifests = append(request.Bundles, f.bundle), append(manifests, f.manifest)
	}
	if len(request.Bundles) > 0 {
		response, err := a.opts.Sigstore.Verify(ctx, &request)
		if err != nil {
			return err
		}
		if len(response.Bundles) != len(request.Bundles) {
			return fmt.Errorf("verifying: %d verdicts came back on %d bundles", len(response.Bundles), len(request.Bundles))
		}
		for i, v := range response.Bundles {
			s.judge(v, manifests[i].String())
		}
	}
	if !s.has(Signature) {
		// What is in cosign's older scheme counts where there is nothing newer.
		verdicts, err := a.verifiedOld(ctx, repo, digest, trust.request())
		if err != nil {
			return err
		}
		for _, v := range verdicts {
			s.judgeOld(v)
		}
	}
	for _, kind := range trust.Require {
		if s.has(kind) || index && kind == SBOM {
			continue
		}
		reason := fmt.Sprintf("there is no %s of %s by whom you trust", kind, s.Digest)
		if len(s.Ignored) > 0 {
			reason += ": " + s.Ignored[0].Reason
		}
		s.Checks = append(s.Checks, Check{Kind: kind, Reason: reason})
	}
	if len(s.Checks) == 0 {
		// What nobody vouches for, such as an index of which only the images were asked
		// about, could have been put together by anybody.
		s.Checks = append(s.Checks, Check{Kind: Signature, Reason: fmt.Sprintf("nobody whom you trust says anything of %s", s.Digest)})
	}
	return nil
}

func (t *Trust) request() wire.VerifyRequest {
	return wire.VerifyRequest{
		KeyPEM: t.KeyPEM, Identity: t.Identity, IdentityRegexp: t.IdentityRegexp, Issuer: t.Issuer, IssuerRegexp: t.IssuerRegexp,
		TrustedRoot: t.TrustedRoot, Offline: t.Offline, IgnoreLog: t.IgnoreLog,
	}
}

func (s *SubjectReport) has(kind Kind) bool {
	return slices.ContainsFunc(s.Checks, func(c Check) bool { return c.Kind == kind && c.OK })
}

// judge adds a bundle to what counts, or to what doesn't.
func (s *SubjectReport) judge(v wire.Verdict, manifest string) {
	if !v.OK {
		s.ignore(manifest, v.Error)
		return
	}
	stated, err := wire.ParseStatement(v.Payload)
	switch {
	case err != nil:
		s.Ignored = append(s.Ignored, Ignored{manifest, wire.CodeBadBundle, err.Error()})
	case !slices.Contains(stated.Digests, s.Digest):
		s.Ignored = append(s.Ignored, Ignored{manifest, wire.CodeSignature, fmt.Sprintf("it was signed for another image, %s", strings.Join(stated.Digests, ", "))})
	default:
		s.accept(v, stated.PredicateType, stated.Predicate, false)
	}
}

func (s *SubjectReport) judgeOld(v wire.Verdict) {
	if !v.OK {
		s.ignore("", v.Error)
		return
	}
	if v.PayloadType == wire.InTotoPayloadType {
		s.judge(v, "")
		return
	}
	simple, err := wire.ParseSimple(v.Payload)
	switch {
	case err != nil:
		s.Ignored = append(s.Ignored, Ignored{"", wire.CodeBadBundle, err.Error()})
	case simple.Digest != s.Digest:
		s.Ignored = append(s.Ignored, Ignored{"", wire.CodeSignature, fmt.Sprintf("it was signed for another image, %s", simple.Digest)})
	default:
		s.accept(v, wire.PredicateSign, nil, true)
	}
}

func (s *SubjectReport) ignore(manifest string, e *wire.Error) {
	if e == nil {
		e = &wire.Error{Code: wire.CodeInternal, Message: "nobody says why"}
	}
	s.Ignored = append(s.Ignored, Ignored{manifest, e.Code, e.Message})
}

// accept adds something that counts, once for each format.
func (s *SubjectReport) accept(v wire.Verdict, predicateType string, predicate json.RawMessage, old bool) {
	kind := kindOf(predicateType)
	if kind == "" || slices.ContainsFunc(s.Checks, func(c Check) bool { return c.PredicateType == predicateType }) {
		return
	}
	c := Check{
		Kind: kind, OK: true, PredicateType: predicateType, Identity: v.Identity, SignedAt: v.SignedAt,
		OldScheme: old, Predicate: predicate,
	}
	if v.LogIndex > 0 {
		c.LogIndex = v.LogIndex
	}
	s.Checks = append(s.Checks, c)
}

// SBOMOf returns a document that an image carries, unsigned or in a bundle whose
// signature is not looked at.
func (a *Attester) SBOMOf(ctx context.Context, repo name.Repository, digest v1.Hash, format string) ([]byte, error) {
	mediaType, predicate := spdxType, wire.PredicateSPDX
	if format == "cyclonedx" {
		mediaType, predicate = cycloneDXType, wire.PredicateCycloneDX
	}
	list, err := a.opts.Registry.Attached(ctx, repo, digest)
	if err != nil {
		return nil, err
	}
	fits := func(ref publish.Referrer) bool {
		return ref.ArtifactType == mediaType || strings.HasPrefix(ref.ArtifactType, wire.BundlePrefix) &&
			strings.HasPrefix(ref.Annotations[wire.AnnotationPredicateType], predicate)
	}
	i := slices.IndexFunc(list, fits)
	if i < 0 {
		return nil, &NoSBOMError{Digest: digest.String(), Format: format}
	}
	attachment, err := a.opts.Registry.FetchAttachment(ctx, repo, list[i])
	if err != nil || list[i].ArtifactType == mediaType {
		return attachment.Content, err
	}
	payload, err := bundlePayload(attachment.Content)
	if err != nil {
		return nil, err
	}
	stated, err := wire.ParseStatement(payload)
	if err != nil {
		return nil, err
	}
	return stated.Predicate, nil
}

// NoSBOMError is an image without an SBOM.
type NoSBOMError struct{ Digest, Format string }

func (e *NoSBOMError) Error() string {
	return fmt.Sprintf("%s has no SBOM in the format %s", e.Digest, e.Format)
}

// bundlePayload is what a bundle's envelope holds (Sigstore bundle v0.3, DSSE), unverified.
func bundlePayload(bundle []byte) ([]byte, error) {
	var b struct {
		Envelope struct {
			Payload []byte `json:"payload"`
		} `json:"dsseEnvelope"`
	}
	if err := json.Unmarshal(bundle, &b); err != nil {
		return nil, fmt.Errorf("reading a bundle: %w", err)
	}
	return b.Envelope.Payload, nil
}
