package base

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/internal/flight"
	"github.com/imgo-build/imgo/internal/rootfs"
	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/event"
	"github.com/imgo-build/imgo/pkg/image"
	"github.com/imgo-build/imgo/pkg/layer"
	"github.com/imgo-build/imgo/pkg/publish/transport"
)

// Options are what a [Source] works with.
type Options struct {
	Keychain  authn.Keychain    // credentials; nil for none
	Transport http.RoundTripper // nil for the default; limits, retries and the refusal of plain HTTP are added
	PlainHTTP []string          // hosts that may be spoken to without TLS, besides this machine
	Cache     layer.Store       // manifests, configs and layers that were read
	Events    event.Sink        // nil to discard
	Dir       string            // where relative paths begin; empty for the current directory

	// Pins returns the digest that a tag is pinned to, by its qualified name such as
	// "docker.io/library/alpine:3.24"; nil pins none. What is pinned is asked for by
	// the digest, as if it had been written NAME:TAG@DIGEST.
	Pins func(name string) (v1.Hash, bool)
	// Mirrors are registries to be asked in the place of others: by host, such as
	// "docker.io", the mirror as HOST[/PREFIX]. See the package's comment.
	Mirrors map[string]string

	// RuntimeLayer returns the only layer of the empty base, and RuntimeHistory says
	// in that layer's history what it is.
	RuntimeLayer   func() v1.Layer
	RuntimeHistory string
}

// Source finds bases. It is safe for concurrent use.
type Source struct {
	opts      Options
	transport http.RoundTripper

	roots    flight.Group[string, *root]        // by what is asked for
	metadata flight.Group[string, found]        // manifests and configs by repository and digest
	sessions flight.Group[string, *session]     // by repository
	trees    flight.Group[string, *rootfs.Tree] // by layers

	mu   sync.Mutex
	open []io.Closer     // archives that layers are read from
	down map[string]bool // hosts of mirrors that didn't answer
}

var _ build.BaseSource = (*Source)(nil)

// New returns a Source. The caller closes it when the bases' layers are no longer
// needed.
func New(opts Options) *Source {
	if opts.Events == nil {
		opts.Events = event.Discard
	}
	if opts.Keychain == nil {
		opts.Keychain = authn.NewMultiKeychain()
	}
	if opts.Transport == nil {
		opts.Transport = transport.Default(transport.Options{})
	}
	limited := transport.Limit(opts.Transport, transport.Limits{})
	guarded := transport.PlainHTTPGuard(limited, opts.PlainHTTP)
	retry := transport.RetryOptions{Waiting: func(host string, d time.Duration) {
		opts.Events.Emit(event.Event{
			Kind: event.Warning, Stage: event.Base, Subject: host,
			Text: fmt.Sprintf("waiting %.0fs before asking %s again", d.Seconds(), host),
		})
	}}
	return &Source{opts: opts, transport: transport.Retry(guarded, retry), down: map[string]bool{}}
}

// Close closes the files that layers of bases are read from.
func (s *Source) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, c := range s.open {
		errs = append(errs, c.Close())
	}
	s.open = nil
	return errors.Join(errs...)
}

// Base implements [build.BaseSource]. The layers of the image it returns are read
// under ctx, when they are, and so only for as long as it lasts.
//
// Errors: [*ReferenceError], [*PlatformMissingError], [*PinError], [*image.BaseError],
// and those of pkg/publish for what a registry, a tarball or a layout answers.
func (s *Source) Base(ctx context.Context, ref string, p v1.Platform) (build.Base, error) {
	parsed, err := s.parse(ref)
	if err != nil {
		return build.Base{}, err
	}
	if parsed.scratch {
		return s.empty(p)
	}
	done := event.Track(s.opts.Events, event.Base, fmt.Sprintf("%s (%s)", ref, image.PlatformString(p)))
	b, err := s.find(ctx, parsed, p)
	if err != nil {
		err = described(ref, err)
		done("", err)
		return build.Base{}, err
	}
	done(image.ShortDigest(b.Digest), nil)
	return b, nil
}

// Platforms implements [build.BaseSource]: the Linux platforms of ref, in the order
// of its index. The empty base offers [image.Known].
func (s *Source) Platforms(ctx context.Context, ref string) ([]v1.Platform, error) {
	parsed, err := s.parse(ref)
	if err != nil {
		return nil, err
	}
	if parsed.scratch {
		return image.Known(), nil
	}
	r, err := s.resolve(ctx, s.pinned(parsed))
	if err != nil {
		return nil, described(ref, err)
	}
	out, err := r.platforms(ctx)
	if err != nil {
		return nil, described(ref, err)
	}
	return out, nil
}

func (s *Source) find(ctx context.Context, ref *reference, p v1.Platform) (build.Base, error) {
	r, err := s.resolve(ctx, s.pinned(ref))
	if err != nil {
		return build.Base{}, err
	}
	digest, err := r.choose(ctx, p)
	if err != nil {
		return build.Base{}, err
	}
	img, err := r.image(ctx, digest)
	if err != nil {
		return build.Base{}, err
	}
	if err := r.check(img, p); err != nil {
		return build.Base{}, err
	}
	if r.made {
		return build.Base{Image: img, Name: r.name}, nil
	}
	b := build.Base{Image: img, Name: r.name, Digest: digest}
	if r.index {
		b.Index = r.digest
	}
	return b, nil
}

func (s *Source) resolve(ctx context.Context, ref *reference) (*root, error) {
	found, _, err := s.roots.Do(ctx, ref.key(), func() (*root, error) {
		switch {
		case ref.layout != nil:
			return s.layoutRoot(ref)
		case ref.tarball != "":
			return s.tarballRoot(ctx, ref)
		default:
			return s.remoteRoot(ctx, ref)
		}
	})
	return found, err
}

// described says what was being done, unless the error does.
func described(ref string, err error) error {
	_, platform := errors.AsType[*PlatformMissingError](err)
	_, reference := errors.AsType[*ReferenceError](err)
	_, unusable := errors.AsType[*image.BaseError](err)
	if platform || reference || unusable {
		return err
	}
	return fmt.Errorf("resolving base %s: %w", ref, err)
}
