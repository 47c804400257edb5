package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/imgo-build/imgo/pkg/event"
	"github.com/imgo-build/imgo/pkg/image"
	"github.com/imgo-build/imgo/pkg/publish"
)

// store is one place where an engine keeps images: a daemon's, or a node's.
type store interface {
	// String names the store for people.
	String() string
	// find asks what the store has of a parcel.
	find(ctx context.Context, p *parcel) (stock, error)
	// load sends the parcel without the blobs in has, and leaves it without one of its
	// names. at is told how many bytes of blobs are done.
	load(ctx context.Context, p *parcel, has map[v1.Hash]bool, at func(int64)) error
	// tag moves names to a parcel that is there.
	tag(ctx context.Context, p *parcel, names []string) error
	// release lets go of what load left. Without tagged, what has no name is removed.
	release(ctx context.Context, p *parcel, tagged bool) error
	close()
}

// stock is what a store has of a parcel.
type stock struct {
	whole bool             // all of it
	named map[string]bool  // the names that it has already
	has   map[v1.Hash]bool // blobs that need not be sent
}

// connector finds an engine's stores and makes sure that they can be used.
type connector func(context.Context) ([]store, error)

// loader is the Publisher of every engine.
type loader struct {
	kind      string
	names     []string
	platform  v1.Platform
	all       bool // the engine takes all platforms
	events    event.Sink
	connector connector

	connecting sync.Mutex
	stores     []store // nil before the first connection

	mu    sync.Mutex
	put   *parcel // what Put brought, or nil
	items []*item
}

// item is what became of a parcel in a store.
type item struct {
	store   store
	stock   stock
	touched bool // something was sent, whatever came of it
}

// Names are the image's names as the engine knows them: full ones, that docker run
// takes.
func (l *loader) Names() []string { return append([]string(nil), l.names...) }

// Prepare implements [publish.Preparer].
func (l *loader) Prepare(ctx context.Context, _ []v1.Image) error {
	_, err := l.connect(ctx)
	return err
}

func (l *loader) connect(ctx context.Context) ([]store, error) {
	l.connecting.Lock()
	defer l.connecting.Unlock()
	if l.stores == nil {
		stores, err := l.connector(ctx)
		if err != nil {
			return nil, err
		}
		l.stores = stores
	}
	return l.stores, nil
}

// Put implements [publish.Publisher].
func (l *loader) Put(ctx context.Context, a image.Artifact) error {
	if err := l.release(); err != nil { // of an earlier Put
		return err
	}
	stores, err := l.connect(ctx)
	if err != nil {
		return err
	}
	p, err := pack(a, l.names, l.platform, l.all)
	if err != nil {
		return fmt.Errorf("reading what to load into %s: %w", l.kind, err)
	}
	if !l.all && !p.chosen.right && p.chosen.of > 1 {
		l.events.Emit(event.Event{Kind: event.Warning, Stage: event.Push, Subject: l.names[0], Text: fmt.Sprintf(
			"%s gets the image for %s: there is none for %s",
			l.kind, image.PlatformString(p.chosen.platform), image.PlatformString(l.platform))})
	}
	items := make([]*item, len(stores))
	for i, s := range stores {
		items[i] = &item{store: s}
	}
	l.mu.Lock()
	l.put, l.items = p, items
	l.mu.Unlock()
	g, ctx := errgroup.WithContext(ctx)
	for _, it := range items {
		g.Go(func() error { return l.bring(ctx, it, p) })
	}
	return g.Wait()
}

// bring makes sure that a store has all of the parcel.
func (l *loader) bring(ctx context.Context, it *item, p *parcel) error {
	var err error
	if it.stock, err = it.store.find(ctx, p); err != nil {
		return err
	}
	if it.stock.whole {
		_, end := l.track(it.store, 0)
		end("exists", nil)
		return nil
	}
	it.touched = true
	err = l.send(ctx, it.store, p, it.stock.has)
	if refused(err) && len(it.stock.has) > 0 {
		// It lacks what it seemed to have, or doesn't take parts.
		err = l.send(ctx, it.store, p, nil)
	}
	return err
}

func (l *loader) send(ctx context.Context, s store, p *parcel, has map[v1.Hash]bool) error {
	at, end := l.track(s, p.stream.Size(publish.StreamOptions{Has: has}))
	text := p.existing(has)
	if which := p.chosen.String(); which != "" && !l.all {
		text = which
	}
	err := s.load(ctx, p, has, at)
	if err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	end(text, err)
	return err
}

func (l *loader) track(s store, total int64) (at func(int64), end func(string, error)) {
	return publish.Track(l.events, event.Push, l.names[0]+" to "+s.String(), total)
}

func refused(err error) bool {
	e, ok := errors.AsType[*EngineError](err)
	return ok && e.Kind == Refused
}

// Tag implements [publish.Publisher].
func (l *loader) Tag(ctx context.Context, a image.Artifact) error {
	digest, err := a.Digest()
	if err != nil {
		return fmt.Errorf("tagging in %s: %w", l.kind, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.put == nil || l.put.artifact != digest {
		return fmt.Errorf("tagging in %s: %s was not put there", l.kind, digest)
	}
	for _, it := range l.items {
		if err := l.name(ctx, it); err != nil {
			return err
		}
	}
	l.put, l.items = nil, nil
	return nil
}

// name moves the names in one store, and lets go of what kept the image there
// without them.
func (l *loader) name(ctx context.Context, it *item) (err error) {
	var names []string
	for _, n := range l.put.names {
		if !it.stock.named[n] {
			names = append(names, n)
		}
	}
	if len(names) > 0 {
		var ends []func(string, error)
		for _, n := range names {
			ends = append(ends, event.Track(l.events, event.Tag, n))
		}
		err = it.store.tag(ctx, l.put, names)
		if err != nil && ctx.Err() != nil {
			err = ctx.Err()
		}
		for _, end := range ends {
			end("", err)
		}
		if err != nil {
			return err
		}
	}
	if !it.touched {
		return nil
	}
	it.touched = false
	return it.store.release(ctx, l.put, true)
}

// releaseTime is how long Close tries to clean up in an engine.
const releaseTime = 5 * time.Second

// release lets go of what Put brought and Tag did not name. An engine that went away
// is left alone: that it did is the error of another call.
func (l *loader) release() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	// The context of the Put may be the one that was cancelled.
	ctx, cancel := context.WithTimeout(context.Background(), releaseTime)
	defer cancel()
	var errs []error
	for _, it := range l.items {
		if !it.touched {
			continue
		}
		err := it.store.release(ctx, l.put, false)
		if e, ok := errors.AsType[*EngineError](err); !ok || e.Kind != Unreachable {
			errs = append(errs, err)
		}
	}
	l.put, l.items = nil, nil
	return errors.Join(errs...)
}

// Close implements [publish.Publisher].
func (l *loader) Close() error {
	err := l.release()
	l.connecting.Lock()
	defer l.connecting.Unlock()
	for _, s := range l.stores {
		s.close()
	}
	l.stores = nil
	return err
}
