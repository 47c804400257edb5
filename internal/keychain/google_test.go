package keychain

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
)

// tokens serves access tokens t1, t2, … as Google does, or a failure.
type tokens struct {
	*httptest.Server
	count   atomic.Int32
	refused atomic.Bool
	lasts   int // seconds
}

func newTokens(t *testing.T, lasts int) *tokens {
	s := &tokens{lasts: lasts}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case r.Header.Get("Metadata-Flavor") == "" && r.FormValue("grant_type") == "":
			http.Error(w, "who are you", http.StatusForbidden)
		case s.refused.Load():
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprintf(w, `{"error": "invalid_grant", "error_description": "Token has been expired or revoked.", "echo": %q}`, secret)
		default:
			fmt.Fprintf(w, `{"access_token": "t%d", "token_type": "Bearer", "expires_in": %d}`, s.count.Add(1), s.lasts)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func person(url string) string {
	return fmt.Sprintf(`{"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": %q, "token_uri": %q}`, secret, url)
}

func account(t *testing.T, url string) string {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(map[string]string{
		"type": "service_account", "client_email": "robot@p.iam.gserviceaccount.com", "token_uri": url,
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})),
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// federated is what google-github-actions/auth writes: a token of another provider's
// is in a file.
func federated(h home, url string) string {
	h.write("subject", "id-token-of-the-job")
	raw, _ := json.Marshal(map[string]any{
		"type": "external_account", "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/p",
		"subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "token_url": url,
		"credential_source": map[string]string{"file": filepath.Join(h.dir, "subject")},
	})
	return string(raw)
}

func TestGoogleFiles(t *testing.T) {
	for _, kind := range []string{"person", "account", "federated"} {
		t.Run(kind, func(t *testing.T) {
			h, s := newHome(t), newTokens(t, 3600)
			path := filepath.Join(h.dir, "adc.json")
			h = h.with("GOOGLE_APPLICATION_CREDENTIALS=" + path)
			h.write("adc.json", map[string]func() string{
				"person":    func() string { return person(s.URL) },
				"account":   func() string { return account(t, s.URL) },
				"federated": func() string { return federated(h, s.URL) },
			}[kind]())
			k := h.keychain()
			for _, repository := range []string{"gcr.io/p/x", "europe-docker.pkg.dev/p/r/x"} {
				if got, err := who(t, k, repository); err != nil || got != googleUser+":t1" {
					t.Errorf("%s: %s, %v", repository, got, err)
				}
			}
			s.refused.Store(true)
			_, err := who(t, h.keychain(), "gcr.io/p/x")
			ce, ok := errors.AsType[*CloudError](err)
			if !ok || ce.Source != path || !strings.Contains(ce.Login, "GOOGLE_APPLICATION_CREDENTIALS") {
				t.Fatalf("%#v", err)
			}
			if strings.Contains(err.Error(), secret) || kind == "person" && !strings.Contains(err.Error(), "expired or revoked") {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestGooglesUsualFile(t *testing.T) {
	h, s := newHome(t), newTokens(t, 3600)
	h.write("gcloud-config/application_default_credentials.json", person(s.URL))
	h = h.with("CLOUDSDK_CONFIG=" + filepath.Join(h.dir, "gcloud-config"))
	if got, err := who(t, h.keychain(), "gcr.io/p/x"); err != nil || got != googleUser+":t1" {
		t.Errorf("%s, %v", got, err)
	}
}

func TestBadGoogleFiles(t *testing.T) {
	for content, want := range map[string]string{
		"":                       "there is no such file",
		"{":                      "not a file of Google credentials",
		`{"installed": {}}`:      "not a file of Google credentials",
		`{"type": "unheard_of"}`: "unknown credential type",
		`{"type": "service_account", "private_key": "` + secret + `"}`: "private key",
	} {
		h := newHome(t)
		h = h.with("GOOGLE_APPLICATION_CREDENTIALS=" + filepath.Join(h.dir, "adc.json"))
		if content != "" {
			h.write("adc.json", content)
		}
		_, err := who(t, h.keychain(), "gcr.io/p/x")
		if !isA[*CloudError](err) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v, want %s", content, err, want)
		}
	}
}

// A token that lasts less than a build is fetched again.
func TestGoogleTokenIsRenewed(t *testing.T) {
	for _, kind := range []string{"file", "machine"} {
		h, s := newHome(t), newTokens(t, 1)
		if kind == "file" {
			h.write("adc.json", person(s.URL))
			h = h.with("GOOGLE_APPLICATION_CREDENTIALS=" + filepath.Join(h.dir, "adc.json"))
		} else {
			h = h.with("GCE_METADATA_HOST=" + strings.TrimPrefix(s.URL, "http://"))
		}
		a, err := h.keychain().ResolveContext(t.Context(), repo(t, "gcr.io/p/x"))
		if err != nil {
			t.Fatal(err)
		}
		first, err1 := authn.Authorization(t.Context(), a)
		second, err2 := authn.Authorization(t.Context(), a)
		if err1 != nil || err2 != nil || first.Password == second.Password {
			t.Errorf("%s: %v, %v, %v, %v", kind, first, err1, second, err2)
		}
	}
}

func TestMetadataServer(t *testing.T) {
	status := http.StatusNotFound
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"token": %q}`, secret)
	}))
	h := newHome(t).with("GCE_METADATA_HOST=" + strings.TrimPrefix(s.URL, "http://"))
	for code, want := range map[int]string{
		http.StatusNotFound: "", http.StatusForbidden: "403", http.StatusFound: "302", http.StatusOK: "no access_token",
	} {
		status = code
		got, err := who(t, h.keychain(), "gcr.io/p/x")
		switch {
		case want == "" && (err != nil || got != "anonymous"):
			t.Errorf("%d: %s, %v", code, got, err)
		case want != "" && (!isA[*CloudError](err) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), secret)):
			t.Errorf("%d: %v", code, err)
		}
	}
	s.Close()
	if got, err := who(t, h.keychain(), "gcr.io/p/x"); err != nil || got != "anonymous" {
		t.Errorf("out of reach: %s, %v", got, err)
	}
	k := newHome(t).keychain()
	if host := k.metadataHost(); host != "" {
		t.Errorf("at home: %s", host)
	}
	h.write("product_name", "Google Compute Engine\n")
	h.options.Env = nil
	if host := h.keychain().metadataHost(); host != "metadata.google.internal" {
		t.Errorf("in Google's cloud: %q", host)
	}
}
