package wire

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const someDigest = "sha256:2c3ba95f38b21c605e6a0a8bd6a3b653fff50d47f6f1230fef6bb454b380a9b7"

func TestSignatureStatement(t *testing.T) {
	text, err := SignatureStatement(someDigest)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":"` + someDigest[7:] +
		`"}}],"predicateType":"https://sigstore.dev/cosign/sign/v1","predicate":{}}`
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Error(diff)
	}
	stated, err := ParseStatement(text)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&Stated{PredicateSign, []string{someDigest}, json.RawMessage(`{}`)}, stated); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{"", "sha256", "sha256:", ":ab"} {
		if _, err := SignatureStatement(bad); err == nil {
			t.Errorf("a statement about %q", bad)
		}
	}
}

// The statements are some that cosign wrote: 2.6 has no predicate in signatures, and
// both versions attest with statements of version 0.1.
func TestParseStatementOfCosign(t *testing.T) {
	for text, want := range map[string]string{
		`{"_type":"https://in-toto.io/Statement/v1", "subject":[{"digest":{"sha256":"ab"}}], "predicateType":"https://sigstore.dev/cosign/sign/v1"}`:                                  PredicateSign,
		`{"_type":"https://in-toto.io/Statement/v0.1","predicateType":"https://spdx.dev/Document","subject":[{"name":"x/app","digest":{"sha256":"ab","sha512":"cd"}}],"predicate":1}`: PredicateSPDX,
		`{"_type":"https://in-toto.io/Statement/v2","subject":[{"digest":{"sha256":"ab"}}],"predicateType":"x"}`:                                                                      "",
		`{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha512":"ab"}}],"predicateType":"x"}`:                                                                      "",
		`{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":"ab"}}]}`:                                                                                          "",
		`[]`: "",
	} {
		stated, err := ParseStatement([]byte(text))
		switch {
		case want == "" && err == nil:
			t.Errorf("accepted %s", text)
		case want != "" && (err != nil || stated.PredicateType != want || stated.Digests[0] != "sha256:ab"):
			t.Errorf("%s: %+v, %v", text, stated, err)
		}
	}
}

func TestSimple(t *testing.T) {
	text, err := SimplePayload("127.0.0.1:5077/app", someDigest)
	if err != nil {
		t.Fatal(err)
	}
	// As cosign 2.6 and 3 write it.
	want := `{"critical":{"identity":{"docker-reference":"127.0.0.1:5077/app"},"image":{"docker-manifest-digest":"` + someDigest +
		`"},"type":"cosign container image signature"},"optional":null}`
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Error(diff)
	}
	s, err := ParseSimple(text)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&Simple{Reference: "127.0.0.1:5077/app", Digest: someDigest}, s); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{"", "{}", `{"critical":{"type":"atomic container signature","image":{"docker-manifest-digest":"x"}}}`,
		`{"critical":{"type":"cosign container image signature"}}`, want + "{}"} {
		if _, err := ParseSimple([]byte(bad)); err == nil {
			t.Errorf("accepted %q", bad)
		}
	}
	if got, want := SimpleTag(someDigest, SignatureSuffix), "sha256-"+someDigest[7:]+".sig"; got != want {
		t.Error(got)
	}
}

func TestSimpleAnnotations(t *testing.T) {
	for _, s := range []SimpleSignature{
		{Payload: []byte("p"), Signature: "c2ln", Cert: "c", Chain: "d", RekorBundle: "{}", Timestamp: "{ }"},
		{Payload: []byte("an attestation")},
	} {
		annotations := s.Annotations()
		if _, ok := annotations[AnnotationSignature]; !ok {
			t.Error("cosign takes no layer without the annotation of the signature")
		}
		if diff := cmp.Diff(s, SimpleFrom(s.Payload, annotations)); diff != "" {
			t.Error(diff)
		}
	}
}

func FuzzParse(f *testing.F) {
	statement, _ := SignatureStatement(someDigest)
	payload, _ := SimplePayload("example.com/app", someDigest)
	f.Add(statement)
	f.Add(payload)
	f.Fuzz(func(t *testing.T, text []byte) {
		if s, err := ParseStatement(text); err == nil && (s.PredicateType == "" || len(s.Digests) == 0) {
			t.Errorf("%+v", s)
		}
		if s, err := ParseSimple(text); err == nil && s.Digest == "" {
			t.Errorf("%+v", s)
		}
	})
}
