package configfile

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseVerifyBase(t *testing.T) {
	path := func(s string) VerifyBase { return VerifyBase{Key: Value[string]{V: s}} }
	for arg, want := range map[string]VerifyBase{
		"distroless":   {Preset: "distroless"},
		"chainguard":   {Preset: "chainguard"},
		"none":         {Off: true},
		"false":        {Off: true},
		"base.pub":     path("base.pub"),
		"./distroless": path("./distroless"),
		"/etc/a key":   path("/etc/a key"),
		"base":         path("base"),
	} {
		got, err := ParseVerifyBase(arg)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", arg, err, diff)
		}
	}
	for arg, want := range map[string]string{
		"":                                      "it is not a file's name",
		"distrolles":                            `did you mean "distroless"?`,
		"Chainguard":                            `did you mean "chainguard"?`,
		"awskms:///alias/hunter2":               "a key is a file here",
		"-----BEGIN PUBLIC KEY-----\nhunter2\n": "this is a key itself",
	} {
		if _, err := ParseVerifyBase(arg); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v, want %s", arg, err, want)
		}
	}
}

// An image's policy replaces that of the defaults as a whole.
func TestVerifyBaseIsReplacedAsAWhole(t *testing.T) {
	f := parse(t, `
defaults: {verifyBase: {key: base.pub, log: false}}
images:
  inherits: {package: ./a}
  preset: {package: ./b, verifyBase: chainguard}
  off: {package: ./c, verifyBase: none}
`)
	var got []string
	for _, i := range f.Images {
		v := i.Over(f.Defaults).VerifyBase.V
		got = append(got, strings.TrimSpace(v.Preset+" "+v.Key.V+map[bool]string{true: "off"}[v.Off]+map[bool]string{true: " no log"}[v.Log.IsSet() && !v.Log.V]))
	}
	if diff := cmp.Diff([]string{"base.pub no log", "chainguard", "off"}, got); diff != "" {
		t.Error(diff)
	}
}
