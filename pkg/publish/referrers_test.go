package publish_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/imgo-build/imgo/internal/registrytest"
	"github.com/imgo-build/imgo/pkg/publish"
)

func TestReferrersInPages(t *testing.T) {
	reg := registrytest.New(t, registrytest.Options{ReferrersPage: 2, Username: "me", Password: "x", Token: true})
	opts := new(recorded).options(reg, nil)
	opts.Keychain = login{"me", "x"}
	r, repo, img := publish.NewRegistry(opts), repoIn(t, reg, "app"), imageOf(t, "amd64")
	mustPush(t, r, repo, img, "latest")
	subject, list := descriptorOf(t, img), attachmentsOf(5, "x")
	mustAttach(t, r, repo, subject, list)
	reg.Reset()
	refs, err := r.Attached(t.Context(), repo, subject.Digest)
	if err != nil || len(refs) != len(list) {
		t.Errorf("%d referrers, %v", len(refs), err)
	}
	counts{"GET referrers": 3, "GET manifest": 1}.check(t, reg) // no new token: the session may write and so read
}

// answers is a registry that has nothing but these bodies, each an index or manifest.
func answers(t *testing.T, at map[string]string, header http.Header) (*publish.Registry, name.Repository) {
	t.Helper()
	r, ref := hostile(t, publish.Options{}, func(w http.ResponseWriter, req *http.Request) {
		body, ok := at[strings.TrimPrefix(req.URL.Path, "/v2/app")]
		if req.URL.Path != "/v2/" && !ok {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", indexType)
		for k, v := range header {
			if strings.Contains(req.URL.Path, "/referrers/") {
				w.Header()[k] = v
			}
		}
		_, _ = io.WriteString(w, body)
	})
	return r, ref.Context()
}

var theSubject = v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("5", 64)}

func listOf(entries ...string) string {
	return `{"schemaVersion":2,"mediaType":"` + indexType + `","manifests":[` + strings.Join(entries, ",") + `]}`
}

// entryOf is an entry for a manifest; fields go between the others.
func entryOf(raw, fields string) string {
	h, n, _ := v1.SHA256(strings.NewReader(raw))
	return fmt.Sprintf(`{"mediaType":"application/vnd.oci.image.manifest.v1+json",%s"digest":"%s","size":%d}`, fields, h, n)
}

func pathOf(raw string) string {
	h, _, _ := v1.SHA256(strings.NewReader(raw))
	return "/manifests/" + h.String()
}

func manifestFor(subject v1.Hash, artifactType, configType string) string {
	m := v1.Manifest{
		SchemaVersion: 2, ArtifactType: artifactType, Config: v1.Descriptor{MediaType: types.MediaType(configType), Digest: theSubject},
		Subject: &v1.Descriptor{Digest: subject}, Annotations: map[string]string{"of": artifactType},
	}
	raw, _ := json.Marshal(m)
	return string(raw)
}

// Lists leave out what the specification asks for, in all ways that were seen.
func TestListsAreCompletedFromManifests(t *testing.T) {
	const empty = "application/vnd.oci.empty.v1+json"
	full, bare := manifestFor(theSubject, "a/full", empty), manifestFor(theSubject, "a/bare", empty)
	old, config := manifestFor(theSubject, "a/old", empty), manifestFor(theSubject, "", "a/config")
	other := manifestFor(v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("6", 64)}, "a/other", empty)
	gone := manifestFor(theSubject, "a/gone", empty)
	both := manifestFor(theSubject, "a/both", empty)
	at := map[string]string{
		pathOf(bare): bare, pathOf(old): old, pathOf(config): config, pathOf(other): other,
		"/referrers/" + theSubject.String(): listOf(
			entryOf(full, `"artifactType":"a/full","annotations":{"of":"list"},`),
			entryOf(bare, ""), entryOf(old, `"artifactType":"`+empty+`",`), entryOf(both, `"artifactType":"`+empty+`",`),
			`{"mediaType":"a/b","digest":"sha512:`+strings.Repeat("5", 128)+`","size":3}`, `7`, `{}`,
		),
		"/manifests/" + fallbackOf(theSubject): listOf(
			entryOf(config, `"artifactType":"a/config",`), entryOf(other, ""), entryOf(gone, ""),
			entryOf(both, `"artifactType":"a/both","annotations":{"of":"tag"},`), entryOf(full, ""),
		),
	}
	for _, wanted := range [][]string{nil, {"a/old", "a/config"}} {
		r, repo := answers(t, at, nil)
		refs, err := r.Attached(t.Context(), repo, theSubject, wanted...)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, ref := range refs {
			got[ref.ArtifactType] = ref.Annotations["of"]
		}
		want := map[string]string{"a/full": "list", "a/bare": "a/bare", "a/old": "a/old", "a/both": "tag", "a/config": ""}
		if wanted != nil {
			want = map[string]string{"a/old": "a/old", "a/config": ""}
		}
		if diff := cmp.Diff(want, got); diff != "" || len(refs) != len(want) {
			t.Errorf("referrers (-want +got):\n%s", diff)
		}
	}
}

func TestStrangeReferrersAPIs(t *testing.T) {
	api := "/referrers/" + theSubject.String()
	for name, tc := range map[string]struct {
		at     map[string]string
		header http.Header
		want   string // in the error
	}{
		"none":              {map[string]string{}, nil, ""},
		"a page for people": {map[string]string{api: "<html>"}, http.Header{"Content-Type": {"text/html"}}, ""},
		"broken":            {map[string]string{api: "{"}, nil, "can't be read"},
		"no index":          {map[string]string{api: "{}"}, nil, "no index"},
		"an image":          {map[string]string{api: `{"mediaType":"application/vnd.oci.image.manifest.v1+json","manifests":[]}`}, nil, "no index"},
		"elsewhere":         {map[string]string{api: listOf()}, http.Header{"Link": {`<https://evil.invalid/v2/x>; rel="next"`}}, "goes on elsewhere"},
		"not in the API":    {map[string]string{api: listOf()}, http.Header{"Link": {`</x>; rel="next"`}}, "goes on elsewhere"},
		"without end":       {map[string]string{api: listOf()}, http.Header{"Link": {`</v2/app` + api + `>; rel=next`}}, "does not end"},
		"another relation":  {map[string]string{api: listOf()}, http.Header{"Link": {`</x>; rel="first"`, `<y`}}, ""},
	} {
		r, repo := answers(t, tc.at, tc.header)
		refs, err := r.Attached(t.Context(), repo, theSubject)
		if len(refs) != 0 || (err == nil) != (tc.want == "") || err != nil && (!isRegistryError(err) || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%s: %v, %v; want %q", name, refs, err, tc.want)
		}
	}
}

func TestAttachmentsThatAreNotWhatTheyShouldBe(t *testing.T) {
	reg, repo, subject, _ := pushed(t, registrytest.Options{})
	r := publish.NewRegistry(new(recorded).options(reg, nil))
	mustAttach(t, r, repo, subject, attachmentsOf(1, "x"))
	fetch := func(change func(*publish.Referrer), faults ...func(*http.Request) *registrytest.Fault) error {
		t.Helper()
		fresh := publish.NewRegistry(new(recorded).options(reg, nil))
		refs, err := fresh.Attached(t.Context(), repo, subject.Digest)
		if err != nil || len(refs) != 1 {
			t.Fatal(refs, err)
		}
		change(&refs[0])
		for _, f := range faults {
			reg.SetFaults(f)
			defer reg.SetFaults(nil)
		}
		_, err = fresh.FetchAttachment(t.Context(), repo, refs[0])
		return err
	}
	same := func(*publish.Referrer) {}
	if err := fetch(same); err != nil {
		t.Error(err)
	}
	err := fetch(func(ref *publish.Referrer) { ref.Subject = theSubject })
	if se, ok := errors.AsType[*publish.SubjectError](err); !ok || se.Want != theSubject || se.Got != subject.Digest {
		t.Errorf("another subject: %v", err)
	}
	if err := fetch(func(ref *publish.Referrer) { ref.Descriptor.Size++ }); !isError[*publish.DigestError](err) {
		t.Errorf("another size: %v", err)
	}
	if err := fetch(func(ref *publish.Referrer) { ref.Descriptor.Digest = theSubject }); !isError[*publish.NotFoundError](err) {
		t.Errorf("gone: %v", err)
	}
	// The image itself refers to nothing.
	err = fetch(func(ref *publish.Referrer) { ref.Descriptor = subject })
	if se, ok := errors.AsType[*publish.SubjectError](err); !ok || se.Got != (v1.Hash{}) {
		t.Errorf("no subject: %v", err)
	}
	for kind, fault := range map[string]registrytest.Fault{
		"GET manifest": {Replace: []byte(`{}`)}, "GET blob": {Replace: []byte(`{"text":"y","n":0}`)},
	} {
		err := fetch(same, on(kind, fault))
		if de, ok := errors.AsType[*publish.DigestError](err); !ok || de.Registry != reg.Host || !isError[*publish.ArtifactError](err) {
			t.Errorf("changed %s: %v", kind, err)
		}
	}
	if err := fetch(same, on("GET blob", registrytest.Fault{Drop: true, After: 3}, 1, 2)); err != nil {
		t.Errorf("an answer that was cut off twice: %v", err)
	}
	if err := fetch(same, on("GET blob", registrytest.Fault{Drop: true, After: 3})); !isError[*publish.UnreachableError](err) || isError[*publish.ArtifactError](err) {
		t.Errorf("an answer that is always cut off: %v", err)
	}
	for status, odd := range map[int]bool{404: true, 410: true, 403: false, 429: false, 500: false} {
		if err := fetch(same, on("GET blob", registrytest.Fault{Status: status})); err == nil || isError[*publish.ArtifactError](err) != odd {
			t.Errorf("%d: %v", status, err)
		}
	}
}

func TestFetchBounds(t *testing.T) {
	layer := fmt.Sprintf(`{"mediaType":"a/b","digest":"%s","size":%d}`, theSubject, 64<<20)
	manifest := func(layers string) string {
		return fmt.Sprintf(`{"schemaVersion":2,"artifactType":"a/b","layers":[%s],"subject":{"digest":"%s","size":1,"mediaType":"x"}}`, layers, theSubject)
	}
	tiny := fmt.Sprintf(`{"digest":"%s","size":0}`, theSubject)
	for raw, want := range map[string]string{
		manifest(strings.Replace(layer, fmt.Sprint(64<<20), fmt.Sprint(64<<20+1), 1)): "more than 64 MiB",
		manifest(layer + "," + layer):                                 "2 layers, not 1",
		manifest(strings.Replace(layer, fmt.Sprint(64<<20), "-1", 1)): "more than 64 MiB",
		manifest(strings.Repeat(tiny+",", 1000) + tiny):               "1001 layers",
		manifest(""): "0 layers, not 1",
	} {
		r, repo := answers(t, map[string]string{pathOf(raw): raw, "/referrers/" + theSubject.String(): listOf(entryOf(raw, ""))}, nil)
		refs, err := r.Attached(t.Context(), repo, theSubject)
		if err != nil || len(refs) != 1 {
			t.Fatal(refs, err)
		}
		if _, err := r.FetchAttachment(t.Context(), repo, refs[0]); !isError[*publish.ArtifactError](err) || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

func TestResolve(t *testing.T) {
	reg, repo, subject, _ := pushed(t, registrytest.Options{})
	for _, strip := range [][]string{nil, {"Docker-Content-Digest"}, {"Content-Type"}} {
		reg.SetFaults(func(*http.Request) *registrytest.Fault { return &registrytest.Fault{StripHeaders: strip} })
		for _, ref := range []name.Reference{repo.Tag("latest"), repo.Digest(subject.Digest.String())} {
			got, err := publish.NewRegistry(new(recorded).options(reg, nil)).Resolve(t.Context(), ref)
			if diff := cmp.Diff(subject, got); err != nil || diff != "" {
				t.Errorf("without %v: %v (-want +got):\n%s", strip, err, diff)
			}
		}
	}
	reg.SetFaults(nil)
	r := publish.NewRegistry(new(recorded).options(reg, nil))
	reg.Reset()
	if _, err := r.Resolve(t.Context(), repo.Tag("latest")); err != nil {
		t.Fatal(err)
	}
	counts{"GET /v2/": 1, "HEAD manifest": 1}.check(t, reg)
	if _, err := r.Resolve(t.Context(), repo.Tag("none")); !isError[*publish.NotFoundError](err) {
		t.Errorf("error %v", err)
	}
	if _, _, err := r.Manifest(t.Context(), repo, theSubject); !isError[*publish.NotFoundError](err) {
		t.Errorf("error %v", err)
	}
	reg.SetFaults(on("GET manifest", registrytest.Fault{Replace: []byte("{}")}))
	if _, _, err := r.Manifest(t.Context(), repo, subject.Digest); !isError[*publish.DigestError](err) {
		t.Errorf("error %v", err)
	}
	reg.SetFaults(on("HEAD manifest", registrytest.Fault{Status: 403}))
	if _, err := r.Resolve(t.Context(), repo.Tag("latest")); !isError[*publish.AuthError](err) {
		t.Errorf("error %v", err)
	}
}
