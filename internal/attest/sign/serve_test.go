package sign

import (
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/imgo-build/imgo/internal/attest/wire"
)

func TestServe(t *testing.T) {
	k := newKey(t, "ecdsa")
	tests := map[string]struct {
		req  wire.Request
		want wire.Code
	}{
		"nothing":                   {wire.Request{}, ""},
		"another version":           {wire.Request{Version: 7}, wire.CodeVersion},
		"two things":                {wire.Request{Sign: &wire.SignRequest{}, Verify: &wire.VerifyRequest{}}, wire.CodeProtocol},
		"neither a key nor a log":   {wire.Request{Sign: &wire.SignRequest{Signer: wire.Signer{NoLog: true}}}, wire.CodeUnsupported},
		"a bad address":             {wire.Request{Sign: &wire.SignRequest{Signer: wire.Signer{Key: k.private, RekorURL: ":"}}}, wire.CodeRekor},
		"a bad root":                {wire.Request{Sign: &wire.SignRequest{Signer: wire.Signer{Key: k.private, RekorURL: "http://x", TrustedRoot: "{"}}}, wire.CodeNoTrustedRoot},
		"nobody to trust":           {wire.Request{Verify: &wire.VerifyRequest{}}, wire.CodeBadPolicy},
		"an identity of any issuer": {wire.Request{Verify: &wire.VerifyRequest{Identity: someone, TrustedRoot: "{}"}}, wire.CodeBadPolicy},
		"a key and an identity":     {wire.Request{Verify: &wire.VerifyRequest{KeyPEM: k.public, Identity: someone, Issuer: "x"}}, wire.CodeBadPolicy},
		"an identity without a log": {wire.Request{Verify: &wire.VerifyRequest{Identity: someone, Issuer: "x", IgnoreLog: true}}, wire.CodeBadPolicy},
		"a bad expression":          {wire.Request{Verify: &wire.VerifyRequest{IdentityRegexp: "(", Issuer: "x"}}, wire.CodeBadPolicy},
		"a bad key":                 {wire.Request{Verify: &wire.VerifyRequest{KeyPEM: "key", IgnoreLog: true}}, wire.CodeBadKey},
		"offline without a root":    {wire.Request{Verify: &wire.VerifyRequest{KeyPEM: k.public, Offline: true}}, wire.CodeNoTrustedRoot},
		"an identity, offline":      {wire.Request{Verify: &wire.VerifyRequest{Identity: someone, Issuer: "x", Offline: true}}, wire.CodeNoTrustedRoot},
		"a public key":              {wire.Request{PublicKey: &wire.PublicKeyRequest{Key: k.public}}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if test.req.Version == 0 {
				test.req.Version = wire.Version
			}
			resp := Serve(t.Context(), &test.req, io.Discard)
			if resp.Version != wire.Version {
				t.Errorf("version %d", resp.Version)
			}
			if test.want == "" {
				if resp.Error != nil {
					t.Error(resp.Error)
				}
				return
			}
			wantCode(t, resp.Error, test.want)
		})
	}
}

// No text makes a bundle that is good without being one that was signed.
func FuzzVerify(f *testing.F) {
	k := newKey(f, "ecdsa")
	made, err := Sign(f.Context(), &wire.SignRequest{
		Signer:     wire.Signer{Key: k.private, NoLog: true},
		Statements: [][]byte{statement(f, 1)}, Simple: [][]byte{simple(f, 1)}, Envelopes: true,
	}, io.Discard)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(made.Bundles[0]), made.Simple[0].Payload, made.Simple[0].Signature, "", "", "")
	f.Add(made.Envelopes[0].Payload, made.Envelopes[0].Payload, "", "", `{"SignedEntryTimestamp":"AA==","Payload":{"body":"eyJhcGlWZXJzaW9uIjoiMC4wLjEiLCJraW5kIjoiZHNzZSIsInNwZWMiOnt9fQ==","logID":"00"}}`, `{"SignedRFC3161Timestamp":"AA=="}`)
	f.Fuzz(func(t *testing.T, bundle, payload []byte, sig, cert, rekor, stamp string) {
		old := wire.SimpleSignature{Payload: payload, Signature: sig, Cert: cert, RekorBundle: rekor, Timestamp: stamp}
		resp, err := Verify(t.Context(), &wire.VerifyRequest{
			KeyPEM: k.public, IgnoreLog: true, Bundles: []json.RawMessage{bundle},
			Simple: []wire.SimpleSignature{old}, Envelopes: []wire.SimpleSignature{old},
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range append(append(resp.Bundles, resp.Simple...), resp.Envelopes...) {
			if v.OK && string(v.Payload) != string(statement(t, 1)) && string(v.Payload) != string(simple(t, 1)) {
				t.Errorf("accepted %s", v.Payload)
			}
			if !v.OK && (v.Error == nil || strings.TrimSpace(v.Error.Message) == "") {
				t.Error("refused without a reason")
			}
		}
	})
}
