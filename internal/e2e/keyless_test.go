//go:build e2e && interop

package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const someone = "someone@example.com"

// issuer vouches for identities by tokens (OpenID Connect Core 1.0).
type issuer struct {
	*httptest.Server
	key *ecdsa.PrivateKey
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	i := &issuer{}
	var err error
	if i.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	public, err := i.key.PublicKey.ECDH()
	if err != nil {
		t.Fatal(err)
	}
	point := public.Bytes()[1:] // without the byte that says that it is uncompressed
	mux := http.NewServeMux()
	i.Server = httptest.NewServer(mux)
	t.Cleanup(i.Close)
	for path, answer := range map[string]any{
		"/.well-known/openid-configuration": map[string]any{
			"issuer": i.URL, "jwks_uri": i.URL + "/keys", "id_token_signing_alg_values_supported": []string{"ES256"},
		},
		"/keys": map[string]any{"keys": []any{map[string]any{
			"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "1", "x": base64url(point[:32]), "y": base64url(point[32:]),
		}}},
	} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(answer)
		})
	}
	return i
}

// token vouches for somebody's address.
func (i *issuer) token(t *testing.T, email string) string {
	t.Helper()
	part := func(v any) string {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64url(text)
	}
	now := time.Now()
	text := part(map[string]any{"alg": "ES256", "typ": "JWT", "kid": "1"}) + "." + part(map[string]any{
		"iss": i.URL, "aud": "sigstore", "sub": email, "email": email, "email_verified": true,
		"iat": now.Unix(), "exp": now.Add(10 * time.Minute).Unix(),
	})
	r, s, err := ecdsa.Sign(rand.Reader, i.key, sum256([]byte(text)))
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + base64url(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
}

func base64url(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// startFulcio starts a Fulcio that believes an issuer, has a certificate authority of its
// own, and writes to no log of certificates. It returns its address.
func startFulcio(s *sandbox, i *issuer) string {
	s.t.Helper()
	config := s.write(s.path("fulcio", "config.json"),
		fmt.Sprintf(`{"OIDCIssuers":{%q:{"IssuerURL":%[1]q,"ClientID":"sigstore","Type":"email"}}}`, i.URL), 0o644)
	port, metrics := fmt.Sprint(freePort(s.t)), fmt.Sprint(freePort(s.t))
	address := "http://127.0.0.1:" + port
	fulcio, err := startDaemon("fulcio", filepath.Dir(config), func() error {
		return answers(http.DefaultClient, address+"/api/v2/trustBundle")
	}, filepath.Join(suite.tools, "fulcio"), "serve", "--ca=ephemeralca", "--ct-log-url=", "--config-path="+config,
		"--host=127.0.0.1", "--grpc-host=127.0.0.1", "--port="+port, "--grpc-port="+port, "--metrics-port="+metrics)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		if s.t.Failed() {
			log, _ := os.ReadFile(fulcio.log)
			s.t.Logf("fulcio's log:\n%s", log)
		}
		fulcio.stop()
	})
	return address
}

// fulcioAuthority is what Fulcio says of its certificates, as trusted roots have it.
func fulcioAuthority(s *sandbox, fulcio string) map[string]any {
	s.t.Helper()
	resp, err := http.Get(fulcio + "/api/v2/trustBundle")
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	var bundle struct {
		Chains []struct{ Certificates []string }
	}
	if err := json.NewDecoder(resp.Body).Decode(&bundle); err != nil || len(bundle.Chains) != 1 {
		s.t.Fatalf("fulcio's trust bundle: %v, %+v", err, bundle)
	}
	var chain []any
	for _, text := range bundle.Chains[0].Certificates {
		block, _ := pem.Decode([]byte(text))
		chain = append(chain, map[string]any{"rawBytes": block.Bytes})
	}
	return map[string]any{"uri": fulcio, "certChain": map[string]any{"certificates": chain}, "validFor": validForDays()}
}

// Signing without a key, by a certificate of a real Fulcio: who signed is told by imgo
// and by cosign, and nobody else is taken for him.
func TestKeyless(t *testing.T) {
	s := newCosignSandbox(t)
	i, l := newIssuer(t), newTranslog(t)
	fulcio := startFulcio(s, i)
	root := l.trustedRoot(s, fulcioAuthority(s, fulcio))
	repo := plainRegistry(t) + "/keyless/server"
	verify := func(identity, image string) result {
		return s.try(suite.imgo, "verify", image, "--certificate-identity", identity, "--certificate-oidc-issuer", i.URL, "--trusted-root", root, "--offline")
	}

	s.vars["SIGSTORE_ID_TOKEN"] = i.token(t, someone)
	push := []string{"push", "-C", "mod", "./cmd/server", "--platform", "linux/amd64,linux/arm64", "--sign",
		"--fulcio-url", fulcio, "--rekor-url", l.URL, "--trusted-root", root, "-t", repo + ":v1"}
	image := s.imgo(push...)
	r := verify(someone, image)
	if want := "by " + someone + " (" + i.URL + ")"; r.code != 0 || strings.Count(r.stdout, want) != 3+3+2 {
		t.Errorf("want eight statements %s:\n%s", want, r)
	}
	if r := verify("else@example.com", image); r.code != 1 || !strings.Contains(r.stderr, "there is no signature of ") {
		t.Errorf("somebody else is trusted:\n%s", r)
	}
	logged := l.size()
	s.imgo(append(push, "--no-fast-path")...)
	if n := l.size() - logged; n != 0 {
		t.Errorf("the same once more made %d entries in the log, want none", n)
	}
	for _, c := range cosigns {
		for identity, want := range map[string]int{someone: 0, "else@example.com": 1} {
			r := s.try(c.path(), "verify", "--certificate-identity", identity, "--certificate-oidc-issuer", i.URL,
				"--trusted-root", root, "--insecure-ignore-sct", image)
			if (r.code != 0) != (want != 0) {
				t.Errorf("cosign %s, asked for %s:\n%s", c.version, identity, r)
			}
		}
	}

	// The other way round.
	s.imgo("push", "-q", "-C", "mod", "./cmd/server", "--sbom", "none", "-t", repo+"/by-cosign:v1")
	other := repo + "/by-cosign@" + rawDigest(s, "docker://"+repo+"/by-cosign:v1")
	s.run(cosigns[1].path(), "sign", "--yes", "--use-signing-config=false", "--fulcio-url", fulcio, "--rekor-url", l.URL,
		"--trusted-root", root, "--identity-token", i.token(t, someone), "--insecure-skip-verify", other)
	r = s.try(suite.imgo, "verify", other, "--require", "signature",
		"--certificate-identity", someone, "--certificate-oidc-issuer", i.URL, "--trusted-root", root, "--offline")
	if r.code != 0 {
		t.Errorf("what cosign signed without a key:\n%s", r)
	}
}
