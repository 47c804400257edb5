package keychain

import (
	"context"
	"net/url"

	"github.com/google/go-containerregistry/pkg/authn"
)

// github is GitHub's registry with the token of the environment, which every job of
// GitHub Actions can have and which says by itself what it is good for.
func (k *Keychain) github() *cloud {
	return &cloud{
		Advice: Advice{Cloud: "GitHub", Login: "set GITHUB_TOKEN"},
		one:    true,
		ways: []way{{source: "GITHUB_TOKEN", get: func(context.Context, string) (authn.Authenticator, error) {
			user := k.env("GITHUB_ACTOR")
			if user == "" {
				user = "x-access-token" // any will do
			}
			return basic(user, k.env("GITHUB_TOKEN")), nil
		}}},
	}
}

// githubRegistry is the only registry that the token of the environment is for: that
// of the server which made it. A server of one's own, or a tenant of ghe.com, has its
// registry below its own name.
func (k *Keychain) githubRegistry() string {
	server := k.env("GITHUB_SERVER_URL")
	if server == "" {
		return "ghcr.io"
	}
	u, err := url.Parse(server)
	switch {
	case err != nil || u.Scheme != "https" || u.Host == "":
		return ""
	case u.Host == "github.com":
		return "ghcr.io"
	}
	return "containers." + u.Host
}
