package sign

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/sigstore/cosign/v2/pkg/cosign"
	"github.com/sigstore/cosign/v2/pkg/oci/static"
	sgbundle "github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"
	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature"

	"github.com/imgo-build/imgo/internal/attest/wire"
)

func digest(n int) string { return "sha256:" + strings.Repeat(string(rune('0'+n)), 64) }

func statement(t testing.TB, n int) []byte {
	t.Helper()
	b, err := wire.SignatureStatement(digest(n))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func simple(t testing.TB, n int) []byte {
	t.Helper()
	b, err := wire.SimplePayload("example.com/app", digest(n))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func wantCode(t *testing.T, err error, want wire.Code) {
	t.Helper()
	var e *wire.Error
	if !errors.As(err, &e) || e.Code != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

type testKey struct {
	private, public string
	key             crypto.PublicKey
}

// newKey makes a key without a password: to open one with it takes a while by design.
func newKey(t testing.TB, kind string) testKey {
	t.Helper()
	var private crypto.Signer
	var err error
	switch kind {
	case "ecdsa":
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "ecdsa P-384":
		private, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "rsa":
		private, err = rsa.GenerateKey(rand.Reader, 2048)
	case "ed25519":
		_, private, err = ed25519.GenerateKey(rand.Reader)
	}
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	public, err := cryptoutils.MarshalPublicKeyToPEM(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	return testKey{string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), string(public), private.Public()}
}

func TestKeyRoundTrip(t *testing.T) {
	for _, kind := range []string{"ecdsa", "ecdsa P-384", "rsa", "ed25519"} {
		t.Run(kind, func(t *testing.T) {
			k := newKey(t, kind)
			made := signAll(t, wire.Signer{Key: k.private, NoLog: true})
			verdicts := verifyAll(t, wire.VerifyRequest{KeyPEM: k.public, IgnoreLog: true, Offline: true}, made)
			if diff := cmp.Diff(five("ok"), codes(verdicts)); diff != "" {
				t.Fatal(diff, verdicts)
			}
			for _, v := range verdicts {
				if v.Identity != made.Identity || v.Identity.PublicKeyPEM != k.public || v.LogIndex != -1 || !v.SignedAt.IsZero() {
					t.Errorf("got %+v", v)
				}
			}
			cosignVerifies(t, k, made)
		})
	}
}

// cosignVerifies does what cosign verify --key and cosign verify-attestation --key do.
func cosignVerifies(t *testing.T, k testKey, made *wire.SignResponse) {
	t.Helper()
	verifier, err := signature.LoadVerifier(k.key, crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	opts := &cosign.CheckOpts{SigVerifier: verifier, IgnoreTlog: true, TrustedMaterial: &root.BaseTrustedMaterial{}}
	b := &sgbundle.Bundle{}
	if err := b.UnmarshalJSON(made.Bundles[0]); err != nil {
		t.Fatal(err)
	}
	if _, err := cosign.VerifyNewBundle(t.Context(), opts, verify.WithoutArtifactUnsafe(), b); err != nil {
		t.Error(err)
	}
	old, err := static.NewSignature(made.Simple[0].Payload, made.Simple[0].Signature)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cosign.VerifyImageSignature(t.Context(), old, v1.Hash{}, opts); err != nil {
		t.Error(err)
	}
	att, err := static.NewAttestation(made.Envelopes[0].Payload)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cosign.VerifyBlobAttestation(t.Context(), att, v1.Hash{}, opts); err != nil {
		t.Error(err)
	}
}

func TestCosignKey(t *testing.T) {
	pair, err := cosign.GenerateKeyPair(func(bool) ([]byte, error) { return []byte("right"), nil })
	if err != nil {
		t.Fatal(err)
	}
	key := string(pair.PrivateBytes)
	id, err := PublicKey(&wire.PublicKeyRequest{Key: key, Password: "right"})
	if err != nil {
		t.Fatal(err)
	}
	public, err := PublicKey(&wire.PublicKeyRequest{Key: string(pair.PublicBytes)})
	if err != nil {
		t.Fatal(err)
	}
	if *id != *public || !strings.HasPrefix(id.Fingerprint, "sha256:") {
		t.Errorf("the private key is %+v, the public one %+v", id, public)
	}
	_, err = PublicKey(&wire.PublicKeyRequest{Key: key, Password: "wrong"})
	wantCode(t, err, wire.CodeWrongPassword)
	damaged := pem.EncodeToMemory(&pem.Block{Type: cosign.SigstorePrivateKeyPemType, Bytes: []byte("junk")})
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("junk")})
	for _, bad := range []string{"", "key", string(damaged), string(certificate)} {
		_, err = PublicKey(&wire.PublicKeyRequest{Key: bad, Password: "right"})
		wantCode(t, err, wire.CodeBadKey)
	}
}

// cosign's own choice for this key is SHA-384, which cosign verify --key refuses.
func TestLargeCurveOfCosign(t *testing.T) {
	private, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := signature.LoadDefaultSignerVerifier(private)
	if err != nil {
		t.Fatal(err)
	}
	p, err := newPair(signer)
	if err != nil {
		t.Fatal(err)
	}
	sig, digest, err := p.SignData(t.Context(), []byte("data"))
	if err != nil {
		t.Fatal(err)
	}
	if sum := sum256([]byte("data")); !bytes.Equal(digest, sum) || !ecdsa.VerifyASN1(&private.PublicKey, sum, sig) {
		t.Error("the signature is not over the SHA-256 digest")
	}
}

func TestKeyWithLog(t *testing.T) {
	d := newDeployment(t)
	k := newKey(t, "rsa")
	s := wire.Signer{Key: k.private, RekorURL: d.URL, TrustedRoot: d.root(t)}
	made := signAll(t, s)
	// RSA signatures don't differ: the log has these entries already.
	if again := signAll(t, s); string(again.Bundles[0]) != string(made.Bundles[0]) {
		t.Errorf("signing the same again gives another bundle:\n%s\n%s", made.Bundles[0], again.Bundles[0])
	}
	req := wire.VerifyRequest{KeyPEM: k.public, TrustedRoot: d.root(t)}
	verdicts := verifyAll(t, req, made)
	if diff := cmp.Diff(five("ok"), codes(verdicts)); diff != "" {
		t.Fatal(diff, verdicts)
	}
	if v := verdicts[0]; v.LogIndex < 100 || v.SignedAt.IsZero() {
		t.Errorf("got %+v", v)
	}
	unlogged := signAll(t, wire.Signer{Key: k.private, NoLog: true})
	if diff := cmp.Diff(five("not-logged"), codes(verifyAll(t, req, unlogged))); diff != "" {
		t.Error(diff)
	}
	// An entry in the log is over one signature, not over all of the key's.
	for i := range unlogged.Bundles {
		unlogged.Bundles[i] = graft(t, unlogged.Bundles[i], made.Bundles[1-i], "tlogEntries")
	}
	if diff := cmp.Diff([]string{"not-logged", "not-logged"}, codes(verifyAll(t, req, &wire.SignResponse{Bundles: unlogged.Bundles}))); diff != "" {
		t.Error(diff)
	}
	s.Key = newKey(t, "ed25519").private
	_, err := Sign(t.Context(), &wire.SignRequest{Signer: s, Simple: [][]byte{simple(t, 1)}}, io.Discard)
	wantCode(t, err, wire.CodeUnsupported)
	if _, err := Sign(t.Context(), &wire.SignRequest{Signer: s, Statements: [][]byte{statement(t, 1)}}, io.Discard); err != nil {
		t.Error(err)
	}
}

// edit changes a bundle as JSON.
func edit(t testing.TB, text []byte, change func(b, material, envelope map[string]any)) json.RawMessage {
	t.Helper()
	var b map[string]any
	if err := json.Unmarshal(text, &b); err != nil {
		t.Fatal(err)
	}
	envelope, _ := b["dsseEnvelope"].(map[string]any)
	change(b, b["verificationMaterial"].(map[string]any), envelope)
	out, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// graft puts a part of another bundle's verification material into one.
func graft(t testing.TB, to, from []byte, field string) json.RawMessage {
	t.Helper()
	var part any
	edit(t, from, func(_, m, _ map[string]any) { part = m[field] })
	return edit(t, to, func(_, m, _ map[string]any) { m[field] = part })
}

func TestTampering(t *testing.T) {
	d := newDeployment(t)
	k := newKey(t, "ecdsa")
	byKey := signAll(t, wire.Signer{Key: k.private, NoLog: true})
	otherKey := signAll(t, wire.Signer{Key: newKey(t, "ecdsa").private, NoLog: true})
	keyless := signAll(t, d.signer(t))
	again := signAll(t, d.signer(t))
	swapped := func(_, _, e map[string]any) { e["payload"] = statement(t, 3) }
	tests := map[string]struct {
		bundle json.RawMessage
		byID   bool
		want   string
	}{
		"payload by key":      {edit(t, byKey.Bundles[0], swapped), false, "signature"},
		"payload by identity": {edit(t, keyless.Bundles[0], swapped), true, "signature"},
		"signature of another statement": {edit(t, byKey.Bundles[0], func(_, _, e map[string]any) {
			edit(t, byKey.Bundles[1], func(_, _, other map[string]any) { e["signatures"] = other["signatures"] })
		}), false, "signature"},
		"no signature": {edit(t, byKey.Bundles[0], func(_, _, e map[string]any) { e["signatures"] = []any{} }), false, "signature"},
		"two signatures": {edit(t, byKey.Bundles[0], func(_, _, e map[string]any) {
			e["signatures"] = append(e["signatures"].([]any), e["signatures"].([]any)...)
		}), false, "signature"},
		"other key": {otherKey.Bundles[0], false, "other-key"},
		"other key that says nothing": {edit(t, otherKey.Bundles[0], func(_, m, _ map[string]any) {
			m["publicKey"] = map[string]any{}
		}), false, "signature"},
		"key where an identity is due":     {byKey.Bundles[0], true, "other-identity"},
		"identity where a key is due":      {keyless.Bundles[0], false, "other-key"},
		"certificate of another signature": {graft(t, keyless.Bundles[0], again.Bundles[0], "certificate"), true, "signature"},
		"log entry of another signature":   {graft(t, keyless.Bundles[0], keyless.Bundles[1], "tlogEntries"), true, "not-logged"},
		"no log entry":                     {edit(t, keyless.Bundles[0], func(_, m, _ map[string]any) { delete(m, "tlogEntries") }), true, "not-logged"},
		"damaged certificate":              {edit(t, keyless.Bundles[0], func(_, m, _ map[string]any) { m["certificate"] = map[string]any{"rawBytes": []byte("junk")} }), true, "bad-bundle"},
		"other payload type":               {edit(t, byKey.Bundles[0], func(_, _, e map[string]any) { e["payloadType"] = "text/plain" }), false, "unsupported"},
		"future version":                   {edit(t, byKey.Bundles[0], func(b, _, _ map[string]any) { b["mediaType"] = "application/vnd.dev.sigstore.bundle.v9+json" }), false, "bad-bundle"},
		"no verification material":         {edit(t, byKey.Bundles[0], func(b, _, _ map[string]any) { b["verificationMaterial"] = nil }), false, "bad-bundle"},
		"no bundle":                        {json.RawMessage(`[]`), false, "bad-bundle"},
		"bundle over a file":               {json.RawMessage(`{"messageSignature":{}}`), false, "unsupported"},
		"unchanged, by key":                {byKey.Bundles[0], false, "ok"},
		"unchanged, by identity":           {keyless.Bundles[0], true, "ok"},
		"with a field of a later version":  {edit(t, byKey.Bundles[0], func(b, _, _ map[string]any) { b["later"] = 1 }), false, "ok"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			req := wire.VerifyRequest{KeyPEM: k.public, IgnoreLog: true}
			if test.byID {
				req = wire.VerifyRequest{Identity: someone, Issuer: someIssuer, TrustedRoot: d.root(t)}
			}
			verdicts := verifyAll(t, req, &wire.SignResponse{Bundles: []json.RawMessage{test.bundle}})
			if got := codes(verdicts)[0]; got != test.want {
				t.Errorf("got %s (%v), want %s", got, verdicts[0].Error, test.want)
			}
			if !verdicts[0].OK && verdicts[0].Payload != nil {
				t.Error("a refused payload is returned")
			}
		})
	}
}

func TestTamperingOldScheme(t *testing.T) {
	d := newDeployment(t)
	made := signAll(t, d.signer(t))
	again := signAll(t, d.signer(t))
	req := wire.VerifyRequest{Identity: someone, Issuer: someIssuer, TrustedRoot: d.root(t)}
	for name, test := range map[string]struct {
		change func(s *wire.SimpleSignature)
		want   string
	}{
		"payload":        {func(s *wire.SimpleSignature) { s.Payload = simple(t, 2) }, "signature"},
		"signature":      {func(s *wire.SimpleSignature) { s.Signature = again.Simple[0].Signature }, "signature"},
		"no signature":   {func(s *wire.SimpleSignature) { s.Signature = "" }, "bad-bundle"},
		"certificate":    {func(s *wire.SimpleSignature) { s.Cert = again.Simple[0].Cert }, "signature"},
		"no certificate": {func(s *wire.SimpleSignature) { s.Cert = "" }, "other-identity"},
		"junk":           {func(s *wire.SimpleSignature) { s.Cert = "junk" }, "bad-bundle"},
		"log entry":      {func(s *wire.SimpleSignature) { s.RekorBundle = again.Simple[0].RekorBundle }, "not-logged"},
		"no log entry":   {func(s *wire.SimpleSignature) { s.RekorBundle = "" }, "not-logged"},
		"junk entry":     {func(s *wire.SimpleSignature) { s.RekorBundle = `{"Payload":{"body":"e30="}}` }, "bad-bundle"},
	} {
		t.Run(name, func(t *testing.T) {
			s := made.Simple[0]
			test.change(&s)
			verdicts := verifyAll(t, req, &wire.SignResponse{Simple: []wire.SimpleSignature{s}})
			if got := codes(verdicts)[0]; got != test.want {
				t.Errorf("got %s (%v), want %s", got, verdicts[0].Error, test.want)
			}
		})
	}
	s := made.Envelopes[0]
	s.Payload = bytes.Replace(s.Payload, []byte(`"payload":"`), []byte(`"payload":"ey`), 1)
	if got := codes(verifyAll(t, req, &wire.SignResponse{Envelopes: []wire.SimpleSignature{s}}))[0]; got != "bad-bundle" && got != "signature" {
		t.Errorf("a changed envelope: %s", got)
	}
}
