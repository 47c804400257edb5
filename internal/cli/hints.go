package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/imgo-build/imgo/internal/base"
	"github.com/imgo-build/imgo/internal/cache"
	"github.com/imgo-build/imgo/internal/gobuild"
	"github.com/imgo-build/imgo/internal/keychain"
	"github.com/imgo-build/imgo/internal/progress"
	"github.com/imgo-build/imgo/pkg/image"
	"github.com/imgo-build/imgo/pkg/publish"
)

// report writes errors to stderr, each with what to do about it where imgo knows.
func (a *app) report(cmd *cobra.Command, err error, usage bool) {
	shown, hinted := "", false
	for _, e := range split(err) {
		fmt.Fprintf(a.Stderr, "%s %s\n", a.red("error:"), indent(printable(e.Error())))
		if compile, ok := errors.AsType[*gobuild.CompileError](e); ok && a.quiet && compile.Output != shown {
			shown = compile.Output // of one go command for several packages, seen by nobody yet
			fmt.Fprintln(a.Stderr, printable(strings.TrimRight(shown, "\n")))
		}
		hint := hint(e)
		if hint != "" {
			fmt.Fprintf(a.Stderr, "hint: %s\n", hint)
		}
		hinted = hinted || hint != ""
		if a.getenv("GITHUB_ACTIONS") == "true" {
			fmt.Fprintf(a.Stderr, "::error::%s\n", progress.EscapeData(printable(e.Error())))
		}
	}
	if usage && !hinted {
		fmt.Fprintf(a.Stderr, "hint: see %s --help\n", cmd.CommandPath())
	}
}

// split takes errors apart that errors.Join put together. Others with several
// causes have words of their own, which have to stay.
func split(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok || errors.Join(joined.Unwrap()...).Error() != err.Error() {
		return []error{err}
	}
	var out []error
	for _, e := range joined.Unwrap() {
		out = append(out, split(e)...)
	}
	return out
}

// indent lets the lines of a long message stand below its first.
func indent(s string) string {
	return strings.ReplaceAll(strings.TrimRight(s, "\n"), "\n", "\n  ")
}

func (a *app) red(s string) string {
	if a.StderrWidth == 0 || a.getenv("NO_COLOR") != "" || a.getenv("TERM") == "dumb" {
		return s
	}
	return "\x1b[31m" + s + "\x1b[0m"
}

// hint says what to do next about an error, or nothing where imgo doesn't know.
func hint(err error) string {
	for _, find := range []func(error) string{hintUsage, hintGo, hintBase, hintRegistry, hintDisk} {
		if h := find(err); h != "" {
			return h
		}
	}
	return ""
}

func hintUsage(err error) string {
	if e, ok := errors.AsType[*unknownCommandError](err); ok && e.Package != "" {
		return "packages are built with: imgo build " + e.Package
	}
	if e, ok := errors.AsType[*unknownFlagError](err); ok {
		return foreignFlags[e.Name]
	}
	return ""
}

func hintGo(err error) string {
	if is[*gobuild.NoGoError](err) {
		return "install Go from https://go.dev/dl/ and put its bin directory into PATH"
	}
	if e, ok := errors.AsType[*gobuild.GoVersionError](err); ok {
		if e.Required != "" {
			return fmt.Sprintf("install Go %s or newer, or let the go command fetch it with GOTOOLCHAIN=auto", e.Required)
		}
		return "install a newer Go, or let the go command fetch it with GOTOOLCHAIN=auto"
	}
	if is[*gobuild.NoModuleError](err) {
		return "run imgo in a module, or name its directory with -C DIR; go mod init makes one"
	}
	if is[*gobuild.NoMainError](err) {
		return nameCommand
	}
	if is[*gobuild.NotMainError](err) {
		return "an image needs a command: name a directory whose files say package main, such as ./cmd/server; ./... builds every command of the module"
	}
	if is[*gobuild.GoFilesError](err) {
		return "name the directory that the file is in"
	}
	if e, ok := errors.AsType[*gobuild.LoadError](err); ok {
		return loadHint(e)
	}
	if is[*gobuild.BuildModeError](err) {
		return "remove -buildmode from GOFLAGS (go env GOFLAGS shows it): images hold executables"
	}
	if is[*gobuild.DynamicError](err) {
		return "build without cgo (remove CGO_ENABLED=1 from --build-env) and without -buildmode in GOFLAGS, or link statically with --ldflags '-linkmode external -extldflags -static'"
	}
	if is[*gobuild.BuildEnvError](err) {
		return "the platform is chosen with --platform; --build-env takes KEY=VALUE"
	}
	return ""
}

const nameCommand = "name the directory of a command, such as ./cmd/server; ./... builds every command of the module"

func loadHint(e *gobuild.LoadError) string {
	text := strings.Join(e.Errors, "\n")
	switch {
	case e.LacksDot:
		return fmt.Sprintf("directories begin with ./ for the go command: ./%s", e.Pattern)
	case strings.Contains(text, "build constraints exclude all Go files"):
		return "images are built for linux with CGO_ENABLED=0; where the package needs cgo, add --build-env CGO_ENABLED=1, " +
			"which takes a C compiler for the platform, and link statically with --ldflags '-linkmode external -extldflags -static'"
	case strings.Contains(text, "no Go files in"):
		return nameCommand
	}
	return ""
}

func hintBase(err error) string {
	if is[*base.PlatformMissingError](err) {
		return "leave the platform out of --platform, or choose a base that has it"
	}
	if e, ok := errors.AsType[*base.ReferenceError](err); ok {
		return fmt.Sprintf("%q: bases are scratch, distroless, alpine, a reference such as alpine:3.24, FILE.tar or oci:DIR", e.Ref)
	}
	if is[*image.BaseError](err) {
		return "this base can't be built on: choose another, such as scratch, distroless or alpine"
	}
	return ""
}

func hintRegistry(err error) string {
	if e, ok := errors.AsType[*publish.AuthError](err); ok {
		if e.Anonymous {
			return fmt.Sprintf("log in with: imgo login %s", e.Registry)
		}
		if e.Status == 403 {
			return fmt.Sprintf("check that the account may write to %s, or log in with another: imgo login %s", e.Repository, e.Registry)
		}
		return fmt.Sprintf("the stored credentials are wrong or expired: imgo login %s", e.Registry)
	}
	if is[*publish.UnknownHostError](err) {
		return "check the spelling of the host and the network's DNS"
	}
	if is[*publish.SlowError](err) {
		return "check the registry, or a proxy between; then try again"
	}
	if is[*publish.UnreachableError](err) {
		return "check that the registry is running and that host and port are right; HTTPS_PROXY and NO_PROXY are honoured"
	}
	if is[*publish.CertificateError](err) {
		return "if the registry's CA is a private one, name its certificate in SSL_CERT_FILE" + systemCA()
	}
	if e, ok := errors.AsType[*publish.PlainHTTPError](err); ok {
		return fmt.Sprintf("if the registry has no TLS on purpose, allow it with --plain-http %s", e.Host)
	}
	if is[*publish.NotFoundError](err) {
		return "check the name and the tag; private images need a login (imgo login)"
	}
	if e, ok := errors.AsType[*publish.RegistryError](err); ok {
		return registryHint(e)
	}
	if e, ok := errors.AsType[*keychain.HelperError](err); ok {
		return fmt.Sprintf("install docker-credential-%s, or remove it from docker's config.json", e.Helper)
	}
	if e, ok := errors.AsType[*keychain.ConfigError](err); ok {
		return fmt.Sprintf("repair or remove %s", e.Path)
	}
	return ""
}

func registryHint(e *publish.RegistryError) string {
	switch {
	case e.Status < 400:
		return fmt.Sprintf("%s does not answer like a registry: check the host, the port and any proxy between", e.Registry)
	case e.Status == 404 || e.Code == "NAME_UNKNOWN":
		return "some registries need the repository to be created first"
	case e.Status == 429:
		return "the registry limits requests: wait, or log in for a higher limit"
	case e.Status >= 500:
		return "the registry is in trouble: try again later"
	}
	return ""
}

func systemCA() string {
	if runtime.GOOS == "linux" {
		return ""
	}
	return ", or add it to the system's trust store"
}

func hintDisk(err error) string {
	if is[*cache.MissingError](err) {
		return "the cache was pruned while imgo used it: run imgo again"
	}
	if errors.Is(err, fs.ErrNotExist) {
		return "check the path: it is relative to the current directory, or to that of -C"
	}
	if errors.Is(err, syscall.ENOSPC) {
		return "the disk is full: make room, for instance with imgo cache prune --all and go clean -cache"
	}
	if is[*cache.AccessError](err) {
		return "set IMGO_CACHE_DIR to a directory that can be written"
	}
	if is[*cache.CorruptError](err) {
		return "the damaged blob was removed from the cache: run imgo again"
	}
	if is[*publish.OutputError](err) {
		return "choose another place with -o"
	}
	if e, ok := errors.AsType[*publish.NotLayoutError](err); ok {
		return fmt.Sprintf("nothing was written into %s: name a new or empty directory", e.Dir)
	}
	if is[*publish.ArchiveError](err) || is[*publish.DigestError](err) {
		return "the archive is damaged or no image: build it again with imgo build"
	}
	return ""
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}
