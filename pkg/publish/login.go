package publish

import (
	"context"
	"fmt"
	"net/http"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	ggcr "github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/imgo-build/imgo/pkg/publish/transport"
)

// CheckLogin asks a registry whether it accepts credentials. The error is an
// [*AuthError] where it doesn't. A registry that asks nobody for credentials accepts
// all.
func (r *Registry) CheckLogin(ctx context.Context, registry name.Registry, auth authn.Authenticator) error {
	s := &session{
		repo:  registry.Repo(),
		plain: transport.PlainHTTPAllowed(registry.RegistryStr(), r.opts.PlainHTTP),
	}
	var err error
	if s.plain {
		if registry, err = name.NewRegistry(registry.RegistryStr(), name.Insecure); err != nil {
			return err
		}
	}
	rt, err := ggcr.NewWithContext(ctx, registry, auth, r.transport, nil)
	if err != nil {
		return s.classify(err)
	}
	s.client = &http.Client{Transport: rt}
	// The ping shows how to authenticate; only a second request shows whether it works.
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s://%s/v2/", registry.Scheme(), registry.RegistryStr()), nil)
	if err != nil {
		return err
	}
	resp, err := s.do(req, http.StatusOK)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}
