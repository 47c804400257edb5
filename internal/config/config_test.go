package config_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/imgo-build/imgo/internal/config"
	"github.com/imgo-build/imgo/pkg/build"
)

// input is what the command line hands over when no flag is given.
func input(dir string) config.Input {
	return config.Input{
		Dir: dir, Base: config.DefaultBase, Platforms: []string{config.DefaultPlatform},
		User: config.DefaultUser, MediaTypes: "oci", Jobs: 2, Given: map[string]string{},
	}
}

// resolve is Resolve where all flags that differ from the defaults were given.
func resolve(in config.Input) (build.Request, error) {
	defaults := input("")
	for flag, given := range map[string]bool{
		"base":        in.Base != defaults.Base,
		"platform":    !slices.Equal(in.Platforms, defaults.Platforms),
		"user":        in.User != defaults.User,
		"media-types": in.MediaTypes != defaults.MediaTypes,
		"compression": in.Compression != "",
		"label":       in.Labels != nil,
		"annotation":  in.Annotations != nil,
		"build-env":   in.BuildEnv != nil,
		"ldflags":     in.Ldflags != nil,
		"env":         in.Env != nil,
		"file":        in.Files != nil,
		"port":        in.Ports != nil,
		"volume":      in.Volumes != nil,
		"stop-signal": in.StopSignal != "",
		"healthcheck": in.Healthcheck != "",
		"binary-path": in.BinaryPath != "",
		"workdir":     in.Workdir != "",
	} {
		if given {
			in.Given[flag] = "--" + flag
		}
	}
	return config.Resolve(in)
}

func TestDefaults(t *testing.T) {
	dir := t.TempDir()
	req, err := config.Resolve(input(dir))
	if err != nil {
		t.Fatal(err)
	}
	want := build.Output{Kind: build.ToTarball, Dir: dir}
	if diff := cmp.Diff(want, req.Output); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
	if !req.Default.Config.Created.Equal(time.Unix(0, 0)) {
		t.Errorf("created %v, want the epoch", req.Default.Config.Created)
	}
}

func TestOutputs(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "sub", "out"), 0o755); err != nil {
		t.Fatal(err)
	}
	for arg, want := range map[string]build.Output{
		"x.tar":     {Kind: build.ToTarball, Path: filepath.Join(dir, "sub", "x.tar"), Dir: filepath.Join(dir, "sub")},
		"out":       {Kind: build.ToTarball, Dir: filepath.Join(dir, "sub", "out")},
		"oci:y":     {Kind: build.ToLayout, Path: filepath.Join(dir, "sub", "y"), Dir: filepath.Join(dir, "sub")},
		"oci:/a/b/": {Kind: build.ToLayout, Path: filepath.FromSlash("/a/b"), Dir: filepath.Join(dir, "sub")},
	} {
		in := input(dir)
		in.Chdir, in.Output = "sub", arg
		req, err := resolve(in)
		if err != nil {
			t.Errorf("-o %s: %v", arg, err)
			continue
		}
		if diff := cmp.Diff(want, req.Output); diff != "" {
			t.Errorf("-o %s (-want +got):\n%s", arg, diff)
		}
	}
}

func TestPlatformsAreNormalisedAndListedOnce(t *testing.T) {
	in := input(t.TempDir())
	in.Platforms = []string{"linux/arm64/v8", "linux/amd64", "linux/arm64", "linux/arm"}
	req, err := resolve(in)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range req.Default.Platforms {
		got = append(got, p.String())
	}
	if diff := cmp.Diff([]string{"linux/arm64", "linux/amd64", "linux/arm/v7"}, got); diff != "" {
		t.Errorf("platforms (-want +got):\n%s", diff)
	}
}

func TestRefuses(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(*config.Input)
		want string
	}{
		{"no such directory", func(in *config.Input) { in.Chdir = "missing" }, "-C: "},
		{"platform", func(in *config.Input) { in.Platforms = []string{"linux/x86_64"} }, `"linux/amd64"`},
		{"no platform", func(in *config.Input) { in.Platforms = nil }, "at least one platform"},
		{"an empty platform", func(in *config.Input) { in.Platforms = []string{""} }, "no platform given"},
		{"an empty tag", func(in *config.Input) { in.Tags = []string{""} }, "-t \"\""},
		{"all and others", func(in *config.Input) { in.Platforms = []string{"all", "linux/amd64"} }, "all stands alone"},
		{"user", func(in *config.Input) { in.User = "0:-1" }, "--user"},
		{"user's number", func(in *config.Input) { in.User = "4294967295" }, "is not an id"},
		{"user's name", func(in *config.Input) { in.User = "App User" }, "neither UID[:GID] nor a user's name"},
		{"label", func(in *config.Input) { in.Labels = []string{"team"} }, "--label: \"team\" is not of the form KEY=VALUE"},
		{"annotation", func(in *config.Input) { in.Annotations = []string{"=x"} }, "--annotation"},
		{"label that is no text", func(in *config.Input) { in.Labels = []string{"a=\xff"} }, `--label: "a=\xff" is not UTF-8`},
		{"annotation's key that is no text", func(in *config.Input) { in.Annotations = []string{"\xff=a"} }, "--annotation: \"\\xff=a\" is not UTF-8"},
		{"label's key over two lines", func(in *config.Input) { in.Labels = []string{"a\nb=c"} }, `the key "a\nb" has line breaks`},
		{"annotation's key with an escape", func(in *config.Input) { in.Annotations = []string{"\x1b[2J=c"} }, `the key "\x1b[2J" has`},
		{"base with a password", func(in *config.Input) { in.Base = "bob:SECRET@r.example/x" }, `--base: "***@r.example/x": a reference holds no password: log in with imgo login r.example,`},
		{"buildx output", func(in *config.Input) { in.Output = "type=oci,dest=x.tar" }, "write -o FILE.tar, or -o oci:DIR"},
		{"build env", func(in *config.Input) { in.BuildEnv = []string{"CC"} }, "--build-env"},
		{"media types", func(in *config.Input) { in.MediaTypes = "oic" }, "neither oci nor docker"},
		{"compression", func(in *config.Input) { in.Compression = "xz" }, `--compression: "xz" is neither gzip nor zstd`},
		{"zstd in Docker's types", func(in *config.Input) { in.Compression, in.MediaTypes = "zstd", "docker" }, "--compression: Docker's media types, which --media-types asks for, have no zstd"},
		{"zstd and a health check", func(in *config.Input) { in.Compression, in.Healthcheck = "zstd", "http://:80/" }, "--compression: a health check (--healthcheck) takes Docker's media types"},
		{"epoch", func(in *config.Input) { in.SourceDateEpoch = "yesterday" }, "SOURCE_DATE_EPOCH"},
		{"epoch before", func(in *config.Input) { in.SourceDateEpoch = "-1" }, "SOURCE_DATE_EPOCH"},
		{"epoch after", func(in *config.Input) { in.SourceDateEpoch = "253402300800" }, "SOURCE_DATE_EPOCH"},
		{"compressed tarball", func(in *config.Input) { in.Output = "x.tar.gz" }, "none of FILE.tar"},
		{"standard output", func(in *config.Input) { in.Output = "-" }, "none of FILE.tar"},
		{"layout nowhere", func(in *config.Input) { in.Output = "oci:" }, "needs a directory"},
		{"repo", func(in *config.Input) { in.Repo = "https://ghcr.io/a" }, "without a scheme"},
		{"repo in upper case", func(in *config.Input) { in.Repo = "ghcr.io/Acme" }, "lower case"},
		{"tag", func(in *config.Input) { in.Tags = []string{":-"} }, "is not a tag"},
		{"jobs", func(in *config.Input) { in.Jobs = 0 }, "--jobs"},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := input(t.TempDir())
			c.edit(&in)
			if _, err := resolve(in); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
}

func TestAcceptsWhatOnlyLooksOdd(t *testing.T) {
	in := input(t.TempDir())
	in.Labels = []string{"a=b\nc"}
	for _, base := range []string{"oci:a@b", "c:a@b.tar", "localhost:5000/x:v1@sha256:00", "alpine:3.24"} {
		in.Base = base
		req, err := resolve(in)
		if err != nil || req.Default.Base != base || req.Default.Config.Labels[0].Value != "b\nc" {
			t.Errorf("%s: %v", base, err)
		}
	}
}

func TestReportsEverythingAtOnce(t *testing.T) {
	in := input(t.TempDir())
	in.Labels, in.Output, in.Jobs = []string{"x"}, "y", 0
	_, err := resolve(in)
	for _, want := range []string{"--label", "-o", "--jobs"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s in it too", err, want)
		}
	}
}

func TestCacheDir(t *testing.T) {
	env := map[string]string{"IMGO_CACHE_DIR": "/c"}
	getenv := func(k string) string { return env[k] }
	if got, err := config.CacheDir(getenv); got != "/c" || err != nil {
		t.Errorf("with IMGO_CACHE_DIR: %q, %v", got, err)
	}
	clear(env)
	if got, err := config.CacheDir(getenv); err == nil {
		t.Errorf("without any home: %q, want an error", got)
	}
}
