package wire

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Media types and predicate types as cosign writes and reads them.
const (
	BundleMediaType   = "application/vnd.dev.sigstore.bundle.v0.3+json" // artifactType and layer
	StatementType     = "https://in-toto.io/Statement/v1"
	InTotoPayloadType = "application/vnd.in-toto+json" // of the DSSE envelope

	PredicateSign       = "https://sigstore.dev/cosign/sign/v1" // an image signature
	PredicateSPDX       = "https://spdx.dev/Document"
	PredicateCycloneDX  = "https://cyclonedx.org/bom"
	PredicateProvenance = "https://slsa.dev/provenance/v1"

	PredicateProvenance02 = "https://slsa.dev/provenance/v0.2" // cosign's slsaprovenance
)

// Annotations of the manifest that carries a bundle.
const (
	AnnotationContent       = "dev.sigstore.bundle.content"
	AnnotationPredicateType = "dev.sigstore.bundle.predicateType"
	ContentDSSE             = "dsse-envelope" // value of AnnotationContent
)

// BundlePrefix begins the artifactType of every version of a bundle.
const BundlePrefix = "application/vnd.dev.sigstore.bundle"

// ReferrerAnnotations are the annotations of a manifest with a bundle over a statement
// of the type, all but the time of its making.
func ReferrerAnnotations(predicateType string) map[string]string {
	return map[string]string{
		AnnotationContent:       ContentDSSE,
		AnnotationPredicateType: predicateType,
	}
}

// statement is the part of an in-toto statement (v1) that all predicates share.
type statement struct {
	Type          string          `json:"_type"`
	Subject       []subject       `json:"subject"`
	PredicateType string          `json:"predicateType"`
	Predicate     json.RawMessage `json:"predicate,omitempty"`
}

type subject struct {
	Name   string            `json:"name,omitempty"`
	Digest map[string]string `json:"digest"`
}

// SignatureStatement is what a signature of an image or index signs, given its digest
// ("sha256:…"): its only word is the subject.
func SignatureStatement(digest string) ([]byte, error) {
	return Statement("", digest, PredicateSign, json.RawMessage(`{}`))
}

// Statement is an in-toto statement about an image or index. The name, often that of
// the repository, may be empty; nobody verifies it.
func Statement(name, digest, predicateType string, predicate json.RawMessage) ([]byte, error) {
	algorithm, hex, ok := strings.Cut(digest, ":")
	if !ok || algorithm == "" || hex == "" {
		return nil, fmt.Errorf("making a statement: %q is not a digest", digest)
	}
	return json.Marshal(statement{
		Type:          StatementType,
		Subject:       []subject{{Name: name, Digest: map[string]string{algorithm: hex}}},
		PredicateType: predicateType,
		Predicate:     predicate,
	})
}

// Stated is what a statement says, read from a payload whose signature was verified.
type Stated struct {
	PredicateType string
	Digests       []string // of the subjects, "sha256:…"
	Predicate     json.RawMessage
}

// ParseStatement reads an in-toto statement, of version 1 or 0.1.
func ParseStatement(payload []byte) (*Stated, error) {
	var s statement
	if err := json.Unmarshal(payload, &s); err != nil {
		return nil, fmt.Errorf("reading a statement: %w", err)
	}
	if s.Type != StatementType && s.Type != "https://in-toto.io/Statement/v0.1" {
		return nil, fmt.Errorf("reading a statement: unknown type %q", s.Type)
	}
	stated := &Stated{PredicateType: s.PredicateType, Predicate: s.Predicate}
	for _, sub := range s.Subject {
		if hex := sub.Digest["sha256"]; hex != "" {
			stated.Digests = append(stated.Digests, "sha256:"+hex)
		}
	}
	if s.PredicateType == "" || len(stated.Digests) == 0 {
		return nil, fmt.Errorf("reading a statement: no predicate type or no subject with a sha256 digest")
	}
	return stated, nil
}
