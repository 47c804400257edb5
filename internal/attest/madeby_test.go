package attest

import (
	"context"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/imgo-build/imgo/internal/attest/provenance"
	"github.com/imgo-build/imgo/internal/attest/sbom"
	"github.com/imgo-build/imgo/internal/files"
	"github.com/imgo-build/imgo/pkg/build"
)

// project is a repository with a module in services/api and the configuration in services.
type project struct {
	root string
	made *build.Made
}

func newProject(t *testing.T) *project {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	p := &project{root: root}
	if err := os.MkdirAll(p.path("services/api"), 0o755); err != nil {
		t.Fatal(err)
	}
	tt := target()
	tt.Package.Module.Dir = p.path("services/api")
	tt.Settings.FilesRoot = files.Options{Root: p.path("services"), Bounds: root}
	tt.Settings.Attest.Provenance = true
	p.made = &build.Made{Target: tt, Images: []build.MadeImage{p.image(t, "amd64"), p.image(t, "arm64")}}
	return p
}

func (p *project) path(rel string) string { return filepath.Join(p.root, filepath.FromSlash(rel)) }

func (p *project) image(t *testing.T, arch string) build.MadeImage {
	t.Helper()
	img, err := mutate.Append(empty.Image,
		add("/app/server from package example.com/m/cmd/server"), add("/srv/www/ from "+p.path("web")), add("/etc/app from ../etc"),
		add("volumes /data of 1000:1000"), add("the runtime"))
	if err != nil {
		t.Fatal(err)
	}
	program := build.Program{Package: build.Package{Module: &build.Module{Dir: p.path("services/api")}}, Path: "/app/server"}
	return build.MadeImage{
		Platform: v1.Platform{OS: "linux", Architecture: arch}, Image: img, Base: build.Base{Image: empty.Image},
		Programs: []build.MadeProgram{{Program: program, Info: &debug.BuildInfo{
			GoVersion: "devel go1.27-0123 Mon Jan 2 X:a,b",
			Settings:  []debug.BuildSetting{{Key: "-trimpath", Value: "true"}, {Key: "GOARCH", Value: arch}, {Key: "GOAMD64", Value: "v1"}, {Key: "GOEXPERIMENT", Value: "x"}, {Key: "GOFIPS140", Value: "v1.0.0"}, {Key: "CGO_ENABLED", Value: "0"}},
			Deps: []*debug.Module{
				{Path: "example.com/dep", Version: "v1.0.0", Sum: "h1:x"},
				{Path: "example.com/workspace", Version: "(devel)"},
				{Path: "example.com/local", Version: "v0.0.0", Replace: &debug.Module{Path: "../local", Version: "(devel)"}},
			},
		}}},
	}
}

func add(history string) mutate.Addendum {
	return mutate.Addendum{Layer: static.NewLayer([]byte(history), types.OCILayer), History: v1.History{CreatedBy: "imgo: " + history}}
}

// attester knows the project's repository, and what the environment says of Go.
func (p *project) attester(effective func(build.GoSettings) build.GoSettings) *Attester {
	digest, _ := add("the runtime").Layer.Digest()
	return New(Options{
		Dir: p.path("services/api"), Runtime: sbom.Runtime{Digest: digest.String()}, Effective: effective,
		Source: func(context.Context, string) (*provenance.Source, string, error) {
			return &provenance.Source{Commit: strings.Repeat("a", 40)}, p.root, nil
		},
	})
}

func (p *project) input(t *testing.T, effective func(build.GoSettings) build.GoSettings) provenance.Input {
	t.Helper()
	a := p.attester(effective)
	o, err := a.origin(t.Context(), p.made)
	if err != nil {
		t.Fatal(err)
	}
	in, err := a.provenanceInput(p.made, &o)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func TestOrigin(t *testing.T) {
	p := newProject(t)
	if s := p.input(t, nil).Source; s.Path != "services/api" || s.ConfigPath != "services" {
		t.Errorf("%+v", s)
	}
	// Without a configuration, paths begin where imgo ran.
	p.made.Target.Settings.FilesRoot.Root = p.root
	if s := p.input(t, nil).Source; s.Path != "services/api" || s.ConfigPath != "" {
		t.Errorf("%+v", s)
	}
	// Somebody else's package is built by what requires it.
	p.made.Target.Package.Module.Version, p.made.Target.Settings.Go.Dir = "v1.2.3", p.root
	if s := p.input(t, nil).Source; s.Path != "" {
		t.Errorf("%+v", s)
	}
	p.made.Target.Package.Module.Version = ""
	// A configuration from elsewhere.
	p.made.Target.Settings.FilesRoot.Root = t.TempDir()
	in := p.input(t, nil)
	if in.Source.ConfigPath != in.Source.Path {
		t.Errorf("%+v", in.Source)
	}
	in.Subjects = []provenance.Subject{{Name: "x", Digest: map[string]string{"sha256": strings.Repeat("a", 64)}}}
	in.Modules = nil
	raw, err := provenance.Statement(in)
	if err != nil || strings.Contains(string(raw), "web/**") {
		t.Errorf("%v: its files are told in %s", err, raw)
	}
}

func TestModulesHaveNoDirectoriesAndNoVersionsThatTheyLack(t *testing.T) {
	want := []provenance.Module{
		{Path: "example.com/dep", Version: "v1.0.0", Sum: "h1:x"},
		{Path: "example.com/workspace"},
		{Path: "example.com/local", Version: "v0.0.0", ReplacedBy: &provenance.Module{Path: "../local"}},
	}
	if diff := cmp.Diff(want, newProject(t).input(t, nil).Modules); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFilesAreMaterials(t *testing.T) {
	var got []string
	for _, f := range newProject(t).input(t, nil).Files {
		got = append(got, f.Name)
		if len(f.Digest["sha256"]) != 64 {
			t.Errorf("%+v has no digest", f)
		}
	}
	if diff := cmp.Diff([]string{"/srv/www/", "/etc/app"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The SBOM says the same of files, and names no directory of the machine.
func TestFilesInSBOMs(t *testing.T) {
	p := newProject(t)
	var out sbom.Image
	if err := p.attester(nil).describeLayers(&p.made.Images[0], &out); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range out.Files {
		got = append(got, f.Description)
	}
	if diff := cmp.Diff([]string{"/srv/www/ from files", "/etc/app from ../etc", "volumes /data of 1000:1000"}, got); diff != "" || out.Runtime == nil {
		t.Errorf("runtime %v (-want +got):\n%s", out.Runtime, diff)
	}
	if at := projectPath(p.made.Target, p.made.Target.Package); at != "services/api" {
		t.Errorf("the module is at %q", at)
	}
}

func TestBases(t *testing.T) {
	manifest, index := v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("a", 64)}, v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("b", 64)}
	converted, err := empty.Image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	p := newProject(t)
	for name, c := range map[string]struct {
		ref    string
		base   build.Base
		want   string // ref
		digest v1.Hash
		uri    string
	}{
		"of an index": {
			"distroless", build.Base{Name: "gcr.io/x/y:z", Digest: manifest, Index: index},
			"distroless", index, "pkg:oci/y@sha256%3A" + index.Hex + "?repository_url=gcr.io/x/y&tag=z",
		},
		"of a manifest": {
			"gcr.io/x/y:z", build.Base{Name: "gcr.io/x/y:z", Digest: manifest},
			"gcr.io/x/y:z", manifest, "pkg:oci/y@sha256%3A" + manifest.Hex + "?repository_url=gcr.io/x/y&tag=z",
		},
		"a layout of the configuration's": {"oci:" + p.path("base"), build.Base{Digest: manifest}, "oci:../base", manifest, ""},
		"an archive of the command line's": {
			"base.tar", build.Base{Digest: manifest, Index: index}, "api/base.tar", index, "",
		},
		"an archive of docker's": {filepath.Join(p.root, "x.tar"), build.Base{}, "../x.tar", converted, ""},
	} {
		p.made.Target.Settings.Base, c.base.Image = c.ref, empty.Image
		p.made.Images[0].Base = c.base
		p.made.Images = p.made.Images[:1]
		want := []provenance.Base{{Platform: "linux/amd64", Ref: c.want, Material: provenance.Material{Name: c.base.Name, URI: c.uri, Digest: digestSet(c.digest)}}}
		if diff := cmp.Diff(want, p.input(t, nil).Bases); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	p.made.Target.Settings.Base, p.made.Images[0].Base = "scratch", build.Base{Image: empty.Image}
	if got := p.input(t, nil).Bases; got != nil {
		t.Errorf("the empty base is %+v", got)
	}
}

func TestGoSettings(t *testing.T) {
	p := newProject(t)
	in := p.input(t, func(s build.GoSettings) build.GoSettings {
		s.Tags, s.Ldflags = []string{"x"}, []string{"-X main.v=1"}
		s.BuildEnv = []string{"GOFLAGS=-mod=mod", "GOPROXY=off", "GOAMD64=v1", "GO386=softfloat", "GOTOOLCHAIN=go1.26.1", "CGO_ENABLED=0", "CC=/usr/bin/cc", "GOWORK=" + p.path("services/go.work")}
		return s
	})
	want := provenance.GoSettings{
		Tags: []string{"x"}, Ldflags: []string{"-X main.v=1"}, Trimpath: true, Toolchain: "devel go1.27-0123 Mon Jan 2",
		Env: map[string]string{"GOFLAGS": "-mod=mod", "GOPROXY": "off", "GO386": "softfloat", "CGO_ENABLED": "0", "CC": "/usr/bin/cc", "GOEXPERIMENT": "x", "GOFIPS140": "v1.0.0"},
	}
	if diff := cmp.Diff(want, in.Go); diff != "" || in.Untold != nil {
		t.Errorf("untold %v (-want +got):\n%s", in.Untold, diff)
	}
	// Whoever has the repository doesn't find these.
	for _, work := range []string{filepath.Join(filepath.Dir(p.root), "go.work"), p.path("services/other.work"), p.path("web/go.work")} {
		in := p.input(t, func(s build.GoSettings) build.GoSettings {
			s.BuildEnv = []string{"GOWORK=" + work}
			return s
		})
		if in.Go.Env["GOWORK"] != work {
			t.Errorf("%s is passed over", work)
		}
	}
}

func TestWhatCannotBeTold(t *testing.T) {
	p := newProject(t)
	for i, img := range p.made.Images {
		p.made.Images[i].Programs[0].Go.Ldflags = []string{"-X main.platform=" + img.Platform.Architecture}
		p.made.Images[i].Programs[0].Info.Settings = []debug.BuildSetting{{Key: "CGO_ENABLED", Value: "1"}}
	}
	in := p.input(t, nil)
	want := []provenance.Omission{{What: "go.env.CC", Why: "the C compiler and its libraries are the machine's"}, {What: "go.ldflags", Why: "they differ from platform to platform"}}
	if diff := cmp.Diff(want, in.Untold); diff != "" || in.Go.Ldflags != nil {
		t.Errorf("flags %q (-want +got):\n%s", in.Go.Ldflags, diff)
	}
}

// Settings that leave the image as it is are told all the same, and so have to be asked for.
func TestTheKeyNamesAllThatIsTold(t *testing.T) {
	p := newProject(t)
	keys := map[string]string{}
	for name, change := range map[string]func(*build.Target){
		"as it is":             func(*build.Target) {},
		"a file":               func(tt *build.Target) { tt.Settings.Files[0].From = "other" },
		"where it is":          func(tt *build.Target) { tt.Settings.FilesRoot.Root = p.root },
		"what belongs to it":   func(tt *build.Target) { tt.Settings.FilesRoot.Bounds = p.path("services") },
		"what is told besides": func(tt *build.Target) { tt.Settings.Attest.SBOM = []string{"spdx"} },
	} {
		p := &project{root: p.root, made: &build.Made{Images: p.made.Images}}
		p.made.Target = target()
		p.made.Target.Package.Module.Dir = p.path("services/api")
		p.made.Target.Settings.FilesRoot = files.Options{Root: p.path("services"), Bounds: p.root}
		p.made.Target.Settings.Attest.Provenance = true
		change(p.made.Target)
		in := p.input(t, nil)
		key := p.attester(nil).key(p.made, &in)
		if other, dup := keys[key]; dup {
			t.Errorf("%s and %s have one key", name, other)
		}
		keys[key] = name
	}
}
