package sign

import (
	"bytes"
	"context"
	"encoding/hex"
	"time"

	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	sgbundle "github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/verify"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/imgo-build/imgo/internal/attest/wire"
)

// Verify judges signatures, each by itself: that one is refused is a verdict, an error
// is what keeps all of them from being judged.
func Verify(ctx context.Context, req *wire.VerifyRequest) (*wire.VerifyResponse, error) {
	j, err := requestJudge(req)
	if err != nil {
		return nil, err
	}
	resp := &wire.VerifyResponse{}
	for _, text := range req.Bundles {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		resp.Bundles = append(resp.Bundles, j.verdict(func() (*protobundle.Bundle, []byte, error) {
			b, err := parseBundle(text)
			return b, nil, err
		}))
	}
	for i := range req.Simple {
		s := &req.Simple[i]
		resp.Simple = append(resp.Simple, j.verdict(func() (*protobundle.Bundle, []byte, error) {
			b, err := fromOld(s)
			return b, s.Payload, err
		}))
	}
	for i := range req.Envelopes {
		s := &req.Envelopes[i]
		resp.Envelopes = append(resp.Envelopes, j.verdict(func() (*protobundle.Bundle, []byte, error) {
			b, err := fromOldEnvelope(s)
			return b, nil, err
		}))
	}
	return resp, nil
}

// requestJudge makes the judge that a request asks for.
func requestJudge(req *wire.VerifyRequest) (*judge, error) {
	certificates := req.Identity != "" || req.IdentityRegexp != "" || req.Issuer != "" || req.IssuerRegexp != ""
	switch {
	case req.KeyPEM != "" && certificates:
		return nil, failf(wire.CodeBadPolicy, "a signature is by a key or by an identity, not by both")
	case req.KeyPEM == "" && (req.Identity == "" && req.IdentityRegexp == "" || req.Issuer == "" && req.IssuerRegexp == ""):
		return nil, failf(wire.CodeBadPolicy, "verifying needs a key, or an identity and an issuer")
	case certificates && req.IgnoreLog:
		return nil, failf(wire.CodeBadPolicy, "only a key's signatures may do without the transparency log")
	case certificates:
		id, err := verify.NewShortCertificateIdentity(req.Issuer, whole(req.IssuerRegexp), req.Identity, whole(req.IdentityRegexp))
		if err != nil {
			return nil, failf(wire.CodeBadPolicy, "reading the identity: %s", err)
		}
		t, err := fetchRoot(req.TrustedRoot, req.Offline)
		if err != nil {
			return nil, err
		}
		return certJudge(t, &id)
	}
	pub, err := publicKey(req.KeyPEM)
	if err != nil {
		return nil, err
	}
	t := noRoot()
	if !req.IgnoreLog || req.TrustedRoot != "" {
		if t, err = fetchRoot(req.TrustedRoot, req.Offline); err != nil {
			return nil, err
		}
	}
	if t, err = t.withKey(pub); err != nil {
		return nil, err
	}
	return keyJudge(t, !req.IgnoreLog)
}

// whole makes an expression match all of a text.
func whole(expr string) string {
	if expr == "" {
		return ""
	}
	return "^(?:" + expr + ")$"
}

// judge decides about bundles by one rule.
type judge struct {
	trust    *trust
	identity *verify.CertificateIdentity // nil for a key, and for any identity
	logged   bool                        // an entry in a log is required
	verifier *verify.Verifier
}

// keyJudge believes the trust's key.
func keyJudge(t *trust, logged bool) (*judge, error) {
	opts := []verify.VerifierOption{verify.WithNoObserverTimestamps()}
	if logged {
		opts = append(opts, verify.WithTransparencyLog(1))
	}
	return newJudge(&judge{trust: t, logged: logged}, opts)
}

// certJudge believes certificates of the trust's authorities, for the identity only if
// there is one.
func certJudge(t *trust, id *verify.CertificateIdentity) (*judge, error) {
	opts := []verify.VerifierOption{verify.WithObserverTimestamps(1)}
	logged := len(t.RekorLogs()) > 0
	if logged {
		opts = append(opts, verify.WithTransparencyLog(1))
	}
	if len(t.CTLogs()) > 0 {
		opts = append(opts, verify.WithSignedCertificateTimestamps(1))
	}
	return newJudge(&judge{trust: t, identity: id, logged: logged}, opts)
}

func newJudge(j *judge, opts []verify.VerifierOption) (*judge, error) {
	var err error
	if j.verifier, err = verify.NewVerifier(j.trust, opts...); err != nil {
		return nil, failf(wire.CodeInternal, "making a verifier: %s", err)
	}
	return j, nil
}

// policy is what a bundle has to fulfil besides being sound.
func (j *judge) policy(message []byte) verify.PolicyBuilder {
	artifact := verify.WithoutArtifactUnsafe() // the caller compares the statement's subject
	if message != nil {
		artifact = verify.WithArtifact(bytes.NewReader(message))
	}
	switch {
	case j.trust.key != nil:
		return verify.NewPolicy(artifact, verify.WithKey())
	case j.identity != nil:
		return verify.NewPolicy(artifact, verify.WithCertificateIdentity(*j.identity))
	}
	return verify.NewPolicy(artifact, verify.WithoutIdentitiesUnsafe())
}

// verdict judges what read returns: a bundle, and the message if its signature is not
// over an envelope. The libraries panic on some broken log entries; whoever can attach
// one to an image shall not keep the others from being judged.
func (j *judge) verdict(read func() (*protobundle.Bundle, []byte, error)) (v wire.Verdict) {
	defer func() {
		if r := recover(); r != nil {
			v = refusal(failf(wire.CodeBadBundle, "reading the bundle: %v", r))
		}
	}()
	b, message, err := read()
	if err != nil {
		return refusal(err)
	}
	v, err = j.judge(b, message)
	if err != nil {
		return refusal(err)
	}
	return v
}

func refusal(err error) wire.Verdict { return wire.Verdict{Error: asError(err), LogIndex: -1} }

func parseBundle(text []byte) (*protobundle.Bundle, error) {
	b := &protobundle.Bundle{}
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(text, b); err != nil {
		return nil, failf(wire.CodeBadBundle, "reading the bundle: %s", err)
	}
	if b.GetDsseEnvelope() == nil {
		return nil, failf(wire.CodeUnsupported, "the bundle is not over a statement")
	}
	return b, nil
}

func (j *judge) judge(b *protobundle.Bundle, message []byte) (wire.Verdict, error) {
	if env := b.GetDsseEnvelope(); env != nil && env.GetPayloadType() != wire.InTotoPayloadType {
		return wire.Verdict{}, failf(wire.CodeUnsupported, "the envelope holds %q, not a statement", env.GetPayloadType())
	}
	entity, err := sgbundle.NewBundle(b)
	if err != nil {
		return wire.Verdict{}, failf(wire.CodeBadBundle, "reading the bundle: %s", err)
	}
	result, err := j.verifier.Verify(entity, j.policy(message))
	if err != nil {
		return wire.Verdict{}, j.diagnose(entity, message, err)
	}
	v := wire.Verdict{OK: true, Payload: message, PayloadType: wire.SimpleMediaType, LogIndex: -1}
	if env := b.GetDsseEnvelope(); env != nil {
		v.Payload, v.PayloadType = env.GetPayload(), env.GetPayloadType()
	}
	if j.logged {
		v.LogIndex = j.logIndex(b)
	}
	id, err := j.signer(entity)
	if err != nil {
		return wire.Verdict{}, err
	}
	v.Identity = *id
	for _, t := range result.VerifiedTimestamps {
		v.SignedAt = earlier(v.SignedAt, t.Timestamp)
	}
	if v.SignedAt.IsZero() { // a key: nothing asked for a time
		v.SignedAt = j.observed(entity)
	}
	return v, nil
}

// signer is the key, or the subject of the certificate.
func (j *judge) signer(entity *sgbundle.Bundle) (*wire.Identity, error) {
	if j.trust.key != nil {
		return keyIdentity(j.trust.key)
	}
	content, err := entity.VerificationContent()
	if err != nil {
		return nil, err
	}
	return certIdentity(content.Certificate())
}

// logIndex is the index of the entry in a trusted log.
func (j *judge) logIndex(b *protobundle.Bundle) int64 {
	logs := j.trust.RekorLogs()
	for _, e := range b.GetVerificationMaterial().GetTlogEntries() {
		if _, ok := logs[hex.EncodeToString(e.GetLogId().GetKeyId())]; ok {
			return e.GetLogIndex()
		}
	}
	return -1
}

// observed is the earliest time that a trusted log or timestamp authority vouches for,
// or zero.
func (j *judge) observed(entity *sgbundle.Bundle) time.Time {
	var first time.Time
	if times, err := verify.VerifyTlogEntry(entity, j.trust, 1, true); err == nil {
		for _, t := range times {
			first = earlier(first, t.Time)
		}
	}
	if times, _, err := verify.VerifySignedTimestamp(entity, j.trust); err == nil {
		for _, t := range times {
			first = earlier(first, t.Time)
		}
	}
	return first
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b.UTC()
	}
	return a
}
