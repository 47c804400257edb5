package publish_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/imgo-build/imgo/internal/registrytest"
	"github.com/imgo-build/imgo/pkg/publish"
)

// large is worth a mount.
func large(text string) testLayer { return layerOf(text + strings.Repeat(".", 64<<10)) }

func TestMountFromWhereImgoBroughtIt(t *testing.T) {
	for _, tc := range []struct {
		name string
		opts registrytest.Options
		// sameRun pushes to both repositories in one process.
		sameRun bool
		want    counts
	}{
		{"another process", registrytest.Options{}, false, counts{"HEAD manifest": 2, "POST upload": 3, "PUT manifest": 1}},
		{"the same process", registrytest.Options{}, true, counts{"HEAD manifest": 2, "POST upload": 3, "PUT manifest": 1}},
		{
			"with a token that allows it", registrytest.Options{Username: "me", Password: "x", Token: true}, false,
			counts{"token": 2, "HEAD manifest": 2, "POST upload": 3, "PUT manifest": 1},
		},
		{
			"refused: the session is used", registrytest.Options{MountRefused: true}, false,
			counts{"HEAD manifest": 2, "HEAD blob": 2, "POST upload": 3, "PUT blob": 3, "PUT manifest": 1},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			reg, results := registrytest.New(t, tc.opts), &memory{}
			process := func() *publish.Registry {
				opts := new(recorded).options(reg, results)
				opts.Keychain = login{"me", "x"}
				return publish.NewRegistry(opts)
			}
			img := imageOf(t, "amd64", large("runtime"), large("binary"))
			r := process()
			mustPush(t, r, repoIn(t, reg, "team/app"), img, "v1")
			if !tc.sameRun {
				r = process()
			}
			reg.Reset()
			mustPush(t, r, repoIn(t, reg, "release/app"), img, "v1")
			tc.want.check(t, reg)
			if !tc.sameRun {
				reg.Reset()
				mustPush(t, process(), repoIn(t, reg, "release/app"), img, "v1")
				if n := reg.Counts()["POST upload"]; n != 0 {
					t.Errorf("an unchanged push began %d uploads", n)
				}
				// What is remembered of the repository itself is asked about there.
				reg.Reset()
				mustPush(t, process(), repoIn(t, reg, "team/app"), imageOf(t, "amd64", large("runtime"), large("changed")), "v2")
				if c := reg.Counts(); c["HEAD blob"] != 1 || c["POST upload"] != 2 {
					t.Errorf("a push of the same runtime: %v", c)
				}
			}
		})
	}
}

// Whatever keeps a blob from being mounted, it is sent.
func TestMountThatDoesNotWork(t *testing.T) {
	mounts := func(req *http.Request) bool { return req.URL.Query().Get("mount") != "" }
	for name, fault := range map[string]func(*http.Request) *registrytest.Fault{
		"no right to read there": func(req *http.Request) *registrytest.Fault {
			if q, _ := url.QueryUnescape(req.URL.RawQuery); strings.Contains(q, "team/app:pull") {
				return &registrytest.Fault{Status: 403}
			}
			return nil
		},
		"a registry that can't": func(req *http.Request) *registrytest.Fault {
			if mounts(req) {
				return &registrytest.Fault{Status: 405}
			}
			return nil
		},
		"a registry that says it did": func(req *http.Request) *registrytest.Fault {
			if mounts(req) {
				return &registrytest.Fault{Status: 201}
			}
			return nil
		},
	} {
		for _, byDigest := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				reg, results := registrytest.New(t, registrytest.Options{Username: "me", Password: "x", Token: true}), &memory{}
				opts := new(recorded).options(reg, results)
				opts.Keychain = login{"me", "x"}
				img := imageOf(t, "amd64", large("binary"))
				mustPush(t, publish.NewRegistry(opts), repoIn(t, reg, "team/app"), img, "v1")
				reg.SetFaults(fault)
				reg.Reset()
				if err := pushWith(t, publish.NewRegistry(opts), repoIn(t, reg, "release/app"), img, publish.RepoOptions{ByDigest: byDigest}, "v1"); err != nil {
					t.Fatal(err)
				}
				if n := reg.Counts()["PUT blob"]; n != 2 {
					t.Errorf("%d blobs sent, want 2\n%v", n, reg.Log())
				}
			})
		}
	}
}

// A blob that its other repository lost is sent, and nothing small is worth a mount.
func TestMountSourceIsGone(t *testing.T) {
	reg, results := registrytest.New(t, registrytest.Options{}), &memory{}
	process := func() *publish.Registry { return publish.NewRegistry(new(recorded).options(reg, results)) }
	binary := large("binary")
	mustPush(t, process(), repoIn(t, reg, "a"), imageOf(t, "amd64", binary), "v1")
	reg.LoseBlob("a", layerDigest(t, binary))
	mustPush(t, process(), repoIn(t, reg, "b"), imageOf(t, "amd64", binary), "v1")
	verifyImage(t, repoIn(t, reg, "b").Tag("v1"), imageOf(t, "amd64", binary))

	small := imageOf(t, "amd64", layerOf("small"))
	mustPush(t, process(), repoIn(t, reg, "a"), small, "v2")
	reg.Reset()
	mustPush(t, process(), repoIn(t, reg, "c"), small, "v2")
	counts{"HEAD manifest": 1, "POST upload": 2, "PUT blob": 2, "PUT manifest": 1}.check(t, reg)
}
