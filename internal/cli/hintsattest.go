package cli

import (
	"errors"

	"github.com/imgo-build/imgo/internal/attest"
	"github.com/imgo-build/imgo/internal/attest/provenance"
	"github.com/imgo-build/imgo/internal/attest/sigstore"
	"github.com/imgo-build/imgo/internal/attest/wire"
	"github.com/imgo-build/imgo/pkg/publish"
)

// hintAttest is what to do about SBOM, provenance and signatures.
func hintAttest(err error) string {
	if e, ok := errors.AsType[*sigstore.MissingError](err); ok {
		return "install it beside imgo: " + e.Install
	}
	if e, ok := errors.AsType[*sigstore.VersionError](err); ok {
		return "install the one that belongs to this imgo: " + sigstore.InstallCommand(e.Version)
	}
	if e, ok := errors.AsType[*attest.NoSBOMError](err); ok {
		return "imgo push --sbom " + e.Format + " puts one beside what it builds"
	}
	switch {
	case is[*attest.NoTokenError](err):
		return "sign with a key (--key FILE, as cosign generate-key-pair makes it); in GitHub Actions, give the job the permission id-token: write"
	case is[*noPasswordError](err):
		return "set COSIGN_PASSWORD, empty for a key without a password"
	case is[*publish.AttachError](err):
		return "this registry takes no artifacts that refer to an image (OCI 1.1): push with --sbom none; signatures in cosign's older scheme go by tags (imgo sign --cosign-tags)"
	case is[*publish.ContendedError](err):
		return "others write to the same tag: run it again"
	case is[*publish.SubjectError](err):
		return "it is about another image: don't trust it"
	case is[*provenance.SecretError](err):
		return "rename it, or push without provenance (--provenance=false)"
	}
	if e, ok := errors.AsType[*wire.Error](err); ok {
		return sigstoreHints[e.Code]
	}
	return ""
}

// sigstoreHints are for what imgo-sigstore reports.
var sigstoreHints = map[wire.Code]string{
	wire.CodeWrongPassword: "the password comes from COSIGN_PASSWORD",
	wire.CodeBadKey:        "a key is what cosign generate-key-pair makes: cosign.key signs, cosign.pub verifies",
	wire.CodeNoTrustedRoot: "name the file with --trusted-root; what a key signed outside of a log is verified with --insecure-ignore-tlog",
	wire.CodeFulcio:        "check --fulcio-url and the network, or sign with a key (--key FILE)",
	wire.CodeRekor:         "check --rekor-url and the network; with a key, --no-tlog does without the log",
	wire.CodeTSA:           "check --tsa-url and the network",
	wire.CodeOIDC:          "tokens live for some minutes only: get a new one, or sign with a key (--key FILE)",
}
