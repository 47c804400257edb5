package sign

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"

	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	protodsse "github.com/sigstore/protobuf-specs/gen/pb-go/dsse"
	protorekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"

	"github.com/imgo-build/imgo/internal/attest/wire"
)

// rekorBundle is the proof of a log entry as cosign's older scheme keeps it.
type rekorBundle struct {
	SignedEntryTimestamp []byte
	Payload              struct {
		Body           []byte `json:"body"`
		IntegratedTime int64  `json:"integratedTime"`
		LogIndex       int64  `json:"logIndex"`
		LogID          string `json:"logID"`
	}
}

// rfc3161 is a timestamp as cosign's older scheme keeps it.
type rfc3161 struct {
	SignedRFC3161Timestamp []byte
}

// oldBundleType is the first version of bundles, the only one in which a log's promise
// suffices: the older scheme keeps no proof that the log holds the entry.
const oldBundleType = "application/vnd.dev.sigstore.bundle+json;version=0.1"

// toOld gives a signature or attestation the form of the older scheme.
func toOld(b *protobundle.Bundle, payload []byte, chain string) (wire.SimpleSignature, error) {
	s := wire.SimpleSignature{Payload: payload, Chain: chain}
	if m := b.GetMessageSignature(); m != nil {
		s.Signature = base64.StdEncoding.EncodeToString(m.GetSignature())
	} else {
		// The log's entry is over the digest of exactly these bytes.
		content, err := json.Marshal(b.GetDsseEnvelope())
		if err != nil {
			return s, err
		}
		s.Payload = content
	}
	v := b.GetVerificationMaterial()
	if c := v.GetCertificate(); c != nil {
		s.Cert = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.GetRawBytes()}))
	}
	for _, e := range v.GetTlogEntries() {
		var rb rekorBundle
		rb.SignedEntryTimestamp = e.GetInclusionPromise().GetSignedEntryTimestamp()
		rb.Payload.Body = e.GetCanonicalizedBody()
		rb.Payload.IntegratedTime = e.GetIntegratedTime()
		rb.Payload.LogIndex = e.GetLogIndex()
		rb.Payload.LogID = hex.EncodeToString(e.GetLogId().GetKeyId())
		text, err := json.Marshal(rb)
		if err != nil {
			return s, err
		}
		s.RekorBundle = string(text)
	}
	for _, t := range v.GetTimestampVerificationData().GetRfc3161Timestamps() {
		text, err := json.Marshal(rfc3161{t.GetSignedTimestamp()})
		if err != nil {
			return s, err
		}
		s.Timestamp = string(text)
	}
	return s, nil
}

// fromOld makes a bundle of a signature of the older scheme.
func fromOld(s *wire.SimpleSignature) (*protobundle.Bundle, error) {
	b := &protobundle.Bundle{MediaType: oldBundleType}
	sig, err := base64.StdEncoding.DecodeString(s.Signature)
	if err != nil || len(sig) == 0 {
		return nil, failf(wire.CodeBadBundle, "the signature is not in base64")
	}
	sum := sha256.Sum256(s.Payload)
	b.Content = &protobundle.Bundle_MessageSignature{MessageSignature: &protocommon.MessageSignature{
		MessageDigest: &protocommon.HashOutput{Algorithm: protocommon.HashAlgorithm_SHA2_256, Digest: sum[:]},
		Signature:     sig,
	}}
	b.VerificationMaterial, err = oldMaterial(s)
	return b, err
}

// fromOldEnvelope makes a bundle of an attestation of the older scheme.
func fromOldEnvelope(s *wire.SimpleSignature) (*protobundle.Bundle, error) {
	b := &protobundle.Bundle{MediaType: oldBundleType}
	var env struct {
		PayloadType string `json:"payloadType"`
		Payload     []byte `json:"payload"`
		Signatures  []struct {
			KeyID string `json:"keyid"`
			Sig   []byte `json:"sig"`
		} `json:"signatures"`
	}
	if err := json.Unmarshal(s.Payload, &env); err != nil {
		return nil, failf(wire.CodeBadBundle, "reading the envelope: %s", err)
	}
	out := &protodsse.Envelope{PayloadType: env.PayloadType, Payload: env.Payload}
	for _, sig := range env.Signatures {
		out.Signatures = append(out.Signatures, &protodsse.Signature{Keyid: sig.KeyID, Sig: sig.Sig})
	}
	b.Content = &protobundle.Bundle_DsseEnvelope{DsseEnvelope: out}
	var err error
	b.VerificationMaterial, err = oldMaterial(s)
	return b, err
}

// oldMaterial collects what the annotations of a layer prove.
func oldMaterial(s *wire.SimpleSignature) (*protobundle.VerificationMaterial, error) {
	v := &protobundle.VerificationMaterial{
		Content: &protobundle.VerificationMaterial_PublicKey{PublicKey: &protocommon.PublicKeyIdentifier{}},
	}
	if s.Cert != "" {
		block, _ := pem.Decode([]byte(s.Cert))
		if block == nil {
			return nil, failf(wire.CodeBadBundle, "the certificate is not in PEM form")
		}
		v.Content = &protobundle.VerificationMaterial_X509CertificateChain{
			X509CertificateChain: &protocommon.X509CertificateChain{
				Certificates: []*protocommon.X509Certificate{{RawBytes: block.Bytes}},
			},
		}
	}
	if s.RekorBundle != "" {
		entry, err := oldEntry(s.RekorBundle)
		if err != nil {
			return nil, err
		}
		v.TlogEntries = []*protorekor.TransparencyLogEntry{entry}
	}
	if s.Timestamp != "" {
		var t rfc3161
		if err := json.Unmarshal([]byte(s.Timestamp), &t); err != nil {
			return nil, failf(wire.CodeBadBundle, "reading the timestamp: %s", err)
		}
		v.TimestampVerificationData = &protobundle.TimestampVerificationData{
			Rfc3161Timestamps: []*protocommon.RFC3161SignedTimestamp{{SignedTimestamp: t.SignedRFC3161Timestamp}},
		}
	}
	return v, nil
}

func oldEntry(text string) (*protorekor.TransparencyLogEntry, error) {
	var rb rekorBundle
	if err := json.Unmarshal([]byte(text), &rb); err != nil {
		return nil, failf(wire.CodeBadBundle, "reading the log entry: %s", err)
	}
	var kind struct {
		Kind    string `json:"kind"`
		Version string `json:"apiVersion"`
	}
	if err := json.Unmarshal(rb.Payload.Body, &kind); err != nil {
		return nil, failf(wire.CodeBadBundle, "reading the log entry: %s", err)
	}
	id, err := hex.DecodeString(rb.Payload.LogID)
	if err != nil {
		return nil, failf(wire.CodeBadBundle, "reading the log entry: %s", err)
	}
	return &protorekor.TransparencyLogEntry{
		LogIndex:          rb.Payload.LogIndex,
		LogId:             &protocommon.LogId{KeyId: id},
		KindVersion:       &protorekor.KindVersion{Kind: kind.Kind, Version: kind.Version},
		IntegratedTime:    rb.Payload.IntegratedTime,
		InclusionPromise:  &protorekor.InclusionPromise{SignedEntryTimestamp: rb.SignedEntryTimestamp},
		CanonicalizedBody: rb.Payload.Body,
	}, nil
}
