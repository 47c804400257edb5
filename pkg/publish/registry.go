package publish

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	ggcr "github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"golang.org/x/sync/errgroup"

	"github.com/imgo-build/imgo/internal/flight"
	"github.com/imgo-build/imgo/pkg/event"
	"github.com/imgo-build/imgo/pkg/image"
	"github.com/imgo-build/imgo/pkg/layer"
	"github.com/imgo-build/imgo/pkg/publish/transport"
)

// Options is what a [Registry] works with. All fields are optional.
type Options struct {
	Keychain  authn.Keychain         // nil: no credentials
	Transport http.RoundTripper      // nil: transport.Default; limits, retries and the guard against plain HTTP come on top
	Retry     transport.RetryOptions // of requests and uploads
	Results   layer.Results          // remembers across processes what registries have
	Events    event.Sink
	Jobs      int      // uploads at the same time over all publishers; 0: 4
	PlainHTTP []string // hosts, besides this machine, that may be spoken to without TLS
	Recheck   bool     // don't trust Results on attachments; see Registry.Attach
}

// Registry is imgo's side of all the registries of a run. Publishers made by it
// share connections, tokens and the knowledge of which repository has which blob.
// It is safe for concurrent use.
type Registry struct {
	opts      Options
	transport http.RoundTripper
	greetings flight.Group[string, *ggcr.Challenge] // by registry, see greeting.go
	sessions  flight.Group[sessionKey, *session]
	present   flight.Group[presence, string] // the value tells how it came there, see blobs.go
	places    sync.Map                       // by place: the first name.Repository, of this process, that has it
	slots     chan struct{}                  // one for each job
	writing   sync.Map                       // by repository's name: the last *session that may write
	attachments
}

// NewRegistry returns a Registry. It makes no request yet.
func NewRegistry(opts Options) *Registry {
	if opts.Keychain == nil {
		opts.Keychain = authn.NewMultiKeychain()
	}
	if opts.Transport == nil {
		opts.Transport = transport.Default(transport.Options{})
	}
	if opts.Results == nil {
		opts.Results = forgetful{}
	}
	if opts.Events == nil {
		opts.Events = event.Discard
	}
	if opts.Jobs <= 0 {
		opts.Jobs = 4
	}
	opts.Retry = opts.Retry.Filled()
	if opts.Retry.Waiting == nil {
		opts.Retry.Waiting = func(host string, d time.Duration) {
			opts.Events.Emit(event.Event{
				Kind: event.Warning, Stage: event.Push, Subject: host,
				Text: fmt.Sprintf("waiting %.0fs before asking %s again", d.Seconds(), host),
			})
		}
	}
	limited := transport.Limit(opts.Transport, transport.Limits{})
	guarded := transport.PlainHTTPGuard(limited, opts.PlainHTTP)
	return &Registry{
		opts:      opts,
		transport: transport.Retry(guarded, opts.Retry),
		slots:     make(chan struct{}, opts.Jobs),
	}
}

// RepoOptions changes how a repository's [Publisher] works.
type RepoOptions struct {
	// ByDigest makes Put end with the manifest under its digest, so that something
	// that refers to it can follow before the tags move. Without it, and with tags,
	// the manifest travels once only, with the first tag. Without tags it is implied.
	ByDigest bool
}

// Repository returns the Publisher for a repository and the tags that shall move
// there. Several can be at work at once, for the same repository too.
func (r *Registry) Repository(repo name.Repository, tags []name.Tag, opts RepoOptions) Publisher {
	return &pusher{r: r, repo: repo, tags: tags, byDigest: opts.ByDigest || len(tags) == 0}
}

// pusher is the Publisher of a repository.
type pusher struct {
	r        *Registry
	repo     name.Repository
	tags     []name.Tag
	byDigest bool

	mu       sync.Mutex
	answers  []v1.Hash        // what the tags pointed to when Prepare asked, or nil
	put      *content         // what Put has brought there
	sent     bool             // Put had to send it
	there    bool             // its manifest is there too, and so all that it refers to
	uptodate map[string]bool  // tags that have it
	known    map[v1.Hash]bool // manifests that the registry said it has
}

// Prepare implements [Preparer]. It connects with the permissions that Put will
// need and looks at what the tags point to, so that Put need not ask again.
func (p *pusher) Prepare(ctx context.Context, bases []v1.Image) error {
	var sources []name.Repository
	for _, base := range bases {
		c, err := walk(base)
		if err != nil {
			return fmt.Errorf("reading the base of what to push to %s: %w", p.repo, err)
		}
		for _, s := range c.mountSources(p.repo) {
			if !slices.Contains(sources, s) {
				sources = append(sources, s)
			}
		}
	}
	s, err := p.r.session(ctx, p.repo, true, sources)
	if err != nil {
		return fmt.Errorf("pushing to %s: %w", p.repo, err)
	}
	answers, err := p.ask(ctx, s)
	if err != nil {
		return fmt.Errorf("pushing to %s: %w", p.repo, err)
	}
	p.mu.Lock()
	p.answers = answers
	p.mu.Unlock()
	return nil
}

// Put implements [Publisher].
func (p *pusher) Put(ctx context.Context, a image.Artifact) error {
	c, err := walk(a)
	if err != nil {
		return fmt.Errorf("reading what to push to %s: %w", p.repo, err)
	}
	s, err := p.r.session(ctx, p.repo, true, c.mountSources(p.repo))
	if err != nil {
		return fmt.Errorf("pushing to %s: %w", p.repo, err)
	}
	p.mu.Lock()
	answers := p.answers
	p.mu.Unlock()
	if answers == nil {
		if answers, err = p.ask(ctx, s); err != nil {
			return fmt.Errorf("pushing to %s: %w", p.repo, err)
		}
	}
	uptodate, known := p.compare(answers, c.top.desc.Digest)
	p.mu.Lock()
	p.uptodate, p.known = uptodate, known
	p.mu.Unlock()
	there := len(uptodate) > 0
	if !there {
		if there, err = p.hasArtifact(ctx, s, c, answers); err != nil {
			return fmt.Errorf("pushing to %s: %w", p.repo, err)
		}
	}
	if !there {
		if err := p.transfer(ctx, p.mounting(ctx, s, c), c, p.upTo(c)); err != nil {
			return err
		}
	}
	p.mu.Lock()
	p.put, p.there, p.sent = c, there || p.byDigest, !there
	p.mu.Unlock()
	return nil
}

// Sent reports whether Put changes anything: the artifact was not there, or a tag is
// still to move to it.
func (p *pusher) Sent() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sent || slices.ContainsFunc(p.tags, func(t name.Tag) bool { return !p.uptodate[t.TagStr()] })
}

// upTo returns the manifests that Put sends: without ByDigest the last one is left
// to Tag.
func (p *pusher) upTo(c *content) []manifest {
	if p.byDigest {
		return append(c.children[:len(c.children):len(c.children)], c.top)
	}
	return c.children
}

// hasArtifact reports whether the repository has the artifact, under whichever tag,
// where that is likely enough to ask: this cache saw it go there, or knows nothing of
// the repository, would have much to send, and no tag points to something else, which
// is how a build whose result is new mostly shows.
func (p *pusher) hasArtifact(ctx context.Context, s *session, c *content, answers []v1.Hash) (bool, error) {
	last, remembered := p.r.recall(p.repo, c.blobs[0].digest) // the config, which no other image has
	large := func(b blob) bool { return b.size >= worthAsking }
	elsewhere := func(h v1.Hash) bool { return h != v1.Hash{} }
	switch {
	case remembered && last == c.top.desc.Digest:
	case !remembered && !p.r.familiar(p.repo) && slices.ContainsFunc(c.blobs, large) && !slices.ContainsFunc(answers, elsewhere):
	default:
		return false, nil
	}
	got, err := s.digestOf(ctx, c.top.desc.Digest.String())
	return got == c.top.desc.Digest, err
}

// ask looks at what the tags point to; the zero hash stands for nothing.
func (p *pusher) ask(ctx context.Context, s *session) ([]v1.Hash, error) {
	answers := make([]v1.Hash, len(p.tags))
	g, ctx := errgroup.WithContext(ctx)
	for i, tag := range p.tags {
		g.Go(func() (err error) {
			answers[i], err = s.digestOf(ctx, tag.TagStr())
			return err
		})
	}
	return answers, g.Wait()
}

// compare tells which tags have the artifact already, and which manifests are there.
func (p *pusher) compare(answers []v1.Hash, artifact v1.Hash) (uptodate map[string]bool, known map[v1.Hash]bool) {
	uptodate, known = map[string]bool{}, map[v1.Hash]bool{}
	for i, digest := range answers {
		known[digest] = digest != v1.Hash{}
		if digest == artifact {
			uptodate[p.tags[i].TagStr()] = true
		}
	}
	return uptodate, known
}

// transfer brings the blobs and then the given manifests to the registry. Where the
// registry turns out to lack what it was thought to have, everything is checked and
// sent once more.
func (p *pusher) transfer(ctx context.Context, s *session, c *content, manifests []manifest) error {
	assumed, err := p.blobs(ctx, s, c, false)
	if err == nil {
		err = p.manifests(ctx, s, manifests)
	}
	if err == nil || !assumed || !lacking(err) {
		return err
	}
	p.r.forget(p.repo)
	if _, err := p.blobs(ctx, s, c, true); err != nil {
		return err
	}
	return p.manifests(ctx, s, manifests)
}

// manifests sends manifests: the images' in parallel, then the indexes'.
func (p *pusher) manifests(ctx context.Context, s *session, ms []manifest) error {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(p.r.opts.Jobs)
	for _, m := range ms {
		p.r.sent.Store(presence{p.repo.Name(), m.desc.Digest}, true)
		if !m.index {
			g.Go(func() error { return s.putManifest(gctx, m, m.desc.Digest.String()) })
		}
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for _, m := range ms {
		if m.index {
			if err := s.putManifest(ctx, m, m.desc.Digest.String()); err != nil {
				return err
			}
		}
	}
	return nil
}

// Tag implements [Publisher].
func (p *pusher) Tag(ctx context.Context, a image.Artifact) error {
	digest, err := a.Digest()
	if err != nil {
		return fmt.Errorf("reading what to tag in %s: %w", p.repo, err)
	}
	p.mu.Lock()
	c, uptodate, sent := p.put, p.uptodate, p.there
	p.mu.Unlock()
	if c == nil || c.top.desc.Digest != digest {
		return fmt.Errorf("tagging %s in %s: it was not put there", digest, p.repo)
	}
	s, err := p.r.session(ctx, p.repo, true, c.mountSources(p.repo))
	if err != nil {
		return fmt.Errorf("tagging in %s: %w", p.repo, err)
	}
	for _, tag := range p.tags {
		if uptodate[tag.TagStr()] {
			continue
		}
		if err := p.tag(ctx, s, c, tag, sent); err != nil {
			return err
		}
		sent = true
	}
	p.r.remember(p.repo, c)
	return nil
}

func (p *pusher) tag(ctx context.Context, s *session, c *content, tag name.Tag, sent bool) (err error) {
	end := event.Track(p.r.opts.Events, event.Tag, tag.String())
	defer func() { end("", err) }()
	if !sent {
		p.r.sent.Store(presence{p.repo.Name(), c.top.desc.Digest}, true)
	}
	err = s.putManifest(ctx, c.top, tag.TagStr())
	if sent || !lacking(err) {
		return err
	}
	// Only now does the registry say that it lacks what it was thought to have.
	p.r.forget(p.repo)
	if _, err := p.blobs(ctx, s, c, true); err != nil {
		return err
	}
	if err := p.manifests(ctx, s, c.children); err != nil {
		return err
	}
	return s.putManifest(ctx, c.top, tag.TagStr())
}

// Close implements [Publisher]. Blobs that no manifest refers to are the registry's
// to collect.
func (p *pusher) Close() error { return nil }

// lacking reports whether err may be that of a manifest that refers to something
// that the registry hasn't got. Registries differ in how they say so.
func lacking(err error) bool {
	re, ok := errors.AsType[*RegistryError](err)
	return ok && (re.Status == http.StatusNotFound || re.Status == http.StatusBadRequest)
}

// Fetch returns the image or index that ref names. Its parts are fetched when they
// are asked for, under ctx.
func (r *Registry) Fetch(ctx context.Context, ref name.Reference) (image.Artifact, error) {
	s, err := r.session(ctx, ref.Context(), false, nil)
	if err != nil {
		return nil, fmt.Errorf("fetching %s: %w", ref, err)
	}
	d, err := remote.Get(ref, remote.WithContext(ctx), remote.WithTransport(s.transport))
	if err != nil {
		err = s.classify(err)
		if re, ok := errors.AsType[*RegistryError](err); ok && re.Status == http.StatusNotFound {
			err = &NotFoundError{Reference: ref.String()}
		}
		return nil, fmt.Errorf("fetching %s: %w", ref, err)
	}
	a, err := s.artifact(d)
	if err != nil {
		return nil, fmt.Errorf("fetching %s: %w", ref, err)
	}
	return a, nil
}

// artifact makes sense of a manifest.
func (s *session) artifact(d *remote.Descriptor) (image.Artifact, error) {
	if d.MediaType.IsSchema1() {
		return nil, fmt.Errorf("it is an image of Docker's schema 1, which is obsolete and not supported")
	}
	if !d.MediaType.IsIndex() && !d.MediaType.IsImage() {
		return nil, &RegistryError{
			Registry: s.repo.RegistryStr(), Status: http.StatusOK,
			Detail: fmt.Sprintf("a manifest of the media type %q", oneLine(string(d.MediaType))),
		}
	}
	var err error
	var a image.Artifact
	if d.MediaType.IsIndex() {
		var idx v1.ImageIndex
		if idx, err = d.ImageIndex(); err == nil {
			a = idx
			_, err = idx.IndexManifest()
		}
	} else {
		var img v1.Image
		if img, err = d.Image(); err == nil {
			a = img
			err = checkSizes(img)
		}
	}
	if err != nil {
		return nil, &RegistryError{Registry: s.repo.RegistryStr(), Status: http.StatusOK, Detail: "a manifest that can't be read: " + oneLine(err.Error())}
	}
	return a, nil
}

// checkSizes refuses an image whose config or number of layers would keep a reader
// busy.
func checkSizes(img v1.Image) error {
	m, err := img.Manifest()
	switch {
	case err != nil:
		return err
	case m.Config.Size > metadataLimit:
		return fmt.Errorf("its config has %d bytes", m.Config.Size)
	case len(m.Layers) > image.MaxLayers:
		return fmt.Errorf("it lists %d layers; imgo takes %d at most", len(m.Layers), image.MaxLayers)
	}
	return nil
}
