package configfile

import (
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestProfiles(t *testing.T) {
	f := valid(t, "profiles")
	before := fmt.Sprintf("%+v", f)
	got, err := f.WithProfiles([]string{"dev", "more"})
	if err != nil {
		t.Fatal(err)
	}
	server, debug := got.Images[0], got.Images[1]
	var env []string
	for _, p := range server.Env {
		env = append(env, p.Key+"="+p.Value)
	}
	if diff := cmp.Diff([]string{"A=a", "B=dev", "C=c"}, env); diff != "" {
		t.Error(diff)
	}
	if got.Defaults.Base.V != "alpine" || server.Package.V != "./cmd/server" || server.Tags.Strings()[0] != "dev" {
		t.Errorf("%+v", server)
	}
	if debug.Name != "debug" || debug.Package.V != "./cmd/debug" || debug.Tags.Strings()[0] != "more" {
		t.Errorf("%+v", debug)
	}
	if after := fmt.Sprintf("%+v", f); after != before {
		t.Error("the file itself was changed")
	}
}

func TestUnknownProfiles(t *testing.T) {
	f := valid(t, "profiles")
	for name, want := range map[string]string{
		"dve":     `f: profiles: there is no profile "dve" hint: did you mean "dev"?`,
		"nothing": `f: profiles: there is no profile "nothing" hint: write dev or more`,
		"more":    `f:11:7: profiles.more.images.debug: there is no image with this name to change, and without a package it is no new one hint: give it a package`,
	} {
		_, err := f.WithProfiles([]string{name})
		e, ok := errors.AsType[*Error](err)
		if !ok {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := e.Error() + " hint: " + e.Hint; got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
	if _, err := (&File{Path: "f"}).WithProfiles([]string{"dev"}); err == nil {
		t.Error("accepted")
	}
}

func TestOver(t *testing.T) {
	settings := func(yaml string) Settings { return parse(t, "defaults: "+yaml).Defaults }
	for _, c := range []struct{ over, under, want string }{
		{`{tags: [a]}`, `{tags: [b, c]}`, `{tags: [a]}`},
		{`{args: []}`, `{args: [b, c]}`, `{args: []}`},
		{`{}`, `{workdir: /a, vcs: true}`, `{workdir: /a, vcs: true}`},
		{`{labels: {b: 2, c: 3}}`, `{labels: {a: 1, b: 1}}`, `{labels: {a: 1, b: 2, c: 3}}`},
		{`{binaries: {x: ./y}}`, `{binaries: {x: {package: ./x, path: /x}, z: ./z}}`, `{binaries: {x: ./y, z: ./z}}`},
		{`{base: alpine}`, `{base: {default: scratch, linux/arm64: x}}`, `{base: alpine}`},
		{`{base: {linux/arm64: y}}`, `{base: {default: scratch, linux/arm64: x}}`, `{base: {default: scratch, linux/arm64: y}}`},
		{`{base: {linux/arm64: y}}`, `{base: alpine}`, `{base: {default: alpine, linux/arm64: y}}`},
		{`{healthcheck: "tcp://:1"}`, `{healthcheck: {test: [a], retries: 3}}`, `{healthcheck: "tcp://:1"}`},
		{`{user: app}`, `{user: {name: x, uid: 3}}`, `{user: app}`},
		{`{files: []}`, `{files: [{from: a, to: /a}]}`, `{files: []}`},
		{`{sbom: none}`, `{sbom: [spdx, cyclonedx]}`, `{sbom: none}`},
		{`{sign: false}`, `{sign: {key: a, cosignTags: true}}`, `{sign: false}`},
		{`{sign: {key: b}}`, `{sign: {key: a, log: false}}`, `{sign: {key: b}}`},
		{`{provenance: false}`, `{provenance: true, sign: keyless}`, `{provenance: false, sign: keyless}`},
	} {
		got, want := settings(c.over).Over(settings(c.under)), settings(c.want)
		noPlaces := cmp.FilterPath(func(p cmp.Path) bool { return p.Last().Type() == reflect.TypeFor[Pos]() }, cmp.Ignore())
		if diff := cmp.Diff(want, got, noPlaces); diff != "" {
			t.Errorf("%s over %s:\n%s", c.over, c.under, diff)
		}
		if got.Args.IsSet() != want.Args.IsSet() || got.Files.IsSet() != want.Files.IsSet() {
			t.Errorf("%s over %s: what is set differs", c.over, c.under)
		}
	}
}

// Every field of Settings has a key, so that none is forgotten when settings are layered.
func TestEverySettingHasAKey(t *testing.T) {
	everything := valid(t, "everything").Defaults
	image := parse(t, "images: {a: {package: ., repository: a/b}}").Images[0]
	layered := image.Over(everything)
	v := reflect.ValueOf(layered)
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			t.Errorf("%s is not set", v.Type().Field(i).Name)
		}
	}
}
