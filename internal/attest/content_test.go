package attest

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/imgo-build/imgo/pkg/publish"
)

func gzipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// keep puts a blob into the registry.
func (f *fixture) keep(mediaType types.MediaType, content string) v1.Descriptor {
	d := v1.Descriptor{MediaType: mediaType, Digest: digestOf(content), Size: int64(len(content))}
	f.reg.blobs[d.Digest] = []byte(content)
	return d
}

// Config and layers are what the manifest promises, as far as was looked.
func TestContent(t *testing.T) {
	layer := digestOf(theLayer)
	for what, c := range map[string]struct {
		do           func(*fixture)
		plain, whole string // in the reason
	}{
		"all well":             {func(*fixture) {}, "", ""},
		"a layer is gone":      {func(f *fixture) { delete(f.reg.blobs, layer) }, "is not in the registry", "is not in the registry"},
		"a config is gone":     {func(f *fixture) { delete(f.reg.blobs, digestOf(theConfig)) }, "config sha256:", "config sha256:"},
		"a layer is cut":       {func(f *fixture) { f.reg.blobs[layer] = []byte("x") }, "has 1 bytes in the registry, and 26 by the manifest", "has 1 bytes"},
		"a layer goes on":      {func(f *fixture) { f.reg.blobs[layer] = []byte(theLayer + "xyz") }, "has 29 bytes", "has more bytes in the registry than the 26"},
		"a layer is another":   {func(f *fixture) { f.reg.blobs[layer] = []byte(strings.ToUpper(theLayer)) }, "", "has other bytes in the registry"},
		"a config is another":  {func(f *fixture) { f.reg.blobs[digestOf(theConfig)] = []byte(strings.ToUpper(theConfig)) }, "has other bytes", "has other bytes"},
		"a layer is elsewhere": {func(f *fixture) { f.foreign() }, "", ""},
		"another diff ID": {func(f *fixture) {
			m := f.keep(types.OCILayer, gzipped(t, "something else"))
			f.image(f.manifest(t, `{"rootfs":{"diff_ids":["`+layer.String()+`"]}}`, m))
		}, "", "unpacks to " + digestOf("something else").String()},
		"compressed": {func(f *fixture) {
			m := f.keep(types.OCILayer, gzipped(t, "text"))
			f.image(f.manifest(t, `{"rootfs":{"diff_ids":["`+digestOf("text").String()+`"]}}`, m))
		}, "", ""},
		"damaged before it was signed": {func(f *fixture) {
			m := f.keep(types.OCILayer, gzipped(t, "text")[:20])
			f.image(f.manifest(t, `{"rootfs":{"diff_ids":["`+digestOf("text").String()+`"]}}`, m))
		}, "", "can't be unpacked"},
		"too few diff IDs": {func(f *fixture) { f.image(f.manifest(t, `{}`, f.keep(types.OCILayer, "text"))) }, "", "tells of 0 layers, and the manifest of 1"},
		"no config":        {func(f *fixture) { f.image(`{"layers":[]}`) }, "names no config", "names no config"},
		"a huge config": {func(f *fixture) {
			f.image(`{"config":{"digest":"` + layer.String() + `","size":99999999},"layers":[]}`)
		}, "has 99999999 bytes; imgo reads 8 MiB at most", "has 99999999 bytes"},
		"no digest": {func(f *fixture) { f.image(`{"config":{"digest":"sha512:1","size":9},"layers":[]}`) }, "can't be read", "can't be read"},
	} {
		for _, whole := range []bool{false, true} {
			f := newFixture(t)
			c.do(f)
			f.signAll(t)
			want := c.plain
			if whole {
				want = c.whole
			}
			r := f.judge(t, Trust{KeyPEM: "me", Require: []Kind{Signature}, Layers: whole})
			if got := reasons(r); r.Verified != (want == "") || !strings.Contains(got, want) || want == "" && got != "" {
				t.Errorf("%s (whole: %v): verified %v, because: %q; want %q", what, whole, r.Verified, got, want)
			}
			for _, s := range r.Subjects {
				last := s.Checks[len(s.Checks)-1]
				if s.Digest != f.top.Digest.String() && (last.Kind != Content || last.OK && last.Detail == "") {
					t.Errorf("%s: last check of %s: %+v", what, s.Digest, last)
				}
			}
		}
	}
}

// manifest is an image with this config and layer.
func (f *fixture) manifest(t *testing.T, config string, layers ...v1.Descriptor) string {
	t.Helper()
	raw, err := json.Marshal(v1.Manifest{Config: f.keep(types.OCIConfigJSON, config), Layers: layers})
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// foreign makes the tag point to an image with a layer that the registry need not have.
func (f *fixture) foreign() {
	far := v1.Descriptor{MediaType: types.DockerForeignLayer, Digest: digestOf("far"), Size: 3, URLs: []string{"https://x.example"}}
	config := f.keep(types.OCIConfigJSON, `{"rootfs":{"diff_ids":["`+digestOf(theLayer).String()+`","`+digestOf("far").String()+`"]}}`)
	raw := strings.Replace(manifestOf("far", far), digestOf(theConfig).String(), config.Digest.String(), 1)
	f.image(strings.Replace(raw, `"size":`+strconv.Itoa(len(theConfig)), `"size":`+strconv.FormatInt(config.Size, 10), 1))
}

func TestLayersElsewhereAreNamed(t *testing.T) {
	f := newFixture(t)
	f.foreign()
	f.signAll(t)
	r := f.judge(t, Trust{KeyPEM: "me", Layers: true})
	if ignored := r.Subjects[0].Ignored; len(ignored) != 1 || ignored[0].Digest != digestOf("far").String() {
		t.Errorf("ignored %+v", ignored)
	}
}

// What images share is asked for once, and nothing of what is not verified anyway.
func TestContentIsReadOnce(t *testing.T) {
	f := newFixture(t)
	f.verify(t, "me", Signature)
	if len(f.reg.asked) != 3 {
		t.Errorf("asked of an unsigned index: %q", f.reg.asked)
	}
	f.signAll(t)
	for whole, want := range map[bool]string{false: "size ", true: "blob "} {
		f.reg.asked = nil
		f.judge(t, Trust{KeyPEM: "me", Require: []Kind{Signature}, Layers: whole})
		if got := strings.Join(f.reg.asked, ","); len(f.reg.asked) != 2 || !strings.Contains(got, want+digestOf(theLayer).Hex) || !strings.Contains(got, "blob "+digestOf(theConfig).Hex) {
			t.Errorf("whole %v: asked for %q", whole, f.reg.asked)
		}
	}
}

// down is a registry that fails when it is asked for a blob.
type down struct{ *memory }

func (down) BlobSize(context.Context, name.Repository, v1.Hash) (int64, error) {
	return 0, &publish.RegistryError{Status: 503}
}

func TestContentCannotBeTold(t *testing.T) {
	f := newFixture(t)
	f.signAll(t)
	f.opts.Registry = down{f.reg}
	report, err := f.Verify(t.Context(), f.ref, Trust{KeyPEM: "me"})
	if report != nil || !errors.As(err, new(*publish.RegistryError)) {
		t.Errorf("report %+v, %v", report, err)
	}
}
