package imgo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/internal/base"
	"github.com/imgo-build/imgo/internal/baselock"
	"github.com/imgo-build/imgo/pkg/build"
)

// BaseSignatureError is a base that isn't signed by whom is trusted.
type BaseSignatureError struct {
	Name   string // as it is recorded in images
	Digest v1.Hash
	Want   build.BaseTrust
	Others []string // why signatures that were found don't count
}

func (e *BaseSignatureError) Error() string {
	found := "there is no signature at all"
	if len(e.Others) > 0 {
		const most = 3
		found = strings.Join(e.Others[:min(most, len(e.Others))], "; ")
		if n := len(e.Others) - most; n > 0 {
			found += fmt.Sprintf("; and %d more", n)
		}
	}
	return fmt.Sprintf("base %s is not signed by %s: %s", atDigest(e.Name, e.Digest), e.Want, found)
}

// BaseVerifyError is a base of which it can't be found out who signed it.
type BaseVerifyError struct {
	Name string // with the digest
	Err  error
}

func (e *BaseVerifyError) Error() string { return fmt.Sprintf("verifying base %s: %v", e.Name, e.Err) }

// Unwrap returns the cause.
func (e *BaseVerifyError) Unwrap() error { return e.Err }

// UnsignableBaseError is a base that somebody has to have signed, and that is in no
// registry.
type UnsignableBaseError struct {
	Base  string // as asked for
	Where string // what asks for the signature, or empty
}

func (e *UnsignableBaseError) Error() string {
	text := fmt.Sprintf("base %s has no registry, so nobody signs it", e.Base)
	if e.Where != "" {
		text = e.Where + ": " + text
	}
	return text
}

// NoBaseTrustError is a base of which nothing says who has to have signed it.
type NoBaseTrustError struct{ Name string }

func (e *NoBaseTrustError) Error() string {
	return fmt.Sprintf("base %s: nothing says who has to have signed it", e.Name)
}

// atDigest is a name with a digest, which it may have already.
func atDigest(name string, digest v1.Hash) string {
	if before, _, ok := strings.Cut(name, "@"); ok {
		name = before
	}
	return name + "@" + digest.String()
}

// checkTrust refuses bases that somebody has to have signed and nobody can have, before
// anything is built.
func (c *Client) checkTrust(targets []build.Target) error {
	var errs []error
	for i := range targets {
		s := &targets[i].Settings
		if s.BaseTrust == nil || targets[i].Artifact != nil {
			continue
		}
		for _, ref := range s.AllBases() {
			repos, err := c.bases.Repositories(ref)
			if err != nil {
				return err
			}
			if len(repos) == 0 && ref != base.Scratch {
				errs = append(errs, &UnsignableBaseError{Base: ref, Where: s.Origins["verifyBase"]})
			}
		}
	}
	return errors.Join(errs...)
}

// BaseVerification is what came of verifying a base.
type BaseVerification struct {
	Name     string            `json:"name"`             // fully qualified, or as asked for where it is in no registry
	Digest   string            `json:"digest,omitempty"` // that it is pinned to, or that its tag points to
	Verified bool              `json:"verified"`
	By       []baselock.Signer `json:"by,omitempty"`     // each once
	Reason   string            `json:"reason,omitempty"` // why it isn't verified
	Err      error             `json:"-"`                // the same
}

// VerifyBases asks who signed bases: what they are pinned to, or else what their tags point
// to now. Nothing that was found out before is believed. The empty base is left out. The
// error is for what keeps all of them from being judged.
func (c *Client) VerifyBases(ctx context.Context, uses []build.BaseUse) ([]BaseVerification, error) {
	return c.verifyBases(ctx, c.baseVerifier(true), uses)
}

func (c *Client) verifyBases(ctx context.Context, v *baseVerifier, uses []build.BaseUse) ([]BaseVerification, error) {
	if _, err := c.readLock(); err != nil {
		return nil, err
	}
	named, err := c.named(uses)
	if err != nil {
		return nil, err
	}
	c.memory.release()
	var out []BaseVerification
	for _, use := range named {
		if use.Ref == base.Scratch {
			continue
		}
		b := BaseVerification{Name: use.name}
		b.Err = c.verifyUse(ctx, v, &use, &b)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if b.Verified = b.Err == nil; !b.Verified {
			b.Reason = b.Err.Error()
		}
		out = append(out, b)
	}
	return out, nil
}

func (c *Client) verifyUse(ctx context.Context, v *baseVerifier, use *namedUse, b *BaseVerification) error {
	switch {
	case !use.remote:
		return &UnsignableBaseError{Base: use.Ref}
	case len(use.Trust) == 0:
		return &NoBaseTrustError{Name: use.name}
	}
	digest, pinned := c.pinned(use.name)
	if !pinned {
		info, err := c.bases.Describe(ctx, use.Ref)
		if err != nil {
			return err
		}
		b.Name, digest = info.Name, info.Digest
	}
	b.Digest = digest.String()
	signers, err := v.signers(ctx, use.BaseUse, b.Name, digest)
	for _, s := range signers {
		if !slices.Contains(b.By, s) {
			b.By = append(b.By, s)
		}
	}
	return err
}

// namedUse is a base under the name that it is pinned by.
type namedUse struct {
	build.BaseUse
	name     string // that it is pinned by, or what it was asked for by
	lockable bool
	remote   bool
}

// named joins the uses of bases by their names: who has to have signed distroless has to
// have signed what the word stands for.
func (c *Client) named(uses []build.BaseUse) ([]namedUse, error) {
	var out []namedUse
	for _, use := range uses {
		name, lockable, err := c.bases.LockName(use.Ref)
		if err != nil {
			return nil, err
		}
		if !lockable {
			name = use.Ref
		}
		repos, err := c.bases.Repositories(use.Ref)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(out, func(n namedUse) bool { return n.name == name })
		if i < 0 {
			i = len(out)
			out = append(out, namedUse{BaseUse: build.BaseUse{Ref: use.Ref}, name: name, lockable: lockable, remote: len(repos) > 0})
		}
		for _, t := range use.Trust {
			if !slices.Contains(out[i].Trust, t) {
				out[i].Trust = append(out[i].Trust, t)
			}
		}
	}
	return out, nil
}

// UsesOf says who has to have signed the bases that refs name: whom the configuration says
// where it uses them, and whom it says of all others (other, nil for nobody) where it
// doesn't, as a build on them would.
func (c *Client) UsesOf(refs []string, used []build.BaseUse, other *build.BaseTrust) ([]build.BaseUse, error) {
	known, err := c.named(used)
	if err != nil {
		return nil, err
	}
	var out []build.BaseUse
	for _, ref := range refs {
		asked, err := c.named([]build.BaseUse{{Ref: ref}})
		if err != nil {
			return nil, err
		}
		use := build.BaseUse{Ref: ref}
		i := slices.IndexFunc(known, func(n namedUse) bool { return n.name == asked[0].name })
		switch {
		case i >= 0:
			use.Trust = known[i].Trust
		case other != nil:
			use.Trust = []build.BaseTrust{*other}
		}
		out = append(out, use)
	}
	return out, nil
}
