package sign

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"io"
	"strings"

	"github.com/sigstore/cosign/v2/pkg/cosign"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	"github.com/sigstore/sigstore-go/pkg/fulcio/certificate"
	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/sigstore/sigstore/pkg/signature/options"

	"github.com/imgo-build/imgo/internal/attest/wire"
)

// PublicKey says who a key is. The key may be a private one of cosign's with its
// password, or a public one.
func PublicKey(req *wire.PublicKeyRequest) (*wire.Identity, error) {
	block, _ := pem.Decode([]byte(req.Key))
	if block != nil && block.Type == "PUBLIC KEY" {
		pub, err := publicKey(req.Key)
		if err != nil {
			return nil, err
		}
		return keyIdentity(pub)
	}
	pair, err := loadPair(req.Key, req.Password)
	if err != nil {
		return nil, err
	}
	return keyIdentity(pair.public)
}

// key is what signs: a pair of the user's, or one that sigstore-go makes.
type key interface {
	// SignData returns the signature, and the digest that it is over.
	SignData(ctx context.Context, data []byte) (sig, digest []byte, err error)
	GetHashAlgorithm() protocommon.HashAlgorithm
	GetHint() []byte
	GetPublicKeyPem() (string, error)
}

// pair is a private key of the user's. It signs the way that cosign verify --key checks:
// ECDSA and RSA over SHA-256 whatever their size, Ed25519 over the data itself. (cosign
// sign chooses other ways for large curves and Ed25519, which cosign verify refuses.)
type pair struct {
	signer signature.SignerVerifier
	public crypto.PublicKey
	hint   string
}

// loadPair reads a private key: cosign's encrypted form, or PKCS #8, PKCS #1 or SEC 1
// without encryption.
func loadPair(text, password string) (*pair, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, failf(wire.CodeBadKey, "the private key is not in PEM form")
	}
	var signer signature.SignerVerifier
	var err error
	switch block.Type {
	case cosign.CosignPrivateKeyPemType, cosign.SigstorePrivateKeyPemType:
		signer, err = cosign.LoadPrivateKey([]byte(text), []byte(password), &[]signature.LoadOption{})
		if err != nil && strings.Contains(err.Error(), "decrypt") {
			return nil, decryptError(block.Bytes)
		}
	case cosign.PrivateKeyPemType, cosign.RSAPrivateKeyPemType, cosign.ECPrivateKeyPemType:
		var private crypto.PrivateKey
		private, err = cryptoutils.UnmarshalPEMToPrivateKey([]byte(text), cryptoutils.SkipPassword)
		if err == nil {
			signer, err = signature.LoadSignerVerifier(private, crypto.SHA256)
		}
	default:
		return nil, failf(wire.CodeBadKey, "%q is not a private key that can be used; cosign generate-key-pair makes one", block.Type)
	}
	if err != nil {
		return nil, failf(wire.CodeBadKey, "reading the private key: %s", err)
	}
	return newPair(signer)
}

// decryptError tells a password that is wrong from a file that is damaged: cosign's
// form is JSON around what is encrypted.
func decryptError(content []byte) error {
	if !bytes.HasPrefix(bytes.TrimSpace(content), []byte("{")) {
		return failf(wire.CodeBadKey, "the private key is damaged")
	}
	return failf(wire.CodeWrongPassword, "the password does not open the private key")
}

func newPair(signer signature.SignerVerifier) (*pair, error) {
	public, err := signer.PublicKey()
	if err != nil {
		return nil, failf(wire.CodeBadKey, "reading the private key: %s", err)
	}
	sum, err := keySum(public)
	if err != nil {
		return nil, err
	}
	return &pair{signer, public, base64.StdEncoding.EncodeToString(sum)}, nil
}

// hashed reports whether the key signs a digest.
func (p *pair) hashed() bool {
	_, pure := p.public.(ed25519.PublicKey)
	return !pure
}

func (p *pair) GetHashAlgorithm() protocommon.HashAlgorithm {
	if p.hashed() {
		return protocommon.HashAlgorithm_SHA2_256
	}
	return protocommon.HashAlgorithm_HASH_ALGORITHM_UNSPECIFIED
}

func (p *pair) GetHint() []byte { return []byte(p.hint) }

func (p *pair) GetPublicKeyPem() (string, error) {
	b, err := cryptoutils.MarshalPublicKeyToPEM(p.public)
	return string(b), err
}

func (p *pair) SignData(ctx context.Context, data []byte) (sig, digest []byte, err error) {
	if !p.hashed() {
		sig, err = p.signer.SignMessage(bytes.NewReader(data), options.WithContext(ctx))
		return sig, data, err
	}
	sum := sha256.Sum256(data)
	sig, err = p.signer.SignMessage(bytes.NewReader(data), options.WithContext(ctx),
		options.WithDigest(sum[:]), options.WithCryptoSignerOpts(crypto.SHA256))
	return sig, sum[:], err
}

// publicKey reads a public key.
func publicKey(text string) (crypto.PublicKey, error) {
	pub, err := cryptoutils.UnmarshalPEMToPublicKey([]byte(text))
	if err != nil {
		return nil, failf(wire.CodeBadKey, "reading the public key: %s", err)
	}
	return pub, nil
}

// keyVerifier verifies by a public key, in every way that a key of its kind signs:
// Ed25519 with and without a hash first, curves larger than P-256 also with SHA-256,
// as older signers did.
func keyVerifier(pub crypto.PublicKey) (signature.Verifier, error) {
	first, err := signature.LoadDefaultVerifier(pub, options.WithED25519ph())
	if err != nil {
		return nil, failf(wire.CodeBadKey, "using the public key: %s", err)
	}
	second, err := signature.LoadVerifier(pub, crypto.SHA256)
	if err != nil {
		return nil, failf(wire.CodeBadKey, "using the public key: %s", err)
	}
	return anyVerifier{first, second}, nil
}

// anyVerifier accepts what one of its verifiers accepts. They are of one key.
type anyVerifier []signature.Verifier

func (v anyVerifier) PublicKey(opts ...signature.PublicKeyOption) (crypto.PublicKey, error) {
	return v[0].PublicKey(opts...)
}

func (v anyVerifier) VerifySignature(sig, message io.Reader, opts ...signature.VerifyOption) error {
	s, err := io.ReadAll(sig)
	if err != nil {
		return err
	}
	m, err := io.ReadAll(message)
	if err != nil {
		return err
	}
	var errs []error
	for _, one := range v {
		err := one.VerifySignature(bytes.NewReader(s), bytes.NewReader(m), opts...)
		if err == nil {
			return nil
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func keySum(pub crypto.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return nil, failf(wire.CodeBadKey, "using the public key: %s", err)
	}
	sum := sha256.Sum256(der)
	return sum[:], nil
}

func keyIdentity(pub crypto.PublicKey) (*wire.Identity, error) {
	sum, err := keySum(pub)
	if err != nil {
		return nil, err
	}
	text, err := cryptoutils.MarshalPublicKeyToPEM(pub)
	if err != nil {
		return nil, failf(wire.CodeBadKey, "using the public key: %s", err)
	}
	return &wire.Identity{PublicKeyPEM: string(text), Fingerprint: "sha256:" + hex.EncodeToString(sum)}, nil
}

func certIdentity(cert *x509.Certificate) (*wire.Identity, error) {
	id, err := keyIdentity(cert.PublicKey)
	if err != nil {
		return nil, err
	}
	summary, err := certificate.SummarizeCertificate(cert)
	if err != nil {
		return nil, failf(wire.CodeUnsupported, "reading the certificate: %s", err)
	}
	id.SAN, id.Issuer = summary.SubjectAlternativeName, summary.Issuer
	return id, nil
}
