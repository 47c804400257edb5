package config_test

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/imgo-build/imgo/internal/config"
	"github.com/imgo-build/imgo/internal/policy"
)

const demanding = `
defaults:
  allowSecrets: [TEST_KEY]
  policy:
    nonRoot: true
    maxLayers: 6
    trust:
      - {key: keys/cosign.pub, log: false}
      - {identity: me@example.com, issuerRegexp: "https://.*"}
images:
  a: {package: ./a, policy: {nonRoot: false, static: true, trust: []}}
  b: {package: ./b}
profiles:
  loose: {defaults: {policy: {maxLayers: 0}}}
`

func TestPolicyOfImages(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{".imgo.yaml": demanding, "go.mod": "module m\n"})
	req, err := resolve(input(dir))
	if err != nil {
		t.Fatal(err)
	}
	shared := &policy.Policy{NonRoot: true, MaxLayers: 6}
	for i, want := range map[int]*policy.Policy{0: {Static: true, MaxLayers: 6}, 1: shared} {
		if diff := cmp.Diff(want, req.Images[i].Settings.Policy); diff != "" {
			t.Errorf("%s (-want +got)\n%s", req.Images[i].Name, diff)
		}
	}
	if diff := cmp.Diff(shared, req.Default.Policy); diff != "" {
		t.Error(diff)
	}
	origins := req.Images[0].Settings.Origins
	if origins["policy.static"] != ".imgo.yaml:11:54" || origins["policy.maxLayers"] != ".imgo.yaml:6:16" || origins["policy.nonRoot"] != "" {
		t.Error(origins)
	}
	in := input(dir)
	in.Profiles = []string{"loose"}
	if req, err = resolve(in); err != nil || req.Default.Policy.MaxLayers != 0 || !req.Default.Policy.NonRoot {
		t.Errorf("%v: %+v", err, req.Default.Policy)
	}
	if req, err = resolve(input(t.TempDir())); err != nil || req.Default.Policy != nil {
		t.Errorf("%v: %+v", err, req.Default.Policy)
	}
}

func TestDemands(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{".imgo.yaml": demanding, "only.yaml": "images: {a: {package: ., policy: {static: true}}}", "no.yaml": "{}", "sub/x": "", "go.mod": "module m\n"})
	in := config.Input{Dir: dir, Chdir: "sub", Given: map[string]string{}}
	want := config.Demand{
		File: "../.imgo.yaml", Policy: &policy.Policy{NonRoot: true, MaxLayers: 6}, AllowSecrets: []string{"TEST_KEY"},
		Trust: []config.Signer{
			{Key: filepath.Join(dir, "keys", "cosign.pub"), NoLog: true},
			{Identity: "me@example.com", IssuerRegexp: "https://.*"},
		},
	}
	for _, image := range []string{"", "b"} {
		got, err := config.Demands(in, image)
		got.File = filepath.ToSlash(got.File)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%q: %v (-want +got)\n%s", image, err, diff)
		}
	}
	got, err := config.Demands(in, "a")
	if err != nil || got.Trust != nil || !got.Policy.Static {
		t.Errorf("%v: %+v", err, got)
	}
	for _, c := range []struct{ dir, file, image, want string }{
		{dir, "", "c", `--image: .imgo.yaml has no image "c", only a, b`},
		{dir, "only.yaml", "", "--policy: only.yaml says no policy of defaults, but of images: --image a"},
		{dir, "no.yaml", "", "--policy: no.yaml says no policy of defaults"},
		{dir, "no.yaml", "x", `--image: no.yaml has no image "x"`},
		{t.TempDir(), "", "", "--policy: there is no .imgo.yaml here or above that could have a policy: name one with --config"},
	} {
		in := config.Input{Dir: c.dir, Config: c.file, Given: map[string]string{}}
		if _, err := config.Demands(in, c.image); err == nil || err.Error() != c.want {
			t.Errorf("got %v\nwant %s", err, c.want)
		}
	}
}
