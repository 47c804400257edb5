package rebuild_test

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/imgo-build/imgo/internal/attest/provenance"
	"github.com/imgo-build/imgo/internal/configfile"
	"github.com/imgo-build/imgo/internal/expand"
	"github.com/imgo-build/imgo/internal/rebuild"
)

const commit = "0123456789abcdef0123456789abcdef01234567"

// told is a provenance, as [provenance.Parse] returns it, with changes.
func told(change func(*provenance.Parsed)) *provenance.Parsed {
	p := &provenance.Parsed{Input: provenance.Input{
		Source:    &provenance.Source{Repository: "https://example.com/acme/m", Commit: commit},
		Package:   "example.com/m/cmd/server",
		Name:      "server",
		Platforms: []string{"linux/amd64"},
		Go:        provenance.GoSettings{Trimpath: true, Toolchain: "go1.26.1"},
	}}
	if change != nil {
		change(p)
	}
	return p
}

func artifact() rebuild.Artifact {
	return rebuild.Artifact{Images: []rebuild.Image{{Platform: "linux/amd64", Created: time.Unix(1700000000, 0)}}}
}

// checkout is a directory as a commit may leave it.
func checkout(t *testing.T, files ...string) string {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		text := ""
		if filepath.Base(name) == "go.mod" {
			text = "module example.com/m\n"
		}
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// placed is where and what to build; the configuration is one that imgo reads.
func placed(t *testing.T, p *provenance.Parsed, a rebuild.Artifact, root string) (*rebuild.Place, *configfile.File, *rebuild.Recipe) {
	t.Helper()
	r, err := rebuild.New(p, a)
	if err != nil {
		t.Fatal(err)
	}
	place, err := r.In(root)
	if err != nil {
		t.Fatal(err)
	}
	file, err := configfile.Parse([]byte(place.Config), "x.yaml", root)
	if err != nil {
		t.Fatalf("%v\n%s", err, place.Config)
	}
	return place, file, r
}

// decoded is a configuration as provenance.Parse has it.
func decoded(t *testing.T, text string) map[string]any {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var out map[string]any
	if err := dec.Decode(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

// settingsOf is the one image of a file, by the words of the configuration, as far as it
// was set.
func settingsOf(t *testing.T, f *configfile.File) map[string]any {
	t.Helper()
	if len(f.Images) != 1 {
		t.Fatalf("%d images", len(f.Images))
	}
	s := f.Images[0].Settings
	out := map[string]any{"package": s.Package.V}
	for key, l := range map[string]configfile.List{
		"platforms": s.Platforms, "ports": s.Ports, "volumes": s.Volumes, "args": s.Args, "cmd": s.Cmd,
		"ldflags": s.Ldflags, "gcflags": s.Gcflags, "buildTags": s.BuildTags,
	} {
		if l.IsSet() {
			out[key] = l.Strings()
		}
	}
	for key, v := range map[string]configfile.Value[string]{
		"workdir": s.Workdir, "binaryPath": s.BinaryPath, "stopSignal": s.StopSignal, "mediaTypes": s.MediaTypes, "compression": s.Compression, "base": s.Base,
	} {
		if v.IsSet() {
			out[key] = v.V
		}
	}
	for key, pairs := range map[string]configfile.Pairs{"env": s.Env, "labels": s.Labels, "annotations": s.Annotations, "buildEnv": s.BuildEnv, "bases": s.Bases} {
		var list []string
		for _, p := range pairs {
			list = append(list, p.Key+"="+p.Value)
		}
		if list != nil {
			out[key] = list
		}
	}
	for _, b := range s.Binaries {
		list, _ := out["binaries"].([]string)
		out["binaries"] = append(list, b.Name+"="+b.Package.V+b.Path.V)
	}
	for _, f := range s.Files.Items {
		list, _ := out["files"].([]string)
		out["files"] = append(list, f.From.V+":"+f.To.V)
	}
	if s.User.IsSet() {
		out["user"] = s.User.V.Spec + s.User.V.Name.V
	}
	if s.Healthcheck.IsSet() {
		out["healthcheck"] = s.Healthcheck.V.URL
	}
	if s.VCS.IsSet() {
		out["vcs"] = s.VCS.V
	}
	return out
}

func TestConfigurationSaysWhatTheProvenanceDoes(t *testing.T) {
	const base = "docker.io/library/alpine:3.24"
	const one, two = "2222222222222222222222222222222222222222222222222222222222222222", "3333333333333333333333333333333333333333333333333333333333333333"
	material := func(digest string) provenance.Material {
		return provenance.Material{Name: base, Digest: map[string]string{"sha256": digest}}
	}
	twoPlatforms := func() rebuild.Artifact {
		return rebuild.Artifact{Index: true, Images: []rebuild.Image{
			{Platform: "linux/arm64", Env: []string{"ARCH=on linux/arm64", "BOTH=1", "ODD=x"}, Labels: map[string]string{"l": "1"}},
			{Platform: "linux/amd64", Env: []string{"ARCH=on linux/amd64", "BOTH=1", "ODD=y"}, Labels: map[string]string{"l": "1"}},
		}}
	}
	both := []string{"linux/arm64", "linux/amd64"}
	for name, c := range map[string]struct {
		parsed   *provenance.Parsed
		artifact rebuild.Artifact
		want     map[string]any // beside package and platforms
		notes    string
	}{
		"nothing": {parsed: told(nil), artifact: artifact()},
		"the image": {
			parsed: told(func(p *provenance.Parsed) {
				p.Config = decoded(t, `{"name": "server", "user": {"name": "app", "uid": 1000}, "workdir": "/srv", "binaryPath": "/bin/server",
					"ports": ["80/tcp"], "volumes": ["/data"], "args": ["--a={{x}}", "ü\u0001"], "cmd": ["serve"], "stopSignal": "SIGINT",
					"mediaTypes": "docker", "compression": "gzip", "healthcheck": {"url": "http://127.0.0.1:80/", "retries": 3},
					"files": [{"from": "web", "to": "/srv", "mode": "0644"}]}`)
			}),
			artifact: artifact(),
			want: map[string]any{
				"user": "app", "workdir": "/srv", "binaryPath": "/bin/server", "ports": []string{"80/tcp"}, "volumes": []string{"/data"},
				"args": []string{"--a={{x}}", "ü\u0001"}, "cmd": []string{"serve"}, "stopSignal": "SIGINT", "mediaTypes": "docker",
				"compression": "gzip", "healthcheck": "http://127.0.0.1:80/", "files": []string{"web:/srv"},
			},
		},
		"values come from the image, in the order of the keys, and are no templates": {
			parsed: told(func(p *provenance.Parsed) {
				p.Config = decoded(t, `{"env": ["Z", "A"], "labels": ["l", "gone"], "annotations": ["n", "docker"]}`)
			}),
			artifact: rebuild.Artifact{Images: []rebuild.Image{{
				Platform: "linux/amd64", Env: []string{"A=0", "PATH=/bin", "A={{.Env.HOME}}", "Z={{{"},
				Labels: map[string]string{"l": "\u007f😀\"\\", "docker": "as a label", "other": "imgo's"}, Annotations: map[string]string{"n": "line\nline"},
			}}},
			want: map[string]any{
				"env": []string{`Z={{"{{"}}{`, `A={{"{{"}}.Env.HOME}}`}, "labels": []string{"l=\u007f😀\"\\"},
				"annotations": []string{"n=line\nline", "docker=as a label"},
			},
			notes: "config.labels names gone, which the image does not have",
		},
		"values for each platform": {
			parsed: told(func(p *provenance.Parsed) {
				p.Platforms, p.Config = both, decoded(t, `{"env": ["ARCH", "BOTH", "ODD"]}`)
			}),
			artifact: twoPlatforms(),
			want:     map[string]any{"platforms": both, "env": []string{"ARCH=on {{.Platform}}", "BOTH=1", "ODD=x"}},
			notes:    "config.env: ODD differs from platform to platform in a way that can't be repeated",
		},
		"one image of an index": {
			parsed: told(func(p *provenance.Parsed) {
				p.Platforms = both
				p.Bases = []provenance.Base{{Platform: both[0], Ref: "alpine", Material: material(one)}, {Platform: both[1], Ref: "alpine", Material: material(two)}}
			}),
			artifact: artifact(),
			want:     map[string]any{"base": base + "@sha256:" + two},
		},
		"the go command": {
			parsed: told(func(p *provenance.Parsed) {
				p.Go = provenance.GoSettings{
					Tags: []string{"a,b", "b c"}, Ldflags: []string{"-X main.v={{1}}", "-s"}, Gcflags: []string{"all=-N"}, Trimpath: true, VCS: true,
					Env: map[string]string{"CGO_ENABLED": "0", "GOAMD64": "v1", "GOFLAGS": "-mod=vendor", "GOOS": "linux", "GOTOOLCHAIN": "go1.26.1", "GOWORK": ""},
				}
			}),
			artifact: artifact(),
			want: map[string]any{
				"buildTags": []string{"a", "b", "c"}, "ldflags": []string{`-X main.v={{"{{"}}1}}`, "-s"}, "gcflags": []string{"all=-N"}, "vcs": true,
				"buildEnv": []string{"CGO_ENABLED=0", "GOFLAGS=-mod=vendor"},
			},
		},
		"paths of the machine": {
			parsed:   told(func(p *provenance.Parsed) { p.Go.Trimpath, p.Go.Env = false, map[string]string{"GOFLAGS": "-mod=mod"} }),
			artifact: artifact(),
			want:     map[string]any{"buildEnv": []string{"GOFLAGS=-mod=mod -trimpath=false"}},
			notes:    "the binary was built without -trimpath, so that the names of the builder's directories are in it: elsewhere it is another",
		},
		"binaries in the order of their layers": {
			parsed: told(func(p *provenance.Parsed) {
				p.Config = decoded(t, `{"binaries": {"a+": {"package": "x/a", "path": "/app/a+"}, "b": {"package": "x/b", "path": "/bin/b"}, "c": {"package": "x/c", "path": "/app/c"}}}`)
			}),
			artifact: rebuild.Artifact{Images: []rebuild.Image{{Platform: "linux/amd64", Programs: []string{"/app/c", "/bin/b", "/app/a+", "/app/server"}}}},
			want:     map[string]any{"binaries": []string{"binary1=x/c/app/c", "binary2=x/b/bin/b", "binary3=x/a/app/a+"}},
		},
		"a base for all": {
			parsed: told(func(p *provenance.Parsed) {
				p.Platforms = both
				p.Bases = []provenance.Base{{Platform: both[0], Ref: "alpine", Material: material(one)}, {Platform: both[1], Ref: "alpine", Material: material(one)}}
			}),
			artifact: twoPlatforms(),
			want:     map[string]any{"platforms": both, "base": base + "@sha256:" + one},
		},
		"a base for one, a layout for the other": {
			parsed: told(func(p *provenance.Parsed) {
				p.Platforms = both
				p.Bases = []provenance.Base{
					{Platform: both[0], Ref: "alpine", Material: material(one)},
					{Platform: both[1], Ref: "oci:base", Material: provenance.Material{Digest: map[string]string{"sha256": two}}},
				}
			}),
			artifact: twoPlatforms(),
			want:     map[string]any{"platforms": both, "bases": []string{"linux/arm64=" + base + "@sha256:" + one, "linux/amd64=oci:base"}},
		},
		"a module from elsewhere": {
			parsed: told(func(p *provenance.Parsed) {
				p.Modules = []provenance.Module{{Path: "example.com/x", ReplacedBy: &provenance.Module{Path: "../x"}}}
			}),
			artifact: artifact(),
			notes:    "module example.com/x was replaced by a directory of the builder's, which may not be in the repository",
		},
	} {
		t.Run(name, func(t *testing.T) {
			place, file, r := placed(t, c.parsed, c.artifact, checkout(t, "go.mod", "base/index.json"))
			if place.Arg != "server" {
				t.Errorf("%s is to be built", place.Arg)
			}
			want := map[string]any{"package": "./cmd/server", "platforms": []string{"linux/amd64"}}
			maps.Copy(want, c.want)
			if diff := cmp.Diff(want, settingsOf(t, file)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if got := strings.Join(r.Notes, "\n"); got != c.notes {
				t.Errorf("notes: %s", got)
			}
		})
	}
}

func TestPlace(t *testing.T) {
	for name, c := range map[string]struct {
		path, config, pkg string // of the provenance
		files             []string
		want              string // the package in the configuration
		workspace         bool
	}{
		"the root":                         {pkg: "example.com/m", files: []string{"go.mod"}, want: "."},
		"a command":                        {pkg: "example.com/m/cmd/a.go", files: []string{"go.mod"}, want: "./cmd/a.go/"},
		"a module below the configuration": {path: "svc", pkg: "example.com/m/cmd/a", files: []string{"svc/go.mod"}, want: "./svc/cmd/a"},
		"a configuration below the module": {config: "deploy", pkg: "example.com/m/cmd/a", files: []string{"go.mod", "deploy/x"}, want: "../cmd/a"},
		"a workspace":                      {path: "svc", config: "svc", pkg: "example.com/other/cmd/a", files: []string{"go.work", "svc/go.mod"}, want: "example.com/other/cmd/a", workspace: true},
		"another module's name":            {pkg: "example.com/mm/a", files: []string{"go.mod"}, want: "example.com/mm/a"},
	} {
		t.Run(name, func(t *testing.T) {
			p := told(func(p *provenance.Parsed) { p.Source.Path, p.Source.ConfigPath, p.Package = c.path, c.config, c.pkg })
			root := checkout(t, c.files...)
			r, err := rebuild.New(p, artifact())
			if err != nil {
				t.Fatal(err)
			}
			place, err := r.In(root)
			if err != nil {
				t.Fatal(err)
			}
			if want := `"package": "` + strings.TrimSuffix(c.want, "/") + `"`; !strings.Contains(place.Config, want) {
				t.Errorf("no %s in %s", want, place.Config)
			}
			if place.Workspace != c.workspace || place.ModuleDir != filepath.Join(root, c.path) || place.ConfigDir != filepath.Join(root, c.config) {
				t.Errorf("%+v", place)
			}
			off := len(place.Environment(nil)) == 1
			if off == c.workspace {
				t.Errorf("the environment is %q", place.Environment(nil))
			}
		})
	}
}

// A package without an image of the configuration may have a name that none there can have.
func TestPackageWithoutAnImage(t *testing.T) {
	p := told(func(p *provenance.Parsed) {
		p.Package, p.Config = "example.com/m/Server", decoded(t, `{"name": "Server", "env": ["A"]}`)
	})
	a := artifact()
	a.Images[0].Env = []string{"A=1"}
	place, file, _ := placed(t, p, a, checkout(t, "go.mod"))
	if place.Arg != "example.com/m/Server" || len(file.Images) != 0 {
		t.Errorf("%q by %s", place.Arg, place.Config)
	}
	if got, _ := file.Defaults.Env.Get("A"); got.Value != "1" {
		t.Errorf("A is %q", got.Value)
	}
}

func TestWriting(t *testing.T) {
	root := checkout(t, "go.mod", ".git/HEAD", ".imgo.yaml")
	place, _, r := placed(t, told(nil), artifact(), root)
	file, err := place.Write(root)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil || string(text) != place.Config || filepath.Dir(file) != root {
		t.Errorf("%s: %s, %v", file, text, err)
	}
	exclude, err := os.ReadFile(filepath.Join(root, ".git", "info", "exclude"))
	if err != nil || string(exclude) != filepath.Base(file)+"\n" {
		t.Errorf("excluded is %q, %v", exclude, err)
	}
	if r.Created() != "1700000000" {
		t.Errorf("created %s", r.Created())
	}
}

func TestStampedVersion(t *testing.T) {
	a := artifact()
	a.Images[0].Labels = map[string]string{"org.opencontainers.image.version": "v1.2.3"}
	for name, c := range map[string]struct {
		vcs    bool
		config string
		want   string
	}{
		"stamped": {true, `{}`, "v1.2.3"}, "not": {false, `{}`, ""}, "the user's own label": {true, `{"labels": ["org.opencontainers.image.version"]}`, ""},
	} {
		r, err := rebuild.New(told(func(p *provenance.Parsed) { p.Go.VCS, p.Config = c.vcs, decoded(t, c.config) }), a)
		if err != nil || r.Stamped() != c.want {
			t.Errorf("%s: %q, %v", name, r.Stamped(), err)
		}
	}
}

func TestRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*provenance.Parsed)
		want   string
	}{
		"no source":         {func(p *provenance.Parsed) { p.Source = nil }, "source: it names no commit"},
		"changes":           {func(p *provenance.Parsed) { p.Source.Dirty = true }, "source: there were changes that are in no commit"},
		"a program to link": {func(p *provenance.Parsed) { p.Go.Ldflags = []string{"-extld=/tmp/x"} }, "go.ldflags: -extld is not taken from others: it names a program to run"},
		"odd flags":         {func(p *provenance.Parsed) { p.Go.Gcflags = []string{"x"} }, `go.gcflags: a value starts with "-" or has the form PATTERN=FLAGS`},
		"a program to run":  {func(p *provenance.Parsed) { p.Go.Env = map[string]string{"GOFLAGS": "-toolexec=/tmp/x"} }, "go.env: -toolexec is not taken from others: it names a program to run"},
		"odd tags":          {func(p *provenance.Parsed) { p.Go.Tags = []string{"a;b"} }, `go.tags: a build tag has letters, digits, "_" and "." only`},
		"no platform":       {func(p *provenance.Parsed) { p.Platforms = nil }, "platforms: there are none"},
		"another system":    {func(p *provenance.Parsed) { p.Platforms = []string{"plan9/amd64"} }, "platforms: "},
		"a machine's base":  {func(p *provenance.Parsed) { p.Bases = []provenance.Base{{}} }, "bases: it was built on a file of the builder's machine"},
		"a base anywhere": {func(p *provenance.Parsed) {
			p.Bases = []provenance.Base{{Ref: "x", Material: provenance.Material{Name: "gcr.io/x"}}}
		}, `bases: "gcr.io/x" has no digest`},
		"a layout as a name": {func(p *provenance.Parsed) {
			p.Bases = []provenance.Base{{Ref: "x", Material: provenance.Material{Name: "oci:/tmp/x", Digest: map[string]string{"sha256": strings.Repeat("a", 64)}}}}
		}, `bases: "oci:/tmp/x" is in no registry`},
		"an unknown setting":  {func(p *provenance.Parsed) { p.Config = map[string]any{"sign": "keyless"} }, "config.sign: this imgo doesn't know such a setting"},
		"a level's options":   {func(p *provenance.Parsed) { p.Go.Env = map[string]string{"GOARM": "7,softfloat"} }, "go.env: GOARM is not taken from others: the platform decides it"},
		"binaries nowhere":    {func(p *provenance.Parsed) { p.Config = map[string]any{"binaries": map[string]any{"x": "./x"}} }, `config.binaries: "x" has no path`},
		"binaries of no kind": {func(p *provenance.Parsed) { p.Config = map[string]any{"binaries": "x"} }, "config.binaries: it is no mapping"},
	} {
		_, err := rebuild.New(told(c.change), artifact())
		if _, ok := errors.AsType[*rebuild.RefusedError](err); !ok || !strings.Contains(err.Error(), "it can't be built again: "+c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPlacesRefused(t *testing.T) {
	root := checkout(t, "go.mod", "empty/x")
	outside := t.TempDir()
	if err := os.Symlink(outside, filepath.Join(root, "link")); err != nil {
		t.Logf("there are no links here: %v", err)
	}
	for name, c := range map[string]struct{ path, config, pkg, want string }{
		"no module":           {"empty", "", "example.com/m", `source.path: the commit has no go.mod in "/empty"`},
		"no directory":        {"gone", "", "example.com/m", `source.path: the commit has no directory "/gone"`},
		"a link that leaves":  {"link", "", "example.com/m", `source.path: `},
		"a configuration too": {"", "link", "example.com/m", `source.path: `},
		"a flag":              {"", "", "-x", `package: "-x" is not a package`},
	} {
		r, err := rebuild.New(told(func(p *provenance.Parsed) {
			p.Source.Path, p.Source.ConfigPath, p.Package = c.path, c.config, c.pkg
			p.Config = map[string]any{"name": "Upper"} // so that the package is named on the command line
		}), artifact())
		if err != nil {
			t.Fatal(err)
		}
		_, err = r.In(root)
		if _, ok := errors.AsType[*rebuild.RefusedError](err); !ok || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What lies on the machine of whoever verifies is none of a provenance's business.
func TestBasesOfTheMachineAreRefused(t *testing.T) {
	root := checkout(t, "go.mod", "sub/base/index.json", "base.tar")
	outside := t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "base.tar"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(outside, "base.tar"), filepath.Join(root, "link.tar")); err != nil {
		t.Logf("there are no links here: %v", err)
	}
	for ref, good := range map[string]bool{
		"oci:base": true, "../base.tar": true,
		filepath.Join(outside, "base.tar"): false, "oci:" + outside: false, "oci:../../" + filepath.Base(outside): false,
		"../link.tar": false, "gone.tar": false, "oci:": false, "oci:..": true, "oci:../..": false,
	} {
		r, err := rebuild.New(told(func(p *provenance.Parsed) {
			p.Source.ConfigPath, p.Bases = "sub", []provenance.Base{{Ref: ref}}
		}), artifact())
		if err != nil {
			t.Fatal(err)
		}
		_, err = r.In(root)
		if _, refused := errors.AsType[*rebuild.RefusedError](err); refused == good || !good && !strings.Contains(err.Error(), "bases: ") {
			t.Errorf("%s: %v", ref, err)
		}
	}
}

// Whatever an image says comes out of the configuration as it was, or the configuration
// is refused.
func FuzzConfiguration(f *testing.F) {
	f.Add("A", "{{.Env.HOME}}", "--x")
	f.Add("a b", "\x00\x7f\u0085\ufeff\U0001f600\xff", "'\"\\\n#: ")
	f.Add("l", "{{{{}}", "\u2028{{")
	root, err := filepath.EvalSymlinks(f.TempDir())
	if err != nil {
		f.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "go.mod"), []byte("module example.com/m\n"), 0o644); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, key, value, arg string) {
		valid := func(s string) string { return strings.ToValidUTF8(s, "\ufffd") }
		key, arg = valid(key), valid(arg)
		p := told(func(p *provenance.Parsed) { p.Config = map[string]any{"labels": []any{key}, "args": []any{arg}} })
		a := artifact()
		a.Images[0].Labels = map[string]string{key: value}
		r, err := rebuild.New(p, a)
		if err != nil {
			t.Fatal(err)
		}
		place, err := r.In(root)
		if err != nil {
			t.Fatal(err)
		}
		file, err := configfile.Parse([]byte(place.Config), "x.yaml", root)
		if err != nil {
			return
		}
		s := file.Images[0].Settings
		if got := s.Args.Strings()[0]; got != arg {
			t.Errorf("the argument %q is %q", arg, got)
		}
		label := s.Labels[0]
		text, err := expand.Parse(label.Value)
		if err != nil {
			if len(label.Value) <= expand.MaxSize {
				t.Errorf("%q is no template: %v", label.Value, err)
			}
			return
		}
		if got, err := text.Execute(expand.Values{}); err != nil || label.Key != key || got != valid(value) {
			t.Errorf("the label %q=%q is %q=%q, %v", key, value, label.Key, got, err)
		}
	})
}
