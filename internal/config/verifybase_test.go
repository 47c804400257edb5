package config_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/imgo-build/imgo/internal/config"
	"github.com/imgo-build/imgo/pkg/build"
)

const publicKey = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEdsNTyUUgA4UnDX5il873kAEHWgel\n62ZNRM5bRRZXN7a9XBKg3JeJexIp+sNhPxnSw2B1uMPR5HYnGe1XchCLEw==\n-----END PUBLIC KEY-----\n"

const trusting = `
defaults:
  base: distroless
  verifyBase: distroless
images:
  inherits: {package: ./a}
  keyed: {package: ./b, base: "r.example/b:1", verifyBase: {key: keys/base.pub, log: false}}
  named: {package: ./c, base: "r.example/b:1", verifyBase: {identityRegexp: "https://a/.*", issuer: "https://i.example"}}
  off: {package: ./d, base: "alpine:3.24", verifyBase: none}
profiles:
  strict: {images: {off: {verifyBase: chainguard}}}
`

func verifyBase(arg string) func(*config.Input) {
	return func(in *config.Input) { in.VerifyBase = arg }
}

var distroless = build.BaseTrust{
	Preset: "distroless", Identity: "keyless@distroless.iam.gserviceaccount.com", Issuer: "https://accounts.google.com",
}

// trusted resolves a build with the flags and says of each image who has to have signed
// its base.
func trusted(t *testing.T, dir string, given ...func(*config.Input)) (map[string]*build.BaseTrust, error) {
	t.Helper()
	in := input(dir)
	for _, g := range given {
		g(&in)
	}
	req, err := config.Resolve(in)
	out := map[string]*build.BaseTrust{"": req.Default.BaseTrust}
	for _, i := range req.Images {
		out[i.Name] = i.Settings.BaseTrust
	}
	return out, err
}

func TestBaseTrust(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{".imgo.yaml": trusting, "go.mod": "module m\n", "keys/base.pub": publicKey, "sub/other.pub": publicKey, "sub/root.json": "{}"})
	inSub := func(in *config.Input) { in.Chdir = "sub" }
	got, err := trusted(t, dir)
	want := map[string]*build.BaseTrust{
		"": &distroless, "inherits": &distroless, "off": nil,
		"keyed": {Key: filepath.Join(dir, "keys", "base.pub"), NoLog: true},
		"named": {IdentityRegexp: "https://a/.*", Issuer: "https://i.example"},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("the file: %v (-want +got)\n%s", err, diff)
	}

	got, err = trusted(t, dir, inSub, flag("verify-base", verifyBase("other.pub")), variable("trusted-root", func(in *config.Input) { in.TrustedRoot = "root.json" }))
	byKey := build.BaseTrust{Key: filepath.Join(dir, "sub", "other.pub"), TrustedRoot: filepath.Join(dir, "sub", "root.json")}
	if diff := cmp.Diff(map[string]*build.BaseTrust{"": &byKey, "inherits": &byKey, "off": &byKey, "keyed": &byKey, "named": &byKey}, got); diff != "" || err != nil {
		t.Errorf("a key: %v (-want +got)\n%s", err, diff)
	}
	got, err = trusted(t, dir, variable("verify-base", verifyBase("none")))
	if diff := cmp.Diff(map[string]*build.BaseTrust{"": nil, "inherits": nil, "off": nil, "keyed": nil, "named": nil}, got); diff != "" || err != nil {
		t.Errorf("none: %v (-want +got)\n%s", err, diff)
	}
	got, err = trusted(t, t.TempDir())
	if got[""] != nil || err != nil {
		t.Errorf("nothing said: %+v, %v", got[""], err)
	}
}

// Commands about bases ask each who has to have signed it for whatever image it is used.
func TestTrustOfAllProfiles(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{".imgo.yaml": trusting, "go.mod": "module m\n", "keys/base.pub": publicKey})
	got, err := config.Bases(input(dir))
	if err != nil {
		t.Fatal(err)
	}
	want := []build.BaseUse{
		{Ref: "distroless", Trust: []build.BaseTrust{distroless}},
		{Ref: "r.example/b:1", Trust: []build.BaseTrust{
			{Key: filepath.Join(dir, "keys", "base.pub"), NoLog: true}, {IdentityRegexp: "https://a/.*", Issuer: "https://i.example"},
		}},
		{Ref: "alpine:3.24", Trust: []build.BaseTrust{{
			Preset: "chainguard", Issuer: "https://token.actions.githubusercontent.com",
			Identity: "https://github.com/chainguard-images/images/.github/workflows/release.yaml@refs/heads/main",
		}}},
	}
	if diff := cmp.Diff(want, got.Uses); diff != "" || got.Default == nil || *got.Default != distroless {
		t.Errorf("%+v (-want +got)\n%s", got.Default, diff)
	}
}

func TestRefusesBaseTrust(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"private.key": "-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\naHVudGVyMg==\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n",
		"cert.pem":    "-----BEGIN CERTIFICATE-----\naHVudGVyMg==\n-----END CERTIFICATE-----\n",
		"text.pub":    "hunter2", "base.pub": publicKey,
	})
	for arg, want := range map[string]string{
		"gone.pub":    "gone.pub: ",
		".":           "--verify-base: " + dir + " is not a file",
		"private.key": "private.key is a private key: name the public one",
		"cert.pem":    `cert.pem holds no public key but "CERTIFICATE"`,
		"text.pub":    "text.pub holds no public key in PEM form",
		"distrolles":  `--verify-base: it is not a preset: did you mean "distroless"?`,
		"":            "--verify-base: it is not a file's name",
	} {
		if _, err := trusted(t, dir, flag("verify-base", verifyBase(arg))); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v, want %s", arg, err, want)
		}
	}
	root := func(path string) func(*config.Input) {
		return flag("trusted-root", func(in *config.Input) { in.TrustedRoot = path })
	}
	if _, err := trusted(t, dir, flag("verify-base", verifyBase("base.pub")), root("gone.json")); err == nil || !strings.Contains(err.Error(), "--trusted-root: ") {
		t.Errorf("a trusted root that is gone: %v", err)
	}
	if _, err := trusted(t, dir, flag("verify-base", verifyBase("none")), root("base.pub")); err == nil || !strings.Contains(err.Error(), "no base is verified") {
		t.Errorf("a trusted root for nothing: %v", err)
	}
	write(t, dir, map[string]string{".imgo.yaml": "defaults:\n  verifyBase: {key: gone.pub}\n"})
	if _, err := trusted(t, dir); err == nil || !strings.Contains(err.Error(), ".imgo.yaml:2:21: verifyBase.key: ") {
		t.Errorf("a key of the file's that is gone: %v", err)
	}
}
