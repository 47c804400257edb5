package imgo

import (
	"context"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
)

// Login asks a registry whether it accepts the credentials and stores them where
// docker looks. It returns where that was.
func (c *Client) Login(ctx context.Context, registry, user, password string) (where string, err error) {
	reg, err := name.NewRegistry(registry)
	if err != nil {
		return "", err
	}
	auth := authn.FromConfig(authn.AuthConfig{Username: user, Password: password})
	if err := c.registry.CheckLogin(ctx, reg, auth); err != nil {
		return "", err
	}
	return c.keychain.Login(ctx, reg.Name(), user, password)
}
