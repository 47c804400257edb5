package registrytest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/internal/registrytest"
)

func TestReferrers(t *testing.T) {
	subject := "sha256:" + strings.Repeat("5", 64)
	for _, none := range []bool{false, true} {
		reg := registrytest.New(t, registrytest.Options{NoReferrers: none, ReferrersPage: 2})
		send := func(method, path, body string) *http.Response {
			t.Helper()
			req, _ := http.NewRequest(method, "http://"+reg.Host+path, strings.NewReader(body))
			req.Header.Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { resp.Body.Close() })
			return resp
		}
		for _, kind := range []string{"a/b", "a/c", "a/b", "a/d"} { // one of them twice
			resp := send("PUT", "/v2/app/manifests/"+kind[2:], `{"artifactType":"`+kind+`","subject":{"digest":"`+subject+`"},"annotations":{"k":"v"}}`)
			want := subject
			if none {
				want = ""
			}
			if got := resp.Header.Get("OCI-Subject"); got != want {
				t.Errorf("OCI-Subject: %q", got)
			}
		}
		list := func(query string) (kinds []string, next bool) {
			resp := send("GET", "/v2/app/referrers/"+subject+query, "")
			body, _ := io.ReadAll(resp.Body)
			var index v1.IndexManifest
			if err := json.Unmarshal(body, &index); err != nil {
				t.Fatalf("%v in %s", err, body)
			}
			for _, d := range index.Manifests {
				kinds = append(kinds, d.ArtifactType+d.Annotations["k"])
			}
			return kinds, resp.Header.Get("Link") != ""
		}
		if none {
			if resp := send("GET", "/v2/app/referrers/"+subject, ""); resp.StatusCode != http.StatusNotFound {
				t.Errorf("status %d", resp.StatusCode)
			}
			continue
		}
		if kinds, next := list(""); strings.Join(kinds, " ") != "a/bv a/cv" || !next {
			t.Errorf("first page %v, %v", kinds, next)
		}
		if kinds, next := list("?from=2"); strings.Join(kinds, " ") != "a/dv" || next {
			t.Errorf("second page %v, %v", kinds, next)
		}
		if kinds, _ := list("?artifactType=a/c"); strings.Join(kinds, " ") != "a/cv" {
			t.Errorf("filtered %v", kinds)
		}
		resp := send("HEAD", "/v2/app/manifests/c", "")
		send("DELETE", "/v2/app/manifests/"+resp.Header.Get("Docker-Content-Digest"), "")
		if kinds, next := list(""); strings.Join(kinds, " ") != "a/bv a/dv" || next {
			t.Errorf("after a deletion %v, %v", kinds, next)
		}
	}
}
