package keychain

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
)

// azureUser is the name that goes with a token in place of a password.
const azureUser = "00000000-0000-0000-0000-000000000000"

// azure are the registries of Microsoft's customers.
func (k *Keychain) azure() *cloud {
	c := &cloud{Advice: Advice{
		Cloud: "Azure", Programs: []string{"docker-credential-acr-env", "az"}, Login: "az login",
	}}
	// The helper knows the environment's logins only, and without one it fails in the
	// same way as when the login is wrong.
	if k.env("AZURE_CLIENT_ID") != "" {
		w := k.installed("acr-env")
		w.login = "check AZURE_CLIENT_ID and the variables that belong to it"
		c.ways = append(c.ways, w)
	}
	c.ways = append(c.ways, way{source: "az", get: func(ctx context.Context, registry string) (authn.Authenticator, error) {
		out, err := tool{
			name: "az", args: []string{"acr", "login", "--name", registry, "--expose-token", "--output", "json"},
			absent: []string{"'az login' to setup account"}, env: k.opts.Env,
		}.run(ctx)
		if err != nil || out == "" {
			return nil, err
		}
		var answer struct {
			AccessToken string `json:"accessToken"`
		}
		if json.Unmarshal([]byte(out), &answer) != nil || answer.AccessToken == "" {
			return nil, errors.New("its answer has no accessToken")
		}
		return basic(azureUser, answer.AccessToken), nil
	}})
	return c
}

// azureRegistry reports whether a host is NAME.azurecr.io or its like in another
// national cloud. NAME begins with a letter or digit, so that it is no flag of az.
func azureRegistry(host string) bool {
	for _, domain := range []string{".azurecr.io", ".azurecr.cn", ".azurecr.us"} {
		if name, ok := strings.CutSuffix(host, domain); ok {
			return name != "" && !strings.Contains(name, ".") && name[0] != '-'
		}
	}
	return false
}
