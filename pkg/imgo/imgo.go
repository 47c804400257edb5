// Package imgo puts the parts of imgo together. It is the one place where stages
// are created and connected; the command line and other programs use imgo through it.
//
//	c := imgo.New(imgo.Options{Env: os.Environ(), Dir: dir, CacheDir: cache})
//	defer c.Close()
//	plan, err := c.Plan(ctx, request)
//	results, err := c.Run(ctx, plan)
//
// A [Client] takes everything from outside as values: environment, directories,
// clock, transport. It writes nothing except what it was asked for and its cache.
package imgo

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/imgo-build/imgo/internal/base"
	"github.com/imgo-build/imgo/internal/base/runtimelayer"
	"github.com/imgo-build/imgo/internal/baselock"
	"github.com/imgo-build/imgo/internal/cache"
	"github.com/imgo-build/imgo/internal/gobuild"
	"github.com/imgo-build/imgo/internal/keychain"
	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/event"
	"github.com/imgo-build/imgo/pkg/publish"
	"github.com/imgo-build/imgo/pkg/publish/transport"
)

// Options are what a [Client] works with.
type Options struct {
	Env        []string                      // the user's environment, KEY=VALUE
	Dir        string                        // where relative paths begin, absolute
	CacheDir   string                        // see the package comment of internal/cache
	Version    string                        // imgo's, for the User-Agent
	Lock       string                        // path of imgo.lock, absolute; empty for none
	Locked     bool                          // every base has to be pinned in it
	PlainHTTP  []string                      // registries that may be spoken to without TLS, besides this machine's own
	Registries map[string]transport.Registry // certificates by host
	Mirrors    map[string]string             // of bases' registries, by host
	Jobs       int                           // steps at once; 0 leaves it to each stage
	Signing    Signing
	NoFastPath bool              // the go command is asked, whatever is remembered
	Events     event.Sink        // nil discards
	Now        func() time.Time  // the cache's clock
	Transport  http.RoundTripper // nil connects to the network

	credentials []string // the environment that those of registries are found by; nil for Env
}

// Client is imgo, ready to work. It is safe for concurrent use.
type Client struct {
	opts     Options
	cache    *cache.Cache
	memory   *heldBack // of the fast path
	keychain *keychain.Keychain
	bases    *base.Source
	registry *publish.Registry
	compiler *gobuild.Compiler

	lockOnce sync.Once
	lock     *baselock.File
	lockErr  error
}

// New connects the parts. It does no work yet: nothing is read, written or asked.
func New(o Options) (*Client, error) {
	if o.Events == nil {
		o.Events = event.Discard
	}
	if o.Transport == nil {
		o.Transport = transport.Default(transport.Options{
			UserAgent: "imgo/" + o.Version, CertDirs: transport.CertDirs(o.Env), Registries: o.Registries,
		})
	}
	store, err := cache.Open(o.CacheDir, cache.Options{Now: o.Now})
	if err != nil {
		return nil, err
	}
	credentials := o.credentials
	if credentials == nil {
		credentials = o.Env
	}
	stored := keychain.FromEnv(credentials)
	stored.Transport = o.Transport
	keys := keychain.New(stored)
	compiler := gobuild.Options{Env: o.Env, Dirs: buildDirs{store}, Events: o.Events, Jobs: o.Jobs, Now: store.Now}
	memory := holdBack(store)
	if !o.NoFastPath {
		compiler.Results = memory
	}
	c := &Client{
		opts:     o,
		cache:    store,
		memory:   memory,
		keychain: keys,
		registry: publish.NewRegistry(publish.Options{
			Keychain: keys, Transport: o.Transport, PlainHTTP: o.PlainHTTP,
			Results: store, Events: o.Events, Jobs: o.Jobs,
		}),
		compiler: gobuild.New(compiler),
	}
	c.bases = base.New(base.Options{
		Keychain: keys, Transport: o.Transport, PlainHTTP: o.PlainHTTP,
		Cache: store, Events: o.Events, Dir: o.Dir, Pins: c.pinned, Mirrors: o.Mirrors,
		RuntimeLayer:   runtimelayer.Layer,
		RuntimeHistory: runtimelayer.History,
	})
	return c, nil
}

// Close ends what the client holds open.
func (c *Client) Close() error { return c.bases.Close() }

// Run carries out a plan; see [build.Run].
func (c *Client) Run(ctx context.Context, p *build.Plan) ([]build.Result, error) {
	c.memory.release()
	if err := c.writeProbes(p); err != nil {
		return nil, err
	}
	return build.Run(ctx, p, build.Stages{
		Compiler: c.compiler, Bases: c.bases, Store: c.cache, Registry: c.registry, Attester: c.attester(), Judge: judge{c},
		Verifier: c.baseVerifier(false), Env: c.opts.Env, Events: c.opts.Events,
	})
}

// path makes a path of the user's absolute.
func (c *Client) path(p string) string {
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(c.opts.Dir, p)
}

// buildDirs lends the cache's directories to the compiler.
type buildDirs struct{ cache *cache.Cache }

func (d buildDirs) Dir(ctx context.Context, key string) (gobuild.Dir, error) {
	return d.cache.Dir(ctx, key)
}

func (d buildDirs) Open(key, name string) (*os.File, error) { return d.cache.OpenIn(key, name) }
