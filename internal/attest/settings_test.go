package attest

import (
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/imgo-build/imgo/internal/account"
	"github.com/imgo-build/imgo/internal/configfile"
	"github.com/imgo-build/imgo/internal/files"
	"github.com/imgo-build/imgo/internal/probe"
	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/layer"
)

// target is an image with all settings that there are.
func target() *build.Target {
	variables := func(keys ...string) []build.Var {
		var out []build.Var
		for _, k := range keys {
			out = append(out, build.Var{Key: k, Text: build.Text{Value: "secret"}})
		}
		return out
	}
	module := &build.Module{Path: "example.com/m", Dir: "/src/services/api"}
	program := func(name string) build.Package {
		return build.Package{ImportPath: "example.com/m/cmd/" + name, Name: name, Dir: "/src/services/api/cmd/" + name, Module: module}
	}
	return &build.Target{
		Name: "api", Package: program("server"),
		More: []build.Program{
			{Package: program("migrate"), Path: "/app/migrate"},
			{Package: program("tool"), Path: "/usr/bin/migrate"},
			{Package: build.Package{ImportPath: probe.Module}, Path: probe.Path},
		},
		Settings: build.Settings{
			Base: "scratch",
			Config: build.Config{
				User: "1000:1000", WorkingDir: "/srv", Env: variables("B", "A"), Labels: variables("team"), Annotations: variables("note"),
				Ports: []string{"8080/tcp", "53/udp"}, Volumes: []string{"/data"}, Args: []string{"--level", "007", "", "no: \u2028\"'{{"}, Cmd: []string{"serve"},
				StopSignal: "SIGINT", Compression: layer.Gzip, Docker: true,
				Healthcheck: &build.Healthcheck{URL: "http://127.0.0.1:8080/healthz", Interval: 90 * time.Second, Timeout: 1500 * time.Millisecond, Retries: 3},
			},
			Files: []files.Group{
				{From: "web/**/*.{js,css}", To: "/srv/www/", Mode: "0644", Owner: "1000:1000", Exclude: []string{"*.map", "!keep.map"}},
				{From: "../etc", To: "/etc/app"},
			},
			FilesRoot: files.Options{Root: "/src/services", Bounds: "/src"},
		},
	}
}

// parse reads settings as those of an image of a configuration file.
func parse(t *testing.T, settings map[string]any) configfile.Image {
	t.Helper()
	raw, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	var image map[string]any
	if err := json.Unmarshal(raw, &image); err != nil {
		t.Fatal(err)
	}
	name := image["name"].(string)
	image["package"] = "example.com/m/cmd/server"
	for _, key := range []string{"env", "labels", "annotations"} { // whose values are in the image
		pairs := map[string]string{}
		list, _ := image[key].([]any)
		for _, k := range list {
			pairs[k.(string)] = "from the image"
		}
		image[key] = pairs
	}
	delete(image, "name")
	text, err := json.Marshal(map[string]any{"images": map[string]any{name: image}})
	if err != nil {
		t.Fatal(err)
	}
	file, err := configfile.Parse(text, ".imgo.yaml", "/src/services")
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return file.Images[0]
}

func TestSettingsAreThoseOfAConfiguration(t *testing.T) {
	tt := target()
	got := parse(t, imageSettings(tt, &origin{}))
	c := &tt.Settings.Config
	for what, pair := range map[string][2]any{
		"name":       {tt.Name, got.Name},
		"user":       {c.User, got.User.V.Spec},
		"workdir":    {c.WorkingDir, got.Workdir.V},
		"path":       {"/app/server", got.BinaryPath.V},
		"ports":      {c.Ports, got.Ports.Strings()},
		"volumes":    {c.Volumes, got.Volumes.Strings()},
		"args":       {c.Args, got.Args.Strings()},
		"cmd":        {c.Cmd, got.Cmd.Strings()},
		"signal":     {c.StopSignal, got.StopSignal.V},
		"mediaTypes": {"docker", got.MediaTypes.V},
		"gzip":       {"gzip", got.Compression.V},
		"URL":        {c.Healthcheck.URL, got.Healthcheck.V.URL},
		"interval":   {c.Healthcheck.Interval, got.Healthcheck.V.Interval.V},
		"timeout":    {c.Healthcheck.Timeout, got.Healthcheck.V.Timeout.V},
		"no period":  {false, got.Healthcheck.V.StartPeriod.IsSet()},
		"retries":    {int64(3), got.Healthcheck.V.Retries.V},
		"env":        {2, len(got.Env)},
		"label":      {"team", got.Labels[0].Key},
		"annotation": {"note", got.Annotations[0].Key},
	} {
		if diff := cmp.Diff(pair[0], pair[1]); diff != "" {
			t.Errorf("%s (-asked +read):\n%s", what, diff)
		}
	}
	var groups []files.Group
	for _, f := range got.Files.Items {
		g := files.Group{From: f.From.V, To: f.To.V, Owner: f.Owner.V, Exclude: f.Exclude.Strings()}
		if f.Mode.V == 0o644 {
			g.Mode = "0644"
		}
		groups = append(groups, g)
	}
	if diff := cmp.Diff(tt.Settings.Files, groups); diff != "" {
		t.Errorf("files (-asked +read):\n%s", diff)
	}
	binaries := map[string][2]string{}
	for _, b := range got.Binaries {
		binaries[b.Name] = [2]string{b.Package.V, b.Path.V}
	}
	want := map[string][2]string{"migrate": {"example.com/m/cmd/migrate", "/app/migrate"}, "migrate_": {"example.com/m/cmd/tool", "/usr/bin/migrate"}}
	if diff := cmp.Diff(want, binaries); diff != "" {
		t.Errorf("binaries (-want +got):\n%s", diff)
	}
}

func TestUsers(t *testing.T) {
	for name, c := range map[string]struct {
		spec account.Spec
		want any
	}{
		"by name":      {account.Spec{Name: "app", UID: -1, GID: -1}, "app"},
		"with a group": {account.Spec{Name: "app", Group: "web", UID: -1, GID: -1}, "app:web"},
		"told all of":  {account.Spec{Name: "app", UID: 0, GID: 7, Home: "/"}, map[string]any{"name": "app", "uid": 0, "gid": 7, "home": "/"}},
	} {
		got := imageSettings(&build.Target{Name: "api", Settings: build.Settings{Config: build.Config{WorkingDir: "/", Account: &c.spec, BinaryPath: "/x"}}}, &origin{})
		if diff := cmp.Diff(c.want, got["user"]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		read := parse(t, got).User.V
		if m, ok := c.want.(map[string]any); ok && (read.Name.V != "app" || !read.UID.IsSet() || read.UID.V != 0 || read.GID.V != 7 || read.Home.V != m["home"]) ||
			!ok && read.Spec != c.want {
			t.Errorf("%s: it is read as %+v", name, read)
		}
	}
}

func TestHealthchecks(t *testing.T) {
	for name, c := range map[string]struct {
		check *build.Healthcheck
		want  any
	}{
		"nothing said": {nil, nil},
		"none":         {&build.Healthcheck{None: true}, "none"},
		"a command":    {&build.Healthcheck{Test: []string{"CMD", "/app/x", "health"}, StartPeriod: time.Minute}, map[string]any{"test": []string{"CMD", "/app/x", "health"}, "startPeriod": "1m0s"}},
	} {
		tt := target()
		tt.Settings.Config.Healthcheck = c.check
		got := imageSettings(tt, &origin{})
		if diff := cmp.Diff(c.want, got["healthcheck"]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		read := parse(t, got).Healthcheck
		if read.IsSet() != (c.check != nil) || c.check != nil && (read.V.Disabled != c.check.None || !cmp.Equal(read.V.Test, c.check.Test) || read.V.StartPeriod.V != c.check.StartPeriod) {
			t.Errorf("%s: it is read as %+v", name, read)
		}
	}
}

// What is relative to a configuration outside of the repository is in no repository.
func TestFilesOfAForeignConfiguration(t *testing.T) {
	groups := fileGroups(target(), &origin{foreign: true})
	for _, g := range groups {
		if from := g["from"].(string); !filepath.IsAbs(from) {
			t.Errorf("%s would be taken for one of the repository", from)
		}
	}
}
