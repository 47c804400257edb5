package imgo

import (
	"context"
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

// LockBases pins bases to the digests that their tags point to now. Those that are
// pinned already keep their digest unless update is set. What can't be pinned (the
// empty base, files, digests) is left out.
func (c *Client) LockBases(ctx context.Context, refs []string, update bool) ([]Pin, error) {
	lock, err := c.readLock()
	if err != nil {
		return nil, err
	}
	var out []Pin
	for _, ref := range refs {
		name, lockable, err := c.bases.LockName(ref)
		if err != nil {
			return nil, err
		}
		if !lockable || slices.ContainsFunc(out, func(p Pin) bool { return p.Name == name }) {
			continue
		}
		if e, ok := lock.Lookup(name); ok && !update {
			out = append(out, pin(e))
			continue
		}
		info, err := c.bases.Describe(ctx, ref)
		if err != nil {
			return nil, err
		}
		e := baselock.Entry{Name: name, Digest: info.Digest, Created: info.Created, Platforms: info.Platforms}
		old, changed := lock.Set(e)
		p := pin(e)
		p.Changed = changed
		if changed && old.Name != "" {
			p.OldDigest, p.OldCreated = old.Digest.String(), old.Created
		}
		out = append(out, p)
	}
	if len(lock.Entries()) == 0 && !lock.Exists {
		return out, nil // an empty file would say nothing
	}
	return out, lock.Write()
}

// PinnedBases lists what imgo.lock holds; used are the references of the
// configuration.
func (c *Client) PinnedBases(used []string) ([]Pin, error) {
	lock, err := c.readLock()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, ref := range used {
		if name, ok, err := c.bases.LockName(ref); err == nil && ok {
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
func (c *Client) PruneBases(used []string) error {
	lock, err := c.readLock()
	if err != nil {
		return err
	}
	var keep []string
	for _, ref := range used {
		name, ok, err := c.bases.LockName(ref)
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

func pin(e baselock.Entry) Pin {
	p := Pin{Name: e.Name, Digest: e.Digest.String(), Created: e.Created, Platforms: e.Platforms}
	if release, end, ok := baselock.EndOfLife(e.Name, nil); ok {
		p.Release, p.EndOfLife = release, end
	}
	return p
}
