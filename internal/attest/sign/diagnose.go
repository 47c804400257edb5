package sign

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"io"
	"slices"

	sgbundle "github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/fulcio/certificate"
	"github.com/sigstore/sigstore-go/pkg/verify"
	"github.com/sigstore/sigstore/pkg/cryptoutils"

	"github.com/imgo-build/imgo/internal/attest/wire"
)

// diagnose finds out why a bundle was refused. It only ever chooses a word: that the
// bundle is refused is settled.
func (j *judge) diagnose(entity *sgbundle.Bundle, message []byte, cause error) error {
	content, err := entity.VerificationContent()
	if err != nil {
		return failf(wire.CodeBadBundle, "reading the bundle: %s", err)
	}
	if j.trust.key != nil {
		err = j.diagnoseKey(entity, content, message)
	} else {
		err = j.diagnoseCert(entity, content, message)
	}
	if err != nil {
		return err
	}
	return failf(wire.CodeBadBundle, "%s", cause)
}

func (j *judge) diagnoseKey(entity *sgbundle.Bundle, content verify.VerificationContent, message []byte) error {
	if cert := content.Certificate(); cert != nil {
		return failf(wire.CodeOtherKey, "signed by %s, not by the key", signerName(cert))
	}
	if err := checkSignature(entity, j.trust, message); err != nil {
		if j.namesOther(entity, content) {
			return failf(wire.CodeOtherKey, "signed by another key")
		}
		return failf(wire.CodeSignature, "the signature does not belong to the payload and the key")
	}
	if j.logged {
		if _, err := verify.VerifyTlogEntry(entity, j.trust, 1, false); err != nil {
			return failf(wire.CodeNotLogged, "not in a trusted transparency log: %s", err)
		}
	}
	return nil
}

// namesOther reports whether the bundle says that it was signed by another key.
func (j *judge) namesOther(entity *sgbundle.Bundle, content verify.VerificationContent) bool {
	if hint := content.PublicKey().Hint(); hint != "" {
		sum, err := keySum(j.trust.key)
		return err == nil && hint != base64.StdEncoding.EncodeToString(sum)
	}
	entries, err := entity.TlogEntries()
	if err != nil {
		return false
	}
	for _, e := range entries {
		if key, ok := e.PublicKey().(crypto.PublicKey); ok && !content.CompareKey(key, j.trust) {
			return true
		}
	}
	return false
}

func (j *judge) diagnoseCert(entity *sgbundle.Bundle, content verify.VerificationContent, message []byte) error {
	cert := content.Certificate()
	if cert == nil {
		return failf(wire.CodeOtherIdentity, "signed by a key, not by an identity")
	}
	t, err := j.trust.withKey(cert.PublicKey)
	if err != nil {
		return failf(wire.CodeUnsupported, "reading the certificate: %s", err)
	}
	if err := checkSignature(entity, t, message); err != nil {
		return failf(wire.CodeSignature, "the signature does not belong to the payload and the certificate")
	}
	// As the verifier does: Go doesn't know every form of a subject's name.
	cert.UnhandledCriticalExtensions = slices.DeleteFunc(cert.UnhandledCriticalExtensions, cryptoutils.SANOID.Equal)
	chains, err := verify.VerifyLeafCertificate(cert.NotBefore, cert, j.trust)
	if err != nil {
		return failf(wire.CodeUntrusted, "the certificate of %s is of no trusted authority", signerName(cert))
	}
	if err := j.diagnoseTime(entity, cert); err != nil {
		return err
	}
	if len(j.trust.CTLogs()) > 0 {
		if err := verify.VerifySignedCertificateTimestamp(chains, 1, j.trust); err != nil {
			return failf(wire.CodeUntrusted, "the certificate of %s is in no trusted certificate log: %s", signerName(cert), err)
		}
	}
	if j.identity != nil {
		summary, err := certificate.SummarizeCertificate(cert)
		if err != nil || j.identity.Verify(summary) != nil {
			return failf(wire.CodeOtherIdentity, "signed by %s", signerName(cert))
		}
	}
	return nil
}

// diagnoseTime looks whether the certificate was used while it was valid.
func (j *judge) diagnoseTime(entity *sgbundle.Bundle, cert *x509.Certificate) error {
	if j.logged {
		if _, err := verify.VerifyTlogEntry(entity, j.trust, 1, true); err != nil {
			entries, _ := entity.TlogEntries()
			for _, e := range entries {
				if t := e.IntegratedTime(); t.Before(cert.NotBefore) || t.After(cert.NotAfter) {
					return expired(cert)
				}
			}
			return failf(wire.CodeNotLogged, "not in a trusted transparency log: %s", err)
		}
	}
	at := j.observed(entity)
	if at.IsZero() {
		return failf(wire.CodeNoTime, "no trusted log or timestamp authority says when it was signed")
	}
	if _, err := verify.VerifyLeafCertificate(at, cert, j.trust); err != nil {
		return expired(cert)
	}
	return nil
}

func expired(cert *x509.Certificate) error {
	return failf(wire.CodeExpired, "the certificate of %s was not valid when it signed", signerName(cert))
}

// checkSignature verifies the signature alone, by the key of the trust.
func checkSignature(entity *sgbundle.Bundle, t *trust, message []byte) error {
	content, err := entity.SignatureContent()
	if err != nil {
		return err
	}
	if message != nil {
		return verify.VerifySignatureWithArtifacts(content, &sgbundle.PublicKey{}, t, []io.Reader{bytes.NewReader(message)})
	}
	return verify.VerifySignature(content, &sgbundle.PublicKey{}, t)
}

func signerName(cert *x509.Certificate) string {
	summary, err := certificate.SummarizeCertificate(cert)
	if err != nil {
		return "a certificate without a name"
	}
	if summary.Issuer == "" {
		return summary.SubjectAlternativeName
	}
	return summary.SubjectAlternativeName + " (issuer " + summary.Issuer + ")"
}
