package publish

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	ggcr "github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/imgo-build/imgo/pkg/publish/transport"
)

// session is an authenticated connection to one repository.
type session struct {
	repo      name.Repository
	scheme    string
	scopes    []string
	anonymous bool
	plain     bool // plain HTTP is allowed
	transport http.RoundTripper
	client    *http.Client
}

// sessionKey tells sessions apart; they live as long as the Registry.
type sessionKey struct {
	repo   string
	scopes string
}

// session returns the connection to repo, made at the first call: a ping, and a
// token where the registry wants one. With push it may write, and read the sources
// to mount from.
func (r *Registry) session(ctx context.Context, repo name.Repository, push bool, sources []name.Repository) (*session, error) {
	scopes := []string{repo.Scope(ggcr.PullScope)}
	if push {
		scopes[0] = repo.Scope(ggcr.PushScope)
	}
	for _, s := range sources {
		if scope := s.Scope(ggcr.PullScope); s.RepositoryStr() != repo.RepositoryStr() && !slices.Contains(scopes, scope) {
			scopes = append(scopes, scope)
		}
	}
	slices.Sort(scopes[1:])
	key := sessionKey{repo.Name(), strings.Join(scopes, " ")}
	s, _, err := r.sessions.Do(ctx, key, func() (*session, error) {
		return r.connect(ctx, repo, scopes)
	})
	if err == nil && push {
		r.writing.Store(repo.Name(), s)
	}
	return s, err
}

func (r *Registry) connect(ctx context.Context, repo name.Repository, scopes []string) (*session, error) {
	s := &session{repo: repo, scopes: scopes, plain: transport.PlainHTTPAllowed(repo.RegistryStr(), r.opts.PlainHTTP)}
	auth, err := authn.Resolve(ctx, r.opts.Keychain, repo)
	if err != nil {
		return nil, fmt.Errorf("looking up credentials for %s: %w", repo.RegistryStr(), err)
	}
	s.anonymous = auth == authn.Anonymous
	registry := repo.Registry
	if s.plain { // let ggcr's ping fall back to HTTP
		if registry, err = name.NewRegistry(repo.RegistryStr(), name.Insecure); err != nil {
			return nil, err
		}
	}
	connect := func(ctx context.Context) (http.RoundTripper, error) {
		c, err := r.greet(ctx, registry)
		if err != nil {
			return nil, err
		}
		return r.authenticated(ctx, registry, auth, scopes, c)
	}
	if s.transport = r.provisional(ctx, registry, auth, scopes, connect); s.transport == nil {
		if s.transport, err = connect(ctx); err != nil {
			return nil, s.classify(err)
		}
	}
	// ggcr's transport puts in the scheme that answered the ping.
	s.scheme = registry.Scheme()
	s.client = &http.Client{Transport: s.transport}
	return s, nil
}

// request makes a request to a path below the repository.
func (s *session) request(ctx context.Context, method, path string) (*http.Request, error) {
	return http.NewRequestWithContext(ctx, method, s.url(path), nil)
}

func (s *session) url(path string) string {
	return fmt.Sprintf("%s://%s/v2/%s/%s", s.scheme, s.repo.RegistryStr(), s.repo.RepositoryStr(), path)
}

// do sends a request and returns an answer with one of the wanted statuses, whose
// body the caller closes. Any other outcome is a classified error.
func (s *session) do(req *http.Request, want ...int) (*http.Response, error) {
	resp, err := s.client.Do(req)
	if err != nil {
		if cancelled := req.Context().Err(); cancelled != nil {
			return nil, cancelled
		}
		return nil, s.classify(err)
	}
	return s.check(resp, want...)
}

// check returns an answer with one of the wanted statuses; any other is closed.
func (s *session) check(resp *http.Response, want ...int) (*http.Response, error) {
	if slices.Contains(want, resp.StatusCode) {
		return resp, nil
	}
	defer finish(resp)
	if resp.StatusCode < 400 {
		return nil, s.nonsense(resp, "%d %s to a %s", resp.StatusCode, http.StatusText(resp.StatusCode), resp.Request.Method)
	}
	return nil, s.classify(ggcr.CheckError(resp, want...))
}

func (s *session) nonsense(resp *http.Response, format string, args ...any) error {
	detail := fmt.Sprintf(format, args...)
	if mediaType, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";"); mediaType == "text/html" {
		detail += " with an HTML page"
	}
	return &RegistryError{Registry: s.repo.RegistryStr(), Status: resp.StatusCode, Detail: detail}
}

// finish reads what is left of an answer that nobody wants, if it is little, so that the
// connection can be used again.
func finish(resp *http.Response) {
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10)
	resp.Body.Close()
}
