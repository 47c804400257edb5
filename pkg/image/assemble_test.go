package image

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

var update = flag.Bool("update", false, "rewrite the golden files; raise Version where they differ")

// richBase is a base with everything that a base may have, taken over or not.
func richBase(t *testing.T) rawImage {
	return newBase(t, Docker, `,
		"author": "them", "created": "2020-02-02T02:02:02Z", "docker_version": "1.2",
		"history": [
			{"created": "2020-02-02T02:02:02.5Z", "created_by": "ADD rootfs && echo <done>"},
			{"created": "2020-02-02T02:02:02Z", "created_by": "ENV X=1", "empty_layer": true}],
		"config": {
			"User": "them", "WorkingDir": "/home/them", "Cmd": ["/bin/sh"], "Entrypoint": ["/bin/them"],
			"Env": ["X=1", "PATH=/usr/bin:/bin"], "Labels": {"theirs": "1", "org.opencontainers.image.version": "9"},
			"ExposedPorts": {"80/tcp": {}}, "Volumes": {"/data": {}}, "StopSignal": "SIGQUIT",
			"Shell": ["/bin/ash", "-c"], "OnBuild": ["RUN x"], "Hostname": "h",
			"Healthcheck": {"Test": ["CMD", "/probe"], "StartInterval": 5}}`,
		lazy("1", types.DockerLayer))
}

func richParts(t *testing.T) Parts {
	return Parts{
		Base:        richBase(t),
		BaseName:    "docker.io/library/base:1",
		BaseDigest:  v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("b", 64)},
		Platform:    v1.Platform{OS: "linux", Architecture: "arm64", Variant: "v8"},
		Layers:      []Addition{{Layer: lazy("2", types.OCILayer), History: "imgo: /app/server & co", Comment: "c"}},
		Entrypoint:  []string{"/app/server"},
		Cmd:         []string{"-v"},
		Env:         []string{"X=2", "Y=<3>"},
		Labels:      map[string]string{"team": "payments", "org.opencontainers.image.title": "mine"},
		Annotations: map[string]string{"a": "b"},
		Title:       "server",
		Source:      "https://github.com/acme/server",
		Created:     time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600)),
	}
}

func TestGolden(t *testing.T) {
	docker := richParts(t)
	docker.MediaTypes = Docker
	minimal := Parts{
		Platform:   amd64,
		Layers:     []Addition{{Layer: lazy("3", types.OCILayerZStd), History: "imgo: /app/x"}},
		Entrypoint: []string{"/app/x"},
	}
	for file, parts := range map[string]Parts{"oci": richParts(t), "docker": docker, "minimal": minimal} {
		img := mustAssemble(t, parts)
		index, err := Index([]v1.Image{img}, map[string]string{"a": "b"}, parts.MediaTypes)
		if err != nil {
			t.Fatal(err)
		}
		manifest, _ := img.RawManifest()
		config, _ := img.RawConfigFile()
		list, _ := index.RawManifest()
		got := bytes.Join([][]byte{manifest, config, list, nil}, []byte("\n"))
		path := filepath.Join("testdata", file+".golden")
		if *update {
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s: the bytes of images have changed. If that is meant, raise Version and run the test with -update.\n%s", file, diff)
		}
		again, _ := mustAssemble(t, parts).RawManifest()
		if !bytes.Equal(again, manifest) {
			t.Errorf("%s: the same parts give other bytes the second time", file)
		}
	}
}

func TestValidates(t *testing.T) {
	for _, m := range []MediaTypes{OCI, Docker} {
		for _, baseTypes := range []MediaTypes{OCI, Docker} {
			baseLayer, _ := baseTypes.layer(gzipped)
			parts := Parts{
				Base:     newBase(t, baseTypes, "", newTarLayer(t, baseLayer, "etc/x")),
				Platform: amd64, MediaTypes: m,
				Layers: []Addition{{Layer: newTarLayer(t, types.OCILayer, "app/server"), History: "h"}},
			}
			img := mustAssemble(t, parts)
			if err := validate.Image(img); err != nil {
				t.Errorf("base %d, image %d: %v", baseTypes, m, err)
			}
			arm := parts
			arm.Platform = v1.Platform{OS: "linux", Architecture: "arm", Variant: "v6"}
			index, err := Index([]v1.Image{img, mustAssemble(t, arm)}, nil, m)
			if err != nil {
				t.Fatal(err)
			}
			if err := validate.Index(index); err != nil {
				t.Errorf("base %d, index %d: %v", baseTypes, m, err)
			}
		}
	}
}

func TestMediaTypesAreNeverMixed(t *testing.T) {
	for _, c := range []struct {
		in          types.MediaType
		oci, docker types.MediaType
	}{
		{types.DockerLayer, types.OCILayer, types.DockerLayer},
		{types.OCILayer, types.OCILayer, types.DockerLayer},
		{types.OCIUncompressedLayer, types.OCIUncompressedLayer, types.DockerUncompressedLayer},
		{types.DockerUncompressedLayer, types.OCIUncompressedLayer, types.DockerUncompressedLayer},
		{types.OCILayerZStd, types.OCILayerZStd, ""},
		{dockerZstd, types.OCILayerZStd, ""},
	} {
		for m, want := range map[MediaTypes]types.MediaType{OCI: c.oci, Docker: c.docker} {
			asBase := Parts{Base: newBase(t, OCI, "", lazy("1", c.in)), Platform: amd64, MediaTypes: m}
			asOwn := Parts{Layers: []Addition{{Layer: lazy("1", c.in)}}, Platform: amd64, MediaTypes: m}
			for _, parts := range []Parts{asBase, asOwn} {
				img, err := Assemble(parts)
				if want == "" {
					if err == nil || !strings.Contains(err.Error(), "zstd") {
						t.Errorf("%s in Docker's types: %v, want an error that names zstd", c.in, err)
					}
					if be, ok := errors.AsType[*BaseError](err); (parts.Base != nil) != (ok && be.OnlyOCI) {
						t.Errorf("%s in Docker's types: %#v, want a base of it to be one for OCI's only", c.in, err)
					}
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				checkTypes(t, img, m, want)
			}
		}
	}
}

func checkTypes(t *testing.T, img v1.Image, m MediaTypes, layerType types.MediaType) {
	t.Helper()
	manifest, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	layers, _ := img.Layers()
	own, _ := layers[0].MediaType()
	got := []types.MediaType{manifest.MediaType, manifest.Config.MediaType, manifest.Layers[0].MediaType, own}
	want := []types.MediaType{m.manifest(), m.config(), layerType, layerType}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSourceSurvivesRetyping(t *testing.T) {
	repo := name.MustParseReference("example.com/base").Context()
	l := sourcedLayer{lazy("1", types.DockerLayer), repo}
	for _, m := range []MediaTypes{OCI, Docker} {
		img := mustAssemble(t, Parts{
			Base: newBase(t, Docker, "", l), Platform: amd64, MediaTypes: m,
			Layers: []Addition{{Layer: lazy("2", types.OCILayer)}},
		})
		layers, _ := img.Layers()
		s, ok := layers[0].(Sourced)
		if !ok {
			t.Fatalf("%T is not Sourced", layers[0])
		}
		if got, ok := s.Source(); !ok || got != repo {
			t.Errorf("source %v, %t", got, ok)
		}
		if s, ok := layers[1].(Sourced); ok {
			if got, has := s.Source(); has {
				t.Errorf("a layer from nowhere comes from %s", got)
			}
		}
	}
}

func TestNothingOfTheBaseLeaks(t *testing.T) {
	img := mustAssemble(t, Parts{Base: richBase(t), Platform: amd64, Entrypoint: []string{"/app/x"}})
	c := mustConfig(t, img)
	if len(c.Config.Labels) != 0 || c.Config.Cmd != nil || c.Config.WorkingDir != "/" || c.Config.User != DefaultUser ||
		c.Author != "" || c.Config.OnBuild != nil || c.Config.Hostname != "" {
		t.Errorf("%+v", c)
	}
	manifest, _ := img.RawManifest()
	if bytes.Contains(manifest, []byte("annotations")) {
		t.Errorf("annotations in %s", manifest)
	}
	if c.Config.StopSignal != "SIGQUIT" || len(c.Config.ExposedPorts) != 1 || len(c.Config.Volumes) != 1 || len(c.Config.Shell) != 2 {
		t.Errorf("what FROM inherits is missing: %+v", c.Config)
	}
}

func TestHealthcheck(t *testing.T) {
	own := &Healthcheck{Test: []string{"CMD", "/mine"}, Retries: 2}
	for _, c := range []struct {
		name string
		base v1.Image
		own  *Healthcheck
		want string
	}{
		{"the base's is kept with all its fields", richBase(t), nil, `{"Test":["CMD","/probe"],"StartInterval":5}`},
		{"the image's own wins", richBase(t), own, `{"Test":["CMD","/mine"],"Retries":2}`},
		{"NONE removes it", richBase(t), &Healthcheck{Test: []string{"NONE"}}, ``},
		{"none at all", newBase(t, OCI, `,"config":{"Healthcheck":null}`), nil, ``},
	} {
		raw, _ := mustAssemble(t, Parts{Base: c.base, Healthcheck: c.own, Platform: amd64}).RawConfigFile()
		var got struct {
			Config struct{ Healthcheck json.RawMessage }
		}
		if err := json.Unmarshal(raw, &got); err != nil || string(got.Config.Healthcheck) != c.want {
			t.Errorf("%s: %s, %v, want %s", c.name, got.Config.Healthcheck, err, c.want)
		}
	}
	if has, err := HasHealthcheck(richBase(t)); !has || err != nil {
		t.Errorf("HasHealthcheck: %t, %v", has, err)
	}
	if has, err := HasHealthcheck(newBase(t, OCI, "")); has || err != nil {
		t.Errorf("HasHealthcheck of a base without: %t, %v", has, err)
	}
}

func TestEnvironment(t *testing.T) {
	for _, c := range []struct {
		name       string
		base, own  string // separated by spaces
		entrypoint string
		want       string
	}{
		{"no base", "", "", "/app/x", "PATH=" + DefaultPath + ":/app"},
		{"appended to the base's PATH", "PATH=/bin A=1", "", "/app/x", "PATH=/bin:/app A=1"},
		{"there already", "PATH=/app:/bin", "", "/app/x", "PATH=/app:/bin"},
		{"a directory that only begins so", "PATH=/app2:/bin/app", "", "/app/x", "PATH=/app2:/bin/app:/app"},
		{"an empty PATH", "PATH=", "", "/app/x", "PATH=" + DefaultPath + ":/app"},
		{"a PATH of the user's", "PATH=/bin", "PATH=/mine", "/app/x", "PATH=/mine"},
		{"no entrypoint", "PATH=/bin", "", "", "PATH=/bin"},
		{"a relative entrypoint", "PATH=/bin", "", "x", "PATH=/bin"},
		{"replaced in its place", "A=1 PATH=/bin B=1", "B=2 A=3 C=", "/bin/x", "A=3 PATH=/bin B=2 C="},
		{"given twice by the base", "A=1 B=1 A=2 PATH=/bin", "A=3", "/bin/x", "A=3 B=1 PATH=/bin"},
		{"given twice by the user", "PATH=/bin", "A=1 A=2", "/bin/x", "PATH=/bin A=2"},
		{"malformed in the base", "FLAG PATH=/bin", "FLAG=1", "/bin/x", "FLAG=1 PATH=/bin"},
	} {
		p := Parts{Env: strings.Fields(c.own), Entrypoint: strings.Fields(c.entrypoint)}
		if got := strings.Join(p.environment(strings.Fields(c.base)), " "); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	for _, bad := range []string{"SECRET", "=x", ""} {
		if _, err := Assemble(Parts{Platform: amd64, Env: []string{bad}}); err == nil {
			t.Errorf("variable %q is accepted", bad)
		}
	}
}

func TestHistoryMatchesLayers(t *testing.T) {
	for name, members := range map[string]string{
		"none":         ``,
		"too short":    `,"history":[{"created_by":"one"},{"created_by":"env","empty_layer":true}]`,
		"too long":     `,"history":[{"created_by":"1"},{"created_by":"2"},{"created_by":"3"}]`,
		"just right":   `,"history":[{"created_by":"1"},{"empty_layer":true},{"created_by":"2","created":""}]`,
		"only empties": `,"history":[{"empty_layer":true}]`,
	} {
		img := mustAssemble(t, Parts{
			Base:     newBase(t, OCI, members, lazy("1", types.OCILayer), lazy("2", types.OCILayer)),
			Platform: amd64,
			Layers:   []Addition{{Layer: lazy("3", types.OCILayer), History: "mine"}},
		})
		raw, _ := img.RawConfigFile()
		var c struct {
			History []struct {
				CreatedBy  string `json:"created_by"`
				EmptyLayer bool   `json:"empty_layer"`
			} `json:"history"`
		}
		if err := json.Unmarshal(raw, &c); err != nil {
			t.Fatal(err)
		}
		full := 0
		for _, h := range c.History {
			if !h.EmptyLayer {
				full++
			}
		}
		if full != 3 || c.History[len(c.History)-1].CreatedBy != "mine" {
			t.Errorf("%s: %s", name, raw)
		}
	}
}

func TestMalformedBases(t *testing.T) {
	good := newBase(t, OCI, "", lazy("1", types.OCILayer))
	with := func(change func(*rawImage)) rawImage {
		b := good
		change(&b)
		return b
	}
	replace := func(s *string, old, by string) {
		if !strings.Contains(*s, old) {
			t.Fatalf("no %q in %s", old, *s)
		}
		*s = strings.ReplaceAll(*s, old, by)
	}
	for want, base := range map[string]rawImage{
		"its config is malformed":   with(func(b *rawImage) { b.config = "<html>" }),
		"no rootfs":                 with(func(b *rawImage) { b.config = `{"os":"linux","architecture":"amd64"}` }),
		"names 0 layers":            with(func(b *rawImage) { b.config = `{"rootfs":{"type":"layers","diff_ids":[]}}` }),
		"rootfs is of type":         with(func(b *rawImage) { replace(&b.config, `"layers"`, `"windows"`) }),
		"holds 0 layers":            with(func(b *rawImage) { b.layers = nil }),
		"its manifest is malformed": with(func(b *rawImage) { b.manifest = "[]" }),
		"its manifest names":        with(func(b *rawImage) { b.layers = []v1.Layer{lazy("2", types.OCILayer)} }),
		"outdated schema 1":         with(func(b *rawImage) { b.mediaType = types.DockerManifestSchema1Signed }),
		"index where an image":      with(func(b *rawImage) { b.mediaType = types.OCIImageIndex }),
		"not a container image": with(func(b *rawImage) {
			replace(&b.manifest, string(types.OCIConfigJSON), "application/vnd.cncf.helm.config.v1+json")
		}),
		"has 1001 layers; imgo takes 1000": with(func(b *rawImage) {
			replace(&b.manifest, `"layers":[`, `"layers":[`+strings.Repeat("{},", 1000))
		}),
		"must not be distributed":      newBase(t, Docker, "", lazy("1", types.DockerForeignLayer)),
		"which imgo does not know":     newBase(t, OCI, "", lazy("1", types.OCILayer+"+encrypted")),
		"size of -1 bytes":             newBase(t, OCI, "", &lazyLayer{digest: lazy("1", "").digest, diffID: lazy("1", "").diffID, size: -1, mediaType: types.OCILayer}),
		"entry 1 of its history":       newBase(t, OCI, `,"history":[null]`),
		"its config is malformed: jso": newBase(t, OCI, `,"config":{"Env":"PATH=/bin"}`),
	} {
		_, err := Assemble(Parts{Base: base, BaseName: "docker.io/library/bad:1", Platform: amd64})
		be, ok := errors.AsType[*BaseError](err)
		if !ok || be.Name != "docker.io/library/bad:1" || !strings.Contains(be.Reason, want) {
			t.Errorf("got %v, want a BaseError with %q", err, want)
		}
	}
	if err := CheckBase("x", good); err != nil {
		t.Error(err)
	}
}

func TestRecordsTheBaseOnlyWithItsDigest(t *testing.T) {
	img := mustAssemble(t, Parts{Platform: amd64, BaseName: "docker.io/library/x:1"})
	if raw, _ := img.RawManifest(); bytes.Contains(raw, []byte("base.name")) {
		t.Errorf("%s", raw)
	}
}

func TestCreated(t *testing.T) {
	for _, c := range []struct {
		in   time.Time
		want string
	}{
		{time.Time{}, "1970-01-01T00:00:00Z"},
		{time.Unix(0, 0), "1970-01-01T00:00:00Z"},
		{time.Unix(1700000000, 0), "2023-11-14T22:13:20Z"},
	} {
		raw, _ := mustAssemble(t, Parts{Platform: amd64, Created: c.in}).RawConfigFile()
		if !bytes.Contains(raw, []byte(`"created":"`+c.want+`"`)) {
			t.Errorf("%s: %s", c.want, raw)
		}
	}
	if _, err := Assemble(Parts{Platform: amd64, Created: time.Unix(1<<40, 0)}); err == nil {
		t.Error("a year that JSON can't express is accepted")
	}
	if _, err := Assemble(Parts{}); err == nil {
		t.Error("an image without a platform is made")
	}
}

func TestIndexRefusesWhatDoesNotBelong(t *testing.T) {
	oci := mustAssemble(t, Parts{Platform: amd64})
	for name, images := range map[string][]v1.Image{
		"one platform twice":   {oci, mustAssemble(t, Parts{Platform: amd64, Title: "other"})},
		"Docker's among OCI's": {oci, mustAssemble(t, Parts{Platform: v1.Platform{OS: "linux", Architecture: "arm64"}, MediaTypes: Docker})},
		"no platform":          {newBase(t, OCI, `,"os":""`)},
	} {
		if _, err := Index(images, nil, OCI); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}
