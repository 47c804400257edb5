package publish_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/random"

	"github.com/imgo-build/imgo/internal/registrytest"
	"github.com/imgo-build/imgo/pkg/publish"
	"github.com/imgo-build/imgo/pkg/publish/transport"
)

func TestRetriedFaults(t *testing.T) {
	whole := counts{"GET /v2/": 1, "HEAD manifest": 2, "HEAD blob": 1, "POST upload": 2, "PUT blob": 2, "PUT manifest": 1}
	with := func(more counts) counts {
		out := counts{}
		for k, v := range whole {
			out[k] = v + more[k]
		}
		return out
	}
	const base = 500 * time.Millisecond
	for _, tc := range []struct {
		name   string
		kind   string
		fault  registrytest.Fault
		which  []int
		want   counts
		pauses []time.Duration
	}{
		{
			"rate limit with Retry-After", "POST upload",
			registrytest.Fault{Status: 429, Header: http.Header{"Retry-After": {"3"}}},
			[]int{1}, with(counts{"POST upload": 1}), []time.Duration{3 * time.Second},
		},
		{
			"unavailable on a manifest", "PUT manifest", registrytest.Fault{Status: 503},
			[]int{1, 2}, with(counts{"PUT manifest": 2}), []time.Duration{base, 2 * base},
		},
		{
			"unavailable on a blob begins the upload anew", "PUT blob", registrytest.Fault{Status: 503},
			[]int{1}, with(counts{"POST upload": 1, "PUT blob": 1}), []time.Duration{base},
		},
		{
			"connection dropped in the middle of an upload", "PUT blob", registrytest.Fault{Drop: true, After: 100_000},
			[]int{1}, with(counts{"POST upload": 1, "PUT blob": 1}), []time.Duration{base},
		},
		{
			"upload session lost", "PUT blob", registrytest.Fault{Status: 404},
			[]int{1}, with(counts{"POST upload": 1, "PUT blob": 1}), []time.Duration{base},
		},
		{
			"connection dropped on the first request", "GET /v2/", registrytest.Fault{Drop: true},
			[]int{1}, with(counts{"GET /v2/": 1}), []time.Duration{base},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			reg := registrytest.New(t, registrytest.Options{Faults: on(tc.kind, tc.fault, tc.which...)})
			rec := &recorded{}
			opts := rec.options(reg, nil)
			opts.Jobs = 1
			img, err := random.Image(1_000_000, 1)
			if err != nil {
				t.Fatal(err)
			}
			mustPush(t, publish.NewRegistry(opts), repoIn(t, reg, "app"), img, "latest")
			tc.want.check(t, reg)
			if diff := cmp.Diff(tc.pauses, rec.pauses); diff != "" {
				t.Errorf("pauses (-want +got):\n%s", diff)
			}
			verifyImage(t, repoIn(t, reg, "app").Tag("latest"), img)
			checkEvents(t, rec.events)
		})
	}
}

func TestUploadGivesUpInTheEnd(t *testing.T) {
	reg := registrytest.New(t, registrytest.Options{Faults: on("PUT blob", registrytest.Fault{Drop: true})})
	opts := new(recorded).options(reg, nil)
	opts.Retry.Attempts = 3
	opts.Jobs = 1
	err := push(t, publish.NewRegistry(opts), repoIn(t, reg, "app"), imageOf(t, "amd64"), "latest")
	if ue, ok := errors.AsType[*publish.UnreachableError](err); !ok || ue.Host != reg.Host {
		t.Errorf("error %v", err)
	}
	// Three attempts, not three times three.
	counts{"GET /v2/": 1, "HEAD manifest": 1, "POST upload": 3, "PUT blob": 3}.check(t, reg)
}

func TestAuthentication(t *testing.T) {
	for _, tc := range []struct {
		name     string
		opts     registrytest.Options
		keychain login
		ok       bool
		tokens   int
	}{
		{"basic", registrytest.Options{Username: "me", Password: "hunter2"}, login{"me", "hunter2"}, true, 0},
		{"basic, wrong password", registrytest.Options{Username: "me", Password: "hunter2"}, login{"me", "hunter3"}, false, 0},
		{"token", registrytest.Options{Username: "me", Password: "hunter2", Token: true}, login{"me", "hunter2"}, true, 1},
		{"token, wrong password", registrytest.Options{Username: "me", Password: "hunter2", Token: true}, login{"me", "hunter3"}, false, 1},
		{"token over TLS", registrytest.Options{Username: "me", Password: "hunter2", Token: true, TLS: true}, login{"me", "hunter2"}, true, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			reg := registrytest.New(t, tc.opts)
			rec := &recorded{}
			opts := rec.options(reg, nil)
			opts.Keychain = tc.keychain
			r := publish.NewRegistry(opts)
			err := push(t, r, repoIn(t, reg, "app"), imageOf(t, "amd64", layerOf("x")), "latest")
			if got := reg.Counts()["token"]; got != tc.tokens {
				t.Errorf("%d tokens fetched, want %d", got, tc.tokens)
			}
			if tc.ok {
				if err != nil {
					t.Fatal(err)
				}
				// A second push uses the same token and doesn't ping again.
				mustPush(t, r, repoIn(t, reg, "app"), imageOf(t, "amd64", layerOf("y")), "latest")
				if c := reg.Counts(); c["token"] != tc.tokens || c["GET /v2/"] != 1 {
					t.Errorf("pinged or authenticated again: %v", c)
				}
				return
			}
			ae, ok := errors.AsType[*publish.AuthError](err)
			if !ok || ae.Status != 401 || ae.Registry != reg.Host || ae.Repository != "app" || ae.Anonymous {
				t.Errorf("error %v", err)
			}
			silent(t, rec, err, "hunter")
		})
	}
}

func TestAnonymousIsDenied(t *testing.T) {
	reg := registrytest.New(t, registrytest.Options{Username: "me", Password: "x"})
	_, err := publish.NewRegistry(new(recorded).options(reg, nil)).Fetch(t.Context(), repoIn(t, reg, "app").Tag("x"))
	if ae, ok := errors.AsType[*publish.AuthError](err); !ok || !ae.Anonymous {
		t.Errorf("error %v", err)
	}
}

func TestDenied(t *testing.T) {
	reg := registrytest.New(t, registrytest.Options{Faults: on("POST upload", registrytest.Fault{
		Status: 403, Body: `{"errors":[{"code":"DENIED","message":"you may not\npush here"}]}`,
	})})
	err := push(t, publish.NewRegistry(new(recorded).options(reg, nil)), repoIn(t, reg, "app"), imageOf(t, "amd64"), "latest")
	if ae, ok := errors.AsType[*publish.AuthError](err); !ok || ae.Status != 403 || ae.Detail != "you may not push here" {
		t.Errorf("error %v", err)
	}
	if !strings.HasPrefix(err.Error(), "pushing config sha256:") || !strings.Contains(err.Error(), " to "+reg.Host+"/app: ") {
		t.Errorf("error %q doesn't say what was done", err)
	}
}

// A token that runs out between the start of an upload and its end is renewed, and
// the bytes are all sent again.
func TestTokenExpiresDuringUpload(t *testing.T) {
	reg := registrytest.New(t, registrytest.Options{Username: "me", Password: "x", Token: true})
	expire := on("PUT blob", registrytest.Fault{}, 1)
	reg.SetFaults(func(req *http.Request) *registrytest.Fault {
		if expire(req) != nil {
			reg.ExpireTokens()
		}
		return nil
	})
	opts := new(recorded).options(reg, nil)
	opts.Keychain, opts.Jobs = login{"me", "x"}, 1
	img, err := random.Image(1_000_000, 1)
	if err != nil {
		t.Fatal(err)
	}
	mustPush(t, publish.NewRegistry(opts), repoIn(t, reg, "app"), img, "latest")
	if n := reg.Counts()["token"]; n != 2 {
		t.Errorf("%d tokens, want 2", n)
	}
	if n := reg.Counts()["POST upload"]; n != 2 {
		t.Errorf("%d uploads begun, want 2", n)
	}
}

func TestNonsense(t *testing.T) {
	html := registrytest.Fault{Status: 200, Header: http.Header{"Content-Type": {"text/html"}}, Body: "<html>login</html>"}
	for _, tc := range []struct {
		name, kind string
		fault      registrytest.Fault
		want       string
	}{
		{"HTML for an upload", "POST upload", html, "answered nonsense: 200 OK to a POST with an HTML page"},
		{"HTML for a blob", "PUT blob", html, "answered nonsense: 200 OK to a PUT with an HTML page"},
		{"HTML for a manifest", "PUT manifest", html, "answered nonsense: 200 without a digest to a manifest with an HTML page"},
		{
			"another digest for the manifest", "PUT manifest",
			registrytest.Fault{SetHeaders: http.Header{"Docker-Content-Digest": {"sha256:" + strings.Repeat("0", 64)}}},
			"answered nonsense: it says that the manifest sha256:",
		},
		{
			"no digest in the header", "HEAD manifest",
			registrytest.Fault{Status: 200, Header: http.Header{"Docker-Content-Digest": {"latest"}}},
			`answered nonsense: the digest "latest"`,
		},
		{"session without a place", "POST upload", registrytest.Fault{Status: 202}, "answered nonsense: an upload session without a valid Location"},
		{"broken JSON in an error", "POST upload", registrytest.Fault{Status: 400, Body: "<html>"}, "answered 400 Bad Request"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			reg := registrytest.New(t, registrytest.Options{Faults: on(tc.kind, tc.fault)})
			err := push(t, publish.NewRegistry(new(recorded).options(reg, nil)), repoIn(t, reg, "app"), imageOf(t, "amd64"), "latest")
			if re, ok := errors.AsType[*publish.RegistryError](err); !ok || re.Registry != reg.Host || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
		})
	}
}

func TestTokenServerNonsense(t *testing.T) {
	for body, want := range map[string]string{
		`{"refresh_token":"very-secret"}`: "the token server answered without a token",
		`<html>very-secret</html>`:        "broken JSON",
	} {
		reg := registrytest.New(t, registrytest.Options{
			Username: "me", Password: "x", Token: true, Faults: on("token", registrytest.Fault{Status: 200, Body: body}),
		})
		rec := &recorded{}
		opts := rec.options(reg, nil)
		opts.Keychain = login{"me", "x"}
		err := push(t, publish.NewRegistry(opts), repoIn(t, reg, "app"), imageOf(t, "amd64"), "latest")
		if !isRegistryError(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
		silent(t, rec, err, "very-secret")
	}
}

func isRegistryError(err error) bool {
	_, ok := errors.AsType[*publish.RegistryError](err)
	return ok
}

// silent asserts that neither the error nor any event contains a secret.
func silent(t *testing.T, rec *recorded, err error, secrets ...string) {
	t.Helper()
	said := fmt.Sprintf("%v\n%+v", err, rec.events)
	for _, s := range secrets {
		if strings.Contains(said, s) {
			t.Errorf("%q was given away:\n%s", s, said)
		}
	}
}

// Upload sessions carry the registry's state in their URL, which may be all that is
// needed to write: it must not show up, whatever goes wrong.
func TestUploadURLsStaySecret(t *testing.T) {
	for _, f := range []registrytest.Fault{{Drop: true}, {Status: 400}, {Status: 500}, {Status: 307, Header: http.Header{"Location": {"http://registry.invalid/?sig=secret"}}}} {
		reg := registrytest.New(t, registrytest.Options{Faults: on("PUT blob", f)})
		rec := &recorded{}
		err := push(t, publish.NewRegistry(rec.options(reg, nil)), repoIn(t, reg, "app"), imageOf(t, "amd64"), "latest")
		if err == nil {
			t.Error("no error")
		}
		silent(t, rec, err, "secret", "_state")
	}
}

func TestUnreachable(t *testing.T) {
	reg, err := registrytest.Start(registrytest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	reg.Close()
	rec := &recorded{}
	err = push(t, publish.NewRegistry(rec.options(reg, nil)), repoIn(t, reg, "app"), imageOf(t, "amd64"), "latest")
	if ue, ok := errors.AsType[*publish.UnreachableError](err); !ok || ue.Host != reg.Host {
		t.Errorf("error %v", err)
	}
	if len(rec.pauses) != 0 {
		t.Errorf("the user waited %v", rec.pauses)
	}
}

func TestUnknownHost(t *testing.T) {
	repo, _ := name.NewRepository("registry.invalid/app")
	err := push(t, publish.NewRegistry(publish.Options{Transport: resolver(func(host string) error {
		return fmt.Errorf("dial tcp: %w", noSuchHost(host))
	})}), repo, imageOf(t, "amd64"), "latest")
	if uh, ok := errors.AsType[*publish.UnknownHostError](err); !ok || uh.Host != "registry.invalid" {
		t.Errorf("error %v", err)
	}
}

func TestUntrustedCertificate(t *testing.T) {
	reg := registrytest.New(t, registrytest.Options{TLS: true})
	opts := new(recorded).options(reg, nil)
	opts.Transport = transport.Default(transport.Options{TLS: &tls.Config{}})
	err := push(t, publish.NewRegistry(opts), repoIn(t, reg, "app"), imageOf(t, "amd64"), "latest")
	if ce, ok := errors.AsType[*publish.CertificateError](err); !ok || ce.Host != reg.Host {
		t.Errorf("error %v", err)
	}
}

func TestPlainHTTPOnlyWhereAllowed(t *testing.T) {
	reg := registrytest.New(t, registrytest.Options{})
	repo, _ := name.NewRepository("registry.lan/app")
	opts := new(recorded).options(reg, nil)
	opts.Transport = redirect{to: reg.Host, base: opts.Transport}
	img := imageOf(t, "amd64")
	err := push(t, publish.NewRegistry(opts), repo, img, "latest")
	if ph, ok := errors.AsType[*publish.PlainHTTPError](err); !ok || ph.Host != "registry.lan" {
		t.Errorf("error %v", err)
	}
	counts{}.check(t, reg)
	opts.PlainHTTP = []string{"registry.lan"}
	mustPush(t, publish.NewRegistry(opts), repo, img, "latest")
}

func TestCancelledPush(t *testing.T) {
	reg := registrytest.New(t, registrytest.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	reg.SetFaults(func(req *http.Request) *registrytest.Fault {
		if registrytest.Kind(req.Method, req.URL.Path) == "PUT blob" {
			cancel()
			return &registrytest.Fault{Drop: true}
		}
		return nil
	})
	repo := repoIn(t, reg, "app")
	p := publish.NewRegistry(new(recorded).options(reg, nil)).Repository(repo, []name.Tag{repo.Tag("latest")}, publish.RepoOptions{})
	if err := p.Put(ctx, imageOf(t, "amd64", layerOf("x"))); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
	if n := reg.Counts()["PUT manifest"]; n != 0 {
		t.Error("a manifest was sent")
	}
}
