package engine

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

func TestParse(t *testing.T) {
	for arg, want := range map[string][2]string{
		"docker": {Docker, ""}, "podman": {Podman, ""}, "containerd": {Containerd, ""},
		"kind": {Kind, "kind"}, "kind:dev-1": {Kind, "dev-1"},
	} {
		kind, cluster, err := Parse(arg)
		if err != nil || kind != want[0] || cluster != want[1] {
			t.Errorf("Parse(%q) = %q, %q, %v", arg, kind, cluster, err)
		}
	}
	for arg, want := range map[string]string{
		"dokcer":     "docker",
		"Docker":     "docker",
		"pod-man":    "podman",
		"nerdctl":    "containerd",
		"knd":        "kind",
		"king:a":     "kind",
		"docker:x":   "docker",
		"kind:":      "",
		"kind:-x":    "",
		"kind:A b":   "",
		"":           "",
		"kubernetes": "",
		"x":          "",
	} {
		_, _, err := Parse(arg)
		e, ok := errors.AsType[*ArgumentError](err)
		if !ok || e.Suggestion != want {
			t.Errorf("Parse(%q) suggests %+v, want %q", arg, err, want)
		}
	}
	_, _, err := Parse("dokcer")
	if want := `engine "dokcer": it is none of docker, podman, containerd, kind, did you mean "docker"?`; err.Error() != want {
		t.Errorf("got  %s\nwant %s", err, want)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"docker", "kind:a.b-c", "kind:", "docker:x", ":", "kind:\x00", "kind:--name"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		kind, cluster, err := Parse(s)
		switch {
		case err != nil && (kind != "" || cluster != ""):
			t.Errorf("%q, %q with %v", kind, cluster, err)
		case err == nil && kind != Kind && s != kind,
			err == nil && kind == Kind && (cluster == "" || strings.HasPrefix(cluster, "-") || strings.ContainsAny(cluster, " /\x00")):
			t.Errorf("Parse(%q) = %q, %q", s, kind, cluster)
		}
	})
}

func TestNames(t *testing.T) {
	for _, kind := range Kinds() {
		p := open(t, Options{Kind: kind}, "alpine", "ghcr.io/a/b:v1", "docker.io/library/alpine:latest")
		want := []string{"docker.io/library/alpine:latest", "ghcr.io/a/b:v1"}
		if diff := cmp.Diff(want, p.(interface{ Names() []string }).Names()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", kind, diff)
		}
	}
	if p, err := New(Options{Kind: Docker}); err == nil || p != nil {
		t.Errorf("New without names = %v, %v", p, err)
	}
}

func TestChoose(t *testing.T) {
	platform := func(arch, variant string) v1.Platform {
		return v1.Platform{OS: "linux", Architecture: arch, Variant: variant}
	}
	amd, arm, arm64 := imageOf(t, "amd64"), imageOf(t, "arm"), imageOf(t, "arm64")
	attestation := imageOf(t, "unknown")
	for name, c := range map[string]struct {
		from  []v1.Image
		want  v1.Platform
		image v1.Image
		right bool
		of    int
	}{
		"the same":    {[]v1.Image{arm64, amd}, platform("amd64", ""), amd, true, 2},
		"below":       {[]v1.Image{arm64, amd}, platform("amd64", "v3"), amd, true, 2},
		"the first":   {[]v1.Image{arm, amd}, platform("s390x", ""), arm, false, 2},
		"a variant":   {[]v1.Image{amd, arm}, platform("arm", "v6"), arm, true, 2},
		"attestation": {[]v1.Image{attestation, amd}, platform("s390x", ""), amd, false, 1},
	} {
		got, err := choose(indexOf(c.from...), c.want)
		if err != nil || digestOf(t, got.image) != digestOf(t, c.image) || got.right != c.right || got.of != c.of {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if _, err := choose(indexOf(attestation), platform("amd64", "")); err == nil {
		t.Error("an index without images has one")
	}
	nested := indexOf()
	if _, err := choose(nested, platform("amd64", "")); err == nil {
		t.Error("an empty index has an image")
	}
}
