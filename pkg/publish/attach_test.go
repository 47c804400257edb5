package publish_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/imgo-build/imgo/internal/registrytest"
	"github.com/imgo-build/imgo/pkg/image"
	"github.com/imgo-build/imgo/pkg/publish"
)

const bundleType = "application/vnd.dev.sigstore.bundle.v0.3+json"

// attachmentsOf makes n attachments.
func attachmentsOf(n int, text string) []publish.Attachment {
	var out []publish.Attachment
	for i := range n {
		out = append(out, publish.Attachment{
			ArtifactType: bundleType, MediaType: bundleType,
			Content:     fmt.Appendf(nil, `{"text":%q,"n":%d}`, text, i),
			Annotations: map[string]string{"dev.sigstore.bundle.content": "dsse-envelope", "n": fmt.Sprint(i)},
		})
	}
	return out
}

func descriptorOf(t testing.TB, a image.Artifact) v1.Descriptor {
	t.Helper()
	raw, err := a.RawManifest()
	if err != nil {
		t.Fatal(err)
	}
	mediaType, err := a.MediaType()
	if err != nil {
		t.Fatal(err)
	}
	return v1.Descriptor{MediaType: mediaType, Digest: digestOf(t, a), Size: int64(len(raw))}
}

// pushed is a registry with an image, and what imgo's cache remembers of it.
func pushed(t testing.TB, opts registrytest.Options) (*registrytest.Registry, name.Repository, v1.Descriptor, *memory) {
	t.Helper()
	reg, results := registrytest.New(t, opts), &memory{}
	repo, img := repoIn(t, reg, "app"), imageOf(t, "amd64", layerOf("x"))
	mustPush(t, publish.NewRegistry(new(recorded).options(reg, results)), repo, img, "latest")
	reg.Reset()
	return reg, repo, descriptorOf(t, img), results
}

func mustAttach(t testing.TB, r *publish.Registry, repo name.Repository, subject v1.Descriptor, list []publish.Attachment) []v1.Hash {
	t.Helper()
	digests, err := r.Attach(t.Context(), repo, subject, list)
	if err != nil {
		t.Fatal(err)
	}
	return digests
}

// mustHave asserts that the registry lists exactly these attachments, in any order, and
// has what they consist of. The registry is read as if by another machine.
func mustHave(t testing.TB, reg *registrytest.Registry, repo name.Repository, subject v1.Hash, want []publish.Attachment) {
	t.Helper()
	r := publish.NewRegistry(new(recorded).options(reg, nil))
	refs, err := r.Attached(t.Context(), repo, subject)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]publish.Attachment{}
	for _, ref := range refs {
		a, err := r.FetchAttachment(t.Context(), repo, ref)
		if err != nil {
			t.Fatal(err)
		}
		if ref.ArtifactType != a.ArtifactType || !cmp.Equal(ref.Annotations, a.Annotations) {
			t.Errorf("listed as %+v, but it is %+v", ref, a)
		}
		got[string(a.Content)] = a
	}
	all := map[string]publish.Attachment{}
	for _, a := range want {
		all[string(a.Content)] = a
	}
	if diff := cmp.Diff(all, got); diff != "" || len(refs) != len(all) {
		t.Errorf("%d are listed; attached (-want +got):\n%s", len(refs), diff)
	}
}

func TestAttachCostsWhatItSays(t *testing.T) {
	for _, noAPI := range []bool{false, true} {
		for _, n := range []int{1, 3} {
			t.Run(fmt.Sprintf("noAPI=%v,n=%d", noAPI, n), func(t *testing.T) {
				reg, repo, subject, results := pushed(t, registrytest.Options{NoReferrers: noAPI})
				first := attachmentsOf(n, "first")
				first[0].Content = make([]byte, 100_000) // large, and yet nothing to ask about
				cost := counts{"POST upload": n + 1, "PUT blob": n + 1, "PUT manifest": n}
				if noAPI {
					cost["PUT manifest"]++
					cost["GET manifest"] = 2
				}
				digests := mustAttach(t, publish.NewRegistry(new(recorded).options(reg, results)), repo, subject, first)
				cost.check(t, reg)

				reg.Reset()
				again := mustAttach(t, publish.NewRegistry(new(recorded).options(reg, results)), repo, subject, first)
				counts{}.check(t, reg)
				if diff := cmp.Diff(digests, again); diff != "" {
					t.Errorf("digests (-first +again):\n%s", diff)
				}

				second := attachmentsOf(n, "second")
				mustAttach(t, publish.NewRegistry(new(recorded).options(reg, results)), repo, subject, append(second, first...))
				cost["POST upload"]-- // the config is known to be there
				cost["PUT blob"]--
				cost.check(t, reg)

				// Another machine, and one that doesn't trust its memory, ask first.
				distrust := new(recorded).options(reg, results)
				distrust.Recheck = true
				for what, opts := range map[string]publish.Options{"recheck": distrust, "no memory": new(recorded).options(reg, nil)} {
					reg.Reset()
					mustAttach(t, publish.NewRegistry(opts), repo, subject, append(second, first...))
					got := reg.Counts()
					delete(got, "GET /v2/")
					if diff := cmp.Diff(map[string]int{"GET referrers": 1, "GET manifest": 1}, got); diff != "" {
						t.Errorf("%s: requests (-want +got):\n%s", what, diff)
					}
				}
				mustHave(t, reg, repo, subject.Digest, append(second, first...))
			})
		}
	}
}

func TestAttachNothingAndTwice(t *testing.T) {
	reg, repo, subject, _ := pushed(t, registrytest.Options{})
	r := publish.NewRegistry(new(recorded).options(reg, nil))
	if digests := mustAttach(t, r, repo, subject, nil); digests != nil {
		t.Errorf("digests %v", digests)
	}
	counts{}.check(t, reg)
	one := attachmentsOf(1, "x")
	digests := mustAttach(t, r, repo, subject, append(one, one...))
	if len(digests) != 2 || digests[0] != digests[1] {
		t.Errorf("digests %v", digests)
	}
	mustHave(t, reg, repo, subject.Digest, one)
}

// The manifest is what cosign and other clients expect, Docker's media type of a subject
// included.
func TestAttachedManifest(t *testing.T) {
	reg, repo, subject, _ := pushed(t, registrytest.Options{})
	subject.MediaType = types.DockerManifestSchema2
	subject.Platform = &v1.Platform{OS: "linux"}
	r := publish.NewRegistry(new(recorded).options(reg, nil))
	digest := mustAttach(t, r, repo, subject, attachmentsOf(1, "x"))[0]
	raw, desc, err := r.Manifest(t.Context(), repo, digest)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",` +
		`"config":{"mediaType":"application/vnd.oci.empty.v1+json","size":2,"digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"},` +
		`"layers":[{"mediaType":"` + bundleType + `","size":18,"digest":"sha256:` + layerDigest(t, layerOf(`{"text":"x","n":0}`)).Hex + `"}],` +
		`"annotations":{"dev.sigstore.bundle.content":"dsse-envelope","n":"0"},` +
		fmt.Sprintf(`"subject":{"mediaType":"application/vnd.docker.distribution.manifest.v2+json","size":%d,"digest":"%s"},`, subject.Size, subject.Digest) +
		`"artifactType":"` + bundleType + `"}`
	if diff := cmp.Diff(want, string(raw)); diff != "" {
		t.Errorf("manifest (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(v1.Descriptor{MediaType: types.OCIManifestSchema1, Digest: digest, Size: int64(len(raw))}, desc); diff != "" {
		t.Errorf("descriptor (-want +got):\n%s", diff)
	}
}

// ggcr, on which cosign is built, lists what imgo attached, and the other way round.
func TestAttachmentsOfOtherClients(t *testing.T) {
	for _, noAPI := range []bool{false, true} {
		reg, repo, subject, results := pushed(t, registrytest.Options{NoReferrers: noAPI})
		mine := attachmentsOf(1, "mine")
		mustAttach(t, publish.NewRegistry(new(recorded).options(reg, results)), repo, subject, mine)
		theirs := referring{imageOf(t, "amd64", layerOf("theirs")), subject}
		digest, err := theirs.Digest()
		if err != nil {
			t.Fatal(err)
		}
		if err := remote.Write(repo.Digest(digest.String()), theirs); err != nil {
			t.Fatal(err)
		}
		more := attachmentsOf(1, "more")
		mustAttach(t, publish.NewRegistry(new(recorded).options(reg, results)), repo, subject, more)

		idx, err := remote.Referrers(repo.Digest(subject.Digest.String()))
		if err != nil {
			t.Fatal(err)
		}
		list, err := idx.IndexManifest()
		if err != nil || len(list.Manifests) != 3 {
			t.Fatalf("ggcr lists %+v, %v", list, err)
		}
		r := publish.NewRegistry(new(recorded).options(reg, nil))
		refs, err := r.Attached(t.Context(), repo, subject.Digest, "application/vnd.oci.image.config.v1+json")
		if err != nil || len(refs) != 1 || refs[0].Descriptor.Digest != digest {
			t.Errorf("imgo lists %+v, %v", refs, err)
		}
		refs, err = r.Attached(t.Context(), repo, subject.Digest, bundleType, "application/x")
		if err != nil || len(refs) != 2 {
			t.Errorf("imgo lists %+v, %v", refs, err)
		}
	}
}

// referring is an image with a subject.
type referring struct {
	v1.Image
	subject v1.Descriptor
}

func (i referring) Manifest() (*v1.Manifest, error) {
	m, err := i.Image.Manifest()
	if err != nil {
		return nil, err
	}
	m = m.DeepCopy()
	m.Subject = &i.subject
	return m, nil
}
func (i referring) RawManifest() ([]byte, error) { return rawOf(i.Manifest()) }
func (i referring) Digest() (v1.Hash, error)     { return hashOf(i.RawManifest()) }
func (i referring) Size() (int64, error) {
	raw, err := i.RawManifest()
	return int64(len(raw)), err
}

func TestAttachRefused(t *testing.T) {
	for _, fault := range []registrytest.Fault{
		{Status: 415},
		{Status: 400, Body: `{"errors":[{"code":"MANIFEST_INVALID","message":"unknown field"}]}`},
		{Status: 405, Body: `{"errors":[{"code":"UNSUPPORTED"}]}`},
		{Status: 404}, {Status: 413}, {Status: 501},
	} {
		reg, repo, subject, results := pushed(t, registrytest.Options{})
		reg.SetFaults(on("PUT manifest", fault))
		_, err := publish.NewRegistry(new(recorded).options(reg, results)).Attach(t.Context(), repo, subject, attachmentsOf(1, "x"))
		ae, ok := errors.AsType[*publish.AttachError](err)
		if !ok || ae.Registry != reg.Host || ae.Repository != "app" || ae.ArtifactType != bundleType || !isRegistryError(err) {
			t.Errorf("%d: error %v", fault.Status, err)
		}
	}
	for what, fault := range map[string]func(*http.Request) *registrytest.Fault{
		"credentials": on("PUT manifest", registrytest.Fault{Status: 403}), "trouble": on("PUT manifest", registrytest.Fault{Status: 500}),
		"pace": on("PUT manifest", registrytest.Fault{Status: 429}), "network": on("PUT manifest", registrytest.Fault{Drop: true}),
		"torn": on("PUT manifest", registrytest.Fault{Status: 400, Body: `{"errors":[{"code":"DIGEST_INVALID"}]}`}),
	} {
		reg, repo, subject, results := pushed(t, registrytest.Options{})
		reg.SetFaults(fault)
		_, err := publish.NewRegistry(new(recorded).options(reg, results)).Attach(t.Context(), repo, subject, attachmentsOf(1, "x"))
		if err == nil || isError[*publish.AttachError](err) {
			t.Errorf("%s: error %v", what, err)
		}
	}
	// The list of artifacts may be what is refused.
	noAPI, there, listed, known := pushed(t, registrytest.Options{NoReferrers: true})
	noAPI.SetFaults(on("PUT manifest", registrytest.Fault{Status: 400}, 2))
	if _, err := publish.NewRegistry(new(recorded).options(noAPI, known)).Attach(t.Context(), there, listed, attachmentsOf(1, "x")); !isError[*publish.AttachError](err) {
		t.Errorf("no list: %v", err)
	}
	reg, repo, subject, _ := pushed(t, registrytest.Options{})
	huge := []publish.Attachment{{ArtifactType: "a/b", Content: make([]byte, 64<<20+1)}}
	if _, err := publish.NewRegistry(new(recorded).options(reg, nil)).Attach(t.Context(), repo, subject, huge); err == nil {
		t.Error("too much was taken")
	}
	counts{}.check(t, reg)
}

// What the memory says to be there may be gone.
func TestAttachAfterLoss(t *testing.T) {
	reg, repo, subject, results := pushed(t, registrytest.Options{NoReferrers: true})
	list := attachmentsOf(2, "x")
	digests := mustAttach(t, publish.NewRegistry(new(recorded).options(reg, results)), repo, subject, list)

	config, _ := v1.NewHash("sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a")
	reg.LoseBlob("app", config)
	more := attachmentsOf(1, "more")
	mustAttach(t, publish.NewRegistry(new(recorded).options(reg, results)), repo, subject, more)
	mustHave(t, reg, repo, subject.Digest, append(more, list...))

	// The whole repository is gone, and the image is pushed again.
	tag := strings.Replace(subject.Digest.String(), ":", "-", 1)
	for _, as := range []string{"latest", tag, subject.Digest.String(), digests[0].String(), digests[1].String()} {
		req, _ := http.NewRequest(http.MethodDelete, "http://"+reg.Host+"/v2/app/manifests/"+as, nil)
		if resp, err := http.DefaultClient.Do(req); err != nil || resp.StatusCode != http.StatusAccepted {
			t.Fatal(resp, err)
		}
	}
	r := publish.NewRegistry(new(recorded).options(reg, results))
	if err := pushWith(t, r, repo, imageOf(t, "amd64", layerOf("x")), publish.RepoOptions{ByDigest: true}, "latest"); err != nil {
		t.Fatal(err)
	}
	mustAttach(t, r, repo, subject, list)
	mustHave(t, reg, repo, subject.Digest, list)
}

func TestAttachFaults(t *testing.T) {
	for _, noAPI := range []bool{false, true} {
		kinds := []string{"POST upload", "PUT blob", "PUT manifest"}
		if noAPI {
			kinds = append(kinds, "GET manifest")
		}
		for _, kind := range kinds {
			for what, fault := range map[string]registrytest.Fault{
				"torn": {Status: 400, Body: `{"errors":[{"code":"DIGEST_INVALID"}]}`},
				"429":  {Status: 429, Header: http.Header{"Retry-After": {"2"}}}, "500": {Status: 500}, "drop": {Drop: true}, "cut": {Drop: true, After: 10},
			} {
				if what == "torn" && kind != "PUT manifest" {
					continue
				}
				reg, repo, subject, results := pushed(t, registrytest.Options{NoReferrers: noAPI})
				list := attachmentsOf(2, "x")
				mustAttach(t, publish.NewRegistry(new(recorded).options(reg, results)), repo, subject, list)
				reg.SetFaults(on(kind, fault, 1, 2))
				more := attachmentsOf(1, "y")
				if _, err := publish.NewRegistry(new(recorded).options(reg, results)).Attach(t.Context(), repo, subject, more); err != nil {
					t.Errorf("%s of %s: %v", what, kind, err)
				}
				reg.SetFaults(nil)
				mustHave(t, reg, repo, subject.Digest, append(more, list...))
			}
		}
	}
}
