package keychain

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
)

func TestOrigin(t *testing.T) {
	t.Parallel()
	h := newHome(t, "fake")
	h.vault("stored.example", "stored", "pw")
	h.vault("token.example", "<token>", "it")
	h.write(podman2, `{"auths":{"podman.example":`+auth("p:pw")+`,"podman.example/team":`+auth("team:pw")+`}}`)
	h.write(docker, `{
		"auths": {"written.example": `+auth("written:pw")+`, "identity.example": {"identitytoken": "it"}},
		"credHelpers": {"stored.example": "fake", "token.example": "fake"}
	}`)
	h = h.with("GITHUB_TOKEN=secret")
	k := h.keychain()
	config, auths := filepath.Join(h.options.DockerConfigDir, "config.json"), filepath.Join(h.options.XDGConfigHome, filepath.FromSlash("containers/auth.json"))
	for repository, want := range map[string]Origin{
		"written.example/x":     {User: "written", Where: config},
		"identity.example/x":    {Where: config},
		"stored.example/x":      {User: "stored", Where: "docker-credential-fake, which " + config + " names"},
		"token.example/x":       {Where: "docker-credential-fake, which " + config + " names"},
		"podman.example/other":  {User: "p", Where: auths},
		"podman.example/team/x": {User: "team", Where: auths},
		"ghcr.io/acme/x":        {Where: "GITHUB_TOKEN"},
		"unknown.example/x":     {},
	} {
		got, err := k.Origin(t.Context(), repo(t, repository))
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v, want %+v", repository, got, err, want)
		}
		login, err := k.ResolveContext(t.Context(), repo(t, repository))
		if err != nil || (login == authn.Anonymous) != (want.Where == "") {
			t.Errorf("%s: ResolveContext = %v, %v", repository, login, err)
		}
	}
	if calls := h.calls(); strings.Count(calls, "stored.example") > 1 {
		t.Errorf("a helper was asked more than once:\n%s", calls)
	}

	h.write(docker, "{")
	if _, err := h.keychain().Origin(t.Context(), repo(t, "unknown.example/x")); !isA[*ConfigError](err) {
		t.Errorf("error %v", err)
	}
	if got, err := h.keychain().Origin(t.Context(), repo(t, "podman.example/x")); err != nil || got.Where != auths {
		t.Errorf("beside a broken file: %+v, %v", got, err)
	}
}
