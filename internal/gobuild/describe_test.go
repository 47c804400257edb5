package gobuild

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/pkg/build"
)

func TestDescribe(t *testing.T) {
	dir := write(t, "-- go.mod --\nmodule example.com/m\n\ngo 1.21\n")
	c := New(Options{Env: testEnv("GOFLAGS=-mod=mod -race -tags=secret", "CGO_ENABLED=1")})
	got, err := c.Describe(t.Context(), build.GoSettings{Dir: dir}, native)
	if err != nil {
		t.Fatal(err)
	}
	if !filepath.IsAbs(got.Path) || got.Shim || !strings.HasPrefix(got.Version, "go1.") || got.Cache == "" {
		t.Errorf("Describe = %+v", got)
	}
	if got.Module != filepath.Join(dir, "go.mod") || got.Required != "1.21" {
		t.Errorf("module %s requires %s", got.Module, got.Required)
	}
	if diff := cmp.Diff([]string{"-race", "-tags"}, got.Flags); diff != "" {
		t.Errorf("flags (-want +got):\n%s", diff)
	}
	if got.Cgo || !got.Ignored {
		t.Errorf("cgo %t, ignored %t", got.Cgo, got.Ignored)
	}
}

func TestDescribeWorkspace(t *testing.T) {
	dir := write(t, "-- go.work --\ngo 1.22\n\nuse (\n\t.\n\t./m\n)\n-- go.mod --\nmodule example.com/top\n\ngo 1.21\n-- m/go.mod --\nmodule example.com/m\n\ngo 1.21\n")
	got, err := New(Options{Env: testEnv()}).Describe(t.Context(), build.GoSettings{Dir: dir}, native)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{dir, filepath.Join(dir, "m")}, got.Modules); diff != "" || got.Required != "1.22" || filepath.Base(got.Module) != "go.work" {
		t.Errorf("%+v (-want +got):\n%s", got, diff)
	}
}

func TestDescribeTooOld(t *testing.T) {
	dir := write(t, "-- go.work --\ngo 1.99\n\nuse ./m\n-- m/go.mod --\nmodule example.com/m\n\ngo 1.21\n")
	c := New(Options{Env: testEnv()})
	_, err := c.Describe(t.Context(), build.GoSettings{Dir: dir}, native)
	old, ok := errors.AsType[*GoVersionError](err)
	if !ok || old.Required != "1.99" || !strings.Contains(old.Output, "go.work requires go >= 1.99") {
		t.Errorf("error %v", err)
	}
}

// A version manager's program finds the go command; one that hangs ends with the context.
func TestDescribeShim(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("programs are scripts here")
	}
	env := environ(testEnv())
	real, err := env.goCommand()
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	script := func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(bin, "go"), []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	c := New(Options{Env: append(env, "PATH="+bin+":/usr/bin:/bin")})
	s := build.GoSettings{Dir: t.TempDir()}
	script(`exec "` + real + `" "$@"`)
	got, err := c.Describe(t.Context(), s, native)
	if err != nil || !got.Shim || got.Module != "" {
		t.Errorf("Describe = %+v, %v", got, err)
	}
	script("echo no version is set >&2; exit 1")
	if _, err := c.Describe(t.Context(), s, native); err == nil || !strings.Contains(err.Error(), "no version is set") {
		t.Errorf("error %v", err)
	}
	script("sleep 60")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := c.Describe(ctx, s, native); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
}

func TestCheckC(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("programs are scripts here")
	}
	bin := t.TempDir()
	// A compiler that knows one architecture.
	const script = "#!/bin/sh\nif grep -q __x86_64__; then exit 0; fi\necho not for this >&2\nexit 1\n"
	if err := os.WriteFile(filepath.Join(bin, "some cc"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	s := build.GoSettings{Dir: t.TempDir(), BuildEnv: []string{"CGO_ENABLED=1", "CC='some cc' -O2"}}
	c := New(Options{Env: append(testEnv(), "PATH="+os.Getenv("PATH")+":"+bin)})
	cc, err := c.CheckC(t.Context(), s, v1.Platform{OS: "linux", Architecture: "amd64"})
	if err != nil || cc != "'some cc' -O2" {
		t.Errorf("CheckC = %q, %v", cc, err)
	}
	_, err = c.CheckC(t.Context(), s, v1.Platform{OS: "linux", Architecture: "arm64"})
	e, ok := errors.AsType[*NoCCompilerError](err)
	if !ok || e.Missing || !strings.Contains(e.Failure.Output, "not for this") {
		t.Errorf("error %v", err)
	}
	s.BuildEnv = []string{"CGO_ENABLED=1", "CC=nowhere-gcc"}
	_, err = c.CheckC(t.Context(), s, native)
	if e, ok := errors.AsType[*NoCCompilerError](err); !ok || !e.Missing {
		t.Errorf("error %v", err)
	}
}

func TestCheckImports(t *testing.T) {
	dir := write(t, needsCgo)
	c := New(Options{Env: testEnv()})
	s := build.GoSettings{Dir: dir}
	var paths []string
	for _, p := range load(t, c, s, "./...") {
		paths = append(paths, p.ImportPath)
	}
	found, err := c.CheckImports(t.Context(), s, native, paths)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, f := range found {
		what := strings.Join(f.Notes, "\n")
		if e, ok := errors.AsType[*CgoError](f.Err); ok {
			what = e.Reason
		}
		got[strings.TrimPrefix(f.ImportPath, "example.com/app/")] = what
	}
	// What doesn't compile is for the compiler to find.
	want := map[string]string{
		"broken": "", "local": "", "mistake": "", "kafka": failsLater, "sqlite": failsLater, "zstd": nothingLeft,
		"stub": "package example.org/stub seems to work only with cgo, without which example.com/app/stub is built (example.com/app/stub → example.org/stub)",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	s.BuildEnv = []string{"CGO_ENABLED=0"} // who says so knows
	found, err = c.CheckImports(t.Context(), s, native, []string{"example.com/app/sqlite"})
	if err != nil || len(found) != 1 || found[0].Err != nil || len(found[0].Notes) != 1 {
		t.Errorf("with CGO_ENABLED=0: %+v, %v", found, err)
	}
}

func TestCheckImportsMissing(t *testing.T) {
	dir := write(t, "-- go.mod --\nmodule example.com/m\n\ngo 1.21\n-- a/a.go --\npackage a\n\nimport _ \"example.org/none\"\n"+
		"-- main.go --\npackage main\n\nimport _ \"example.com/m/a\"\n\nfunc main() {}\n")
	c := New(Options{Env: testEnv()})
	found, err := c.CheckImports(t.Context(), build.GoSettings{Dir: dir}, native, []string{"example.com/m"})
	if err != nil || len(found) != 1 {
		t.Fatalf("%+v, %v", found, err)
	}
	e, ok := errors.AsType[*LoadError](found[0].Err)
	if !ok || !strings.Contains(e.Error(), "no required module provides package example.org/none") {
		t.Errorf("error %v", found[0].Err)
	}
}
