package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Media types of the layers of the older scheme.
const (
	SimpleMediaType   = "application/vnd.dev.cosign.simplesigning.v1+json" // at .sig
	EnvelopeMediaType = "application/vnd.dsse.envelope.v1+json"            // at .att
)

// Annotations of the layers of the older scheme.
const (
	AnnotationSignature    = "dev.cosignproject.cosign/signature"
	AnnotationCertificate  = "dev.sigstore.cosign/certificate"
	AnnotationChain        = "dev.sigstore.cosign/chain"
	AnnotationRekorBundle  = "dev.sigstore.cosign/bundle"
	AnnotationTimestamp    = "dev.sigstore.cosign/rfc3161timestamp"
	AnnotationOldPredicate = "predicateType" // of an attestation
)

// Suffixes of the tags of the older scheme.
const (
	SignatureSuffix   = "sig"
	AttestationSuffix = "att"
)

// simpleType is the type that a simple payload claims.
const simpleType = "cosign container image signature"

// SimpleSignature is a layer of the older scheme. As a signature its payload is what
// [SimplePayload] makes and Signature is over it; as an attestation its payload is a
// DSSE envelope, and Signature is empty, because the envelope has it.
type SimpleSignature struct {
	Payload   []byte `json:"payload"`
	Signature string `json:"signature"` // base64
	Cert      string `json:"cert,omitempty"`
	Chain     string `json:"chain,omitempty"` // PEM, without Cert
	// RekorBundle and Timestamp are JSON texts in cosign's form, or empty.
	RekorBundle string `json:"rekorBundle,omitempty"`
	Timestamp   string `json:"timestamp,omitempty"`
}

// Annotations are those of the layer. An attestation also takes [AnnotationOldPredicate].
func (s *SimpleSignature) Annotations() map[string]string {
	m := map[string]string{AnnotationSignature: s.Signature}
	for key, value := range map[string]string{
		AnnotationCertificate: s.Cert,
		AnnotationChain:       s.Chain,
		AnnotationRekorBundle: s.RekorBundle,
		AnnotationTimestamp:   s.Timestamp,
	} {
		if value != "" {
			m[key] = value
		}
	}
	return m
}

// SimpleFrom makes of a layer's content and annotations what [VerifyRequest] takes.
func SimpleFrom(payload []byte, annotations map[string]string) SimpleSignature {
	return SimpleSignature{
		Payload:     payload,
		Signature:   annotations[AnnotationSignature],
		Cert:        annotations[AnnotationCertificate],
		Chain:       annotations[AnnotationChain],
		RekorBundle: annotations[AnnotationRekorBundle],
		Timestamp:   annotations[AnnotationTimestamp],
	}
}

// SimpleTag is the tag under which the older scheme keeps what is told of a digest:
// sha256-HEX.sig or .att.
func SimpleTag(digest, suffix string) string {
	return strings.Replace(digest, ":", "-", 1) + "." + suffix
}

// Simple is what a simple payload says.
type Simple struct {
	Reference string // the repository, or whatever the signer called the image
	Digest    string // "sha256:…"
	// Optional is what else was signed: annotations of the signer's choice.
	Optional map[string]any
}

type simplePayload struct {
	Critical struct {
		Identity struct {
			Reference string `json:"docker-reference"`
		} `json:"identity"`
		Image struct {
			Digest string `json:"docker-manifest-digest"`
		} `json:"image"`
		Type string `json:"type"`
	} `json:"critical"`
	Optional map[string]any `json:"optional"`
}

// SimplePayload is the payload of a signature of the older scheme, byte for byte as
// cosign makes it: of a repository ("example.com/app", no tag) and a digest.
func SimplePayload(repository, digest string) ([]byte, error) {
	var p simplePayload
	p.Critical.Identity.Reference = repository
	p.Critical.Image.Digest = digest
	p.Critical.Type = simpleType
	return json.Marshal(&p)
}

// ParseSimple reads a payload whose signature was verified.
func ParseSimple(payload []byte) (*Simple, error) {
	var p simplePayload
	if err := json.Unmarshal(payload, &p); err != nil {
		return nil, fmt.Errorf("reading a simple payload: %w", err)
	}
	if p.Critical.Type != simpleType {
		return nil, fmt.Errorf("reading a simple payload: unknown type %q", p.Critical.Type)
	}
	if p.Critical.Image.Digest == "" {
		return nil, errors.New("reading a simple payload: no digest")
	}
	return &Simple{Reference: p.Critical.Identity.Reference, Digest: p.Critical.Image.Digest, Optional: p.Optional}, nil
}
