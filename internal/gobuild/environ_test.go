package gobuild

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

func TestGoenv(t *testing.T) {
	dir := write(t, `
-- named --
# a comment
GOFLAGS=-tags=named
GOFLAGS=-tags=last 'and more'
-- config/go/env --
GOFLAGS=-tags=config
-- home/.config/go/env --
GOFLAGS=-tags=home
-- home/Library/Application Support/go/env --
GOFLAGS=-tags=home
`)
	config := filepath.Join(dir, "config")
	home := filepath.Join(dir, "home")
	byConfigDir := "-tags=config"
	configDir := "XDG_CONFIG_HOME=" + config
	switch runtime.GOOS {
	case "windows":
		configDir = "AppData=" + config
	case "darwin":
		byConfigDir = "-tags=home"
	}
	for _, tt := range []struct {
		env  environ
		want string
	}{
		{environ{}, ""},
		{environ{"GOFLAGS=-x", "GOENV=" + filepath.Join(dir, "named")}, "-x"},
		{environ{"GOFLAGS=-x", "GOFLAGS=-y"}, "-y"},
		{environ{"GOFLAGS=", "GOENV=" + filepath.Join(dir, "named")}, "-tags=last 'and more'"},
		{environ{"GOENV=named"}, "-tags=last 'and more'"}, // relative to where the go command runs
		{environ{"GOENV=missing"}, ""},
		{environ{"GOENV=off", "HOME=" + home, configDir}, ""},
		{environ{"HOME=" + home, configDir}, byConfigDir},
	} {
		if got := tt.env.goenv("GOFLAGS", dir); got != tt.want {
			t.Errorf("%q: GOFLAGS = %q, want %q", tt.env, got, tt.want)
		}
	}
	if runtime.GOOS != "windows" {
		if got := (environ{"HOME=" + home}).goenv("GOFLAGS", dir); got != "-tags=home" {
			t.Errorf("in the home directory: GOFLAGS = %q", got)
		}
	}
}

func TestGoCommand(t *testing.T) {
	dir := t.TempDir()
	name := "go"
	if runtime.GOOS == "windows" {
		name = "go.exe"
	}
	for _, d := range []string{"dir", "plain", "good"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	good := filepath.Join(dir, "good", name)
	if err := os.Mkdir(filepath.Join(dir, "dir", name), 0o755); err != nil {
		t.Fatal(err)
	}
	for path, mode := range map[string]os.FileMode{good: 0o755, filepath.Join(dir, "plain", name): 0o644} {
		if err := os.WriteFile(path, nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	paths := []string{"relative", "", filepath.Join(dir, "dir"), filepath.Join(dir, "missing")}
	if runtime.GOOS != "windows" {
		paths = append(paths, filepath.Join(dir, "plain"))
	}
	list := func(p ...string) environ {
		return environ{"PATH=" + strings.Join(p, string(filepath.ListSeparator))}
	}
	if got, err := list(append(paths, filepath.Join(dir, "good"))...).goCommand(); got != good {
		t.Errorf("goCommand = %q, %v, want %q", got, err, good)
	}
	_, err := list(paths...).goCommand()
	if e := (*NoGoError)(nil); !errors.As(err, &e) {
		t.Errorf("without a go command: %v, want a NoGoError", err)
	}
}

func TestPlatformEnv(t *testing.T) {
	for platform, want := range map[string]string{
		"linux/amd64":            "GOAMD64=v1",
		"linux/amd64/v3":         "GOAMD64=v3",
		"linux/arm":              "GOARM=7",
		"linux/arm/v6":           "GOARM=6",
		"linux/arm64":            "GOARM64=v8.0",
		"linux/arm64/v8":         "GOARM64=v8.0",
		"linux/arm64/v9":         "GOARM64=v9.0",
		"linux/386":              "GO386=sse2",
		"linux/mips64le":         "GOMIPS64=hardfloat",
		"linux/mipsle":           "GOMIPS=hardfloat",
		"linux/ppc64le":          "GOPPC64=power8",
		"linux/ppc64le/power9":   "GOPPC64=power9",
		"linux/riscv64":          "GORISCV64=rva20u64",
		"linux/riscv64/rva22u64": "GORISCV64=rva22u64",
		"linux/s390x":            "GOARCH=s390x",
	} {
		p, err := v1.ParsePlatform(platform)
		if err != nil {
			t.Fatal(err)
		}
		env, err := platformEnv(*p)
		if err != nil {
			t.Errorf("%s: %v", platform, err)
			continue
		}
		if got := env[len(env)-1]; got != want || env[0] != "GOOS=linux" || env[1] != "GOARCH="+p.Architecture {
			t.Errorf("%s: %q, want %s last", platform, env, want)
		}
	}
	_, err := platformEnv(v1.Platform{OS: "windows", Architecture: "amd64"})
	if e := (*UnsupportedOSError)(nil); !errors.As(err, &e) || e.OS != "windows" {
		t.Errorf("windows: %v, want an UnsupportedOSError", err)
	}
	for _, p := range []v1.Platform{
		{OS: "linux", Architecture: "vax"},
		{OS: "linux", Architecture: "amd64", Variant: "v9"},
		{OS: "linux", Architecture: "386", Variant: "v1"},
		{OS: "linux", Architecture: "s390x", Variant: "z15"},
	} {
		_, err := platformEnv(p)
		if e := (*UnsupportedPlatformError)(nil); !errors.As(err, &e) {
			t.Errorf("%v: %v, want an UnsupportedPlatformError", p, err)
		}
	}
}

func TestCheckBuildEnv(t *testing.T) {
	env, err := platformEnv(v1.Platform{OS: "linux", Architecture: "arm", Variant: "v7"})
	if err != nil {
		t.Fatal(err)
	}
	good := []string{"CGO_ENABLED=1", "GOARM=7,softfloat", "GOARCH=arm", "GOAMD64=v3", "EMPTY="}
	if err := checkBuildEnv(good, env); err != nil {
		t.Error(err)
	}
	var bad []string
	for _, entry := range []string{"GOOS=darwin", "GOARCH=amd64", "GOARM=6", "NAME", "=x", ""} {
		err := checkBuildEnv([]string{entry}, env)
		if e := (*BuildEnvError)(nil); errors.As(err, &e) {
			bad = append(bad, e.Name)
		}
	}
	if diff := cmp.Diff([]string{"GOOS", "GOARCH", "GOARM", "NAME", "=x", ""}, bad); diff != "" {
		t.Errorf("refused (-want +got):\n%s", diff)
	}
}
