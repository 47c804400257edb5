package attest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"

	"github.com/imgo-build/imgo/internal/attest/wire"
	"github.com/imgo-build/imgo/pkg/build"
)

// signer is who signs, and how his signatures are known again.
type signer struct {
	wire.Signer
	identity wire.Identity // what is known of it
}

// known reports whether one's own signatures can be told from others'.
func (s *signer) known() bool { return s.identity.PublicKeyPEM != "" || s.identity.SAN != "" }

func (s *signer) verification() wire.VerifyRequest {
	return wire.VerifyRequest{
		KeyPEM: s.identity.PublicKeyPEM, Identity: s.identity.SAN, Issuer: s.identity.Issuer,
		TrustedRoot: s.TrustedRoot, IgnoreLog: s.NoLog,
	}
}

// signer reads what is needed to sign, once for all images.
func (a *Attester) signer(ctx context.Context, s *build.Signing) (*signer, error) {
	out, _, err := a.signers.Do(ctx, *s, func() (*signer, error) { return a.newSigner(ctx, s) })
	return out, err
}

func (a *Attester) newSigner(ctx context.Context, s *build.Signing) (*signer, error) {
	out := &signer{Signer: wire.Signer{FulcioURL: s.FulcioURL, RekorURL: s.RekorURL, TSAURL: s.TSAURL, NoLog: s.NoLog}}
	if s.TrustedRoot != "" {
		root, err := os.ReadFile(s.TrustedRoot)
		if err != nil {
			return nil, fmt.Errorf("reading the trusted root: %w", err)
		}
		out.TrustedRoot = string(root)
	}
	if s.Key == "" {
		return out, a.keyless(ctx, out)
	}
	key, err := os.ReadFile(s.Key)
	if err != nil {
		return nil, fmt.Errorf("reading the key: %w", err)
	}
	out.Key = string(key)
	out.Password, err = a.opts.Password(ctx, s.Key)
	if err != nil {
		return nil, err
	}
	identity, err := a.keyIdentity(ctx, &out.Signer)
	if err != nil {
		return nil, fmt.Errorf("reading the key %s: %w", s.Key, err)
	}
	out.identity = *identity
	return out, nil
}

// keyIdentity tells the public half of a key. Opening the private one takes imgo-sigstore
// a tenth of a second and more, so that it is remembered, by the digest of the key's file.
// Neither key nor password are.
func (a *Attester) keyIdentity(ctx context.Context, s *wire.Signer) (*wire.Identity, error) {
	sum := sha256.Sum256([]byte(s.Key))
	name := "attest/public-key/1 " + hex.EncodeToString(sum[:])
	if a.opts.Results != nil && !a.opts.Recheck {
		var known wire.Identity
		raw, ok := a.opts.Results.Lookup(name)
		if ok && json.Unmarshal(raw, &known) == nil && known.PublicKeyPEM != "" {
			return &known, nil
		}
	}
	identity, err := a.opts.Sigstore.PublicKey(ctx, &wire.PublicKeyRequest{Key: s.Key, Password: s.Password})
	if err != nil {
		return nil, err
	}
	if raw, err := json.Marshal(identity); err == nil && a.opts.Results != nil {
		_ = a.opts.Results.Remember(name, raw) // it only saves work
	}
	return identity, nil
}
