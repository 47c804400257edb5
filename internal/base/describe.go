package base

import (
	"context"
	"slices"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/pkg/event"
	"github.com/imgo-build/imgo/pkg/image"
)

// Info is what a reference stands for at the moment.
type Info struct {
	Name      string    // fully qualified, with the tag if there is one; empty where nobody else could look it up
	Digest    v1.Hash   // of the index or manifest that it points to; zero where there is none
	Platforms []string  // that programs can be built for, in the order of the index
	Created   time.Time // of the image for linux/amd64, or else the first; zero where the image does not tell
	Remote    bool      // it is in a registry; scratch, layouts and tarballs can't be locked
	ByDigest  bool      // the reference has a digest, so that there is nothing to lock
}

// Describe says what ref stands for now: a tag is looked up, whatever it is pinned to.
// Errors are those of [Source.Base].
func (s *Source) Describe(ctx context.Context, ref string) (Info, error) {
	parsed, err := s.parse(ref)
	if err != nil {
		return Info{}, err
	}
	if parsed.scratch {
		return Info{Platforms: platformStrings(image.Known())}, nil
	}
	done := event.Track(s.opts.Events, event.Base, ref)
	info, err := s.describe(ctx, parsed)
	if err != nil {
		err = described(ref, err)
		done("", err)
		return Info{}, err
	}
	done(image.ShortDigest(info.Digest), nil)
	return info, nil
}

func (s *Source) describe(ctx context.Context, ref *reference) (Info, error) {
	r, err := s.resolve(ctx, ref)
	if err != nil {
		return Info{}, err
	}
	offered, err := r.platforms(ctx)
	if err != nil {
		return Info{}, err
	}
	info := Info{Name: r.name, Platforms: platformStrings(offered), Remote: ref.remote != nil}
	if !r.made {
		info.Digest = r.digest
	}
	if ref.remote != nil {
		_, info.ByDigest = ref.remote.pull.(name.Digest)
	}
	p := offered[0]
	if i := slices.Index(info.Platforms, "linux/amd64"); i >= 0 {
		p = offered[i]
	}
	digest, err := r.choose(ctx, p)
	if err != nil {
		return Info{}, err
	}
	img, err := r.image(ctx, digest)
	if err != nil {
		return Info{}, err
	}
	if err := r.check(img, p); err != nil {
		return Info{}, err
	}
	c, err := img.ConfigFile()
	if err != nil {
		return Info{}, err
	}
	// Reproducible images are created at the beginning of time.
	if c.Created.Unix() > 0 {
		info.Created = c.Created.UTC()
	}
	return info, nil
}

// LockName returns the name under which a reference can be pinned, for which nothing
// is asked. ok is false for what can't be pinned: what is in no registry, or is
// written with a digest. The error is a [*ReferenceError].
func (s *Source) LockName(ref string) (tagged string, ok bool, err error) {
	parsed, err := s.parse(ref)
	if err != nil || parsed.remote == nil {
		return "", false, err
	}
	if _, ok := parsed.remote.pull.(name.Tag); !ok {
		return "", false, nil
	}
	return parsed.remote.name, true, nil
}

func platformStrings(list []v1.Platform) []string {
	out := make([]string, len(list))
	for i, p := range list {
		out[i] = image.PlatformString(p)
	}
	return out
}
