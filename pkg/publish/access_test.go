package publish_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/imgo-build/imgo/internal/registrytest"
	"github.com/imgo-build/imgo/pkg/publish"
)

func TestCheckAccess(t *testing.T) {
	for name, opts := range map[string]registrytest.Options{
		"open":  {},
		"tls":   {TLS: true, AbsoluteLocation: true},
		"basic": {Username: "me", Password: "secret"},
		"token": {Username: "me", Password: "secret", Token: true},
	} {
		t.Run(name, func(t *testing.T) {
			reg := registrytest.New(t, opts)
			o := (&recorded{}).options(reg, nil)
			if opts.Username != "" {
				o.Keychain = login{"me", "secret"}
			}
			got, err := publish.NewRegistry(o).CheckAccess(t.Context(), repoIn(t, reg, "acme/server"))
			want := publish.Access{Plain: !opts.TLS, Anonymous: opts.Username == ""}
			if err != nil || got != want {
				t.Errorf("CheckAccess = %+v, %v, want %+v", got, err, want)
			}
			requests := counts{registrytest.Ping: 1, registrytest.PostUpload: 1, "DELETE upload": 1}
			if opts.Token {
				requests[registrytest.Token] = 1
			}
			requests.check(t, reg)
		})
	}
}

func TestCheckAccessDenied(t *testing.T) {
	reg := registrytest.New(t, registrytest.Options{Username: "me", Password: "secret"})
	repo := repoIn(t, reg, "acme/server")
	o := (&recorded{}).options(reg, nil)
	o.Keychain = login{"me", "wrong"}
	_, err := publish.NewRegistry(o).CheckAccess(t.Context(), repo)
	if e, ok := errors.AsType[*publish.AuthError](err); !ok || e.Status != 401 || e.Anonymous {
		t.Errorf("with a wrong password: %v", err)
	}

	// An account that may only read. Nothing is sent twice.
	o.Keychain = login{"me", "secret"}
	reg.SetFaults(on(registrytest.PostUpload, registrytest.Fault{Status: 403}))
	_, err = publish.NewRegistry(o).CheckAccess(t.Context(), repo)
	if e, ok := errors.AsType[*publish.AuthError](err); !ok || e.Status != 403 || e.Repository != "acme/server" {
		t.Errorf("without the right to write: %v", err)
	}
	reg.Reset()
	reg.SetFaults(on(registrytest.PostUpload, registrytest.Fault{Status: 503}))
	_, err = publish.NewRegistry(o).CheckAccess(t.Context(), repo)
	if e, ok := errors.AsType[*publish.RegistryError](err); !ok || e.Status != 503 {
		t.Errorf("a registry in trouble: %v", err)
	}
	counts{registrytest.Ping: 1, registrytest.PostUpload: 1}.check(t, reg)
}

// A registry doesn't make imgo delete anything that isn't its own.
func TestCheckAccessDeletesNothingElsewhere(t *testing.T) {
	reg, other := registrytest.New(t, registrytest.Options{}), registrytest.New(t, registrytest.Options{})
	header := http.Header{"Location": {"http://" + other.Host + "/v2/acme/server/manifests/latest"}}
	reg.SetFaults(on(registrytest.PostUpload, registrytest.Fault{Status: 202, Header: header}))
	if _, err := publish.NewRegistry((&recorded{}).options(reg, nil)).CheckAccess(t.Context(), repoIn(t, reg, "acme/server")); err != nil {
		t.Error(err)
	}
	counts{}.check(t, other)
}
