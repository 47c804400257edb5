package imgo

import (
	"context"
	"errors"
	"slices"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/internal/baselock"
	"github.com/imgo-build/imgo/pkg/build"
)

// Pin is what imgo.lock says of a base, and what became of it.
type Pin struct {
	Name       string    `json:"name"` // fully qualified, with the tag
	Digest     string    `json:"digest"`
	Created    time.Time `json:"created,omitzero"`
	OldDigest  string    `json:"oldDigest,omitempty"` // where it was pinned to another digest, or to none
	OldCreated time.Time `json:"oldCreated,omitzero"`
	Platforms  []string  `json:"platforms,omitempty"`
	// Release and EndOfLife are known of some distributions' bases.
	Release   string    `json:"release,omitempty"`
	EndOfLife time.Time `json:"endOfLife,omitzero"`
	Changed   bool      `json:"changed"`
	Unused    bool      `json:"unused"` // by the configuration
	// Verified is who had signed it when it was pinned, and OldVerified who was written
	// down before, where that was somebody else.
	Verified    baselock.Signer `json:"verified,omitzero"`
	OldVerified baselock.Signer `json:"oldVerified,omitzero"`
}

// readLock reads imgo.lock, once.
func (c *Client) readLock() (*baselock.File, error) {
	c.lockOnce.Do(func() {
		if c.opts.Lock != "" {
			c.lock, c.lockErr = baselock.Read(c.opts.Lock)
		}
	})
	return c.lock, c.lockErr
}

// pinned returns the digest that a base's tag is pinned to.
func (c *Client) pinned(name string) (v1.Hash, bool) {
	if lock, err := c.readLock(); err == nil && lock != nil {
		return lock.Digest(name)
	}
	return v1.Hash{}, false // the error was reported by Plan
}

// checkLock reads the lock and, where all bases must be pinned, looks for those that
// are not.
func (c *Client) checkLock(targets []build.Target) error {
	lock, err := c.readLock()
	if err != nil || !c.opts.Locked {
		return err
	}
	if lock == nil {
		lock = &baselock.File{Path: c.opts.Lock}
	}
	for i := range targets {
		for _, ref := range targets[i].Settings.AllBases() {
			name, lockable, err := c.bases.LockName(ref)
			if err != nil {
				return err
			}
			if !lockable {
				continue
			}
			if err := lock.Require(name); err != nil {
				return err
			}
		}
	}
	return nil
}

// LockBases pins bases to the digests that their tags point to now, where these are signed
// by whom has to have signed them. Those that are pinned already keep their digest unless
// update is set, and have to be signed too. What can't be pinned (the empty base, files,
// digests) is left out. Where one fails, nothing is written.
func (c *Client) LockBases(ctx context.Context, uses []build.BaseUse, update bool) ([]Pin, error) {
	return c.lockBases(ctx, c.baseVerifier(false), uses, update)
}

func (c *Client) lockBases(ctx context.Context, v *baseVerifier, uses []build.BaseUse, update bool) ([]Pin, error) {
	lock, err := c.readLock()
	if err != nil {
		return nil, err
	}
	named, err := c.named(uses)
	if err != nil {
		return nil, err
	}
	c.memory.release()
	var out []Pin
	var entries []baselock.Entry
	var errs []error
	for _, use := range named {
		if !use.lockable {
			continue
		}
		old, pinned := lock.Lookup(use.name)
		e, err := c.lockEntry(ctx, v, &use, old, pinned && !update)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		entries, out = append(entries, e), append(out, pinOver(e, old))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	for _, e := range entries {
		lock.Set(e)
	}
	if len(lock.Entries()) == 0 && !lock.Exists {
		return out, nil // an empty file would say nothing
	}
	return out, lock.Write()
}

// lockEntry is the pin of a base as it is to be. Who signed it is written down where that
// was asked; what was written down before stays until the pin moves.
func (c *Client) lockEntry(ctx context.Context, v *baseVerifier, use *namedUse, old baselock.Entry, keep bool) (baselock.Entry, error) {
	e := old
	if !keep {
		info, err := c.bases.Describe(ctx, use.Ref)
		if err != nil {
			return e, err
		}
		e = baselock.Entry{Name: use.name, Digest: info.Digest, Created: info.Created, Platforms: info.Platforms}
		if e.Digest == old.Digest {
			e.Verified = old.Verified
		}
	}
	signers, err := v.signers(ctx, use.BaseUse, use.name, e.Digest)
	if len(signers) > 0 {
		e.Verified = signers[0]
	}
	return e, err
}

// PinnedBases lists what imgo.lock holds; used are the bases of the configuration.
func (c *Client) PinnedBases(used []build.BaseUse) ([]Pin, error) {
	lock, err := c.readLock()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, use := range used {
		if name, ok, err := c.bases.LockName(use.Ref); err == nil && ok {
			names = append(names, name)
		}
	}
	var out []Pin
	for _, e := range lock.Entries() {
		p := pin(e)
		p.Unused = !slices.Contains(names, e.Name)
		out = append(out, p)
	}
	for _, name := range names {
		if _, ok := lock.Lookup(name); !ok && !slices.ContainsFunc(out, func(p Pin) bool { return p.Name == name }) {
			out = append(out, Pin{Name: name})
		}
	}
	return out, nil
}

// PruneBases removes the pins of bases that the configuration doesn't use.
func (c *Client) PruneBases(used []build.BaseUse) error {
	lock, err := c.readLock()
	if err != nil {
		return err
	}
	var keep []string
	for _, use := range used {
		name, ok, err := c.bases.LockName(use.Ref)
		if err != nil {
			return err
		}
		if ok {
			keep = append(keep, name)
		}
	}
	lock.Prune(keep)
	return lock.Write()
}

// pinOver is a pin with what became of the old one, which is zero where there was none.
func pinOver(e, old baselock.Entry) Pin {
	p := pin(e)
	p.Changed = e.Digest != old.Digest
	if p.Changed && old.Name != "" {
		p.OldDigest, p.OldCreated = old.Digest.String(), old.Created
	}
	if e.Verified != old.Verified {
		p.OldVerified = old.Verified
	}
	return p
}

func pin(e baselock.Entry) Pin {
	p := Pin{Name: e.Name, Digest: e.Digest.String(), Created: e.Created, Platforms: e.Platforms, Verified: e.Verified}
	if release, end, ok := baselock.EndOfLife(e.Name, nil); ok {
		p.Release, p.EndOfLife = release, end
	}
	return p
}
