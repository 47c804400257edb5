package publish_test

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/imgo-build/imgo/internal/registrytest"
	"github.com/imgo-build/imgo/pkg/publish"
)

// What an unchanged and a changed push cost by how the registry authenticates: requests,
// and connections, of which one at the first push is the attempt at HTTPS.
func TestPingIsSaved(t *testing.T) {
	for _, tc := range []struct {
		name  string
		opts  registrytest.Options
		token int
	}{
		{"open", registrytest.Options{}, 0},
		{"basic", registrytest.Options{Username: "me", Password: "x"}, 0},
		{"token", registrytest.Options{Username: "me", Password: "x", Token: true}, 1},
		{"open, HTTPS", registrytest.Options{TLS: true}, 0},
		{"basic, HTTPS", registrytest.Options{TLS: true, Username: "me", Password: "x"}, 0},
		{"token, HTTPS", registrytest.Options{TLS: true, Username: "me", Password: "x", Token: true}, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			reg, results := registrytest.New(t, tc.opts), &memory{}
			push := func(layer string) {
				t.Helper()
				reg.Reset()
				opts := new(recorded).options(reg, results)
				opts.Keychain, opts.Jobs = login{"me", "x"}, 1
				if tc.opts.Username == "" {
					opts.Keychain = nil
				}
				mustPush(t, publish.NewRegistry(opts), repoIn(t, reg, "app"), imageOf(t, "amd64", layerOf(layer)), "latest")
			}
			with := func(c counts) counts {
				if tc.token > 0 {
					c["token"] = tc.token
				}
				return c
			}
			failed := 1
			if tc.opts.TLS {
				failed = 0
			}
			push("a")
			with(counts{"GET /v2/": 1, "HEAD manifest": 1, "POST upload": 2, "PUT blob": 2, "PUT manifest": 1}).check(t, reg)
			if n := reg.Connections(); n != 1+failed {
				t.Errorf("the first push opened %d connections", n)
			}
			push("a")
			with(counts{"HEAD manifest": 1}).check(t, reg)
			if n := reg.Connections(); n != 1 {
				t.Errorf("an unchanged push opened %d connections", n)
			}
			push("b")
			with(counts{"HEAD manifest": 1, "POST upload": 2, "PUT blob": 2, "PUT manifest": 1}).check(t, reg)
			if n := reg.Connections(); n != 1 {
				t.Errorf("a changed push opened %d connections", n)
			}
		})
	}
}

// Whatever is remembered of a registry, in good faith or not, a push works as without it,
// after one ping, and nobody else is spoken to.
func TestOutdatedGreeting(t *testing.T) {
	var mu sync.Mutex
	spied := 0
	spy := registrytest.New(t, registrytest.Options{Faults: func(*http.Request) *registrytest.Fault {
		mu.Lock()
		defer mu.Unlock()
		spied++
		return nil
	}})
	remembered := map[string]string{
		"nothing wanted":         `{"Insecure":true}`,
		"nothing wanted, HTTPS":  `{}`,
		"basic":                  `{"Scheme":"basic","Insecure":true}`,
		"basic, HTTPS":           `{"Scheme":"basic"}`,
		"token from there":       `{"Scheme":"bearer","Parameters":{"realm":"http://HOST/elsewhere","service":"x"},"Insecure":true}`,
		"token from there, both": `{"Scheme":"bearer","Parameters":{"realm":"https://HOST/token"},"Insecure":true}`,
		"token from elsewhere":   `{"Scheme":"bearer","Parameters":{"realm":"http://SPY/token"},"Insecure":true}`,
		"token with a user":      `{"Scheme":"bearer","Parameters":{"realm":"http://HOST@SPY/token"},"Insecure":true}`,
		"token without a realm":  `{"Scheme":"bearer","Insecure":true}`,
		"no JSON":                `<html>`,
	}
	for kind, opts := range map[string]registrytest.Options{
		"open": {}, "basic": {Username: "me", Password: "x"}, "token": {Username: "me", Password: "x", Token: true},
		"HTTPS": {TLS: true}, "token, HTTPS": {Username: "me", Password: "x", Token: true, TLS: true},
	} {
		for was, value := range remembered {
			t.Run(kind+", remembered "+was, func(t *testing.T) {
				reg, results := registrytest.New(t, opts), &memory{}
				value := strings.NewReplacer("HOST", reg.Host, "SPY", strings.Replace(spy.Host, "127.0.0.1", "localhost", 1)).Replace(value)
				_ = results.Remember("publish/greeting/1 "+reg.Host, []byte(value))
				o := new(recorded).options(reg, results)
				o.Keychain = login{"me", "x"}
				repo := repoIn(t, reg, "app")
				mustPush(t, publish.NewRegistry(o), repo, imageOf(t, "amd64", layerOf("a")), "a", "b", "c")
				if n := reg.Counts()["GET /v2/"]; n > 1 {
					t.Errorf("%d pings", n)
				}
				reg.Reset()
				mustPush(t, publish.NewRegistry(o), repo, imageOf(t, "amd64", layerOf("a")), "a", "b", "c")
				if c := reg.Counts(); c["GET /v2/"] != 0 || c["HEAD manifest"] != 3 {
					t.Errorf("the next push: %v", c)
				}
			})
		}
	}
	if spied > 0 {
		t.Errorf("somebody else got %d requests", spied)
	}
}

// A registry that lets anybody read shows only later that it wants to be authenticated to.
func TestGreetingThatProvesOutdatedLater(t *testing.T) {
	reg, results := registrytest.New(t, registrytest.Options{Username: "me", Password: "x", Token: true}), &memory{}
	reg.SetFaults(on(registrytest.HeadManifest, registrytest.Fault{Status: 404}))
	_ = results.Remember("publish/greeting/1 "+reg.Host, []byte(`{"Insecure":true}`))
	opts := new(recorded).options(reg, results)
	opts.Keychain, opts.Jobs = login{"me", "x"}, 1
	mustPush(t, publish.NewRegistry(opts), repoIn(t, reg, "app"), imageOf(t, "amd64", layerOf("a")), "latest")
	counts{"GET /v2/": 1, "token": 1, "HEAD manifest": 1, "POST upload": 3, "PUT blob": 2, "PUT manifest": 1}.check(t, reg)

	opts.Keychain = login{"me", "wrong"}
	err := push(t, publish.NewRegistry(opts), repoIn(t, reg, "app"), imageOf(t, "amd64", layerOf("b")), "latest")
	if ae, ok := errors.AsType[*publish.AuthError](err); !ok || ae.Status != 401 || ae.Anonymous {
		t.Errorf("with a wrong password: %v", err)
	}
}

// A first request that fails is no failure of the push.
func TestFirstRequestWithoutPingFails(t *testing.T) {
	for name, fault := range map[string]registrytest.Fault{
		"broken": {Drop: true}, "unavailable": {Status: 503}, "not a registry": {Status: 404, StripHeaders: []string{"Docker-Distribution-Api-Version"}},
		"moved": {Status: 301, Header: http.Header{"Location": {"/elsewhere"}}}, "forbidden": {Status: 403},
	} {
		t.Run(name, func(t *testing.T) {
			reg, results := registrytest.New(t, registrytest.Options{}), &memory{}
			repo, img := repoIn(t, reg, "app"), imageOf(t, "amd64", layerOf("a"))
			mustPush(t, publish.NewRegistry(new(recorded).options(reg, results)), repo, img, "latest")
			reg.SetFaults(on(registrytest.HeadManifest, fault, 1))
			if fault.StripHeaders != nil { // of the real answer, to a question for what isn't there
				reg.SetFaults(on(registrytest.HeadManifest, registrytest.Fault{StripHeaders: fault.StripHeaders}))
			}
			reg.Reset()
			mustPush(t, publish.NewRegistry(new(recorded).options(reg, results)), repo, img, "v2")
			if n := reg.Counts()["GET /v2/"]; n != 1 {
				t.Errorf("%d pings, want 1", n)
			}
			verifyImage(t, repo.Tag("v2"), img)
		})
	}
}

// schemes notes how a network is spoken to.
type schemes struct {
	http.RoundTripper
	mu   sync.Mutex
	seen []string
}

func (s *schemes) RoundTrip(req *http.Request) (*http.Response, error) {
	s.mu.Lock()
	s.seen = append(s.seen, req.URL.Scheme+" "+req.Method)
	s.mu.Unlock()
	return s.RoundTripper.RoundTrip(req)
}

// Over a network HTTPS is tried first each time, also where plain HTTP is allowed and
// was what answered.
func TestPlainHTTPIsNotRememberedForTheNetwork(t *testing.T) {
	reg, results := registrytest.New(t, registrytest.Options{}), &memory{}
	repo, img := repoIn(t, &registrytest.Registry{Host: "registry.example.com:5000"}, "app"), imageOf(t, "amd64", layerOf("a"))
	for range 2 {
		opts := new(recorded).options(reg, results)
		net := &schemes{RoundTripper: redirect{reg.Host, opts.Transport}}
		opts.Transport, opts.PlainHTTP = net, []string{"registry.example.com"}
		mustPush(t, publish.NewRegistry(opts), repo, img, "latest")
		if diff := cmp.Diff([]string{"https GET", "http GET"}, net.seen[:2]); diff != "" {
			t.Errorf("requests (-want +got):\n%s", diff)
		}
	}
	opts := new(recorded).options(reg, results)
	net := &schemes{RoundTripper: redirect{reg.Host, opts.Transport}}
	opts.Transport = net
	if err := push(t, publish.NewRegistry(opts), repo, img, "latest"); err == nil {
		t.Error("plain HTTP was spoken though it isn't allowed any more")
	}
	for _, s := range net.seen {
		if strings.HasPrefix(s, "http ") {
			t.Errorf("%s without permission", s)
		}
	}
}

// A registry's chatter costs no connections.
func TestAnswersWithBodiesKeepTheConnection(t *testing.T) {
	reg := registrytest.New(t, registrytest.Options{Faults: func(req *http.Request) *registrytest.Fault {
		switch registrytest.Kind(req.Method, req.URL.Path) {
		case registrytest.PostUpload, registrytest.PutBlob, registrytest.PutManifest:
			return &registrytest.Fault{Replace: make([]byte, 20_000)}
		}
		return nil
	}})
	opts := new(recorded).options(reg, nil)
	opts.Jobs = 1
	mustPush(t, publish.NewRegistry(opts), repoIn(t, reg, "app"), imageOf(t, "amd64", layerOf("a"), layerOf("b")), "v1", "v2")
	if n := reg.Connections(); n > 1+1+1 { // HTTPS in vain, and two tags that may be asked about at once
		t.Errorf("%d connections", n)
	}
}
