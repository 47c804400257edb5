package keychain

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/imgo-build/imgo/internal/environ"
	"github.com/imgo-build/imgo/pkg/publish/transport"
)

// Advice says how to log in to the registries of a cloud.
type Advice struct {
	Cloud    string   // for people
	Programs []string // what the keychain runs where it is installed; empty where it runs nothing
	Login    string   // the command, or what to set in the environment, that logs in
}

// CloudOf returns the advice for a registry or repository of a cloud whose logins the
// keychain knows, and reports whether it is one.
func (k *Keychain) CloudOf(repository string) (Advice, bool) {
	if c := k.cloudOf(repository); c != nil {
		return c.Advice, true
	}
	return Advice{}, false
}

// cloud is a provider of registries, known by the names of their hosts.
type cloud struct {
	Advice
	// one says that one login is good for all registries of the cloud.
	one bool
	// ways are tried in this order until one has an answer.
	ways []way
}

// way is a way to a login. It returns nil where nobody is logged in by it.
type way struct {
	source string // what is asked, for people
	login  string // what logs in again, where it isn't the cloud's command
	get    func(ctx context.Context, registry string) (authn.Authenticator, error)
}

// answer is what the ways to a login came to.
type answer struct {
	auth authn.Authenticator // nil: nobody is logged in
	err  error
}

// cloudOf returns the cloud that a repository, or a registry, belongs to, or nil.
func (k *Keychain) cloudOf(repository string) *cloud {
	key := normalize(repository)
	host, path, _ := strings.Cut(key, "/")
	switch {
	case k.opts.NoCloud || public(host, path):
		return nil
	case host == k.githubRegistry():
		return k.github()
	case googleRegistry(host):
		return k.google()
	}
	if region, ok := awsRegistry(host); ok {
		return k.aws(region)
	}
	if azureRegistry(host) {
		return k.azure()
	}
	return nil
}

// public reports whether everybody may read a repository and nobody but its owners
// writes there. Asking a cloud's program, which takes a second, would be for nothing.
func public(host, path string) bool {
	return host == "mirror.gcr.io" || host == "gcr.io" && (path == "distroless" || strings.HasPrefix(path, "distroless/"))
}

// ambient returns the login to a repository that comes with the machine and not from
// a file of credentials, or nil. The error joins those of all ways.
func (k *Keychain) ambient(ctx context.Context, repository string) (authn.Authenticator, error) {
	c := k.cloudOf(repository)
	if c == nil {
		return nil, nil
	}
	registry, _, _ := strings.Cut(normalize(repository), "/")
	key := registry
	if c.one {
		key = c.Cloud
	}
	if known, ok := k.clouds[key]; ok {
		return known.auth, known.err
	}
	auth, err := c.login(ctx, registry)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	k.clouds[key] = answer{auth, err}
	return auth, err
}

func (c *cloud) login(ctx context.Context, registry string) (authn.Authenticator, error) {
	var errs []error
	for _, w := range c.ways {
		auth, err := w.get(ctx, registry)
		switch {
		case err != nil:
			again := w.login
			if again == "" {
				again = c.Login
			}
			errs = append(errs, &CloudError{Cloud: c.Cloud, Source: w.source, Registry: registry, Login: again, Err: err})
		case auth != nil:
			return auth, nil
		}
	}
	return nil, errors.Join(errs...)
}

// basic returns a user and a password, or nil for no password.
func basic(user, password string) authn.Authenticator {
	if password == "" {
		return nil
	}
	return &authn.Basic{Username: user, Password: password}
}

// installed is the way through a credential helper that is in PATH without any file
// that names it.
func (k *Keychain) installed(name string) way {
	h := helper{name: name, env: k.opts.Env}
	return way{source: "docker-credential-" + name, get: func(ctx context.Context, registry string) (authn.Authenticator, error) {
		auth, err := h.get(ctx, registry)
		if e, ok := errors.AsType[*HelperError](err); ok {
			if e.Missing {
				return nil, nil
			}
			return nil, e.Err
		}
		if err != nil || auth == (authn.AuthConfig{}) {
			return nil, err
		}
		return authn.FromConfig(auth), nil
	}}
}

// env returns a variable of the environment that was given, or "".
func (k *Keychain) env(key string) string {
	value := environ.Environ(k.opts.Env).Get(key)
	return value
}

// client speaks to the clouds themselves.
func (k *Keychain) client() *http.Client {
	base := k.opts.Transport
	if base == nil {
		base = transport.Default(transport.Options{})
	}
	return &http.Client{Transport: transport.Limit(base, transport.Limits{})}
}
