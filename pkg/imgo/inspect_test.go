package imgo

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/imgo-build/imgo/internal/registrytest"
	"github.com/imgo-build/imgo/pkg/event"
	"github.com/imgo-build/imgo/pkg/image"
	"github.com/imgo-build/imgo/pkg/publish"
)

// inspector is a client with a directory of its own.
func inspector(t *testing.T) *Client {
	t.Helper()
	dir := t.TempDir()
	c, err := New(Options{Dir: dir, CacheDir: filepath.Join(dir, "cache"), Now: func() time.Time { return time.Unix(1e9, 0) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// write makes a layout of artifacts in the client's directory, and returns its name.
func (c *Client) write(t *testing.T, dir string, artifacts ...image.Artifact) string {
	t.Helper()
	for i, a := range artifacts {
		tag, err := name.NewTag("imgo.local/" + dir + ":v" + string(rune('1'+i)))
		if err != nil {
			t.Fatal(err)
		}
		c.put(t, publish.Layout(c.path(dir), []name.Tag{tag}, event.Discard), a)
	}
	return "oci:" + dir
}

// push pushes an artifact to a registry, and returns its name.
func (c *Client) push(t *testing.T, r *registrytest.Registry, repo string, a image.Artifact) string {
	t.Helper()
	tag, err := name.NewTag(r.Host + "/" + repo + ":v1")
	if err != nil {
		t.Fatal(err)
	}
	c.put(t, c.registry.Repository(tag.Repository, []name.Tag{tag}, publish.RepoOptions{}), a)
	return tag.String()
}

func (c *Client) put(t *testing.T, p publish.Publisher, a image.Artifact) {
	t.Helper()
	if err := errors.Join(p.Put(t.Context(), a), p.Tag(t.Context(), a), p.Close()); err != nil {
		t.Fatal(err)
	}
}

// entry is an entry of a fabricated layer.
type entry struct {
	tar.Header
	content string
}

func regular(path, content string, mode int64) entry {
	return entry{tar.Header{Name: path, Mode: mode, Typeflag: tar.TypeReg}, content}
}

func tarOf(t *testing.T, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		e.Size = int64(len(e.content))
		if err := w.WriteHeader(&e.Header); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(e.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func addition(history string, content []byte) image.Addition {
	return image.Addition{Layer: static.NewLayer(content, types.OCIUncompressedLayer), History: history}
}

func layerOf(t *testing.T, history string, entries ...entry) image.Addition {
	t.Helper()
	return addition(history, tarOf(t, entries...))
}

func assemble(t *testing.T, p image.Parts) v1.Image {
	t.Helper()
	if p.Platform.OS == "" {
		p.Platform = v1.Platform{OS: "linux", Architecture: "amd64"}
	}
	img, err := image.Assemble(p)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// baseImage is an image of others: two layers and an entry without one.
func baseImage(t *testing.T, created time.Time) v1.Image {
	t.Helper()
	layer := func(content string) v1.Layer {
		return static.NewLayer(tarOf(t, regular("etc/x", content, 0o644)), types.OCIUncompressedLayer)
	}
	img, err := mutate.Append(mutate.MediaType(empty.Image, types.OCIManifestSchema1),
		mutate.Addendum{Layer: layer("1"), MediaType: types.OCIUncompressedLayer, History: v1.History{CreatedBy: "ADD rootfs", Created: v1.Time{Time: created.Add(-time.Hour)}}},
		mutate.Addendum{Layer: layer("2"), MediaType: types.OCIUncompressedLayer, History: v1.History{CreatedBy: "RUN upgrade", Created: v1.Time{Time: created}}},
		mutate.Addendum{History: v1.History{CreatedBy: "CMD sh", EmptyLayer: true, Created: v1.Time{Time: created.Add(-time.Minute)}}},
	)
	if err != nil {
		t.Fatal(err)
	}
	return mutate.ConfigMediaType(img, types.OCIConfigJSON)
}

func (c *Client) inspectOne(t *testing.T, arg string, o InspectOptions) Inspection {
	t.Helper()
	found, err := c.Inspect(t.Context(), arg, o)
	if err != nil || len(found) != 1 {
		t.Fatalf("%s: %d inspections, %v", arg, len(found), err)
	}
	return found[0]
}

func TestInspectSaysWhatEachLayerIs(t *testing.T) {
	c := inspector(t)
	created := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	digest := v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("a", 64)}
	x := regular("x", "x", 0o644)
	img := assemble(t, image.Parts{
		Base: baseImage(t, created), BaseName: "docker.io/library/alpine:3.20", BaseDigest: digest,
		Layers: []image.Addition{
			layerOf(t, "imgo: user app (10001:10001)", x),
			layerOf(t, "imgo: /srv/ from web/dist", x, x),
			layerOf(t, "imgo: /etc/x from a", x, x, x),
			layerOf(t, "imgo: /imgo/probe from package github.com/imgo-build/imgo/probe"),
			layerOf(t, "imgo: /app/server from package example.com/m/cmd/server", regular("app/server", "text", 0o755)),
		},
	})
	found := c.inspectOne(t, c.write(t, "out", img), InspectOptions{}).Images[0]
	var kinds []LayerKind
	total := int64(0)
	for _, l := range found.Layers {
		kinds = append(kinds, l.Kind)
		total += l.Size
	}
	if diff := cmp.Diff([]LayerKind{BaseLayer, BaseLayer, UserLayer, FilesLayer, FilesLayer, ProbeLayer, ProgramLayer}, kinds); diff != "" {
		t.Error(diff)
	}
	want := []LayerGroup{{BaseLayer, 2, 4096}, {UserLayer, 1, 2048}, {FilesLayer, 2, 3072 + 4096}, {ProbeLayer, 1, 1024}, {ProgramLayer, 1, 2048}}
	if diff := cmp.Diff(want, found.Groups); diff != "" || found.Size != total {
		t.Errorf("size %d of %d: %s", found.Size, total, diff)
	}
	b := found.Base
	if b == nil || b.Name != "docker.io/library/alpine:3.20" || b.Digest != digest.String() || b.Layers != 2 || !b.Created.Equal(created) ||
		b.Release != "Alpine 3.20" || b.EndOfLife.IsZero() {
		t.Errorf("base: %+v", b)
	}
	if diff := cmp.Diff([]InspectedProgram{}, found.Programs); diff != "" {
		t.Errorf("a script passes for a program: %s", diff)
	}
}

func TestInspectBases(t *testing.T) {
	c := inspector(t)
	program := layerOf(t, "imgo: /app/x from package m")
	runtime := layerOf(t, "imgo: runtime layer (CA roots …)")
	for _, test := range []struct {
		name string
		img  v1.Image
		want *InspectedBase
	}{
		{"scratch", assemble(t, image.Parts{Layers: []image.Addition{runtime, program}}), nil},
		{"without a name", assemble(t, image.Parts{Base: baseImage(t, time.Unix(1, 0)), Layers: []image.Addition{program}}),
			&InspectedBase{Layers: 2, Created: time.Unix(1, 0).UTC()}},
		{"reproducible", assemble(t, image.Parts{Base: baseImage(t, time.Unix(0, 0)), Layers: []image.Addition{program}}), &InspectedBase{Layers: 2}},
		{"not imgo's", baseImage(t, time.Unix(1e9, 0)), nil},
		{"not imgo's, annotated", mutate.Annotations(baseImage(t, time.Unix(1e9, 0)), map[string]string{
			"org.opencontainers.image.base.name": "b", "org.opencontainers.image.base.digest": "sha256:1",
		}).(v1.Image), &InspectedBase{Name: "b", Digest: "sha256:1"}},
	} {
		found := c.inspectOne(t, c.write(t, strings.ReplaceAll(strings.NewReplacer(",", "", "'", "").Replace(test.name), " ", "-"), test.img), InspectOptions{}).Images[0]
		if diff := cmp.Diff(test.want, found.Base); diff != "" {
			t.Errorf("%s: %s", test.name, diff)
		}
		if foreign := strings.HasPrefix(test.name, "not"); foreign != (found.Layers[0].Kind == OtherLayer) {
			t.Errorf("%s: the lowest layer is %q", test.name, found.Layers[0].Kind)
		}
	}
}

func TestFactsOfAnImage(t *testing.T) {
	c := inspector(t)
	img := assemble(t, image.Parts{
		Entrypoint: []string{"/app/x", "--flag", "a b", ""}, Cmd: []string{"serve"}, User: "1:2", WorkingDir: "/srv",
		Env: []string{"A=1=2", "E="}, Ports: []string{"80/tcp", "443/tcp"}, Volumes: []string{"/data"}, StopSignal: "SIGINT",
		Labels:      map[string]string{"l": "1"},
		Annotations: map[string]string{"a": "2"},
		Healthcheck: &image.Healthcheck{
			Test: []string{"CMD", "/probe"}, Interval: time.Minute, Timeout: time.Second, StartPeriod: 2 * time.Second, StartInterval: 3 * time.Second, Retries: 4,
		},
	})
	found := c.inspectOne(t, c.write(t, "out", img), InspectOptions{}).Images[0]
	var got []string
	for _, f := range found.Facts() {
		got = append(got, f.Field+" "+f.Text())
	}
	want := []string{
		"user 1:2", "entrypoint /app/x", `args --flag "a b" ""`, "cmd serve", "directory /srv",
		"env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/app", "env A=1=2", "env E=",
		"port 443/tcp", "port 80/tcp", "volume /data", "stop signal SIGINT",
		"healthcheck CMD /probe, every 1m0s, timeout 1s, start period 2s, start interval 3s, 4 retries",
		"label l=1", "annotation a=2",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	fewer := found
	fewer.Config.Env, fewer.Config.User, fewer.Config.Volumes = []string{"A=1=3", "E="}, "", nil
	var common []string
	for _, f := range CommonFacts([]InspectedImage{found, found, fewer}) {
		common = append(common, f.Field+" "+f.Text())
	}
	want = slices.DeleteFunc(want, func(s string) bool {
		return strings.HasPrefix(s, "env PATH") || strings.HasPrefix(s, "env A") || strings.HasPrefix(s, "user") || strings.HasPrefix(s, "volume")
	})
	if diff := cmp.Diff(want, common); diff != "" {
		t.Errorf("in common: %s", diff)
	}
	raw, err := json.Marshal(found.Config)
	if err != nil || !strings.Contains(string(raw), `"StartInterval":3000000000`) || strings.Count(string(raw), `"Healthcheck"`) != 1 {
		t.Errorf("%s, %v", raw, err)
	}
}

// index has images for two platforms, one of whose configs doesn't tell the variant,
// and an attestation.
func index(t *testing.T, layers ...image.Addition) v1.ImageIndex {
	t.Helper()
	amd64 := assemble(t, image.Parts{Layers: layers})
	arm := assemble(t, image.Parts{Layers: layers, Platform: v1.Platform{OS: "linux", Architecture: "arm", Variant: "v7"}})
	add := func(img v1.Image, platform string) mutate.IndexAddendum {
		p, err := v1.ParsePlatform(platform)
		if err != nil {
			t.Fatal(err)
		}
		return mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{MediaType: types.OCIManifestSchema1, Platform: p}}
	}
	return mutate.AppendManifests(mutate.IndexMediaType(empty.Index, types.OCIImageIndex),
		add(amd64, "linux/amd64"), add(arm, "linux/arm/v6"), add(amd64, "unknown/unknown"))
}

func TestInspectPlatforms(t *testing.T) {
	c := inspector(t)
	out := c.write(t, "out", index(t, layerOf(t, "imgo: /app/x from package m")))
	single := c.write(t, "single", assemble(t, image.Parts{}))
	for _, test := range []struct {
		arg       string
		platforms []string
		want      []string
	}{
		{out, nil, []string{"linux/amd64", "linux/arm/v6"}},
		{out, []string{"all"}, []string{"linux/amd64", "linux/arm/v6"}},
		{out, []string{"linux/arm/v6"}, []string{"linux/arm/v6"}},
		{out, []string{"linux/arm/v6", "Linux/AMD64"}, []string{"linux/amd64", "linux/arm/v6"}},
		{single, []string{"linux/amd64/v1"}, []string{"linux/amd64"}},
	} {
		var got []string
		for _, img := range c.inspectOne(t, test.arg, InspectOptions{Platforms: test.platforms}).Images {
			got = append(got, img.Platform)
			if (img.Programs != nil) != (len(test.want) == 1) {
				t.Errorf("%s %q: programs are %v", test.arg, test.platforms, img.Programs)
			}
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s %q: %s", test.arg, test.platforms, diff)
		}
	}
	for arg, have := range map[string][]string{out: {"linux/amd64", "linux/arm/v6"}, single: {"linux/amd64"}} {
		_, err := c.Inspect(t.Context(), arg, InspectOptions{Platforms: []string{"windows/amd64"}})
		if e, ok := errors.AsType[*NoPlatformError](err); !ok || e.Platform != "windows/amd64" || !cmp.Equal(e.Have, have) {
			t.Errorf("%s: %v", arg, err)
		}
	}
	for _, bad := range []string{"", "linux", "x86_64", "a/b/c/d"} {
		_, err := c.Inspect(t.Context(), out, InspectOptions{Platforms: []string{bad}})
		if _, ok := errors.AsType[*image.PlatformError](err); !ok {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// An artifact that is stored like an image has no platform to speak of.
func TestInspectArtifactOfOthers(t *testing.T) {
	c := inspector(t)
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), "application/vnd.example+json")
	img, err := mutate.ConfigFile(img, &v1.ConfigFile{})
	if err != nil {
		t.Fatal(err)
	}
	found := c.inspectOne(t, c.write(t, "out", img), InspectOptions{BuildInfo: true}).Images[0]
	if found.Platform != "unknown" || found.Base != nil || len(found.Layers) != 0 {
		t.Errorf("%+v", found)
	}
}

func TestInspectReadsLayersOfARegistryOnlyIfAsked(t *testing.T) {
	c := inspector(t)
	r := registrytest.New(t, registrytest.Options{})
	program := goProgram("go1.25.1", "path\tm\nmod\tm\tv1.0.0\t\n")
	ref := c.push(t, r, "x", assemble(t, image.Parts{
		Base:   baseImage(t, time.Unix(1e9, 0)),
		Layers: []image.Addition{layerOf(t, "imgo: /app/x from package m", regular("app/x", program, 0o755))},
	}))
	for _, test := range []struct {
		buildInfo bool
		blobs     int
		programs  int
	}{{false, 1, 0}, {true, 2, 1}} {
		r.Reset()
		found := c.inspectOne(t, ref, InspectOptions{BuildInfo: test.buildInfo})
		if n := r.Counts()["GET blob"]; n != test.blobs || len(found.Images[0].Programs) != test.programs {
			t.Errorf("build info %t: %d blobs, programs %+v", test.buildInfo, n, found.Images[0].Programs)
		}
	}
}

func TestLayersThatCannotBeRead(t *testing.T) {
	c := inspector(t)
	const history = "imgo: /app/x from package m"
	whole := tarOf(t, regular("app/x", goProgram("go1.25.1", "")+strings.Repeat("x", 5000), 0o755))
	for name, test := range map[string]struct {
		content []byte
		want    string
	}{
		"cut":  {whole[:2048], "unexpected EOF"},
		"text": {bytes.Repeat([]byte("x"), 1024), "invalid tar header"},
		"gzip": {[]byte{0x1f, 0x8b, 8, 0}, "unexpected EOF"},
		"zstd": {append([]byte{0x28, 0xb5, 0x2f, 0xfd}, "no frame"...), ""},
		"hole": {hole(), "holds more than 64 GiB"},
	} {
		out := c.write(t, name, assemble(t, image.Parts{Layers: []image.Addition{addition(history, test.content)}}))
		_, err := c.Inspect(t.Context(), out, InspectOptions{})
		if e, ok := errors.AsType[*LayerError](err); !ok || e.Digest == "" || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := errors.New("stopped")
	cancel(stopped)
	out := c.write(t, "whole", assemble(t, image.Parts{Layers: []image.Addition{addition(history, whole)}}))
	if _, err := c.Inspect(ctx, out, InspectOptions{}); !errors.Is(err, stopped) {
		t.Errorf("after the end: %v", err)
	}
}

// hole is a tar with a sparse file of 2 TiB, in the form of GNU tar: all zeros, none of
// which is in the tar.
func hole() []byte {
	b := make([]byte, 3*512)
	copy(b, "x")
	copy(b[100:], "0000755\x000000000\x000000000\x0000000000000\x0000000000000\x00        S")
	copy(b[257:], "ustar  \x00")
	copy(b[386:], "00000000000\x0000000000000\x00") // one piece, of nothing
	b[483], b[489] = 0x80, 2                        // the real size: a binary number of 12 bytes
	sum := 0
	for _, c := range b[:512] {
		sum += int(c)
	}
	copy(b[148:], fmt.Sprintf("%06o\x00 ", sum))
	return b
}

// The digest explains more than what the tar reader makes of damaged bytes.
func TestDamagedLayer(t *testing.T) {
	c := inspector(t)
	img := assemble(t, image.Parts{Layers: []image.Addition{layerOf(t, "imgo: /app/x from package m", regular("app/x", "12345", 0o755))}})
	out := c.write(t, "out", img)
	m, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	damage(t, c.path("out/blobs/sha256/"+m.Layers[0].Digest.Hex))
	_, err = c.Inspect(t.Context(), out, InspectOptions{})
	if _, ok := errors.AsType[*publish.DigestError](err); !ok {
		t.Errorf("%v", err)
	}
}

// All that is read of a registry's image may be wrong.
func TestInspectClassifiesWhatARegistryAnswers(t *testing.T) {
	c := inspector(t)
	img := assemble(t, image.Parts{Layers: []image.Addition{layerOf(t, "imgo: /app/x from package m", regular("app/x", "1", 0o755))}})
	r := registrytest.New(t, registrytest.Options{})
	ref := c.push(t, r, "x", img)
	m, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	lost := m.Layers[0].Digest
	r.LoseBlob("x", lost)
	_, err = c.Inspect(t.Context(), ref, InspectOptions{BuildInfo: true})
	if e, ok := errors.AsType[*LayerError](err); !ok || e.Digest != lost.String() || !strings.HasSuffix(err.Error(), "the registry lacks it") {
		t.Errorf("%v", err)
	}
}

func damage(t *testing.T, path string) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	raw[5] ^= 1
	if err := os.WriteFile(path, raw, 0o644); err != nil {
		t.Fatal(err)
	}
}
