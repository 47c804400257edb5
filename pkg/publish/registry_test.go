package publish_test

import (
	"crypto/x509"
	"errors"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/imgo-build/imgo/internal/registrytest"
	"github.com/imgo-build/imgo/pkg/event"
	"github.com/imgo-build/imgo/pkg/image"
	"github.com/imgo-build/imgo/pkg/publish"
)

func pool(reg *registrytest.Registry) *x509.CertPool {
	if reg == nil || !reg.TLS() {
		return nil
	}
	return reg.CAPool()
}

func TestPushCounts(t *testing.T) {
	reg := registrytest.New(t, registrytest.Options{})
	repo, results := repoIn(t, reg, "team/app"), &memory{}
	process := func() *publish.Registry { return publish.NewRegistry(new(recorded).options(reg, results)) }
	runtime, binary := layerOf("runtime"), layerOf("binary")
	img := imageOf(t, "amd64", runtime, binary)

	steps := []struct {
		name string
		img  v1.Image
		tags []string
		opts publish.RepoOptions
		want counts
	}{
		{"first push", img, []string{"latest"}, publish.RepoOptions{}, counts{
			"GET /v2/": 1, "HEAD manifest": 1, "POST upload": 3, "PUT blob": 3, "PUT manifest": 1,
		}},
		{"unchanged", img, []string{"latest"}, publish.RepoOptions{}, counts{"HEAD manifest": 1}},
		{"another tag of what is there", img, []string{"latest", "v1", "v2"}, publish.RepoOptions{}, counts{
			"HEAD manifest": 3, "PUT manifest": 2,
		}},
		{"one layer changed", imageOf(t, "amd64", runtime, layerOf("binary 2")), []string{"latest"}, publish.RepoOptions{}, counts{
			"HEAD manifest": 1, "POST upload": 2, "PUT blob": 2, "PUT manifest": 1,
		}},
		{"to a tag that is new, remembered blobs are asked about", imageOf(t, "amd64", runtime, layerOf("binary 3")), []string{"v3"}, publish.RepoOptions{}, counts{
			"HEAD manifest": 1, "HEAD blob": 1, "POST upload": 2, "PUT blob": 2, "PUT manifest": 1,
		}},
		{"under the digest, then to tags", imageOf(t, "amd64", runtime, layerOf("binary 4")), []string{"v3", "latest"}, publish.RepoOptions{ByDigest: true}, counts{
			"HEAD manifest": 2, "POST upload": 2, "PUT blob": 2, "PUT manifest": 3,
		}},
		{"without tags", imageOf(t, "amd64", layerOf("alone")), nil, publish.RepoOptions{}, counts{
			"POST upload": 2, "PUT blob": 2, "PUT manifest": 1,
		}},
	}
	for _, s := range steps {
		t.Run(s.name, func(t *testing.T) {
			reg.Reset()
			if err := pushWith(t, process(), repo, s.img, s.opts, s.tags...); err != nil {
				t.Fatal(err)
			}
			s.want.check(t, reg)
			if n := len(reg.Log()); n > 0 && len(s.tags) > 0 && reg.Log()[n-1].Kind() == "PUT blob" {
				t.Error("a blob was sent after the manifest")
			}
			for _, tag := range s.tags {
				verifyImage(t, repo.Tag(tag), s.img)
			}
		})
	}
}

// verifyImage pulls an image with ggcr and checks all of its bytes.
func verifyImage(t *testing.T, ref name.Reference, want v1.Image, opts ...remote.Option) {
	t.Helper()
	got, err := remote.Image(ref, opts...)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := digestOf(t, got), digestOf(t, want); a != b {
		t.Errorf("%s is %s, want %s", ref, a, b)
	}
	if err := validate.Image(got, validate.Fast); err != nil {
		t.Error(err)
	}
}

func TestPushPlatforms(t *testing.T) {
	reg := registrytest.New(t, registrytest.Options{})
	repo := repoIn(t, reg, "app")
	shared := layerOf("runtime")
	idx := indexOf(imageOf(t, "amd64", shared, layerOf("amd64")), imageOf(t, "arm64", shared, layerOf("arm64")))
	mustPush(t, publish.NewRegistry(new(recorded).options(reg, nil)), repo, idx, "latest")
	counts{"GET /v2/": 1, "HEAD manifest": 1, "POST upload": 5, "PUT blob": 5, "PUT manifest": 3}.check(t, reg)
	log := reg.Log()
	if last := log[len(log)-1]; last.Path != "/v2/app/manifests/latest" {
		t.Errorf("the last request was %s", last)
	}
	got, err := remote.Index(repo.Tag("latest"))
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(got, validate.Fast); err != nil {
		t.Error(err)
	}
	if digestOf(t, got) != digestOf(t, idx) {
		t.Error("another index came out")
	}
}

func TestPushRandomImageCompletely(t *testing.T) {
	reg := registrytest.New(t, registrytest.Options{TLS: true, AbsoluteLocation: true})
	repo := repoIn(t, reg, "random")
	img, err := random.Image(300_000, 3)
	if err != nil {
		t.Fatal(err)
	}
	rec := &recorded{}
	r := publish.NewRegistry(rec.options(reg, nil))
	mustPush(t, r, repo, img, "latest")
	a, err := r.Fetch(t.Context(), repo.Tag("latest"))
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Image(a.(v1.Image)); err != nil {
		t.Error(err)
	}
	if digestOf(t, a) != digestOf(t, img) {
		t.Error("another image came out")
	}
	checkEvents(t, rec.events)
}

// checkEvents asserts what package event promises: each Started has one end.
func checkEvents(t *testing.T, events []event.Event) {
	t.Helper()
	open := map[string]bool{}
	for _, e := range events {
		key := string(e.Stage) + " " + e.Subject
		switch e.Kind {
		case event.Started:
			if open[key] {
				t.Errorf("%s started twice", key)
			}
			open[key] = true
		case event.Advanced:
			if !open[key] || e.Current > e.Total {
				t.Errorf("%s advanced to %d of %d", key, e.Current, e.Total)
			}
		case event.Finished, event.Failed:
			if !open[key] {
				t.Errorf("%s ended without a start", key)
			}
			delete(open, key)
		}
	}
	for key := range open {
		t.Errorf("%s did not end", key)
	}
	if len(events) == 0 {
		t.Error("no events")
	}
}

func TestMountFromRepositoryOfSameRegistry(t *testing.T) {
	for _, token := range []bool{false, true} {
		reg := registrytest.New(t, registrytest.Options{Username: "me", Password: "secret", Token: token})
		opts := new(recorded).options(reg, nil)
		opts.Keychain = login{"me", "secret"}
		base := layerOf("base")
		mustPush(t, publish.NewRegistry(opts), repoIn(t, reg, "base"), imageOf(t, "amd64", base), "latest")
		reg.Reset()
		base = base.from(repoIn(t, reg, "base"))
		base.opened.Store(0)
		mustPush(t, publish.NewRegistry(opts), repoIn(t, reg, "app"), imageOf(t, "amd64", base, layerOf("binary")), "latest")
		want := counts{"GET /v2/": 1, "HEAD manifest": 1, "POST upload": 3, "PUT blob": 2, "PUT manifest": 1}
		if token {
			want["token"] = 1
		}
		want.check(t, reg)
		if base.opened.Load() != 0 {
			t.Error("the base's bytes were read")
		}
	}
}

func TestMountRefused(t *testing.T) {
	reg := registrytest.New(t, registrytest.Options{MountRefused: true})
	r := publish.NewRegistry(new(recorded).options(reg, nil))
	base := layerOf("base").from(repoIn(t, reg, "base"))
	img := imageOf(t, "amd64", base)
	mustPush(t, r, repoIn(t, reg, "app"), img, "latest")
	// The session that came instead of the mount is used: no second POST for it.
	counts{"GET /v2/": 1, "HEAD manifest": 1, "HEAD blob": 1, "POST upload": 2, "PUT blob": 2, "PUT manifest": 1}.check(t, reg)
	verifyImage(t, repoIn(t, reg, "app").Tag("latest"), img)
}

func TestBaseOnAnotherRegistryIsReadOnlyWhereAbsent(t *testing.T) {
	reg := registrytest.New(t, registrytest.Options{})
	elsewhere, _ := name.NewRepository("registry.example.com/base")
	base := layerOf("base").from(elsewhere)
	repo := repoIn(t, reg, "app")
	push := func() *publish.Registry { return publish.NewRegistry(new(recorded).options(reg, nil)) }

	mustPush(t, push(), repo, imageOf(t, "amd64", base, layerOf("1")), "latest")
	counts{"GET /v2/": 1, "HEAD manifest": 1, "HEAD blob": 1, "POST upload": 3, "PUT blob": 3, "PUT manifest": 1}.check(t, reg)
	if n := base.opened.Load(); n != 1 {
		t.Errorf("the base was read %d times", n)
	}
	reg.Reset()
	base.opened.Store(0)
	mustPush(t, push(), repo, imageOf(t, "amd64", base, layerOf("2")), "latest")
	counts{"GET /v2/": 1, "HEAD manifest": 1, "HEAD blob": 1, "POST upload": 2, "PUT blob": 2, "PUT manifest": 1}.check(t, reg)
	if base.opened.Load() != 0 {
		t.Error("the base was read though the registry has it")
	}
}

func TestBlobsOfTheSameRepositoryAreNotAskedAbout(t *testing.T) {
	reg := registrytest.New(t, registrytest.Options{})
	repo := repoIn(t, reg, "app")
	base := layerOf("base")
	r := func() *publish.Registry { return publish.NewRegistry(new(recorded).options(reg, nil)) }
	mustPush(t, r(), repo, imageOf(t, "amd64", base), "base")
	reg.Reset()
	mustPush(t, r(), repo, imageOf(t, "amd64", base.from(repo), layerOf("binary")), "latest")
	counts{"GET /v2/": 1, "HEAD manifest": 1, "POST upload": 2, "PUT blob": 2, "PUT manifest": 1}.check(t, reg)
}

// What another machine pushed is not sent again by one with an empty cache, and a
// machine that knows the repository doesn't ask about what it has just made.
func TestLargeBlobsAreAskedAboutWhereNothingIsKnown(t *testing.T) {
	reg := registrytest.New(t, registrytest.Options{})
	repo := repoIn(t, reg, "app")
	random := rand.NewChaCha8([32]byte{})
	large := func() testLayer {
		b := make([]byte, 1<<20)
		_, _ = random.Read(b)
		return layerOf(string(b))
	}
	runtime := layerOf("runtime")
	same := large()
	img := imageOf(t, "amd64", runtime, same)
	mustPush(t, publish.NewRegistry(new(recorded).options(reg, &memory{})), repo, img, "commit-1")
	reg.Reset()

	// On another machine, the whole image.
	mustPush(t, publish.NewRegistry(new(recorded).options(reg, &memory{})), repo, img, "commit-2")
	counts{"GET /v2/": 1, "HEAD manifest": 2, "PUT manifest": 1}.check(t, reg)
	reg.Reset()

	// On a third, a part of it.
	results := &memory{}
	mustPush(t, publish.NewRegistry(new(recorded).options(reg, results)), repo, imageOf(t, "amd64", layerOf("other"), same), "commit-2")
	// A tag that points to something else: the image is not asked about.
	counts{"GET /v2/": 1, "HEAD manifest": 1, "HEAD blob": 1, "POST upload": 2, "PUT blob": 2, "PUT manifest": 1}.check(t, reg)
	reg.Reset()

	mustPush(t, publish.NewRegistry(new(recorded).options(reg, results)), repo, imageOf(t, "amd64", layerOf("other"), large()), "commit-2")
	counts{"HEAD manifest": 1, "POST upload": 2, "PUT blob": 2, "PUT manifest": 1}.check(t, reg)
}

func TestPrepareAsksWhatPutNeedNotAskAgain(t *testing.T) {
	reg := registrytest.New(t, registrytest.Options{Username: "u", Password: "p", Token: true})
	repo := repoIn(t, reg, "app")
	opts := new(recorded).options(reg, &memory{})
	opts.Keychain = login{"u", "p"}
	base := imageOf(t, "amd64", layerOf("base").from(repoIn(t, reg, "base")))
	img := imageOf(t, "amd64", layerOf("base").from(repoIn(t, reg, "base")), layerOf("binary"))
	mustPush(t, publish.NewRegistry(opts), repoIn(t, reg, "base"), base, "latest")
	reg.Reset()

	p := publish.NewRegistry(opts).Repository(repo, []name.Tag{repo.Tag("latest")}, publish.RepoOptions{})
	if err := p.(publish.Preparer).Prepare(t.Context(), []v1.Image{base}); err != nil {
		t.Fatal(err)
	}
	counts{"token": 1, "HEAD manifest": 1}.check(t, reg)
	if err := errors.Join(p.Put(t.Context(), img), p.Tag(t.Context(), img)); err != nil {
		t.Fatal(err)
	}
	if got := reg.Counts(); got["GET /v2/"] != 0 || got["token"] != 1 || got["HEAD manifest"] != 1 {
		t.Errorf("Put asked again: %v", got)
	}

	opts.Keychain = login{"u", "wrong"}
	p = publish.NewRegistry(opts).Repository(repo, []name.Tag{repo.Tag("latest")}, publish.RepoOptions{})
	if _, ok := errors.AsType[*publish.AuthError](p.(publish.Preparer).Prepare(t.Context(), nil)); !ok {
		t.Error("a wrong password was not noticed")
	}
}

func TestForgottenBlobIsSentAgain(t *testing.T) {
	for _, byDigest := range []bool{false, true} {
		reg := registrytest.New(t, registrytest.Options{})
		repo, results := repoIn(t, reg, "app"), &memory{}
		r := func() *publish.Registry { return publish.NewRegistry(new(recorded).options(reg, results)) }
		runtime := layerOf("runtime")
		mustPush(t, r(), repo, imageOf(t, "amd64", runtime, layerOf("1")), "latest")
		reg.LoseBlob("app", layerDigest(t, runtime))
		reg.Reset()
		img := imageOf(t, "amd64", runtime, layerOf("2"))
		if err := pushWith(t, r(), repo, img, publish.RepoOptions{ByDigest: byDigest}, "latest"); err != nil {
			t.Fatal(err)
		}
		want := counts{"HEAD manifest": 1, "HEAD blob": 3, "POST upload": 3, "PUT blob": 3, "PUT manifest": 2}
		if byDigest {
			want["PUT manifest"] = 3
		}
		want.check(t, reg)
		verifyImage(t, repo.Tag("latest"), img)
	}
}

func TestRegistryThatWasWipedIsNotTrusted(t *testing.T) {
	results := &memory{}
	img := imageOf(t, "amd64", layerOf("runtime"))
	first := registrytest.New(t, registrytest.Options{})
	mustPush(t, publish.NewRegistry(new(recorded).options(first, results)), repoIn(t, first, "app"), img, "latest")
	for _, l := range append(mustLayers(t, img), mustConfig(t, img)) {
		first.LoseBlob("app", l)
	}
	first.SetFaults(on("HEAD manifest", registrytest.Fault{Status: 404}))
	first.Reset()
	mustPush(t, publish.NewRegistry(new(recorded).options(first, results)), repoIn(t, first, "app"), img, "latest")
	counts{"HEAD manifest": 2, "HEAD blob": 2, "POST upload": 2, "PUT blob": 2, "PUT manifest": 1}.check(t, first)
}

func mustLayers(t *testing.T, img v1.Image) (out []v1.Hash) {
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range layers {
		out = append(out, layerDigest(t, l))
	}
	return out
}

func mustConfig(t *testing.T, img v1.Image) v1.Hash {
	h, err := img.ConfigName()
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestPublishersAtOnceShareBlobs(t *testing.T) {
	reg := registrytest.New(t, registrytest.Options{})
	repo := repoIn(t, reg, "mono")
	r := publish.NewRegistry(new(recorded).options(reg, nil))
	runtime := layerOf("runtime")
	var wg sync.WaitGroup
	for _, tag := range []string{"a", "b", "c", "d"} {
		wg.Go(func() {
			if err := push(t, r, repo, imageOf(t, "amd64", runtime, layerOf(tag)), tag); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	counts{"GET /v2/": 1, "HEAD manifest": 4, "POST upload": 9, "PUT blob": 9, "PUT manifest": 4}.check(t, reg)
}

func TestHeadWithoutDigestHeader(t *testing.T) {
	reg := registrytest.New(t, registrytest.Options{
		Faults: on("HEAD manifest", registrytest.Fault{StripHeaders: []string{"Docker-Content-Digest"}}),
	})
	repo, img := repoIn(t, reg, "app"), imageOf(t, "amd64", layerOf("binary"))
	mustPush(t, publish.NewRegistry(new(recorded).options(reg, nil)), repo, img, "latest")
	reg.Reset()
	mustPush(t, publish.NewRegistry(new(recorded).options(reg, nil)), repo, img, "latest")
	counts{"GET /v2/": 1, "HEAD manifest": 1, "GET manifest": 1}.check(t, reg)
}

func TestTagNeedsPut(t *testing.T) {
	reg := registrytest.New(t, registrytest.Options{})
	repo := repoIn(t, reg, "app")
	r := publish.NewRegistry(new(recorded).options(reg, nil))
	p := r.Repository(repo, []name.Tag{repo.Tag("latest")}, publish.RepoOptions{})
	if err := p.Tag(t.Context(), imageOf(t, "amd64", layerOf("x"))); err == nil {
		t.Error("tagged what was not put")
	}
	counts{}.check(t, reg)
}

func TestFailedPutMovesNoTag(t *testing.T) {
	reg := registrytest.New(t, registrytest.Options{})
	repo := repoIn(t, reg, "app")
	r := publish.NewRegistry(new(recorded).options(reg, nil))
	old := imageOf(t, "amd64", layerOf("old"))
	mustPush(t, r, repo, old, "latest")
	broken := layerOf("new")
	broken.fail = errors.New("the cache is gone")
	err := push(t, r, repo, imageOf(t, "amd64", broken), "latest")
	if err == nil || !strings.Contains(err.Error(), "the cache is gone") {
		t.Errorf("error %v", err)
	}
	verifyImage(t, repo.Tag("latest"), old)
}

func TestFetch(t *testing.T) {
	reg := registrytest.New(t, registrytest.Options{})
	repo := repoIn(t, reg, "app")
	r := publish.NewRegistry(new(recorded).options(reg, nil))
	idx := indexOf(imageOf(t, "amd64", layerOf("a")), imageOf(t, "arm64", layerOf("b")))
	mustPush(t, r, repo, idx, "latest")
	got, err := r.Fetch(t.Context(), repo.Tag("latest"))
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := got.(v1.ImageIndex); !ok || digestOf(t, got) != digestOf(t, idx) {
		t.Errorf("got %T", got)
	}
	// What was fetched can be pushed elsewhere, mounted where that works.
	reg.Reset()
	mustPush(t, r, repoIn(t, reg, "copy"), got, "latest")
	if n := reg.Counts()["PUT blob"]; n != 2 { // the configs
		t.Errorf("%d blobs were sent, want 2", n)
	}
	_, err = r.Fetch(t.Context(), repo.Tag("missing"))
	if nf, ok := errors.AsType[*publish.NotFoundError](err); !ok || !strings.HasSuffix(nf.Reference, "app:missing") {
		t.Errorf("error %v", err)
	}
}

func TestFetchOddManifests(t *testing.T) {
	for mediaType, want := range map[types.MediaType]string{
		types.DockerManifestSchema1Signed: "schema 1",
		"text/html":                       "answered nonsense: a manifest of the media type",
		types.OCIManifestSchema1:          "answered nonsense: a manifest that can't be read",
		types.OCIImageIndex:               "answered nonsense: a manifest that can't be read",
	} {
		reg := registrytest.New(t, registrytest.Options{Faults: on("GET manifest", registrytest.Fault{
			Status: 200, Header: http.Header{"Content-Type": {string(mediaType)}}, Body: "<html>",
		})})
		_, err := publish.NewRegistry(new(recorded).options(reg, nil)).Fetch(t.Context(), repoIn(t, reg, "app").Tag("x"))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v", mediaType, err)
		}
	}
}

func TestEventsSayHow(t *testing.T) {
	reg := registrytest.New(t, registrytest.Options{})
	base, other := repoIn(t, reg, "base"), repoIn(t, reg, "app")
	elsewhere, _ := name.NewRepository("registry.example.com/base")
	rec := &recorded{}
	r := publish.NewRegistry(rec.options(reg, nil))
	mounted, there := layerOf("mounted"), layerOf("there")
	mustPush(t, r, base, imageOf(t, "amd64", mounted), "latest")
	mustPush(t, publish.NewRegistry(new(recorded).options(reg, nil)), other, imageOf(t, "amd64", there), "old")
	rec.events = nil
	mustPush(t, r, other, imageOf(t, "amd64", mounted.from(base), there.from(elsewhere), layerOf("new")), "latest")
	checkEvents(t, rec.events)
	var got []string
	for _, e := range rec.events {
		if e.Kind == event.Finished && e.Stage == event.Push {
			got = append(got, strings.Fields(e.Subject)[1]+" "+e.Text)
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff([]string{"config ", "layer ", "layer exists", "layer mounted"}, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

var _ image.Sourced = testLayer{}
