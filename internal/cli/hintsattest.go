package cli

import (
	"errors"
	"fmt"

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
	case is[*publish.ContendedError](err):
		return "others write to the same tag: run it again"
	case is[*provenance.SecretError](err):
		return "rename it, or push without provenance (--provenance=false)"
	}
	if h := hintArtifact(err); h != "" {
		return h
	}
	if e, ok := errors.AsType[*wire.Error](err); ok {
		return sigstoreHint(e.Code, is[*attest.SignError](err))
	}
	return ""
}

// hintArtifact is what to do about what lies, or should lie, beside an image.
func hintArtifact(err error) string {
	if e, ok := errors.AsType[*publish.TagError](err); ok {
		return fmt.Sprintf("somebody has overwritten %s: delete that tag if nobody needs what it holds now, and run it again", e.Reference)
	}
	switch {
	case is[*publish.AttachError](err) && is[*attest.SignError](err):
		return "signatures in cosign's older scheme go by tags, which every registry takes: add --cosign-tags (sign: {cosignTags: true})"
	case is[*publish.AttachError](err):
		return "this registry takes no artifacts that refer to an image (OCI 1.1): push with --sbom none, and without --provenance"
	case is[*publish.SubjectError](err):
		return "it is about another image: don't trust it"
	case is[*publish.ArtifactError](err):
		return "it lies beside the image, which may be all right: delete it in the registry, and push the image again with --no-fast-path"
	}
	return ""
}

// sigstoreHint is for what imgo-sigstore reports. What verifies takes other flags than
// what signs.
func sigstoreHint(code wire.Code, signing bool) string {
	switch code {
	case wire.CodeWrongPassword:
		return "the password comes from COSIGN_PASSWORD"
	case wire.CodeBadKey:
		return "a key is what cosign generate-key-pair makes: cosign.key signs, cosign.pub verifies"
	case wire.CodeNoTrustedRoot:
		if signing {
			return "check the network, or name the file with --trusted-root; with a key, --no-tlog needs neither"
		}
		return "check the network, or name the file with --trusted-root; what a key signed outside of a log is verified with --insecure-ignore-tlog"
	case wire.CodeFulcio:
		return "check --fulcio-url and the network, or sign with a key (--key FILE)"
	case wire.CodeRekor:
		return "check --rekor-url and the network; with a key, --no-tlog does without the log"
	case wire.CodeTSA:
		return "check --tsa-url and the network"
	case wire.CodeOIDC:
		return "tokens live for some minutes only: get a new one, or sign with a key (--key FILE)"
	}
	return ""
}
