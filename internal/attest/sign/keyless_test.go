package sign

import (
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sigstore/cosign/v2/pkg/cosign"
	"github.com/sigstore/cosign/v2/pkg/cosign/bundle"
	"github.com/sigstore/cosign/v2/pkg/oci/static"
	sgbundle "github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/testing/ca"
	"github.com/sigstore/sigstore-go/pkg/verify"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/internal/attest/wire"
)

func signAll(t *testing.T, s wire.Signer) *wire.SignResponse {
	t.Helper()
	resp, err := Sign(t.Context(), &wire.SignRequest{
		Signer:     s,
		Statements: [][]byte{statement(t, 1), statement(t, 2)},
		Simple:     [][]byte{simple(t, 1)},
		Envelopes:  true,
	}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

func verifyAll(t *testing.T, req wire.VerifyRequest, made *wire.SignResponse) []wire.Verdict {
	t.Helper()
	req.Bundles, req.Simple, req.Envelopes = made.Bundles, made.Simple, made.Envelopes
	resp, err := Verify(t.Context(), &req)
	if err != nil {
		t.Fatal(err)
	}
	return append(append(resp.Bundles, resp.Simple...), resp.Envelopes...)
}

// codes are the reasons of refusals, "ok" for none.
func codes(verdicts []wire.Verdict) []string {
	var list []string
	for _, v := range verdicts {
		if v.OK {
			list = append(list, "ok")
		} else {
			list = append(list, string(v.Error.Code))
		}
	}
	return list
}

func five(code string) []string { return []string{code, code, code, code, code} }

func TestKeyless(t *testing.T) {
	d := newDeployment(t)
	made := signAll(t, d.signer(t))
	if d.requests["fulcio"] != 1 {
		t.Errorf("asked for %d certificates, want one for all", d.requests["fulcio"])
	}
	if made.Identity.SAN != someone || made.Identity.Issuer != someIssuer {
		t.Errorf("signed by %+v", made.Identity)
	}
	if n := strings.Count(made.Simple[0].Chain, "BEGIN CERTIFICATE"); n != 2 {
		t.Errorf("the chain has %d certificates, want the intermediate one and the root", n)
	}
	req := wire.VerifyRequest{Identity: someone, Issuer: someIssuer, TrustedRoot: d.root(t), Offline: true}
	verdicts := verifyAll(t, req, made)
	if diff := cmp.Diff(five("ok"), codes(verdicts)); diff != "" {
		t.Fatal(diff, verdicts)
	}
	want := [][]byte{statement(t, 1), statement(t, 2), simple(t, 1), statement(t, 1), statement(t, 2)}
	for i, v := range verdicts {
		if diff := cmp.Diff(string(want[i]), string(v.Payload)); diff != "" {
			t.Error(diff)
		}
		if v.Identity != made.Identity {
			t.Errorf("verified %+v, signed %+v", v.Identity, made.Identity)
		}
		if age := time.Since(v.SignedAt); v.LogIndex < 100 || age > time.Minute || age < -time.Minute {
			t.Errorf("entry %d at %s", v.LogIndex, v.SignedAt)
		}
	}
}

func TestKeylessRefusals(t *testing.T) {
	d := newDeployment(t)
	made := signAll(t, d.signer(t))
	good := wire.VerifyRequest{Identity: someone, Issuer: someIssuer, TrustedRoot: d.root(t)}
	other := newDeployment(t)
	otherLog, err := ca.NewVirtualSigstore()
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		change func(*wire.VerifyRequest)
		want   string
	}{
		"another identity": {func(r *wire.VerifyRequest) { r.Identity = "else@example.com" }, "other-identity"},
		"another issuer":   {func(r *wire.VerifyRequest) { r.Issuer = "https://example.com" }, "other-identity"},
		"an expression": {func(r *wire.VerifyRequest) {
			r.Identity, r.IdentityRegexp, r.Issuer, r.IssuerRegexp = "", `some.*@example\.com`, "", "https://.*"
		}, "ok"},
		"an expression for a part":          {func(r *wire.VerifyRequest) { r.Identity, r.IdentityRegexp = "", "example" }, "other-identity"},
		"an expression with an alternative": {func(r *wire.VerifyRequest) { r.Identity, r.IdentityRegexp = "", "x|someone" }, "other-identity"},
		"another deployment":                {func(r *wire.VerifyRequest) { r.TrustedRoot = other.root(t) }, "untrusted"},
		"another log": {func(r *wire.VerifyRequest) {
			r.TrustedRoot = d.root(t, func(tr *root.TrustedRoot) *root.TrustedRoot {
				return changedRoot(t, tr, nil, withRawIDs(t, otherLog.RekorLogs()))
			})
		}, "not-logged"},
		"a certificate log": {func(r *wire.VerifyRequest) {
			r.TrustedRoot = d.root(t, func(tr *root.TrustedRoot) *root.TrustedRoot {
				return changedRoot(t, tr, withRawIDs(t, otherLog.CTLogs()), tr.RekorLogs())
			})
		}, "untrusted"},
		"a key": {func(r *wire.VerifyRequest) {
			*r = wire.VerifyRequest{KeyPEM: newKey(t, "ecdsa").public, TrustedRoot: r.TrustedRoot}
		}, "other-key"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			req := good
			test.change(&req)
			if diff := cmp.Diff(five(test.want), codes(verifyAll(t, req, made))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// changedRoot is the root with other logs.
func changedRoot(t *testing.T, r *root.TrustedRoot, ct, rekor map[string]*root.TransparencyLog) *root.TrustedRoot {
	t.Helper()
	r, err := root.NewTrustedRoot(root.TrustedRootMediaType01, r.FulcioCertificateAuthorities(), ct, r.TimestampingAuthorities(), rekor)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestExpiredCertificate(t *testing.T) {
	d := newDeployment(t)
	s := d.signer(t)
	d.skew = 20 * time.Minute
	req := &wire.SignRequest{Signer: s, Statements: [][]byte{statement(t, 1)}}
	_, err := Sign(t.Context(), req, io.Discard)
	wantCode(t, err, wire.CodeExpired)

	req.TrustedRoot = "" // now nothing is verified while signing
	made, err := Sign(t.Context(), req, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	verdicts := verifyAll(t, wire.VerifyRequest{Identity: someone, Issuer: someIssuer, TrustedRoot: d.root(t)}, made)
	if diff := cmp.Diff([]string{"expired"}, codes(verdicts)); diff != "" {
		t.Error(diff)
	}
}

func TestTimestampAuthority(t *testing.T) {
	d := newDeployment(t)
	noLog := func(tr *root.TrustedRoot) *root.TrustedRoot { return changedRoot(t, tr, nil, nil) }
	s := d.signer(t)
	s.TSAURL = d.URL + "/stamp"
	made := signAll(t, s)
	if d.requests["tsa"] != 3 {
		t.Errorf("%d timestamps for three signatures", d.requests["tsa"])
	}
	req := wire.VerifyRequest{Identity: someone, Issuer: someIssuer, TrustedRoot: d.root(t, noLog)}
	verdicts := verifyAll(t, req, made)
	if diff := cmp.Diff(five("ok"), codes(verdicts)); diff != "" {
		t.Fatal(diff)
	}
	if verdicts[0].SignedAt.IsZero() || verdicts[0].LogIndex != -1 {
		t.Errorf("got %+v", verdicts[0])
	}
	// Of signatures without a timestamp nothing but the log knows when they were made.
	verdicts = verifyAll(t, req, signAll(t, d.signer(t)))
	if diff := cmp.Diff(five("no-time"), codes(verdicts)); diff != "" {
		t.Error(diff)
	}
}

func TestServicesFail(t *testing.T) {
	d := newDeployment(t)
	for name, want := range map[string]wire.Code{"fulcio": wire.CodeFulcio, "rekor": wire.CodeRekor, "tsa": wire.CodeTSA} {
		d.refuse = name
		s := d.signer(t)
		s.TSAURL = d.URL + "/stamp"
		_, err := Sign(t.Context(), &wire.SignRequest{Signer: s, Statements: [][]byte{statement(t, 1)}}, io.Discard)
		wantCode(t, err, want)
	}
	for _, bad := range []string{"", "secret", "a.b.c"} {
		s := d.signer(t)
		s.Token = bad
		_, err := Sign(t.Context(), &wire.SignRequest{Signer: s}, io.Discard)
		wantCode(t, err, wire.CodeOIDC)
	}
}

// What is made here is what cosign's own functions accept.
func TestCosignVerifiesKeyless(t *testing.T) {
	d := newDeployment(t)
	made := signAll(t, d.signer(t))
	trusted, err := root.NewTrustedRootFromJSON([]byte(d.root(t)))
	if err != nil {
		t.Fatal(err)
	}
	opts := &cosign.CheckOpts{
		TrustedMaterial: trusted, IgnoreSCT: true, Offline: true,
		Identities: []cosign.Identity{{Subject: someone, Issuer: someIssuer}},
	}
	for _, text := range made.Bundles {
		b := &sgbundle.Bundle{}
		if err := b.UnmarshalJSON(text); err != nil {
			t.Fatal(err)
		}
		if _, err := cosign.VerifyNewBundle(t.Context(), opts, verify.WithoutArtifactUnsafe(), b); err != nil {
			t.Error(err)
		}
	}
	for i, old := range append(made.Simple, made.Envelopes...) {
		rb := &bundle.RekorBundle{}
		if err := json.Unmarshal([]byte(old.RekorBundle), rb); err != nil {
			t.Fatal(err)
		}
		options := []static.Option{static.WithCertChain([]byte(old.Cert), []byte(old.Chain)), static.WithBundle(rb)}
		if i == 0 {
			layer, err := static.NewSignature(old.Payload, old.Signature, options...)
			if err != nil {
				t.Fatal(err)
			}
			if logged, err := cosign.VerifyImageSignature(t.Context(), layer, v1.Hash{}, opts); err != nil || !logged {
				t.Error(logged, err)
			}
			annotations, err := layer.Annotations()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(old, wire.SimpleFrom(old.Payload, annotations)); diff != "" {
				t.Error("cosign's annotations are read otherwise:", diff)
			}
			continue
		}
		layer, err := static.NewAttestation(old.Payload, options...)
		if err != nil {
			t.Fatal(err)
		}
		if logged, err := cosign.VerifyBlobAttestation(t.Context(), layer, v1.Hash{}, opts); err != nil || !logged {
			t.Error(logged, err)
		}
	}
}
