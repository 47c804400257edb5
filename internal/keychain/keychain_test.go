package keychain

import (
	"context"
	"encoding/base64"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
)

// The files below a home, in the order in which they are asked.
const (
	override = "override.json"
	docker   = ".docker/config.json"
	podman   = "run/containers/auth.json"
	podman2  = ".config/containers/auth.json"
)

// auth is an entry's value.
func auth(userAndPassword string) string {
	return `{"auth":"` + base64.StdEncoding.EncodeToString([]byte(userAndPassword)) + `"}`
}

func repo(t *testing.T, s string) name.Repository {
	t.Helper()
	r, err := name.NewRepository(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// who asks a keychain and returns USER:PASSWORD or another short form of the answer.
func who(t *testing.T, k *Keychain, repository string) (string, error) {
	t.Helper()
	a, err := k.ResolveContext(t.Context(), repo(t, repository))
	if err != nil {
		return "", err
	}
	if a == authn.Anonymous {
		return "anonymous", nil
	}
	c, err := a.Authorization()
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case c.IdentityToken != "":
		return "identity " + c.IdentityToken, nil
	case c.RegistryToken != "":
		return "token " + c.RegistryToken, nil
	}
	return c.Username + ":" + c.Password, nil
}

func TestEntries(t *testing.T) {
	h := newHome(t)
	h.write(docker, `{"auths":{
		"https://index.docker.io/v1/": `+auth("hub:pw")+`,
		"docker.io": `+auth("other:pw")+`,
		"https://legacy.example/v1/": `+auth("legacy:pw")+`,
		"https://both.example": `+auth("old:pw")+`,
		"both.example": `+auth("new:pw")+`,
		"port.example:5000": `+auth("port:p:w")+`,
		"unpadded.example": {"auth": "`+strings.TrimRight(base64.StdEncoding.EncodeToString([]byte("ab:cde")), "=")+`"},
		"plain.example": {"username": "plain", "password": "pw"},
		"identity.example": {"auth": "`+base64.StdEncoding.EncodeToString([]byte("u:"))+`", "identitytoken": "it"},
		"registrytoken.example": {"registrytoken": "rt"},
		"empty.example": {},
		"path.example": `+auth("registry:pw")+`,
		"path.example/team": `+auth("team:pw")+`,
		"path.example/team/app": `+auth("app:pw")+`
	}}`)
	k := New(h.options)
	for repository, want := range map[string]string{
		"alpine":                      "hub:pw",
		"docker.io/acme/app":          "hub:pw",
		"legacy.example/x":            "legacy:pw",
		"both.example/x":              "new:pw",
		"port.example:5000/x":         "port:p:w",
		"port.example:5001/x":         "anonymous",
		"unpadded.example/x":          "ab:cde",
		"plain.example/x":             "plain:pw",
		"identity.example/x":          "identity it",
		"registrytoken.example/x":     "token rt",
		"empty.example/x":             "anonymous",
		"unknown.example/x":           "anonymous",
		"path.example/other":          "registry:pw",
		"path.example/team/other":     "team:pw",
		"path.example/team/app":       "app:pw",
		"path.example/team/app/below": "app:pw",
		"path.example/team/apple":     "team:pw",
	} {
		if got, err := who(t, k, repository); err != nil || got != want {
			t.Errorf("%s: %s, %v, want %s", repository, got, err, want)
		}
	}
	if a, err := k.Resolve(repo(t, "plain.example/x").Registry); err != nil || a == authn.Anonymous {
		t.Errorf("a registry by itself: %v, %v", a, err)
	}
}

func TestOrderOfFiles(t *testing.T) {
	h := newHome(t)
	files := []string{podman2, podman, docker, override}
	for _, f := range files { // from the last to the first
		h.write(f, `{"auths":{"r.example":`+auth(filepath.Base(filepath.Dir(f))+":"+f)+`,"`+strings.Trim(strings.NewReplacer("/", "-", ".", "").Replace(f), "-")+`.example":`+auth("own:pw")+`}}`)
		if got, err := who(t, New(h.options), "r.example/x"); err != nil || !strings.HasSuffix(got, ":"+f) {
			t.Errorf("with %s: %s, %v", f, got, err)
		}
	}
	// Files further back are asked for what the first ones don't know.
	if got, err := who(t, New(h.options), "config-containers-authjson.example/x"); err != nil || got != "own:pw" {
		t.Errorf("%s, %v", got, err)
	}
}

func TestFromEnv(t *testing.T) {
	got := FromEnv([]string{"HOME=/h", "USERPROFILE=/h", "DOCKER_CONFIG=/old", "DOCKER_CONFIG=/d", "XDG_CONFIG_HOME=/c"})
	if got.DockerConfigDir != "/d" || got.XDGConfigHome != "/c" || got.RegistryAuthFile != "" || len(got.Env) != 5 {
		t.Errorf("%+v", got)
	}
	if got := FromEnv(nil); len(New(got).paths()) != 0 {
		t.Errorf("without a home: %+v", got)
	}
}

func TestHelpers(t *testing.T) {
	t.Parallel()
	h := newHome(t, "fake", "special")
	h.vault("https://index.docker.io/v1/", "hub", "pw")
	h.vault("stored.example", "stored", "pw")
	h.vault("special.example", "<token>", "it")
	h.write(docker, `{
		"auths": {"https://index.docker.io/v1/": {}, "written.example": `+auth("written:pw")+`},
		"credsStore": "fake", "credHelpers": {"special.example": "special"}}`)
	k := New(h.options)
	if h.read("vault/log") != "" {
		t.Error("a helper was run before the first question")
	}
	for range 2 {
		for repository, want := range map[string]string{
			"alpine": "hub:pw", "stored.example/a": "stored:pw", "stored.example/b": "stored:pw",
			"special.example/x": "identity it", "written.example/x": "written:pw", "unknown.example/x": "anonymous",
		} {
			if got, err := who(t, k, repository); err != nil || got != want {
				t.Errorf("%s: %s, %v, want %s", repository, got, err, want)
			}
		}
	}
	if calls := strings.Count(h.read("vault/log"), "\n"); calls != 5 {
		t.Errorf("%d calls:\n%s", calls, h.read("vault/log"))
	}
}

func TestHubUnderPodmansName(t *testing.T) {
	t.Parallel()
	h := newHome(t, "fake")
	h.vault("docker.io", "hub", "pw")
	h.write(podman, `{"credHelpers": {"docker.io": "fake"}}`)
	if got, err := who(t, New(h.options), "alpine"); err != nil || got != "hub:pw" {
		t.Errorf("%s, %v", got, err)
	}
}

func TestHelperErrors(t *testing.T) {
	t.Parallel()
	for helper, want := range map[string]string{
		"missing":  "no such program",
		"broken":   "no connection to the vault",
		"babbling": "not JSON",
		"../evil":  "not a helper's name",
	} {
		h := newHome(t, "broken", "babbling")
		h.write(docker, `{"credsStore": "`+helper+`"}`)
		_, err := who(t, New(h.options), "r.example/x")
		he, ok := errors.AsType[*HelperError](err)
		if !ok || he.Helper != helper || he.Registry != "r.example" || !strings.Contains(he.Err.Error(), want) ||
			he.Missing != (helper == "missing") || !strings.HasSuffix(he.Path, "config.json") {
			t.Errorf("%s: %#v, %v", helper, he, err)
		}
		if err != nil && strings.Contains(err.Error(), "second line") {
			t.Errorf("%s: %v", helper, err)
		}
		h.write(podman, `{"auths": {"r.example": `+auth("u:pw")+`}}`)
		if got, err := who(t, New(h.options), "r.example/x"); err != nil || got != "u:pw" {
			t.Errorf("%s, although another file has an answer: %s, %v", helper, got, err)
		}
	}
}

func TestHelperIsEndedWithTheContext(t *testing.T) {
	t.Parallel()
	h := newHome(t, "fake")
	h.write(docker, `{"credsStore": "fake"}`)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	k := New(h.options)
	if _, err := k.ResolveContext(ctx, repo(t, "r.example/x")); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if got, err := who(t, k, "r.example/x"); err != nil || got != "anonymous" {
		t.Errorf("afterwards: %s, %v", got, err)
	}
}

func TestBrokenFiles(t *testing.T) {
	secret := base64.StdEncoding.EncodeToString([]byte("no-colon-but-a-secret"))
	for name, content := range map[string]string{
		"not JSON":     `{"auths": {`,
		"wrong type":   `{"auths": ["` + secret + `"]}`,
		"not base64":   `{"auths": {"r.example": {"auth": "s3cr3t!"}}}`,
		"no colon":     `{"auths": {"r.example": {"auth": "` + secret + `"}}}`,
		"wrong helper": `{"credHelpers": "` + secret + `"}`,
	} {
		h := newHome(t)
		h.write(docker, content)
		_, err := who(t, New(h.options), "r.example/x")
		ce, ok := errors.AsType[*ConfigError](err)
		if !ok || ce.Path != filepath.Join(h.dir, ".docker", "config.json") {
			t.Errorf("%s: %v", name, err)
		}
		for _, s := range []string{secret, "s3cr3t", "no-colon"} {
			if err != nil && strings.Contains(err.Error(), s) {
				t.Errorf("%s: %v gives a secret away", name, err)
			}
		}
		if _, err := New(h.options).Login(t.Context(), "r.example", "u", "p"); !isA[*ConfigError](err) || h.read(docker) != content {
			t.Errorf("%s: logging in: %v, leaves %s", name, err, h.read(docker))
		}
		h.write(override, `{"auths": {"r.example": `+auth("u:pw")+`}}`)
		if got, err := who(t, New(h.options), "r.example/x"); err != nil || got != "u:pw" {
			t.Errorf("%s, although another file has an answer: %s, %v", name, got, err)
		}
	}
	h := newHome(t)
	h.write(docker, "")
	if got, err := who(t, New(h.options), "r.example/x"); err != nil || got != "anonymous" {
		t.Errorf("an empty file: %s, %v", got, err)
	}
}

func isA[E error](err error) bool { _, ok := errors.AsType[E](err); return ok }

func TestCandidates(t *testing.T) {
	for in, want := range map[string][]string{
		"index.docker.io/library/alpine": {"docker.io/library/alpine", "docker.io/library", "docker.io"},
		"r.example:5000/a":               {"r.example:5000/a", "r.example:5000"},
		"https://r.example/v2/":          {"r.example"},
		"r.example/v2":                   {"r.example"},
		"r.example/team/v2":              {"r.example/team/v2", "r.example/team", "r.example"},
	} {
		if diff := cmp.Diff(want, candidates(in)); diff != "" {
			t.Errorf("%s: %s", in, diff)
		}
	}
}

func FuzzConfig(f *testing.F) {
	f.Add(`{"auths":{"r.example":{"auth":"dTpw"}},"credsStore":""}`)
	f.Add(`{"auths":null}`)
	f.Add(`null`)
	f.Add(`{"auths":{"https://":{"auth":"OnA="},"":{"username":"u"}}}`)
	f.Fuzz(func(t *testing.T, content string) {
		h := newHome(t)
		h.options.Env = nil // no helper is found
		h.write(docker, content)
		k := New(h.options)
		if _, err := k.Login(t.Context(), "r.example", "u", "pw"); err != nil {
			if h.read(docker) != content {
				t.Fatalf("%v, but the file was changed", err)
			}
			return
		}
		if got, err := who(t, k, "r.example/x"); err != nil || got != "u:pw" {
			t.Fatalf("%q: after logging in: %s, %v", content, got, err)
		}
	})
}
