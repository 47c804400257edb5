package build

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/pkg/image"
)

// BaseTrust says who has to have signed a base: a key, or an identity that an issuer
// vouches for. Of each pair, literal and regular expression (of the whole), one is set.
type BaseTrust struct {
	Preset string // the word that it was given by, or empty
	Key    string // path of a public key, absolute; empty for an identity
	NoLog  bool   // what the key signed need not be in a transparency log

	Identity, IdentityRegexp string
	Issuer, IssuerRegexp     string

	TrustedRoot string // path of a trusted_root.json, absolute; empty for sigstore's own
}

// String says who is trusted, for messages.
func (t BaseTrust) String() string {
	if t.Key != "" {
		return "the key " + filepath.Base(t.Key)
	}
	who, by := t.Identity, t.Issuer
	if who == "" {
		who = "an identity like " + t.IdentityRegexp
	}
	if by == "" {
		by = "an issuer like " + t.IssuerRegexp
	}
	return fmt.Sprintf("%s (%s)", who, by)
}

// BaseUse is a base that a configuration uses, and who has to have signed it. Where there
// are several, as different images have it, each has to.
type BaseUse struct {
	Ref   string
	Trust []BaseTrust
}

// BaseVerifier finds out whether a base is signed by whom is trusted. It is called while
// the compiler works, and nothing is published before it has said yes. Where no base has
// to be signed there need not be one.
type BaseVerifier interface {
	// VerifyBase returns nil only where a signature of the base (its index, or else its
	// image) was seen and holds, or where ref is the empty base, which is imgo's own. What
	// it is about, b says by digest; ref says where signatures may lie.
	VerifyBase(ctx context.Context, ref string, b Base, t BaseTrust) error
}

// verification is what a base is verified for once.
type verification struct {
	base  baseKey
	trust BaseTrust
}

// verify begins to verify a base, once for all targets. It is nil where nobody asks for
// that.
func (r *run) verify(ctx context.Context, ref string, p v1.Platform, base *future[Base], t *BaseTrust) *future[struct{}] {
	if t == nil {
		return nil
	}
	key := verification{baseKey{ref, image.PlatformString(p)}, *t}
	if f, ok := r.trust[key]; ok {
		return f
	}
	f := start(func() (struct{}, error) {
		b, err := base.wait()
		if err != nil {
			return struct{}{}, err // that has ended the run
		}
		err = errors.New("nothing here can verify bases")
		if r.stages.Verifier != nil {
			err = r.stages.Verifier.VerifyBase(ctx, ref, b, *t)
		}
		if err != nil {
			r.fail(err)
		}
		return struct{}{}, err
	})
	r.trust[key] = f
	return f
}

// verified waits until all bases of a target are known to be signed by whom is trusted.
func (r *run) verified(i int) error {
	for _, p := range r.targets[i].platforms {
		if p.verified == nil {
			continue
		}
		if _, err := p.verified.wait(); err != nil {
			return err
		}
	}
	return nil
}
