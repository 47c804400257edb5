// Package wire is what imgo and imgo-sigstore say to each other: one JSON [Request] on
// the standard input of imgo-sigstore, one JSON [Response] on its standard output. It
// also knows, without any cryptography, the documents that are signed: the in-toto
// statement of an image signature, and the payload, tags and annotations of cosign's
// older scheme. imgo builds those, stores them in registries and finds them again;
// imgo-sigstore turns them into signatures and judges signatures. So it imports the
// standard library only, and costs nothing at start-up.
//
// # What lies in a registry
//
// A signature, SBOM or provenance is a Sigstore bundle that refers to its image (OCI
// image spec 1.1, manifest with a subject). For all of them alike:
//
//	artifactType  application/vnd.dev.sigstore.bundle.v0.3+json   ([BundleMediaType])
//	config        {} of type application/vnd.oci.empty.v1+json
//	layers        one, the bundle, of type [BundleMediaType]
//	annotations   org.opencontainers.image.created = RFC 3339 time
//	              dev.sigstore.bundle.content = dsse-envelope
//	              dev.sigstore.bundle.predicateType = the statement's predicateType
//
// They differ in predicateType only: [PredicateSign], [PredicateSPDX],
// [PredicateCycloneDX], [PredicateProvenance]. [ReferrerAnnotations] gives the ones
// that are not a time. cosign doesn't read the annotations to decide what a bundle is:
// it takes every referrer whose artifactType begins with application/vnd.dev.sigstore.bundle,
// opens its one layer, and compares the statement's predicateType. Who reads what
// cosign wrote has to do so, too: cosign 2.6 gives the entries of the fallback tag
// (registries without the referrers API) the artifactType of the empty config, and no
// annotations. cosign 2.6 and 3 verify images by v0.3 bundles alike.
//
// The older scheme keeps layers in an image at a tag made of the subject's digest, see
// [SimpleTag] and [SimpleSignature].
//
// Invariant: what a [Verdict] with OK carries was signed; nothing else in a response of
// verification is to be believed. Whether it speaks of the image in question is the
// caller's to check ([ParseStatement], [ParseSimple]), because imgo-sigstore never sees
// a registry.
package wire

import (
	"encoding/json"
	"time"
)

// Version is the version of this protocol. Both sides need the same one.
const Version = 1

// MaxMessage is how long a request or response may be, in bytes.
const MaxMessage = 256 << 20

// Request asks for one thing: exactly one of its pointers is set. None is set to learn
// the version only.
type Request struct {
	Version   int               `json:"version"`
	Sign      *SignRequest      `json:"sign,omitempty"`
	Verify    *VerifyRequest    `json:"verify,omitempty"`
	PublicKey *PublicKeyRequest `json:"publicKey,omitempty"`
}

// Response answers a request: Error, or what was asked for.
type Response struct {
	Version   int             `json:"version"`
	Error     *Error          `json:"error,omitempty"`
	Sign      *SignResponse   `json:"sign,omitempty"`
	Verify    *VerifyResponse `json:"verify,omitempty"`
	PublicKey *Identity       `json:"publicKey,omitempty"`
}

// Signer says who signs, and by which services.
type Signer struct {
	// Key is the PEM text of a private key: cosign's own, encrypted by Password, or an
	// unencrypted one. Empty asks Fulcio for a certificate for a key that lives as
	// long as the request (keyless).
	Key      string `json:"key,omitempty"`
	Password string `json:"password,omitempty"`

	// FulcioURL, RekorURL and TSAURL are services; empty ones are sigstore's public
	// Fulcio and Rekor, and no timestamp authority.
	FulcioURL string `json:"fulcioURL,omitempty"`
	RekorURL  string `json:"rekorURL,omitempty"`
	TSAURL    string `json:"tsaURL,omitempty"` // of the whole endpoint, with its path
	// NoLog writes nothing to a transparency log. Only with a key, because nothing
	// else would say that a short-lived certificate was valid when it was used.
	NoLog bool `json:"noLog,omitempty"`

	// Token is an OIDC token that is there already (GitHub Actions). Without one,
	// Interactive opens the browser's flow at OIDCIssuer; its words go to stderr.
	Token        string `json:"token,omitempty"`
	Interactive  bool   `json:"interactive,omitempty"`
	OIDCIssuer   string `json:"oidcIssuer,omitempty"`
	OIDCClientID string `json:"oidcClientID,omitempty"`

	// TrustedRoot is the JSON text of a trusted_root.json, by which what the services
	// answered is checked before it is returned. Empty is sigstore's own root where
	// the public services are used, and no such check where URLs are given.
	TrustedRoot string `json:"trustedRoot,omitempty"`
}

// SignRequest asks for signatures, all by one key and certificate.
type SignRequest struct {
	Signer
	// Statements are in-toto statements. Each becomes a bundle.
	Statements [][]byte `json:"statements,omitempty"`
	// Simple are payloads of the older scheme ([SimplePayload]), signed as they are.
	Simple [][]byte `json:"simple,omitempty"`
	// Envelopes asks for Statements in the form of the older scheme, too.
	Envelopes bool `json:"envelopes,omitempty"`
}

// SignResponse has what was asked for in the request's order.
type SignResponse struct {
	Bundles   []json.RawMessage `json:"bundles,omitempty"`
	Simple    []SimpleSignature `json:"simple,omitempty"`
	Envelopes []SimpleSignature `json:"envelopes,omitempty"` // at the tag .att, see [SimpleSignature]
	Identity  Identity          `json:"identity"`
}

// PublicKeyRequest asks for the identity of a private or public key.
type PublicKeyRequest struct {
	Key      string `json:"key"` // PEM
	Password string `json:"password,omitempty"`
}

// Identity is who signed: a key, or the subject of a certificate.
type Identity struct {
	PublicKeyPEM string `json:"publicKeyPEM,omitempty"`
	// Fingerprint is "sha256:" and the hex digest of the public key (PKIX, DER).
	Fingerprint string `json:"fingerprint,omitempty"`
	// SAN and Issuer are a certificate's subject (an e-mail address, a workflow's
	// address) and who vouched for it (the OIDC issuer); both empty for a key.
	SAN    string `json:"san,omitempty"`
	Issuer string `json:"issuer,omitempty"`
}

// VerifyRequest asks for a verdict on signatures. It has a key, or an identity and an
// issuer (one of each pair, literally or as a regular expression that matches the
// whole).
type VerifyRequest struct {
	KeyPEM         string `json:"keyPEM,omitempty"` // a public key
	Identity       string `json:"identity,omitempty"`
	IdentityRegexp string `json:"identityRegexp,omitempty"`
	Issuer         string `json:"issuer,omitempty"`
	IssuerRegexp   string `json:"issuerRegexp,omitempty"`

	// TrustedRoot is the JSON text of a trusted_root.json. Empty is sigstore's, which
	// is fetched unless Offline, and not needed for a key with IgnoreLog.
	TrustedRoot string `json:"trustedRoot,omitempty"`
	Offline     bool   `json:"offline,omitempty"`
	// IgnoreLog accepts what a key signed without an entry in a transparency log.
	IgnoreLog bool `json:"ignoreLog,omitempty"`

	Bundles   []json.RawMessage `json:"bundles,omitempty"`
	Simple    []SimpleSignature `json:"simple,omitempty"`
	Envelopes []SimpleSignature `json:"envelopes,omitempty"` // of the tag .att
}

// VerifyResponse has a verdict on each, in the request's order.
type VerifyResponse struct {
	Bundles   []Verdict `json:"bundles,omitempty"`
	Simple    []Verdict `json:"simple,omitempty"`
	Envelopes []Verdict `json:"envelopes,omitempty"`
}

// Verdict is what a signature is worth. Unless OK, only Error is set.
type Verdict struct {
	OK    bool   `json:"ok"`
	Error *Error `json:"error,omitempty"`
	// Payload is what was signed: an in-toto statement, or a simple payload.
	Payload     []byte   `json:"payload,omitempty"`
	PayloadType string   `json:"payloadType,omitempty"`
	Identity    Identity `json:"identity"`
	// LogIndex is the index of the entry in the transparency log, -1 without one.
	LogIndex int64 `json:"logIndex"`
	// SignedAt is a time that the log or a timestamp authority vouches for; zero when
	// neither does.
	SignedAt time.Time `json:"signedAt,omitzero"`
}

// Code is a stable word for what went wrong.
type Code string

// The codes of errors.
const (
	CodeProtocol      Code = "protocol"       // a request that nobody understands
	CodeVersion       Code = "version"        // the other side speaks another version
	CodeWrongPassword Code = "wrong-password" // of a private key
	CodeBadKey        Code = "bad-key"        // not a key that can be used
	CodeBadBundle     Code = "bad-bundle"     // not a bundle, or one with parts missing
	CodeBadPredicate  Code = "bad-predicate"  // signed, but not what its type says
	CodeBadPolicy     Code = "bad-policy"     // the request says badly whom to trust
	CodeSignature     Code = "signature"      // it does not belong to the payload
	CodeOtherKey      Code = "other-key"      // signed, but not by the key asked for
	CodeOtherIdentity Code = "other-identity" // signed, but by somebody else
	CodeUntrusted     Code = "untrusted"      // the certificate is of no trusted authority
	CodeExpired       Code = "expired"        // the certificate was not valid when it was used
	CodeNotLogged     Code = "not-logged"     // no entry of a trusted log, or one of something else
	CodeNoTime        Code = "no-time"        // nothing says when it was signed
	CodeNoTrustedRoot Code = "no-trusted-root"
	CodeFulcio        Code = "fulcio" // the certificate authority did not help
	CodeRekor         Code = "rekor"  // the transparency log did not help
	CodeTSA           Code = "tsa"    // the timestamp authority did not help
	CodeOIDC          Code = "oidc"   // no token, or not one that is accepted
	CodeUnsupported   Code = "unsupported"
	CodeInternal      Code = "internal"
)

// Error is what went wrong. It never holds a password, key or token.
type Error struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`
}

func (e *Error) Error() string { return e.Message }
