package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/pkg/imgo"
)

func TestBaseText(t *testing.T) {
	created := time.Date(2026, 1, 10, 12, 0, 0, 0, time.UTC)
	end := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	scratch := &imgo.InspectedImage{Groups: []imgo.LayerGroup{{Kind: imgo.RuntimeLayer}}}
	on := func(b imgo.InspectedBase) *imgo.InspectedImage { return &imgo.InspectedImage{Base: &b} }
	for _, c := range []struct {
		img  *imgo.InspectedImage
		now  time.Time
		want string
	}{
		{&imgo.InspectedImage{}, created, ""},
		{scratch, created, "scratch"},
		{on(imgo.InspectedBase{Layers: 2}), created, "not recorded"},
		{on(imgo.InspectedBase{Name: "b"}), created, "b"},
		{on(imgo.InspectedBase{Name: "b", Digest: "d", Created: created}), created.Add(23 * time.Hour), "b@d\ncreated 2026-01-10, less than a day old"},
		{on(imgo.InspectedBase{Name: "b", Digest: "d", Created: created}), created.Add(25 * time.Hour), "b@d\ncreated 2026-01-10, 1 day old"},
		{on(imgo.InspectedBase{Name: "b", Created: created, Release: "Alpine 3", EndOfLife: end}), created.Add(43 * 24 * time.Hour),
			"b\ncreated 2026-01-10, 43 days old; Alpine 3 is maintained until 2026-04-01"},
		{on(imgo.InspectedBase{Name: "b", Release: "Alpine 3", EndOfLife: end}), end.AddDate(0, 0, 2), "b\nAlpine 3 reached its end of life on 2026-04-01"},
	} {
		if got := baseText(c.img, c.now); got != c.want {
			t.Errorf("%+v: %q, want %q", c.img.Base, got, c.want)
		}
	}
}

func TestInspectionText(t *testing.T) {
	img := imgo.InspectedImage{
		Platform: "linux/amd64", Digest: "sha256:2", Size: 3500, Created: time.Unix(0, 0),
		Config: imgo.InspectedConfig{Config: v1.Config{User: "1", Entrypoint: []string{"/app/x", "a b"}}},
		Groups: []imgo.LayerGroup{{Kind: imgo.BaseLayer, Layers: 2, Size: 500}, {Kind: imgo.ProgramLayer, Layers: 1, Size: 3000}},
		Layers: []imgo.InspectedLayer{
			{Kind: imgo.BaseLayer, Digest: "sha256:3", Size: 400}, {Kind: imgo.BaseLayer, Digest: "sha256:4", Size: 100},
			{Kind: imgo.ProgramLayer, Digest: "sha256:5", Size: 3000, CreatedBy: "imgo: /app/x from package m"},
		},
		Programs: []imgo.InspectedProgram{
			{
				Path: "/app/x", Size: 4000, GoVersion: "go1.26.0", Package: "m/x", Module: &imgo.ProgramModule{Path: "m", Version: "v1.0.0"},
				Modules: []imgo.ProgramModule{{}, {}},
				Settings: map[string]string{
					"-compiler": "gc", "CGO_ENABLED": "0", "GOOS": "linux", "vcs.revision": "abc", "vcs.time": "2026-01-02T03:04:05Z", "vcs.modified": "true",
				},
			},
			{Path: "/app/y", Size: 10, Problem: "not a Go executable"},
		},
	}
	arm := img
	arm.Platform, arm.Programs, arm.Layers = "linux/arm64", nil, nil
	now := time.Date(2026, 1, 4, 0, 0, 0, 0, time.UTC)
	arm.Base = &imgo.InspectedBase{Name: "b", Digest: "1", Created: now.Add(-time.Hour)}
	other := arm
	other.Platform, other.Config.User = "linux/s390x", "2"
	other.Base = &imgo.InspectedBase{Name: "b", Digest: "2", Created: now.Add(-47 * time.Hour)}
	for _, c := range []struct {
		images []imgo.InspectedImage
		want   string
	}{
		{[]imgo.InspectedImage{img}, `
linux/amd64
  digest       sha256:2
  created      1970-01-01T00:00:00Z
  user         1
  entrypoint   /app/x
  args         "a b"
  size         3.5 kB in 3 layers
               base 500 B in 2, program 3.0 kB
        400 B  base     sha256:3
        100 B  base     sha256:4
       3.0 kB  program  sha256:5  imgo: /app/x from package m
  program      /app/x, 4.0 kB
               go1.26.0, m/x of m v1.0.0, with 2 other modules
               commit abc of 2026-01-02T03:04:05Z, with changes
               CGO_ENABLED=0
  program      /app/y, 10 B
               no build info: not a Go executable
`},
		{[]imgo.InspectedImage{arm, other}, `
platform          size  layers  digest
linux/arm64     3.5 kB       0  sha256:2
linux/s390x     3.5 kB       0  sha256:2

on all platforms
  base         b
               created 2026-01-02, 1 day old
  entrypoint   /app/x
  args         "a b"
`},
	} {
		got := inspectionText([]imgo.Inspection{{Digest: "sha256:1", Images: c.images}}, now)
		if diff := cmp.Diff("digest       sha256:1\n"+c.want, got); diff != "" {
			t.Error(diff)
		}
	}
}

func text(s string) *string { return &s }

func TestComparisonText(t *testing.T) {
	a := imgo.InspectedLayer{Kind: imgo.BaseLayer, Digest: "sha256:a", DiffID: "sha256:d", Size: 1000}
	b := imgo.InspectedLayer{Kind: imgo.ProgramLayer, Digest: "sha256:b", Size: 2000, CreatedBy: "imgo: x"}
	c := imgo.InspectedLayer{Kind: imgo.ProgramLayer, Digest: "sha256:c", Size: 2500, CreatedBy: "imgo: x"}
	repacked := a
	repacked.Digest, repacked.Size = "sha256:e", 900
	old, new := imgo.Compared{Reference: "a.tar", Digest: "sha256:1"}, imgo.Compared{Reference: "b.tar", Digest: "sha256:2"}
	const head = "- image        a.tar sha256:1\n+ image        b.tar sha256:2\n"
	for name, c := range map[string]struct {
		in   imgo.Comparison
		want string
	}{
		"the same":                  {imgo.Comparison{Same: true, Old: old, New: old}, "the images are the same: sha256:1\n"},
		"the same for one platform": {imgo.Comparison{Same: true, Images: []imgo.ImageComparison{{Platform: "p", New: "d"}}}, "the images for p are the same: d\n"},
		"the index": {imgo.Comparison{Old: old, New: new, Images: []imgo.ImageComparison{{Platform: "p", Same: true, New: "d"}}}, head +
			"  index        differs in nothing that is shown here: its order, its form, or entries that are no images\n\np\n  image        the same, d\n"},
		"platforms": {imgo.Comparison{Old: imgo.Compared{Only: []string{"p"}}, New: imgo.Compared{Only: []string{"q"}}},
			"- image         \n+ image         \n- platform     p\n+ platform     q\n"},
		"nothing to see": {imgo.Comparison{Old: old, New: new, Images: []imgo.ImageComparison{{Platform: "p", Layers: []imgo.LayerComparison{{Same: true, Old: &a, New: &a}}}}}, head +
			"\np\n  image        differs in nothing that is shown here: history or form of manifest and config\n"},
		"form": {imgo.Comparison{Old: old, New: new, Images: []imgo.ImageComparison{{
			Platform: "p", Layers: []imgo.LayerComparison{{Old: &a, New: &repacked}}, Files: []imgo.FileComparison{},
		}}}, head + `
p
- layer        base, 1.0 kB, sha256:a
+ layer        base, 900 B, sha256:e (-100 B)
  layer        with the same content, compressed differently
  file         all are the same: the layers that differ do so in form, such as order or compression
`},
		"all": {imgo.Comparison{Old: old, New: new, Images: []imgo.ImageComparison{{
			Platform: "p", Reordered: true,
			Changes: []imgo.Change{{Field: "env", Key: "A", Old: text("1\n+ user 0"), New: text("")}},
			Layers:  []imgo.LayerComparison{{Same: true, Old: &a, New: &a}, {Old: &b, New: &c}, {New: &b}},
			Programs: []imgo.ProgramComparison{
				{Path: "/x", Old: true, New: true, Changes: []imgo.Change{{Field: "module", Key: "m", Old: text("v1"), New: text("v2")}}},
				{Path: "/y", Old: true, Changes: []imgo.Change{{Field: "path", Old: text("/y")}, {Field: "go", Old: text("go1")}, {Field: "module", Key: "m", Old: text("v1")}}},
				{Path: "/z", New: true, Changes: []imgo.Change{{Field: "path", New: text("/z")}}},
			},
			Files: []imgo.FileComparison{
				{Path: "/f", Old: true, New: true, Changes: []imgo.Change{{Field: "mode", Old: text("0644"), New: text("0755")}, {Field: "target", Old: text("x")}}},
				{Path: "/g", New: true, Changes: []imgo.Change{{Field: "type", New: text("file")}, {Field: "content", New: text("sha256:0")}}},
				{Path: "/h", Old: true, Changes: []imgo.Change{{Field: "type", Old: text("pipe")}}},
			},
		}}}, head + `
p
- env          A=1
-              + user 0
+ env          A=
  layer        1 layer the same, 1.0 kB
  layer        those are in another order
- layer        program, 2.0 kB, sha256:b, imgo: x
+ layer        program, 2.5 kB, sha256:c, imgo: x (+500 B)
+ layer        program, 2.0 kB, sha256:b, imgo: x
  program      /x
- module       m v1
+ module       m v2
- program      /y, go1
+ program      /z
- file         /f, mode 0644, target x
+ file         /f, mode 0755
+ file         /g, a file
- file         /h, a pipe
`},
	} {
		if diff := cmp.Diff(c.want, comparisonText(&c.in)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// Whatever two images say, no escape sequence reaches the terminal.
func TestNoEscapeInAComparison(t *testing.T) {
	change := []imgo.Change{{Field: "env", Key: escape, Old: text(escape), New: text(escape)}}
	layer := &imgo.InspectedLayer{Digest: escape, CreatedBy: escape}
	got := comparisonText(&imgo.Comparison{
		Old: imgo.Compared{Reference: escape, Digest: escape, Only: []string{escape}}, Changes: change,
		Images: []imgo.ImageComparison{{
			Platform: escape, Changes: change, Layers: []imgo.LayerComparison{{Old: layer}},
			Programs: []imgo.ProgramComparison{{Path: escape, Old: true, New: true, Changes: change}},
			Files:    []imgo.FileComparison{{Path: escape, Old: true, Changes: change}},
		}},
	})
	if strings.ContainsAny(got, "\x1b\x07") || !strings.Contains(got, `\x1b]0;owned\x07`) {
		t.Errorf("%q", got)
	}
}
