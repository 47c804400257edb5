//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// cosign is cosign's command in one of its major versions, as tools.sh builds it. By
// itself it would ask services of sigstore's, which no test here may do.
type cosign struct {
	version string
	sign    []string // flags that keep sign and attest from it
	verify  []string // and verify and verify-attestation
}

// scheme is how what is told of an image is kept.
type scheme string

const (
	bundles scheme = "bundles" // artifacts that refer to the image
	oldTags scheme = "tags"    // images at tags made of its digest
)

// flag chooses the scheme where cosign signs.
func (by scheme) flag() string { return fmt.Sprintf("--new-bundle-format=%t", by == bundles) }

// emptyRoot is a trusted root without anybody in it. cosign 2 wants one even where a key
// is enough.
const emptyRoot = `{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}`

var cosigns = []cosign{
	{
		version: "2",
		sign:    []string{"--tlog-upload=false"},
		verify:  []string{"--insecure-ignore-tlog=true", "--trusted-root", "empty-root.json"},
	},
	{
		version: "3",
		sign:    []string{"--tlog-upload=false", "--use-signing-config=false"},
		verify:  []string{"--insecure-ignore-tlog=true"},
	},
}

func (c cosign) path() string { return filepath.Join(suite.tools, "cosign-"+c.version) }

// refusal is how cosign says that no signature counts. It fails for other reasons too.
var refusal = regexp.MustCompile(`no (matching|valid|signatures)|failed to verify|invalid signature`)

// newCosignSandbox is a sandbox with a module in mod and a password for keys.
func newCosignSandbox(t *testing.T) *sandbox {
	t.Helper()
	s := newSandbox(t)
	s.module("server", "mod")
	s.vars["COSIGN_PASSWORD"] = "secret"
	s.write(s.path("empty-root.json"), emptyRoot, 0o644)
	return s
}

// keyPair makes a pair of keys and returns the paths of its halves.
func (c cosign) keyPair(s *sandbox, name string) (private, public string) {
	s.t.Helper()
	s.run(c.path(), "generate-key-pair", "--output-key-prefix", s.path(name))
	return s.path(name + ".key"), s.path(name + ".pub")
}

// accepts checks that cosign finds a signature of an image by a key, and attestations
// of the types.
func (c cosign) accepts(s *sandbox, public, image string, types ...string) {
	s.t.Helper()
	for _, r := range c.verifications(s, public, image, types) {
		if r.code != 0 {
			s.t.Errorf("cosign %s refuses:\n%s", c.version, r)
		}
	}
}

// refuses checks that cosign finds nothing that counts, and says so.
func (c cosign) refuses(s *sandbox, public, image string, types ...string) {
	s.t.Helper()
	for _, r := range c.verifications(s, public, image, types) {
		if r.code == 0 || !refusal.MatchString(r.stderr) {
			s.t.Errorf("cosign %s should refuse:\n%s", c.version, r)
		}
	}
}

func (c cosign) verifications(s *sandbox, public, image string, types []string) []result {
	s.t.Helper()
	verify := func(command ...string) result {
		args := append(append(command, c.verify...), "--key", public, image)
		return s.try(c.path(), args...)
	}
	out := []result{verify("verify")}
	for _, kind := range types {
		out = append(out, verify("verify-attestation", "--type", kind))
	}
	return out
}

// signs has cosign sign an image, or an index and its images.
func (c cosign) signs(s *sandbox, by scheme, private, image string) {
	s.t.Helper()
	s.run(c.path(), append(append([]string{"sign", "--recursive", by.flag()}, c.sign...), "--key", private, image)...)
}

// attests has cosign say of an image what is in a file.
func (c cosign) attests(s *sandbox, by scheme, private, image, kind, file string) {
	s.t.Helper()
	s.run(c.path(), append(append([]string{"attest", by.flag()}, c.sign...), "--key", private, "--type", kind, "--predicate", file, image)...)
}

// imgoVerifies runs imgo verify, which must find as many statements that count.
func imgoVerifies(s *sandbox, public, image string, want int, flags ...string) {
	s.t.Helper()
	r := imgoVerify(s, public, image, flags...)
	if got := statements(r); r.code != 0 || got != want {
		s.t.Errorf("want %d statements:\n%s", want, r)
	}
}

var statement = regexp.MustCompile(`(?m)^  ok +(signature|sbom|provenance) `)

// statements counts those that imgo verify says are by whom is trusted.
func statements(r result) int { return len(statement.FindAllString(r.stdout, -1)) }

// imgoRefuses runs imgo verify, which must find no signature that counts.
func imgoRefuses(s *sandbox, public, image string) {
	s.t.Helper()
	if r := imgoVerify(s, public, image); r.code != 1 || !strings.Contains(r.stderr, "there is no signature of sha256:") {
		s.t.Errorf("want exit code 1 for want of a signature:\n%s", r)
	}
}

func imgoVerify(s *sandbox, public, image string, flags ...string) result {
	s.t.Helper()
	return s.try(suite.imgo, append([]string{"verify", "--key", public, "--insecure-ignore-tlog", image}, flags...)...)
}

// What imgo signs, both versions of cosign verify: the index and each image, in bundles
// and, where these are missing, in the older scheme.
func TestCosignVerifiesImgo(t *testing.T) {
	s := newCosignSandbox(t)
	private, public := cosigns[0].keyPair(s, "mine")
	_, stranger := cosigns[1].keyPair(s, "stranger")
	repo := plainRegistry(t) + "/cosign/by-imgo"
	index := digest(t, s.imgo("push", "-C", "mod", "./cmd/server", "--platform", "linux/amd64,linux/arm64", "--sbom", "spdx,cyclonedx",
		"--key", private, "--no-tlog", "--cosign-tags", "-t", repo+":v1"))
	amd64, arm64 := manifestFor(s, "docker://"+repo+":v1", "amd64"), manifestFor(s, "docker://"+repo+":v1", "arm64")
	for _, by := range []scheme{bundles, oldTags} {
		if by == oldTags {
			for _, d := range []string{index, amd64, arm64} {
				putManifest(t, repo, fallbackTag(d), ociIndex, []byte(emptyIndex))
			}
		}
		for _, c := range cosigns {
			t.Run(fmt.Sprintf("%s with cosign %s", by, c.version), func(t *testing.T) {
				s := s.in(t)
				c.accepts(s, public, repo+":v1", "slsaprovenance1")
				c.accepts(s, public, repo+"@"+amd64, "spdxjson", "cyclonedx", "slsaprovenance1")
				c.accepts(s, public, repo+"@"+arm64)
				c.refuses(s, stranger, repo+"@"+amd64, "spdxjson")
			})
		}
	}
	// Three signatures and provenances, two SBOMs in two formats.
	imgoVerifies(s, public, repo+":v1", 3+3+4)
}

// What either version of cosign signs, imgo verifies, in either scheme.
func TestImgoVerifiesCosign(t *testing.T) {
	s := newCosignSandbox(t)
	private, public := cosigns[1].keyPair(s, "mine")
	_, stranger := cosigns[0].keyPair(s, "stranger")
	s.imgo("build", "-C", "mod", "./cmd/server", "-o", s.path("server.tar"), "--sbom-dir", s.path("sboms"))
	made := s.write(s.path("provenance.json"), `{
		"buildDefinition": {"buildType": "https://example.com/build/v1", "externalParameters": {}},
		"runDetails": {"builder": {"id": "https://example.com/builder"}}
	}`, 0o644)
	for _, c := range cosigns {
		for _, by := range []scheme{bundles, oldTags} {
			t.Run(fmt.Sprintf("%s of cosign %s", by, c.version), func(t *testing.T) {
				s := s.in(t)
				repo := plainRegistry(t) + "/cosign/by-cosign-" + c.version + "-" + string(by)
				index := s.imgo("push", "-q", "-C", "mod", "./cmd/server", "--platform", "linux/amd64,linux/arm64", "--sbom", "none", "-t", repo+":v1")
				image := repo + "@" + manifestFor(s, "docker://"+repo+":v1", "amd64")

				c.signs(s, by, private, index)
				imgoVerifies(s, public, repo+":v1", 3, "--require", "signature")
				if r := imgoVerify(s, public, image); r.code != 1 || !strings.Contains(r.stderr, "there is no sbom of ") {
					t.Errorf("want exit code 1 for want of an SBOM:\n%s", r)
				}
				c.attests(s, by, private, image, "spdxjson", s.path("sboms", "server.spdx.json"))
				c.attests(s, by, private, image, "slsaprovenance1", made)
				imgoVerifies(s, public, image, 3)
				imgoRefuses(s, stranger, image)
			})
		}
	}
}

// Whoever may write to the registry can put what was signed of one image to another.
// Nobody falls for it.
func TestReplayedSignatures(t *testing.T) {
	s := newCosignSandbox(t)
	private, public := cosigns[1].keyPair(s, "mine")
	repo := plainRegistry(t) + "/cosign/replay"
	signed := digest(t, s.imgo("push", "-C", "mod", "./cmd/server", "--key", private, "--no-tlog", "--cosign-tags", "-t", repo+":v1"))
	edit(s, s.path("mod"), "evil")
	other := digest(t, s.imgo("push", "-C", "mod", "./cmd/server", "--sbom", "none", "-t", repo+":v2"))
	refused := func() {
		t.Helper()
		for _, c := range cosigns {
			c.refuses(s, public, repo+"@"+other, "spdxjson", "slsaprovenance1")
			c.accepts(s, public, repo+"@"+signed, "spdxjson", "slsaprovenance1")
		}
		imgoRefuses(s, public, repo+"@"+other)
		imgoVerifies(s, public, repo+"@"+signed, 3)
	}
	for _, suffix := range []string{".sig", ".att"} {
		retag(t, repo, fallbackTag(signed)+suffix, fallbackTag(other)+suffix)
	}
	refused()
	retag(t, repo, fallbackTag(signed), fallbackTag(other))
	refused()
}

// fallbackTag is the tag that stands in for the referrers API where a registry lacks it
// (OCI distribution spec 1.1, "Referrers Tag Schema").
func fallbackTag(digest string) string { return strings.Replace(digest, ":", "-", 1) }

const (
	ociIndex   = "application/vnd.oci.image.index.v1+json"
	ociImage   = "application/vnd.oci.image.manifest.v1+json"
	emptyIndex = `{"schemaVersion":2,"mediaType":"` + ociIndex + `","manifests":[]}`
)

// retag puts what is at one tag of a repository at another one, too.
func retag(t *testing.T, repo, from, to string) {
	t.Helper()
	mediaType, body := manifestRequest(t, http.MethodGet, repo, from, "", nil)
	putManifest(t, repo, to, mediaType, body)
}

// putManifest writes a manifest or an index to a tag.
func putManifest(t *testing.T, repo, tag, mediaType string, body []byte) {
	t.Helper()
	manifestRequest(t, http.MethodPut, repo, tag, mediaType, body)
}

func manifestRequest(t *testing.T, method, repo, tag, mediaType string, body []byte) (string, []byte) {
	t.Helper()
	host, path, _ := strings.Cut(repo, "/")
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+host+"/v2/"+path+"/manifests/"+tag, strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header["Accept"] = []string{ociIndex, ociImage}
	req.Header.Set("Content-Type", mediaType)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || !slices.Contains([]int{http.StatusOK, http.StatusCreated}, resp.StatusCode) {
		t.Fatalf("%s %s:%s: %s, %v\n%s", method, repo, tag, resp.Status, err, answer)
	}
	return resp.Header.Get("Content-Type"), answer
}
