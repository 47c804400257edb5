package publish

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	ggcr "github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/imgo-build/imgo/pkg/publish/transport"
)

// greet returns how a registry answers a ping (GET /v2/): by which scheme, and how it
// wants to be authenticated to. Each is pinged once, and what it says is remembered for
// the next process; see [Registry.recallGreeting].
func (r *Registry) greet(ctx context.Context, registry name.Registry) (*ggcr.Challenge, error) {
	host := registry.RegistryStr()
	c, _, err := r.greetings.Do(ctx, host, func() (*ggcr.Challenge, error) {
		c, err := ggcr.Ping(ctx, registry, r.transport)
		if err != nil {
			return nil, err
		}
		if value, err := json.Marshal(c); err == nil {
			if old, ok := r.opts.Results.Lookup(greetingKey(host)); !ok || string(old) != string(value) {
				_ = r.opts.Results.Remember(greetingKey(host), value)
			}
		}
		return c, nil
	})
	return c, err
}

// recallGreeting returns how a registry answered an earlier process, if acting on that
// can't send credentials anywhere that only the registry itself could name, nor
// anything unencrypted over a network: a token server counts if it is the registry's
// own host, plain HTTP on loopback only.
func (r *Registry) recallGreeting(host string) (*ggcr.Challenge, bool) {
	value, ok := r.opts.Results.Lookup(greetingKey(host))
	if !ok {
		return nil, false
	}
	c := &ggcr.Challenge{}
	if json.Unmarshal(value, c) != nil || c.Insecure && !transport.PlainHTTPAllowed(host, nil) {
		return nil, false
	}
	if !wantsToken(c) {
		return c, true
	}
	realm, err := url.Parse(c.Parameters["realm"])
	return c, err == nil && realm.Host == host && realm.Scheme == schemeOf(c)
}

func greetingKey(host string) string { return "publish/greeting/1 " + host }

func wantsToken(c *ggcr.Challenge) bool { return strings.EqualFold(c.Scheme, "bearer") }

func schemeOf(c *ggcr.Challenge) string {
	if c.Insecure {
		return "http"
	}
	return "https"
}

// authenticated makes the RoundTripper that carries the credentials, after a request
// for a token where the registry wants one.
func (r *Registry) authenticated(ctx context.Context, registry name.Registry, auth authn.Authenticator, scopes []string, c *ggcr.Challenge) (http.RoundTripper, error) {
	return ggcr.NewWithContext(ctx, registry, auth, &greeted{r.transport, registry.RegistryStr(), c}, scopes)
}

// provisional connects on the strength of what an earlier process remembered, without a
// ping. It returns nil where that can't be.
func (r *Registry) provisional(ctx context.Context, registry name.Registry, auth authn.Authenticator, scopes []string, connect func(context.Context) (http.RoundTripper, error)) http.RoundTripper {
	c, ok := r.recallGreeting(registry.RegistryStr())
	if !ok {
		return nil
	}
	inner, err := r.authenticated(transport.WithoutRetry(ctx), registry, auth, scopes, c)
	if err != nil {
		return nil
	}
	return &provisional{inner: inner, connect: connect}
}

// greeted answers ggcr's ping of a host from what is known.
type greeted struct {
	base      http.RoundTripper
	host      string
	challenge *ggcr.Challenge
}

// RoundTrip implements [http.RoundTripper]. ggcr takes the scheme from the request that
// an answer is for.
func (g *greeted) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method != http.MethodGet || req.URL.Host != g.host || req.URL.Path != "/v2/" || req.URL.RawQuery != "" {
		return g.base.RoundTrip(req)
	}
	answered := req.Clone(req.Context())
	answered.URL.Scheme = schemeOf(g.challenge)
	resp := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: http.NoBody, Request: answered}
	if wantsToken(g.challenge) {
		resp.StatusCode = http.StatusUnauthorized
		var params []string
		for k, v := range g.challenge.Parameters {
			params = append(params, fmt.Sprintf(`%s="%s"`, k, strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(v)))
		}
		resp.Header.Set("WWW-Authenticate", g.challenge.Scheme+" "+strings.Join(params, ","))
	}
	return resp, nil
}

// provisional is a connection that relies on how the registry answered an earlier
// process. Where that doesn't seem to hold any more, the registry is pinged after all,
// and the request sent again.
type provisional struct {
	connect func(context.Context) (http.RoundTripper, error) // the ordinary way

	mu     sync.Mutex
	inner  http.RoundTripper
	proven bool // an answer came that only a registry gives
	final  bool // inner is what connect returned
}

// RoundTrip implements [http.RoundTripper].
func (p *provisional) RoundTrip(req *http.Request) (*http.Response, error) {
	p.mu.Lock()
	inner, proven, final := p.inner, p.proven, p.final
	p.mu.Unlock()
	if final || req.Body != nil && req.Body != http.NoBody && req.GetBody == nil {
		return inner.RoundTrip(req)
	}
	ctx := req.Context()
	if !proven { // until then a failure is a reason to ping, which is tried again if need be
		ctx = transport.WithoutRetry(ctx)
	}
	resp, err := inner.RoundTrip(req.Clone(ctx))
	if p.holds(resp, err, proven) || ctx.Err() != nil {
		return resp, err
	}
	if err == nil {
		finish(resp)
	}
	if inner, err = p.reconnect(req.Context()); err != nil {
		return nil, err
	}
	if req.GetBody != nil {
		if req.Body, err = req.GetBody(); err != nil {
			return nil, err
		}
	}
	return inner.RoundTrip(req)
}

// holds reports whether an answer is one that the registry would give to a client that
// has just pinged it, as far as one can see.
func (p *provisional) holds(resp *http.Response, err error, proven bool) bool {
	if proven {
		return err != nil || resp.StatusCode != http.StatusUnauthorized
	}
	if err != nil {
		return false
	}
	ours := resp.Header.Get("Docker-Distribution-Api-Version") != "" // a 404 may come from anywhere
	if resp.StatusCode/100 != 2 && !(resp.StatusCode == http.StatusNotFound && ours) {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.proven = true
	return true
}

func (p *provisional) reconnect(ctx context.Context) (http.RoundTripper, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.final {
		return p.inner, nil
	}
	inner, err := p.connect(ctx)
	if err != nil {
		return nil, err
	}
	p.inner, p.final = inner, true
	return inner, nil
}
