package attest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/internal/attest/wire"
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
	// Layers has all layers read and held against their digests and the config. Without
	// it, that they are there has to do.
	Layers bool
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
	Detail        string        `json:"detail,omitempty"` // what was looked at, of Content
	// Predicate is what was said first, and Statements are all of its type that count, as
	// they were signed (in-toto Statement v1); both are empty for a signature of the older
	// scheme.
	Predicate  json.RawMessage   `json:"-"`
	Statements []json.RawMessage `json:"-"`
}

// Ignored is what does not count, and why: an artifact, or a layer that is elsewhere.
type Ignored struct {
	Digest string    `json:"digest,omitempty"` // of its manifest, or of the layer
	Code   wire.Code `json:"code"`
	Reason string    `json:"reason"`
}

// Verify judges what there is of an image or index in a registry. An error means that it
// can't be told; what is wrong with the image, or with what anybody attached to it, is in
// the report. Whether configs and layers are there is looked at last, and only where all
// else is verified.
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
	if report.Verified {
		if err := a.contents(ctx, repo, all, report, trust.Layers); err != nil {
			return nil, err
		}
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
	var bundles []json.RawMessage
	var manifests []string // of the bundles, in their order
	for _, f := range list {
		if f.broken != "" {
			s.ignore(f.manifest, &wire.Error{Code: wire.CodeBadBundle, Message: f.broken})
			continue
		}
		bundles, manifests = append(bundles, f.bundle), append(manifests, f.manifest)
	}
	verdicts, err := a.verdicts(ctx, trust.request(), bundles)
	if err != nil {
		return err
	}
	for i, v := range verdicts {
		s.judge(v, manifests[i], false)
	}
	verdicts, odd, err := a.verifiedOld(ctx, repo, digest, trust.request(), s.older(index, trust.Require)...)
	if err != nil {
		return err
	}
	for _, o := range odd {
		s.ignore("", &wire.Error{Code: wire.CodeBadBundle, Message: o.Error()})
	}
	for _, v := range verdicts {
		s.judgeOld(v)
	}
	s.conclude(index, trust.Require)
	return nil
}

// needs reports whether a kind is required that nothing was found of so far.
func (s *SubjectReport) needs(kind Kind, index bool, require []Kind) bool {
	return slices.Contains(require, kind) && !s.has(kind) && !(index && kind == SBOM)
}

// older lists the suffixes of the tags of cosign's older scheme that are worth a request:
// it counts for each kind that there is nothing newer of.
func (s *SubjectReport) older(index bool, require []Kind) []string {
	var out []string
	if s.needs(Signature, index, require) || len(s.Checks) == 0 || len(require) == 0 && !s.has(Signature) {
		out = append(out, wire.SignatureSuffix)
	}
	if s.needs(SBOM, index, require) || s.needs(Provenance, index, require) || len(require) == 0 && !s.has(Signature) {
		out = append(out, wire.AttestationSuffix)
	}
	return out
}

// conclude adds what is missing.
func (s *SubjectReport) conclude(index bool, require []Kind) {
	for _, kind := range require {
		if !s.needs(kind, index, require) {
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

// judge adds a statement to what counts, or to what doesn't.
func (s *SubjectReport) judge(v wire.Verdict, manifest string, old bool) {
	if !v.OK {
		s.ignore(manifest, v.Error)
		return
	}
	stated, err := wire.ParseStatement(v.Payload)
	if err != nil {
		s.ignore(manifest, &wire.Error{Code: wire.CodeBadBundle, Message: err.Error()})
		return
	}
	if !slices.Contains(stated.Digests, s.Digest) {
		s.ignore(manifest, &wire.Error{Code: wire.CodeSignature, Message: "it was signed for another image, " + strings.Join(stated.Digests, ", ")})
		return
	}
	if err := readPredicate(stated.PredicateType, stated.Predicate); err != nil {
		s.ignore(manifest, &wire.Error{Code: wire.CodeBadPredicate, Message: fmt.Sprintf("the %s is empty or of no use: %s", kindOf(stated.PredicateType), err)})
		return
	}
	s.accept(v, stated.PredicateType, stated.Predicate, v.Payload, old)
}

// judgeOld is judge for cosign's older scheme.
func (s *SubjectReport) judgeOld(v wire.Verdict) {
	if !v.OK || v.PayloadType == wire.InTotoPayloadType {
		s.judge(v, "", true)
		return
	}
	simple, err := wire.ParseSimple(v.Payload)
	switch {
	case err != nil:
		s.ignore("", &wire.Error{Code: wire.CodeBadBundle, Message: err.Error()})
	case simple.Digest != s.Digest:
		s.ignore("", &wire.Error{Code: wire.CodeSignature, Message: "it was signed for another image, " + simple.Digest})
	default:
		s.accept(v, wire.PredicateSign, nil, nil, true)
	}
}

func (s *SubjectReport) ignore(manifest string, e *wire.Error) {
	if e == nil {
		e = &wire.Error{Code: wire.CodeInternal, Message: "nobody says why"}
	}
	s.Ignored = append(s.Ignored, Ignored{manifest, e.Code, e.Message})
}

// accept adds something that counts, once for each format, and of the older scheme only
// what there is nothing newer of.
func (s *SubjectReport) accept(v wire.Verdict, predicateType string, predicate, statement json.RawMessage, old bool) {
	kind := kindOf(predicateType)
	if kind == "" || old && slices.ContainsFunc(s.Checks, func(c Check) bool { return c.Kind == kind && !c.OldScheme }) {
		return
	}
	if i := slices.IndexFunc(s.Checks, func(c Check) bool { return c.PredicateType == predicateType }); i >= 0 {
		s.Checks[i].Statements = append(s.Checks[i].Statements, statement)
		return
	}
	c := Check{
		Kind: kind, OK: true, PredicateType: predicateType, Identity: v.Identity, SignedAt: v.SignedAt,
		OldScheme: old, Predicate: predicate, Statements: []json.RawMessage{statement},
	}
	if v.LogIndex > 0 {
		c.LogIndex = v.LogIndex
	}
	s.Checks = append(s.Checks, c)
}
