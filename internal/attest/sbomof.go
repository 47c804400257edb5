package attest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/internal/attest/wire"
	"github.com/imgo-build/imgo/pkg/publish"
)

// NoSBOMError is an image without an SBOM.
type NoSBOMError struct{ Digest, Format string }

func (e *NoSBOMError) Error() string {
	return fmt.Sprintf("%s has no SBOM in the format %s", e.Digest, e.Format)
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
	i := slices.IndexFunc(list, func(ref publish.Referrer) bool {
		return ref.Problem == nil && (ref.ArtifactType == mediaType || strings.HasPrefix(ref.ArtifactType, wire.BundlePrefix) &&
			isType(ref.Annotations[wire.AnnotationPredicateType], predicate))
	})
	if i < 0 {
		if i = slices.IndexFunc(list, func(ref publish.Referrer) bool { return ref.Problem != nil }); i >= 0 {
			return nil, list[i].Problem // it may have been this one
		}
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
