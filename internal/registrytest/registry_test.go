package registrytest_test

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/imgo-build/imgo/internal/registrytest"
)

// another client than imgo's: the registry must not fit that one only. ggcr's
// writer PATCHes before it PUTs.
func TestServesOtherClients(t *testing.T) {
	for _, opts := range []registrytest.Options{
		{},
		{Username: "me", Password: "secret"},
		{Username: "me", Password: "secret", Token: true, AbsoluteLocation: true},
	} {
		reg, err := registrytest.Start(opts)
		if err != nil {
			t.Fatal(err)
		}
		defer reg.Close()
		ref, err := name.ParseReference(reg.Host + "/team/app:v1")
		if err != nil {
			t.Fatal(err)
		}
		img, err := random.Image(10_000, 2)
		if err != nil {
			t.Fatal(err)
		}
		auth := remote.WithAuth(&authn.Basic{Username: "me", Password: "secret"})
		if err := remote.Write(ref, img, auth); err != nil {
			t.Fatal(err)
		}
		got, err := remote.Image(ref, auth)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate.Image(got); err != nil {
			t.Error(err)
		}
		if opts.Username != "" {
			if _, err := remote.Image(ref, remote.WithAuth(&authn.Basic{Username: "me", Password: "wrong"})); err == nil {
				t.Error("a wrong password was accepted")
			}
		}
	}
}

func TestLogAndBlobs(t *testing.T) {
	reg := registrytest.New(t, registrytest.Options{})
	ref, _ := name.ParseReference(reg.Host + "/app:v1")
	img, err := random.Image(1_000, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, img); err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigName()
	if err != nil {
		t.Fatal(err)
	}
	if !reg.HasBlob("app", config) || reg.HasBlob("other", config) {
		t.Error("blobs don't belong to their repository")
	}
	reg.Reset()
	if _, err := remote.Head(ref); err != nil {
		t.Fatal(err)
	}
	want := map[string]int{registrytest.Ping: 1, registrytest.HeadManifest: 1}
	if diff := cmp.Diff(want, reg.Counts()); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	reg.LoseBlob("app", config)
	if err := remote.Tag(ref.Context().Tag("v2"), rawOnly{img}); err == nil {
		t.Error("a manifest was accepted without its config")
	}
}

// rawOnly hides that an image is one, so that remote.Tag sends the manifest alone.
type rawOnly struct{ img v1.Image }

func (r rawOnly) RawManifest() ([]byte, error) { return r.img.RawManifest() }

func TestFaults(t *testing.T) {
	var fault *registrytest.Fault
	reg := registrytest.New(t, registrytest.Options{Faults: func(*http.Request) *registrytest.Fault { return fault }})
	get := func() (*http.Response, error) { return http.Get("http://" + reg.Host + "/v2/") }

	fault = &registrytest.Fault{Status: 429, Header: http.Header{"Retry-After": {"1"}}}
	if resp, err := get(); err != nil || resp.StatusCode != 429 || resp.Header.Get("Retry-After") != "1" {
		t.Errorf("status: %v %v", resp, err)
	}
	fault = &registrytest.Fault{StripHeaders: []string{"Docker-Distribution-Api-Version"}, Replace: []byte("text")}
	if resp, err := get(); err != nil || resp.ContentLength != 4 || resp.Header.Get("Docker-Distribution-Api-Version") != "" {
		t.Errorf("changed answer: %v %v", resp, err)
	}
	fault = &registrytest.Fault{Drop: true}
	if _, err := get(); err == nil {
		t.Error("the connection held")
	}
}
