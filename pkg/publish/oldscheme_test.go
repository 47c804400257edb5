package publish_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/imgo-build/imgo/internal/registrytest"
	"github.com/imgo-build/imgo/pkg/publish"
)

const simpleSigning = "application/vnd.dev.cosign.simplesigning.v1+json"

func signature(payload, text string) publish.OldLayer {
	return publish.OldLayer{
		MediaType: simpleSigning, Content: []byte(payload),
		Annotations: map[string]string{"dev.cosignproject.cosign/signature": text},
	}
}

func TestOldScheme(t *testing.T) {
	reg, repo, subject, results := pushed(t, registrytest.Options{})
	r := publish.NewRegistry(new(recorded).options(reg, results))
	if got, err := r.AttachedOld(t.Context(), repo, subject.Digest, "sig"); err != nil || got != nil {
		t.Errorf("nothing is there, but %v, %v", got, err)
	}
	a, b, c := signature("payload", "a"), signature("payload", "b"), signature("other", "a")
	attach := func(list ...publish.OldLayer) {
		t.Helper()
		if err := publish.NewRegistry(new(recorded).options(reg, results)).AttachOld(t.Context(), repo, subject.Digest, "sig", list); err != nil {
			t.Fatal(err)
		}
	}
	reg.Reset()
	attach(a)
	counts{"GET manifest": 2, "POST upload": 2, "PUT blob": 2, "PUT manifest": 1}.check(t, reg)
	attach(b, a)
	attach(c)
	reg.Reset()
	attach(b, c)
	counts{"GET manifest": 1}.check(t, reg)

	got, err := publish.NewRegistry(new(recorded).options(reg, nil)).AttachedOld(t.Context(), repo, subject.Digest, "sig")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]publish.OldLayer{a, b, c}, got); diff != "" {
		t.Errorf("layers (-want +got):\n%s", diff)
	}
	img, err := remote.Image(repo.Tag("sha256-" + subject.Digest.Hex + ".sig"))
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil || len(config.RootFS.DiffIDs) != 3 || config.RootFS.Type != "layers" {
		t.Errorf("config %+v, %v", config, err)
	}
}

// An image of signatures as cosign makes it is added to, Docker's media types included.
func TestOldSchemeOfCosign(t *testing.T) {
	reg, repo, subject, _ := pushed(t, registrytest.Options{})
	theirs := imageOf(t, "")
	for _, mediaType := range []types.MediaType{types.OCIManifestSchema1, types.DockerManifestSchema2} {
		img, err := mutate.Append(mutate.MediaType(theirs, mediaType), mutate.Addendum{
			Layer:       static.NewLayer([]byte("payload"), simpleSigning),
			Annotations: map[string]string{"dev.cosignproject.cosign/signature": "theirs"},
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := remote.Write(repo.Tag("sha256-"+subject.Digest.Hex+".att"), img); err != nil {
			t.Fatal(err)
		}
		r := publish.NewRegistry(new(recorded).options(reg, nil))
		mine := signature("payload", "mine")
		if err := r.AttachOld(t.Context(), repo, subject.Digest, "att", []publish.OldLayer{mine}); err != nil {
			t.Fatal(err)
		}
		got, err := r.AttachedOld(t.Context(), repo, subject.Digest, "att")
		if diff := cmp.Diff([]publish.OldLayer{signature("payload", "theirs"), mine}, got); err != nil || diff != "" {
			t.Errorf("%v, layers (-want +got):\n%s", err, diff)
		}
		d, err := r.Resolve(t.Context(), repo.Tag("sha256-"+subject.Digest.Hex+".att"))
		if err != nil || d.MediaType != mediaType {
			t.Errorf("%+v, %v", d, err)
		}
	}
}

func TestOldSchemeSeveralAtOnce(t *testing.T) {
	reg, repo, subject, _ := pushed(t, registrytest.Options{})
	const n = 6
	several(t, reg, n, func(i int, r *publish.Registry) error {
		return r.AttachOld(t.Context(), repo, subject.Digest, "sig", []publish.OldLayer{signature("payload", fmt.Sprint(i))})
	})
	got, err := publish.NewRegistry(new(recorded).options(reg, nil)).AttachedOld(t.Context(), repo, subject.Digest, "sig")
	if err != nil || len(got) != n {
		t.Errorf("%d of %d signatures are there, %v", len(got), n, err)
	}
}

func TestOldSchemeDamaged(t *testing.T) {
	reg, repo, subject, _ := pushed(t, registrytest.Options{})
	r := publish.NewRegistry(new(recorded).options(reg, nil))
	if err := r.AttachOld(t.Context(), repo, subject.Digest, "sig", []publish.OldLayer{signature("payload", "a")}); err != nil {
		t.Fatal(err)
	}
	for body, what := range map[string]string{"payloaD": "its bytes have the digest", "pay": "another size", "payloads": "more than 7 bytes"} {
		reg.SetFaults(on("GET blob", registrytest.Fault{Replace: []byte(body)}))
		if _, err := r.AttachedOld(t.Context(), repo, subject.Digest, "sig"); !isError[*publish.ArtifactError](err) || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: error %v", body, err)
		}
	}
	reg.SetFaults(nil)
	mustPush(t, r, repo, indexOf(imageOf(t, "amd64")), "sha256-"+subject.Digest.Hex+".att")
	if err := r.AttachOld(t.Context(), repo, subject.Digest, "att", []publish.OldLayer{signature("a", "b")}); !isError[*publish.TagError](err) || !strings.Contains(err.Error(), "no image") {
		t.Errorf("error %v", err)
	}
	if _, err := r.AttachedOld(t.Context(), repo, subject.Digest, "att"); !isError[*publish.TagError](err) {
		t.Errorf("error %v", err)
	}
}
