package attest

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestIdentityOf(t *testing.T) {
	token := func(claims string) string {
		return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln"
	}
	for in, want := range map[string][2]string{
		token(`{"iss":"https://i","email":"me@example.com"}`):               {"me@example.com", "https://i"},
		token(`{"iss":"https://g","job_workflow_ref":"o/r/.github/w@ref"}`): {"https://github.com/o/r/.github/w@ref", "https://g"},
		token(`{"iss":"https://i","sub":"x"}`):                              {},
		token(`nonsense`):                                                   {}, "a.b": {}, "a.!.c": {}, "": {},
	} {
		san, issuer := identityOf(in)
		if diff := cmp.Diff(want, [2]string{san, issuer}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", in, diff)
		}
	}
}

func TestAmbientToken(t *testing.T) {
	status, body := http.StatusOK, `{"value":"tok"}`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("audience") != "sigstore" || r.URL.Query().Get("x") != "1" || r.Header.Get("Authorization") != "Bearer secret" {
			status = http.StatusBadRequest
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	defer server.Close()
	env := map[string]string{"ACTIONS_ID_TOKEN_REQUEST_URL": server.URL + "?x=1", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "secret"}
	ask := func() (string, error) {
		return AmbientToken(t.Context(), func(k string) string { return env[k] }, http.DefaultTransport)
	}
	if token, err := ask(); token != "tok" || err != nil {
		t.Errorf("token %q, %v", token, err)
	}
	body = `{}`
	if token, err := ask(); err == nil {
		t.Errorf("token %q of an answer without one", token)
	}
	status = http.StatusForbidden
	if _, err := ask(); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("error %v", err)
	}
	env["SIGSTORE_ID_TOKEN"] = "mine"
	if token, err := ask(); token != "mine" || err != nil {
		t.Errorf("token %q, %v", token, err)
	}
	clear(env)
	if token, err := ask(); token != "" || err != nil {
		t.Errorf("token %q, %v of nobody", token, err)
	}
}
