package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/imgo-build/imgo/internal/config"
	"github.com/imgo-build/imgo/pkg/build"
)

// write makes files below a directory.
func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

const layered = `
defaults:
  base: distroless
  labels: {team: a, tier: x}
  ldflags: [-X main.a=1]
  buildEnv: {GOEXPERIMENT: none}
images:
  server:
    package: ./cmd/server
    labels: {team: b}
    ldflags: [-X main.b=2]
    workdir: /srv
  plain:
    package: ./cmd/plain
profiles:
  dev:
    defaults: {base: "alpine:3.24"}
    images:
      server: {workdir: /dev}
`

func TestFlagsGoOverTheFile(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{".imgo.yaml": layered, "go.mod": "module m\n"})
	in := input(dir)
	in.Labels = []string{"tier=y"}
	in.Ldflags = []string{"-X main.c=3"}
	req, err := resolve(in)
	if err != nil {
		t.Fatal(err)
	}
	server := req.Images[0].Settings
	labels := map[string]string{}
	for _, l := range server.Config.Labels {
		labels[l.Key] = l.Value + " from " + l.Where
	}
	want := map[string]string{"team": "b from .imgo.yaml:10:20", "tier": "y from --label"}
	if diff := cmp.Diff(want, labels); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	var flags []string
	for _, f := range server.Ldflags {
		flags = append(flags, f.Value)
	}
	// The image's replace those of the defaults, the command line's come after.
	if diff := cmp.Diff([]string{"-X main.b=2", "-X main.c=3"}, flags); diff != "" {
		t.Errorf("ldflags (-want +got):\n%s", diff)
	}
	if !server.Ldflags[0].Untrusted || server.Ldflags[1].Untrusted {
		t.Error("only what the file says is to be mistrusted")
	}
	if server.Base != "distroless" || server.Config.WorkingDir != "/srv" || req.Images[1].Settings.Config.WorkingDir != "/" {
		t.Errorf("base %s, directories %s and %s", server.Base, server.Config.WorkingDir, req.Images[1].Settings.Config.WorkingDir)
	}
	if req.Default.Base != "distroless" || len(req.Default.Config.Labels) != 2 {
		t.Errorf("packages without an image don't get the defaults: %+v", req.Default)
	}
	if got := server.Origins["base"]; got != ".imgo.yaml:3:9" {
		t.Errorf("the base comes from %s", got)
	}
}

func TestProfiles(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{".imgo.yaml": layered, "go.mod": "module m\n"})
	in := input(dir)
	in.Profiles = []string{"dev"}
	req, err := resolve(in)
	if err != nil {
		t.Fatal(err)
	}
	if s := req.Images[0].Settings; s.Base != "alpine:3.24" || s.Config.WorkingDir != "/dev" {
		t.Errorf("base %s, directory %s", s.Base, s.Config.WorkingDir)
	}
	in.Profiles = []string{"prod"}
	if _, err := resolve(in); err == nil || !strings.Contains(err.Error(), "prod") {
		t.Errorf("unknown profile: %v", err)
	}
	in.Dir = t.TempDir()
	if _, err := resolve(in); err == nil || !strings.Contains(err.Error(), "imgo init") {
		t.Errorf("profile without a file: %v", err)
	}
}

func TestBasesOfAllProfiles(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{".imgo.yaml": layered, "go.mod": "module m\n"})
	got, err := config.Bases(input(dir))
	if err != nil {
		t.Fatal(err)
	}
	want := config.BaseList{
		Uses: []build.BaseUse{{Ref: "distroless"}, {Ref: "alpine:3.24"}}, Dir: dir, Lock: filepath.Join(dir, "imgo.lock"),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A file at the root of a repository with several modules has the go command run in
// each of them.
func TestPackagesOfOtherModules(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{
		".git/HEAD": "", "services/api/go.mod": "module api\n", "services/api/cmd/x/main.go": "package main\n",
		".imgo.yaml": "images:\n  api:\n    package: ./services/api/cmd/api\n    binaries: {x: ./services/api/cmd/x}\n",
	})
	in := input(filepath.Join(dir, "services", "api"))
	req, err := resolve(in)
	if err != nil {
		t.Fatal(err)
	}
	i := req.Images[0]
	if want := filepath.Join(dir, "services", "api"); i.Settings.Go.Dir != want || i.Package != "./cmd/api" {
		t.Errorf("in %s: %s, want ./cmd/api in %s", i.Settings.Go.Dir, i.Package, want)
	}
	if i.Binaries[0].Package != "./cmd/x" {
		t.Errorf("binary %s, want ./cmd/x", i.Binaries[0].Package)
	}
	if i.Settings.FilesRoot.Root != dir || i.Settings.FilesRoot.Bounds != dir {
		t.Errorf("files come from %+v", i.Settings.FilesRoot)
	}
	// With a workspace above, one go command does for all.
	write(t, dir, map[string]string{"go.work": "go 1.25\nuse ./services/api\n"})
	req, err = resolve(in)
	if err != nil || req.Images[0].Settings.Go.Dir != dir {
		t.Errorf("in a workspace: %v, %v", req.Images, err)
	}
}

func TestAFileMayNotRunPrograms(t *testing.T) {
	dir := t.TempDir()
	for _, line := range []string{
		`gcflags: ["-toolexec=/tmp/x"]`, `buildEnv: {CC: /tmp/x}`, `buildEnv: {GOFLAGS: "'-toolexec=/tmp/x'"}`,
		`buildEnv: {GOPACKAGESDRIVER: /tmp/x}`, `buildEnv: {GOPROXY: "https://x.test"}`, `buildTags: ["a -toolexec=x"]`,
	} {
		write(t, dir, map[string]string{".imgo.yaml": "defaults:\n  " + line + "\n"})
		if _, err := resolve(input(dir)); err == nil || !strings.HasPrefix(err.Error(), ".imgo.yaml:2:") {
			t.Errorf("%s: %v", line, err)
		}
	}
	in := input(dir)
	in.Config, in.BuildEnv = os.DevNull, []string{"CC=/tmp/x"}
	req, err := resolve(in)
	if err != nil || req.Default.Go.BuildEnv[0] != "CC=/tmp/x" {
		t.Errorf("on the command line: %v", err)
	}
}

func TestGoflagsOfTheFileAddToTheUsers(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{".imgo.yaml": "defaults:\n  buildEnv: {GOFLAGS: -tags=b}\n"})
	in := input(dir)
	in.Goflags = "-tags=a"
	req, err := resolve(in)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"GOFLAGS=-tags=a -tags=b"}, req.Default.Go.BuildEnv); diff != "" {
		t.Error(diff)
	}
}

func TestFlagsWithGrammar(t *testing.T) {
	dir := t.TempDir()
	in := input(dir)
	in.Ports, in.Volumes, in.StopSignal = []string{"8080", "53/udp"}, []string{"/data"}, "INT"
	in.Healthcheck, in.Files, in.BinaryPath = "http://:80/x", []string{"a:/b:0600:1:2"}, "/bin/x"
	req, err := resolve(in)
	if err != nil {
		t.Fatal(err)
	}
	c := req.Default.Config
	if diff := cmp.Diff([]string{"8080/tcp", "53/udp"}, c.Ports); diff != "" {
		t.Error(diff)
	}
	want := build.Healthcheck{URL: "http://127.0.0.1:80/x"}
	if diff := cmp.Diff(&want, c.Healthcheck); diff != "" {
		t.Error(diff)
	}
	if f := req.Default.Files[0]; f.From != "a" || f.To != "/b" || f.Mode != "0600" || f.Owner != "1:2" || c.StopSignal != "SIGINT" || c.BinaryPath != "/bin/x" {
		t.Errorf("%+v, %+v", f, c)
	}
	for _, wrong := range []func(*config.Input){
		func(in *config.Input) { in.Ports = []string{"0"} },
		func(in *config.Input) { in.Volumes = []string{"data"} },
		func(in *config.Input) { in.Volumes = []string{"/a:/b"} },
		func(in *config.Input) { in.Env = []string{"A B=x"} },
		func(in *config.Input) { in.StopSignal = "NOW" },
		func(in *config.Input) { in.Healthcheck = "wget localhost" },
		func(in *config.Input) { in.Files = []string{"a"} },
		func(in *config.Input) { in.Files = []string{"a:b"} },
		func(in *config.Input) { in.Files = []string{"a:/b:rw"} },
		func(in *config.Input) { in.BinaryPath = "bin" },
		func(in *config.Input) { in.Workdir = "srv" },
		func(in *config.Input) { in.Env = []string{"A={{.Git.Nope}}"} },
		func(in *config.Input) { in.Annotations = []string{"a={{.Platform}}"} },
		func(in *config.Input) { in.Load = "dokcer" },
		func(in *config.Input) { in.Load, in.Output = "docker", "x.tar" },
	} {
		in := input(dir)
		wrong(&in)
		if _, err := resolve(in); err == nil {
			t.Errorf("accepted: %+v", in)
		}
	}
}
