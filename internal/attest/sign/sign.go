package sign

import (
	"cmp"
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"strings"

	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	sgsign "github.com/sigstore/sigstore-go/pkg/sign"
	"github.com/sigstore/sigstore-go/pkg/verify"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/imgo-build/imgo/internal/attest/wire"
)

// uploads is how many signatures are made at once: each waits for a log or a timestamp
// authority.
const uploads = 4

// Sign makes the signatures that a request asks for, or none.
func Sign(ctx context.Context, req *wire.SignRequest, words io.Writer) (*wire.SignResponse, error) {
	s, err := newSigner(ctx, &req.Signer, words)
	if err != nil {
		return nil, err
	}
	if len(req.Simple) > 0 && s.log != nil && !s.loggable() {
		return nil, failf(wire.CodeUnsupported, "transparency logs take no Ed25519 signatures of the older scheme")
	}
	resp := &wire.SignResponse{
		Bundles:  make([]json.RawMessage, len(req.Statements)),
		Simple:   make([]wire.SimpleSignature, len(req.Simple)),
		Identity: *s.identity,
	}
	if req.Envelopes {
		resp.Envelopes = make([]wire.SimpleSignature, len(req.Statements))
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(uploads)
	for i, statement := range req.Statements {
		g.Go(func() error {
			b, err := s.sign(ctx, &sgsign.DSSEData{Data: statement, PayloadType: wire.InTotoPayloadType}, nil)
			if err != nil {
				return err
			}
			if req.Envelopes {
				if resp.Envelopes[i], err = toOld(b, nil, s.chain); err != nil {
					return err
				}
			}
			resp.Bundles[i], err = marshalBundle(b)
			return err
		})
	}
	for i, payload := range req.Simple {
		g.Go(func() error {
			b, err := s.sign(ctx, &sgsign.PlainData{Data: payload}, payload)
			if err != nil {
				return err
			}
			resp.Simple[i], err = toOld(b, payload, s.chain)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return resp, nil
}

// marshalBundle writes a bundle without the spaces that protojson adds at random.
func marshalBundle(b *protobundle.Bundle) (json.RawMessage, error) {
	text, err := protojson.Marshal(b)
	if err != nil {
		return nil, err
	}
	return json.Marshal(json.RawMessage(text))
}

// signer signs by one key, and has what others say of it put to the signature.
type signer struct {
	key      key
	identity *wire.Identity
	cert     *x509.Certificate // nil for a key of the user's
	chain    string            // PEM of the certificate's authorities, where they are known
	log      sgsign.Transparency
	tsa      *sgsign.TimestampAuthority
	judge    *judge // of what was made
}

func newSigner(ctx context.Context, req *wire.Signer, words io.Writer) (*signer, error) {
	if req.Key == "" && req.NoLog {
		return nil, failf(wire.CodeUnsupported, "signing without a key needs the transparency log")
	}
	s := &signer{}
	if req.TSAURL != "" {
		s.tsa = sgsign.NewTimestampAuthority(&sgsign.TimestampAuthorityOptions{URL: req.TSAURL, Retries: 1})
	}
	var err error
	if !req.NoLog {
		if s.log, err = newLog(address(req.RekorURL, PublicRekor)); err != nil {
			return nil, err
		}
	}
	if req.Key != "" {
		err = s.useKey(req)
	} else {
		err = s.useCertificate(ctx, req, words)
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// useKey makes the signer one by a key.
func (s *signer) useKey(req *wire.Signer) error {
	p, err := loadPair(req.Key, req.Password)
	if err != nil {
		return err
	}
	s.key = p
	if s.identity, err = keyIdentity(p.public); err != nil {
		return err
	}
	t, known, err := signingRoot(req)
	if err != nil {
		return err
	}
	if t, err = t.withKey(p.public); err != nil {
		return err
	}
	s.judge, err = keyJudge(t, known && !req.NoLog)
	return err
}

// useCertificate makes the signer one by a key that nobody keeps, and a certificate.
func (s *signer) useCertificate(ctx context.Context, req *wire.Signer, words io.Writer) error {
	t, known, err := signingRoot(req)
	if err != nil {
		return err
	}
	token, err := identityToken(ctx, req, words)
	if err != nil {
		return err
	}
	ephemeral, err := sgsign.NewEphemeralKeypair(nil)
	if err != nil {
		return failf(wire.CodeInternal, "making a key: %s", err)
	}
	s.key = ephemeral
	if s.cert, err = requestCertificate(ctx, address(req.FulcioURL, PublicFulcio), ephemeral, token); err != nil {
		return err
	}
	if s.identity, err = certIdentity(s.cert); err != nil {
		return err
	}
	if !known {
		t, err = t.withKey(s.cert.PublicKey)
		if err != nil {
			return err
		}
		s.judge, err = keyJudge(t, false)
		return err
	}
	if chains, err := verify.VerifyLeafCertificate(s.cert.NotBefore, s.cert, t); err == nil {
		for _, c := range chains[0][1:] {
			s.chain += string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
		}
	}
	s.judge, err = certJudge(t, nil)
	return err
}

// signingRoot is by what the answers of services are verified, and whether that is
// known.
func signingRoot(req *wire.Signer) (t *trust, known bool, err error) {
	public := req.FulcioURL == "" && req.RekorURL == "" && req.TSAURL == "" && !req.NoLog
	if req.TrustedRoot == "" && !public {
		return noRoot(), false, nil
	}
	t, err = fetchRoot(req.TrustedRoot, false)
	return t, true, err
}

// sign signs, collects what proves the time, and verifies all of it.
func (s *signer) sign(ctx context.Context, content sgsign.Content, message []byte) (*protobundle.Bundle, error) {
	b := &protobundle.Bundle{MediaType: wire.BundleMediaType}
	sig, digest, err := s.key.SignData(ctx, content.PreAuthEncoding())
	if err != nil {
		return nil, failf(wire.CodeBadKey, "signing: %s", err)
	}
	content.Bundle(b, sig, digest, s.key.GetHashAlgorithm())
	verifier, err := s.material(b)
	if err != nil {
		return nil, err
	}
	if s.tsa != nil {
		stamp, err := s.tsa.GetTimestamp(ctx, sig)
		if err != nil {
			return nil, failf(wire.CodeTSA, "asking the timestamp authority: %s", err)
		}
		b.VerificationMaterial.TimestampVerificationData = &protobundle.TimestampVerificationData{
			Rfc3161Timestamps: []*protocommon.RFC3161SignedTimestamp{{SignedTimestamp: stamp}},
		}
	}
	if s.log != nil {
		if err := s.log.GetTransparencyLogEntry(ctx, verifier, b); err != nil {
			return nil, failf(wire.CodeRekor, "writing to the transparency log: %s", err)
		}
	}
	return b, s.check(b, message)
}

// material says in the bundle by what to verify it, and returns the same as PEM.
func (s *signer) material(b *protobundle.Bundle) ([]byte, error) {
	b.VerificationMaterial = &protobundle.VerificationMaterial{}
	if s.cert != nil {
		b.VerificationMaterial.Content = &protobundle.VerificationMaterial_Certificate{
			Certificate: &protocommon.X509Certificate{RawBytes: s.cert.Raw},
		}
		return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.cert.Raw}), nil
	}
	b.VerificationMaterial.Content = &protobundle.VerificationMaterial_PublicKey{
		PublicKey: &protocommon.PublicKeyIdentifier{Hint: string(s.key.GetHint())},
	}
	text, err := s.key.GetPublicKeyPem()
	return []byte(text), err
}

// loggable reports whether a log takes signatures over anything but an envelope: it
// sees their digest only.
func (s *signer) loggable() bool {
	return s.key.GetHashAlgorithm() != protocommon.HashAlgorithm_HASH_ALGORITHM_UNSPECIFIED
}

// check verifies what was made, as whoever finds it will.
func (s *signer) check(b *protobundle.Bundle, message []byte) error {
	if s.cert != nil && s.judge.trust.key != nil {
		return nil // no root is known: only the signature could be checked, and it was made here
	}
	_, err := s.judge.judge(b, message)
	if err != nil {
		e := asError(err)
		return failf(e.Code, "verifying the new signature: %s", e.Message)
	}
	return nil
}

// address is that of a service, the public one's if none is given.
func address(given, public string) string { return strings.TrimSuffix(cmp.Or(given, public), "/") }
