package attest

import "testing"

// A signature of the digest is enough, by whom is trusted, in either scheme; what is said
// of its images isn't asked for.
func TestVerifyDigest(t *testing.T) {
	f := newFixture(t)
	signed := func(by string) bool {
		t.Helper()
		s, err := f.VerifyDigest(t.Context(), f.repo, f.top.Digest, Trust{KeyPEM: by, Require: Kinds})
		if err != nil {
			t.Fatal(err)
		}
		id, ok := s.Signer()
		if ok && id.Fingerprint != by {
			t.Errorf("signed by %+v", id)
		}
		return ok
	}
	if signed("me") {
		t.Error("nobody signed it")
	}
	f.sign.CosignTags = true
	f.signAll(t)
	delete(f.reg.attached, f.one.Digest)
	if !signed("me") || signed("you") {
		t.Error("the index is signed by me alone")
	}
	own := f.reg.attached[f.top.Digest]
	delete(f.reg.attached, f.top.Digest)
	if !signed("me") {
		t.Error("the older scheme doesn't count")
	}
	clear(f.reg.old)
	f.reg.attached[f.one.Digest] = own
	if signed("me") {
		t.Error("what is attached to an image of it counts")
	}
}
