//go:build e2e

package actiontest

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/internal/registrytest"
)

// The settings of the last step are what a project with a vendor directory may have,
// and imgo hasn't got one.
const imagesWorkflow = `
on: push
jobs:
  images:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: ./
        id: push
        with:
          command: push
          working-directory: testdata/mod/server
          packages: ./cmd/server
          tags: |
            REGISTRY/acme/server:v1
            :latest
          platforms: linux/amd64,linux/arm64
          args: --label "team=the payments" --ldflags '-X main.unused=1'
      - uses: ./
        id: build
        with:
          working-directory: testdata/mod/server
          packages: ./cmd/server ./cmd/migrate
          base: scratch
      - run: cp "$TARBALL" "$RESULTS/server.tar"
        env:
          TARBALL: ${{ steps.build.outputs.tarball }}
      - uses: ./
        id: again
        with:
          command: push
          working-directory: testdata/mod/server
          packages: server.tar
          tags: REGISTRY/acme/again
      - uses: ./
        id: vendored
        with:
          working-directory: testdata/mod/vendored
        env:
          GOFLAGS: -mod=vendor
          GOOS: plan9
          GOARCH: arm64
          GOAMD64: v4
          CGO_ENABLED: 1
      - run: printf '%s' "$STEPS" >"$RESULTS/steps.json"
        env:
          STEPS: ${{ toJSON(steps) }}
`

func TestImages(t *testing.T) {
	t.Parallel()
	reg := registrytest.New(t, registrytest.Options{})
	r := runWorkflow(t, strings.ReplaceAll(imagesWorkflow, "REGISTRY", reg.Host))
	steps := decode[map[string]step](t, r, "steps.json")

	t.Run("push of two platforms", func(t *testing.T) {
		raw := manifest(t, reg.Host, "acme/server", "v1")
		digest := fmt.Sprintf("sha256:%x", sha256.Sum256(raw))
		ref := reg.Host + "/acme/server@" + digest
		want := map[string]string{"reference": ref, "digest": digest, "references": `["` + ref + `"]`, "tarball": ""}
		if diff := cmp.Diff(want, steps["push"].Outputs); diff != "" {
			t.Errorf("outputs (-want +got):\n%s", diff)
		}
		if string(manifest(t, reg.Host, "acme/server", "latest")) != string(raw) {
			t.Error("v1 and latest are different")
		}
		var index v1.IndexManifest
		if err := json.Unmarshal(raw, &index); err != nil {
			t.Fatal(err)
		}
		var platforms []string
		for _, d := range index.Manifests {
			platforms = append(platforms, d.Platform.String())
			var img v1.Manifest
			if err := json.Unmarshal(manifest(t, reg.Host, "acme/server", d.Digest.String()), &img); err != nil {
				t.Fatal(err)
			}
			var config v1.ConfigFile
			if err := json.Unmarshal(get(t, reg.Host, "acme/server", "blobs/"+img.Config.Digest.String()), &config); err != nil {
				t.Fatal(err)
			}
			if got := config.Config.Labels["team"]; got != "the payments" {
				t.Errorf("%s: label team is %q: args did not arrive", d.Platform, got)
			}
		}
		if diff := cmp.Diff([]string{"linux/amd64", "linux/arm64"}, platforms); diff != "" {
			t.Errorf("platforms (-want +got):\n%s", diff)
		}
		for _, p := range platforms {
			if row := fmt.Sprintf("| server | %s | ", p); !strings.Contains(r.summary(t, "push"), row) {
				t.Errorf("no row %q in the summary:\n%s", row, r.summary(t, "push"))
			}
		}
		if !strings.Contains(r.summary(t, "push"), "| `"+ref+"` |\n") {
			t.Errorf("no %s in the summary:\n%s", ref, r.summary(t, "push"))
		}
	})

	t.Run("build to tarballs", func(t *testing.T) {
		out := steps["build"].Outputs
		if !filepath.IsAbs(out["tarball"]) || !strings.HasSuffix(out["tarball"], "/testdata/mod/server/server.tar") {
			t.Errorf("tarball is %q", out["tarball"])
		}
		if got := tarballDigest(t, filepath.Join(r.results, "server.tar")); got != out["digest"] {
			t.Errorf("digest is %s, in the tarball it is %s", out["digest"], got)
		}
		var refs []string
		if err := json.Unmarshal([]byte(out["references"]), &refs); err != nil {
			t.Fatal(err)
		}
		if len(refs) != 2 || refs[0] != out["reference"] || !strings.HasPrefix(refs[1], "imgo.local/migrate@sha256:") {
			t.Errorf("references are %q, reference is %q", refs, out["reference"])
		}
	})

	t.Run("push of a tarball", func(t *testing.T) {
		if got, want := steps["again"].Outputs["digest"], steps["build"].Outputs["digest"]; got != want {
			t.Errorf("pushed %s, had built %s", got, want)
		}
		raw := manifest(t, reg.Host, "acme/again", "latest")
		if got := fmt.Sprintf("sha256:%x", sha256.Sum256(raw)); got != steps["again"].Outputs["digest"] {
			t.Errorf("digest is %s, in the registry it is %s", steps["again"].Outputs["digest"], got)
		}
	})

	t.Run("settings of the user's", func(t *testing.T) {
		if got := steps["vendored"].Outputs["reference"]; !strings.HasPrefix(got, "imgo.local/vendored@sha256:") {
			t.Errorf("reference is %q", got)
		}
	})
}

func manifest(t *testing.T, host, repo, ref string) []byte {
	t.Helper()
	return get(t, host, repo, "manifests/"+ref)
}

func get(t *testing.T, host, repo, rest string) []byte {
	t.Helper()
	resp, err := http.Get("http://" + host + "/v2/" + repo + "/" + rest)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s/%s: %s, %v", repo, rest, resp.Status, err)
	}
	return body
}

// tarballDigest reads the digest from the index of an OCI archive.
func tarballDigest(t *testing.T, name string) string {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for tr := tar.NewReader(f); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			t.Fatalf("no index.json in %s", name)
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Name != "index.json" {
			continue
		}
		var index v1.IndexManifest
		if err := json.NewDecoder(tr).Decode(&index); err != nil {
			t.Fatal(err)
		}
		return index.Manifests[0].Digest.String()
	}
}
