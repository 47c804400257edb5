package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/spf13/cobra"

	"github.com/imgo-build/imgo/internal/base"
	"github.com/imgo-build/imgo/internal/cache"
	"github.com/imgo-build/imgo/internal/config"
	"github.com/imgo-build/imgo/internal/expand"
	"github.com/imgo-build/imgo/internal/git"
	"github.com/imgo-build/imgo/internal/gobuild"
	"github.com/imgo-build/imgo/internal/keychain"
	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/image"
	"github.com/imgo-build/imgo/pkg/publish"
)

// Every typed error that a user can do something about has a hint, also from deep
// inside another error.
func TestHints(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{&gobuild.NoGoError{}, "go.dev/dl"},
		{&gobuild.GoVersionError{Required: "1.99"}, "Go 1.99 or newer"},
		{&gobuild.GoVersionError{}, "a newer Go"},
		{&gobuild.NoModuleError{}, "-C DIR"},
		{&gobuild.NoMainError{}, "./cmd/server"},
		{&gobuild.NoMainError{Patterns: []string{"."}}, "./... builds every command of the module"},
		{&gobuild.NotMainError{}, "package main"},
		{&gobuild.NotMainError{}, "./... builds every command of the module"},
		{&gobuild.LoadError{Pattern: ".", Errors: []string{"no Go files in /m"}}, "./... builds every command of the module"},
		{&gobuild.LoadError{Errors: []string{"build constraints exclude all Go files in /m/x"}}, "--build-env CGO_ENABLED=1, which takes a C compiler"},
		{&gobuild.GoFilesError{}, "directory"},
		{&gobuild.LoadError{Pattern: "cmd/x", LacksDot: true}, "./cmd/x"},
		{&gobuild.BuildModeError{}, "GOFLAGS"},
		{&gobuild.DynamicError{}, "CGO_ENABLED=1"},
		{&gobuild.DynamicError{}, "no -buildmode in GOFLAGS"},
		{&gobuild.BuildEnvError{}, "--platform"},
		{&base.PlatformMissingError{}, "--platform"},
		{&base.ReferenceError{Ref: "x"}, "FILE.tar or oci:DIR"},
		{&image.BaseError{}, "choose another"},
		{&image.BaseError{OnlyOCI: true}, "do without Docker's media types, which come with --media-types docker"},
		{&git.NotRepositoryError{}, "do without --vcs"},
		{&git.UnbornError{}, "do without --vcs"},
		{&git.NoWorkTreeError{}, "do without --vcs"},
		{&expand.MissingError{Name: ".Version", Err: &git.NotRepositoryError{}}, `{{or .Version "dev"}} has a value without a repository`},
		{&expand.MissingError{Name: ".Git.Tag", Err: &git.UnbornError{}}, `commit first, or do without: {{or .Git.Tag "dev"}}`},
		{&expand.MissingError{Name: ".Git.Tag", Err: &git.NoGitError{}}, "install git"},
		{&publish.AuthError{Registry: "r", Anonymous: true, Status: 401}, "imgo login r"},
		{&publish.AuthError{Registry: "r", Repository: "r/x", Status: 403}, "write to r/x"},
		{&publish.AuthError{Registry: "r", Status: 401}, "wrong or expired"},
		{&publish.UnknownHostError{}, "DNS"},
		{&publish.SlowError{Host: "r"}, "try again"},
		{&publish.UnreachableError{Err: errors.New("x")}, "running"},
		{&publish.CertificateError{Err: errors.New("x")}, "--registry-ca"},
		{&publish.PlainHTTPError{Host: "r.lan"}, "--plain-http r.lan"},
		{&publish.NotFoundError{}, "the tag"},
		{&publish.RegistryError{Status: 200}, "like a registry"},
		{&publish.RegistryError{Status: 404}, "created first"},
		{&publish.RegistryError{Status: 429}, "limits"},
		{&publish.RegistryError{Status: 502}, "later"},
		{&keychain.HelperError{Helper: "h", Err: errors.New("x")}, "docker-credential-h"},
		{&keychain.ConfigError{Path: "/c", Err: errors.New("x")}, "/c"},
		{&fs.PathError{Err: syscall.ENOSPC}, "disk is full"},
		{&publish.OutputError{Path: "x", Err: syscall.ENOSPC}, "disk is full"},
		{&cache.AccessError{Err: errors.New("x")}, "IMGO_CACHE_DIR"},
		{&cache.CorruptError{}, "again"},
		{fmt.Errorf("reading from the cache: %w: %w", fs.ErrNotExist, &cache.MissingError{}), "the cache was pruned"},
		{&fs.PathError{Err: fs.ErrNotExist}, "check the path"},
		{&publish.OutputError{Err: errors.New("x")}, "-o"},
		{&publish.NotLayoutError{Dir: "/d"}, "/d"},
		{&publish.ArchiveError{}, "imgo build"},
		{&publish.DigestError{}, "imgo build"},
	} {
		wrapped := &build.TargetError{Err: fmt.Errorf("pushing: %w", c.err)}
		if got := hint(wrapped); !strings.Contains(got, c.want) {
			t.Errorf("%T: hint %q, want %q in it", c.err, got, c.want)
		}
	}
	if got := hint(errors.New("x")); got != "" {
		t.Errorf("a hint for an unknown error: %q", got)
	}
}

func TestUsageErrors(t *testing.T) {
	_, badName := name.ParseReference("Not A Name")
	for _, err := range []error{
		&config.Error{}, &image.PlatformError{}, &build.UsageError{}, &unknownCommandError{}, &base.ReferenceError{}, badName,
		&gobuild.BuildEnvError{}, &gobuild.FlagError{}, &gobuild.BuildModeError{}, &gobuild.GoFilesError{},
	} {
		if !isUsage(fmt.Errorf("x: %w", err)) {
			t.Errorf("%T is no usage error", err)
		}
	}
	for _, err := range []error{&gobuild.NoModuleError{}, &gobuild.NotMainError{}, &publish.OutputError{Err: fs.ErrExist}, errors.New("x")} {
		if isUsage(err) {
			t.Errorf("%T is a usage error", err)
		}
	}
}

func reported(t *testing.T, a *app, err error, usage bool) string {
	t.Helper()
	var b bytes.Buffer
	a.Stderr = &b
	a.report(&cobra.Command{Use: "imgo"}, err, usage)
	return b.String()
}

func TestReport(t *testing.T) {
	target := build.Target{Package: build.Package{ImportPath: "example.com/x"}}
	compile := func(output string) error {
		return &build.TargetError{Target: target, Err: &gobuild.CompileError{ImportPath: "example.com/x", Platform: "linux/amd64", Reason: "exit status 1", Output: output}}
	}
	const failed = "error: compiling example.com/x for linux/amd64: go build: exit status 1\n"
	for _, c := range []struct {
		name  string
		app   app
		err   error
		usage bool
		want  string
	}{
		{"plain", app{}, errors.New("a"), false, "error: a\n"},
		{"several lines", app{}, errors.New("a\nb\n"), false, "error: a\n  b\n"},
		{"usage", app{}, errors.Join(errors.New("a"), errors.New("b")), true, "error: a\nerror: b\nhint: see imgo --help\n"},
		{"usage with hint", app{}, &gobuild.GoFilesError{Pattern: "x.go"}, true,
			"error: x.go is a file: packages are named by directory or import path\nhint: name the directory that the file is in\n"},
		{"joined in joined", app{}, errors.Join(errors.Join(errors.New("a"), errors.New("b")), errors.New("c")), false, "error: a\nerror: b\nerror: c\n"},
		{"own words stay", app{}, fmt.Errorf("both: %w\nand %w", errors.New("a"), errors.New("b")), false, "error: both: a\n  and b\n"},
		{"package named once", app{}, errors.Join(compile("out\n")), false, failed},
		{"package named", app{}, &build.TargetError{Target: target, Err: errors.New("a")}, false, "error: example.com/x: a\n"},
		{"quiet shows the compiler once", app{quiet: true}, errors.Join(compile("out"), compile("out")), false, failed + "out\n" + failed},
		{"annotation", app{Process: Process{Env: []string{"GITHUB_ACTIONS=true"}}}, errors.New("50%\n::set-output::x"), false,
			"error: 50%\n  ::set-output::x\n::error::50%25%0A::set-output::x\n"},
		{"colour", app{Process: Process{StderrWidth: 80}}, errors.New("a"), false, "\x1b[31merror:\x1b[0m a\n"},
		{"no colour", app{Process: Process{StderrWidth: 80, Env: []string{"NO_COLOR=1"}}}, errors.New("a"), false, "error: a\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, reported(t, &c.app, c.err, c.usage)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
