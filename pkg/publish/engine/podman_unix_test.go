//go:build unix

package engine

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

func diffIDs(t testing.TB, img v1.Image) string {
	t.Helper()
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, d := range config.RootFS.DiffIDs {
		out = append(out, strconv.Quote(d.String()))
	}
	return "[" + strings.Join(out, ",") + "]"
}

const fakePodman = `case "$1 $2" in
"image exists") exit 1 ;;
"images --no-trunc") cat $D/images ;;
"image inspect") cat $D/inspect ;;
"load --quiet") cat >$D/stdin; echo "$TMPDIR" >$D/tmpdir; >$TMPDIR/left-behind ;;
esac
`

func TestPodman(t *testing.T) {
	p := newPrograms(t)
	p.add("podman", fakePodman)
	base, one, two := layerOf("base"), layerOf("one"), layerOf("two")
	first, second := imageOf(t, "amd64", base, one), imageOf(t, "amd64", base, two)
	o := Options{Kind: Podman, Env: p.env()}
	hex := func(img v1.Image) string { return strings.TrimPrefix(configOf(t, img), "sha256:") }

	p.file("images", "[]")
	mustLoad(t, o, first, testName, "other")
	want := []string{
		"podman image exists " + testName, "podman images --no-trunc --format json", "podman load --quiet",
		"podman tag " + hex(first) + " " + testName + " docker.io/library/other:latest",
	}
	if diff := cmp.Diff(want, p.log()); diff != "" {
		t.Errorf("commands (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(append(parts(t, first), metadata...), p.entries("stdin")); diff != "" {
		t.Errorf("what podman got (-want +got):\n%s", diff)
	}
	if left, _ := filepath.Glob(filepath.Join(p.dir, "imgo-*")); len(left) > 0 {
		t.Errorf("files are left: %s", left)
	}

	p.file("images", `[{"Id":"0000","Names":["x:1"]},{"Id":"`+hex(first)+`","Names":["`+testName+`"]}]`)
	mustLoad(t, o, first, testName)
	if log := p.log(); len(log) != 2 {
		t.Errorf("commands for an image that is there: %q", log)
	}
	mustLoad(t, o, first, testName, "other")
	if log := p.log(); log[len(log)-1] != "podman tag "+hex(first)+" docker.io/library/other:latest" {
		t.Errorf("commands for another name: %q", log)
	}

	p.file("inspect", `[{"RootFS":{"Layers":["sha256:0"]}},{"RootFS":{"Layers":`+diffIDs(t, first)+`}}]`)
	mustLoad(t, o, second)
	if log := p.log(); log[2] != "podman image inspect "+hex(first)+" 0000" {
		t.Errorf("commands for an image on the same base: %q", log)
	}
	want = append(slices.Delete(parts(t, second), 2, 3), metadata...)
	if diff := cmp.Diff(want, p.entries("stdin")); diff != "" {
		t.Errorf("what podman got of the second image (-want +got):\n%s", diff)
	}
}

func TestPodmanWantsAll(t *testing.T) {
	p := newPrograms(t)
	p.add("podman", fakePodman+`if [ $1 = load ] && [ ! -e $D/again ]; then >$D/again; echo "Copying blob x" >&2; echo "Error: no such blob" >&2; exit 125; fi`)
	base := layerOf("base")
	first, second := imageOf(t, "amd64", base), imageOf(t, "amd64", base, layerOf("b"))
	p.file("images", `[{"Id":"0000"}]`)
	p.file("inspect", `[{"RootFS":{"Layers":`+diffIDs(t, first)+`}}]`)
	mustLoad(t, Options{Kind: Podman, Env: p.env()}, second)
	if diff := cmp.Diff(append(parts(t, second), metadata...), p.entries("stdin")); diff != "" {
		t.Errorf("what podman got (-want +got):\n%s", diff)
	}
}

func TestPodmanCloseWithoutTag(t *testing.T) {
	p := newPrograms(t)
	p.add("podman", fakePodman)
	p.file("images", "[]")
	img := imageOf(t, "amd64", layerOf("a"))
	pub := open(t, Options{Kind: Podman, Env: p.env()})
	for names, removed := range map[string]bool{`[]`: true, `["theirs:latest"]`: false} {
		p.file("inspect", `[{"RepoTags":`+names+`}]`)
		if err := pub.Put(t.Context(), img); err != nil {
			t.Fatal(err)
		}
		if err := pub.Close(); err != nil {
			t.Fatal(err)
		}
		if log := p.log(); strings.HasPrefix(log[len(log)-1], "podman rmi ") != removed {
			t.Errorf("with the names %s: %q", names, log)
		}
	}
}
