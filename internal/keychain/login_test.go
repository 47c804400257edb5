package keychain

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func parsed(t *testing.T, s string) map[string]any {
	t.Helper()
	var out map[string]any
	if err := json.Unmarshal([]byte(s), &out); err != nil {
		t.Fatalf("%v in %s", err, s)
	}
	return out
}

func TestLoginIntoFile(t *testing.T) {
	h := newHome(t)
	k := New(h.options)
	if got, _ := who(t, k, "r.example/x"); got != "anonymous" {
		t.Fatal(got)
	}
	where, err := k.Login(t.Context(), "r.example", "me", "p:w")
	if err != nil || where != filepath.Join(h.dir, ".docker", "config.json") {
		t.Fatalf("%s, %v", where, err)
	}
	if got, err := who(t, k, "r.example/x"); err != nil || got != "me:p:w" { // what was remembered is forgotten
		t.Errorf("%s, %v", got, err)
	}
	info, err := os.Stat(where)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	if err := k.Erase(t.Context(), "r.example"); err != nil {
		t.Fatal(err)
	}
	if got, err := who(t, k, "r.example/x"); err != nil || got != "anonymous" {
		t.Errorf("%s, %v", got, err)
	}
	if err := k.Erase(t.Context(), "r.example"); err != nil {
		t.Errorf("again: %v", err)
	}
}

func TestLoginKeepsEverythingElse(t *testing.T) {
	h := newHome(t)
	h.write(docker, `{"unknown": {"deep": [1, 2.50, 12345678901234567890]}, "psFormat": "<x>",
		"auths": {"https://index.docker.io/v1/": {"auth": "b2xkOm9sZA=="}, "index.docker.io": {"auth": "b2xkOm9sZA=="},
			"other.example": {"auth": "dTpw", "email": "e"}, "docker.io/acme": {"auth": "dTpw"}}}`)
	k := New(h.options)
	if _, err := k.Login(t.Context(), "docker.io", "me", "pw"); err != nil {
		t.Fatal(err)
	}
	want := parsed(t, `{"unknown": {"deep": [1, 2.50, 12345678901234567890]}, "psFormat": "<x>",
		"auths": {"https://index.docker.io/v1/": {"auth": "bWU6cHc="},
			"other.example": {"auth": "dTpw", "email": "e"}, "docker.io/acme": {"auth": "dTpw"}}}`)
	if diff := cmp.Diff(want, parsed(t, h.read(docker))); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(h.read(docker), "12345678901234567890") {
		t.Errorf("a number has changed: %s", h.read(docker))
	}
	entries, err := os.ReadDir(filepath.Join(h.dir, ".docker"))
	if err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
}

func TestLoginIntoHelper(t *testing.T) {
	t.Parallel()
	h := newHome(t, "fake", "special", "leaky")
	h.write(docker, `{"credsStore": "fake", "credHelpers": {"special.example": "special", "leaky.example": "leaky"},
		"auths": {"r.example": `+auth("old:pw")+`}}`)
	k := New(h.options)
	where, err := k.Login(t.Context(), "r.example", "me", "pw")
	if err != nil || where != "docker-credential-fake" {
		t.Fatalf("%s, %v", where, err)
	}
	if where, err := k.Login(t.Context(), "special.example", "me", "pw2"); err != nil || where != "docker-credential-special" {
		t.Fatalf("%s, %v", where, err)
	}
	if got, err := who(t, k, "r.example/x"); err != nil || got != "me:pw" {
		t.Errorf("%s, %v", got, err)
	}
	if strings.Contains(h.read(docker), `"auth"`) {
		t.Errorf("a password is left in %s", h.read(docker))
	}
	if err := k.Erase(t.Context(), "r.example"); err != nil {
		t.Error(err)
	}
	if err := k.Erase(t.Context(), "r.example"); err != nil {
		t.Errorf("again: %v", err)
	}
	if got, err := who(t, k, "r.example/x"); err != nil || got != "anonymous" {
		t.Errorf("%s, %v", got, err)
	}

	before := h.read(docker)
	_, err = k.Login(t.Context(), "leaky.example", "me", `pass"phrase`)
	if !isA[*HelperError](err) || strings.Contains(err.Error(), "phrase") || strings.Contains(err.Error(), "Username") {
		t.Errorf("%v", err)
	}
	if h.read(docker) != before {
		t.Error("the file was changed although the helper failed")
	}
}

func TestLoginFollowsLinks(t *testing.T) {
	h := newHome(t)
	h.write("dotfiles/docker.json", `{"psFormat": "x"}`)
	h.write(".docker/.keep", "")
	if err := os.Symlink(filepath.Join(h.dir, "dotfiles", "docker.json"), filepath.Join(h.dir, ".docker", "config.json")); err != nil {
		if runtime.GOOS == "windows" {
			return // only administrators can make links there
		}
		t.Fatal(err)
	}
	if _, err := New(h.options).Login(t.Context(), "r.example", "me", "pw"); err != nil {
		t.Fatal(err)
	}
	if got := h.read("dotfiles/docker.json"); !strings.Contains(got, "r.example") || !strings.Contains(got, "psFormat") {
		t.Error(got)
	}
}

func TestLoginErrors(t *testing.T) {
	h := newHome(t)
	if _, err := New(h.options).Login(t.Context(), "not a host", "u", "p"); err == nil {
		t.Error("a name that is none is accepted")
	}
	if _, err := New(Options{}).Login(t.Context(), "r.example", "u", "p"); err == nil {
		t.Error("stored nowhere")
	}
	h.write("file", "")
	h.options.DockerConfigDir = filepath.Join(h.dir, "file")
	if _, err := New(h.options).Login(t.Context(), "r.example", "u", "secret"); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("%v", err)
	}
	if err := New(h.options).Erase(t.Context(), ""); err == nil || errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}
