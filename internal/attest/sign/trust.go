package sign

import (
	"crypto"
	"time"

	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/tuf"
	"github.com/sigstore/sigstore/pkg/signature"

	"github.com/imgo-build/imgo/internal/attest/wire"
)

// trust is what is believed: authorities and logs, and maybe one key.
type trust struct {
	root.TrustedMaterial
	key      crypto.PublicKey // nil: certificates
	verifier signature.Verifier
}

// PublicKeyVerifier gives the key, whatever the hint in a bundle: the hint isn't signed.
func (t *trust) PublicKeyVerifier(string) (root.TimeConstrainedVerifier, error) {
	if t.verifier == nil {
		return nil, failf(wire.CodeOtherIdentity, "signed by a key, not by an identity")
	}
	return root.NewExpiringKey(t.verifier, time.Time{}, time.Time{}), nil
}

// withKey is the trust in what it has and a key.
func (t trust) withKey(pub crypto.PublicKey) (*trust, error) {
	var err error
	t.key = pub
	t.verifier, err = keyVerifier(pub)
	return &t, err
}

// fetchRoot reads the given trusted root, or sigstore's where there is none.
func fetchRoot(text string, offline bool) (*trust, error) {
	if text != "" {
		r, err := root.NewTrustedRootFromJSON([]byte(text))
		if err != nil {
			return nil, failf(wire.CodeNoTrustedRoot, "reading the trusted root: %s", err)
		}
		return &trust{TrustedMaterial: r}, nil
	}
	if offline {
		return nil, failf(wire.CodeNoTrustedRoot, "offline there is no trusted root of sigstore's, and none was given")
	}
	r, err := root.FetchTrustedRootWithOptions(tuf.DefaultOptions().WithCacheValidity(1))
	if err != nil {
		return nil, failf(wire.CodeNoTrustedRoot, "fetching sigstore's trusted root: %s", err)
	}
	return &trust{TrustedMaterial: r}, nil
}

// noRoot is the trust in no authority.
func noRoot() *trust { return &trust{TrustedMaterial: &root.BaseTrustedMaterial{}} }
