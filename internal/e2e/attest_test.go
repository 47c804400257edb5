//go:build e2e

package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"
)

// keyPair writes a new key, and returns the paths of its two halves.
func keyPair(s *sandbox, name string) (private, public string) {
	s.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		s.t.Fatal(err)
	}
	shown, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		s.t.Fatal(err)
	}
	private, public = s.path(name+".key"), s.path(name+".pub")
	s.write(private, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})), 0o600)
	s.write(public, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: shown})), 0o644)
	return private, public
}

// A real registry keeps what is told of an image, which imgo finds again, and whatever is
// done to it there is noticed. This one has no referrers API: the tag stands in for it.
func TestAttest(t *testing.T) {
	s := newSandbox(t)
	s.module("server", "mod")
	s.vars["COSIGN_PASSWORD"] = ""
	private, public := keyPair(s, "mine")
	_, stranger := keyPair(s, "stranger")
	reg := newTap(t, plainRegistry(t))
	base := publishDistroless(s, reg.host+"/attest/base:v1")
	image := reg.host + "/attest/server:v1"
	push := []string{"push", "-C", "mod", "./cmd/server", "--base", base, "--sbom", "spdx,cyclonedx", "--key", private, "--no-tlog", "-t", image}
	verify := func(key string) result {
		return s.try(suite.imgo, "verify", "--key", key, "--insecure-ignore-tlog", image)
	}

	unverified := func(r result, reason string) {
		t.Helper()
		if r.code != 1 || !strings.Contains(r.stderr, reason) || !strings.Contains(r.stdout, "FAILED") {
			t.Errorf("want exit code 1 and %q:\n%s", reason, r)
		}
	}

	want := digest(t, s.imgo(push...))
	if got := rawDigest(s, "docker://"+image); got != want {
		t.Errorf("skopeo pulls %s, imgo printed %s", got, want)
	}
	if r := verify(public); r.code != 0 || statements(r) != 4 {
		t.Errorf("verifying: %s", r)
	}
	unverified(verify(stranger), "there is no signature of "+want)
	// The base's packages are in the SBOM by the names that dpkg knows them by.
	if sbom := s.imgo("sbom", image); !strings.Contains(sbom, "pkg:deb/debian/base-files@") || !strings.Contains(sbom, "pkg:golang/stdlib@") {
		t.Errorf("the SBOM has neither the base's packages nor the standard library:\n%s", sbom)
	}

	reg.take()
	s.imgo(push...)
	if got := reg.take(); count(got, "PUT", "") > 0 || count(got, "POST", "") > 0 {
		t.Errorf("an unchanged push told it all again:\n%s", strings.Join(got, "\n"))
	}

	// Somebody moves the tag to an image of his own; then he overwrites the list of what is told.
	tag := strings.Replace(want, ":", "-", 1)
	s.imgo("push", "-q", "-C", "mod", "./cmd/server", "--sbom", "none", "-t", image)
	unverified(verify(public), "there is no signature of ")
	s.imgo(push...)
	if r := verify(public); r.code != 0 {
		t.Errorf("after the tag was moved back: %s", r)
	}
	s.run("skopeo", "copy", "--all", "--dest-tls-verify=false", "--src-tls-verify=false", "docker://"+base, "docker://"+reg.host+"/attest/server:"+tag)
	unverified(verify(public), "there is no signature of "+want)
	s.imgo(append(push, "--no-fast-path")...)
	if r := verify(public); r.code != 0 {
		t.Errorf("after all was told again: %s", r)
	}
}
