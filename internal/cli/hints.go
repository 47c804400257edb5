package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"syscall"

	"github.com/imgo-build/imgo/internal/account"
	"github.com/imgo-build/imgo/internal/base"
	"github.com/imgo-build/imgo/internal/baselock"
	"github.com/imgo-build/imgo/internal/cache"
	"github.com/imgo-build/imgo/internal/configfile"
	"github.com/imgo-build/imgo/internal/expand"
	"github.com/imgo-build/imgo/internal/files"
	"github.com/imgo-build/imgo/internal/git"
	"github.com/imgo-build/imgo/internal/gobuild"
	"github.com/imgo-build/imgo/internal/keychain"
	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/image"
	"github.com/imgo-build/imgo/pkg/imgo"
	"github.com/imgo-build/imgo/pkg/publish"
	"github.com/imgo-build/imgo/pkg/publish/engine"
	"github.com/imgo-build/imgo/pkg/publish/transport"
)

// hint says what to do next about an error, or nothing where imgo doesn't know.
func hint(err error) string {
	if is[*imgo.RebuildError](err) {
		return hintRebuild(err)
	}
	for _, find := range []func(error) string{hintUsage, hintConfig, hintFiles, hintGit, hintGo, hintVerifyBase, hintBase, hintEngine, hintPolicy, hintAttest, hintRegistry, hintDisk} {
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
	if e, ok := errors.AsType[*imgo.NoImageError](err); ok {
		return fmt.Sprintf("images of the configuration: %s; packages begin with ./", strings.Join(e.Have, ", "))
	}
	if is[*existsError](err) {
		return "edit it, or replace it with --force"
	}
	if e, ok := errors.AsType[*unknownFlagError](err); ok {
		return foreignFlags[e.Name]
	}
	return ""
}

func hintConfig(err error) string {
	if e, ok := errors.AsType[*configfile.Error](err); ok {
		return e.Hint
	}
	if e, ok := errors.AsType[*build.SecretError](err); ok && e.OnlyUser {
		return fmt.Sprintf("a template of the configuration would tell it to everyone who can pull the image; if that is meant: --allow-secret %s", e.Name)
	}
	if e, ok := errors.AsType[*build.SecretError](err); ok {
		return fmt.Sprintf("give it to the container when it starts (docker run -e, a Kubernetes secret, a mounted file); "+
			"where it is none, allow it with --allow-secret %s or allowSecrets: [%s]", e.Name, e.Name)
	}
	if is[*account.ConflictError](err) {
		return "leave out uid, gid and home to get the base's, or take another name"
	}
	if e, ok := errors.AsType[*expand.MissingError](err); ok {
		return missingHint(e)
	}
	return ""
}

func missingHint(e *expand.MissingError) string {
	switch e.Why {
	case expand.NotSet:
		return fmt.Sprintf(`set the variable, or give another value: {{or %s "none"}}`, e.Name)
	case expand.NoTag:
		return `tag the commit, or give another value: {{or .Git.Tag "dev"}}`
	case expand.DetachedHead:
		return "CI checks out commits: take the branch from a variable, such as {{.Env.GITHUB_REF_NAME}}"
	}
	if hasNoCommit(e.Err) {
		return fmt.Sprintf(`commit first, or do without: {{or %s "dev"}} has a value without a repository`, e.Name)
	}
	if e.Err != nil {
		return hint(e.Err)
	}
	return ""
}

// hasNoCommit reports whether git has nothing to tell: it isn't asked in a work tree, or too
// early.
func hasNoCommit(err error) bool {
	return is[*git.NotRepositoryError](err) || is[*git.UnbornError](err) || is[*git.NoWorkTreeError](err)
}

func hintFiles(err error) string {
	if e, ok := errors.AsType[*files.NotFoundError](err); ok && e.Path != "" {
		return "paths are relative to the directory of .imgo.yaml, those of --file to the current one; is it made by a step that has not run?"
	}
	if is[*files.OutsideError](err) {
		return "copy the file into the project: what lies outside of it is not the same on every machine"
	}
	if is[*files.LinkError](err) {
		return "copy what the link points to as well, or name the link itself, which is followed then"
	}
	if is[*files.EntryError](err) {
		return "leave it out with exclude, or rename it"
	}
	if is[*files.ChangedError](err) {
		return "something writes there during the build: run imgo again when it is done"
	}
	if e, ok := errors.AsType[*files.SecretError](err); ok {
		return fmt.Sprintf("leave it out with exclude: [%s], and mount it when the container starts; "+
			"where it is none, allow it with --allow-secret %s or allowSecrets: [%s]", path.Base(e.File), e.File, e.File)
	}
	return ""
}

func hintGit(err error) string {
	if is[*git.NoGitError](err) {
		return "install git, or do without --vcs and templates with {{.Git…}}, {{.Version}} and {{.Date}}"
	}
	if hasNoCommit(err) { // and no template asked
		return "the binary is to be stamped with a commit: run imgo in a work tree that has one, or do without --vcs (vcs: true)"
	}
	if e, ok := errors.AsType[*git.UnsafeError](err); ok {
		return "if you trust it: git config --global --add safe.directory " + e.Root
	}
	return ""
}

func hintEngine(err error) string {
	e, ok := errors.AsType[*engine.EngineError](err)
	if !ok {
		return ""
	}
	switch e.Kind {
	case engine.Missing:
		return fmt.Sprintf("install %s, or write a tarball with -o FILE.tar and load it elsewhere", e.Where)
	case engine.Unreachable:
		return fmt.Sprintf("start %s, or say where it is (DOCKER_HOST, CONTAINERD_ADDRESS)", e.Engine)
	case engine.Denied:
		return fmt.Sprintf("this user may not use %s: run as a user who may (for docker, a member of the group docker)", e.Where)
	case engine.TooOld:
		return fmt.Sprintf("update %s, or use -o FILE.tar", e.Engine)
	case engine.NoCluster:
		return "kind get clusters lists what there is; kind create cluster makes one; choose with --load kind:NAME"
	case engine.Misconfigured:
		return fmt.Sprintf("check %s", e.Where)
	}
	if e.Engine == engine.Docker && strings.Contains(e.Reason, "invalid tar header") {
		return "docker reads zstd since version 23: update it, or use --compression gzip"
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
	if e, ok := errors.AsType[*gobuild.CgoError](err); ok {
		return cgoHint(e)
	}
	if is[*gobuild.NoCCompilerError](err) {
		return "install a C compiler for the platform (such as aarch64-linux-gnu-gcc, or zig cc) and name it with --build-env CC=…, or build without cgo"
	}
	if e, ok := errors.AsType[*gobuild.DynamicError](err); ok && e.OnlyStdlib {
		return onlyStdlib
	}
	if is[*gobuild.DynamicError](err) {
		return "link statically with --ldflags '-linkmode external -extldflags -static', choose a base with the C library " +
			"(gcr.io/distroless/base-debian13 or debian:13-slim), or build without cgo (no CGO_ENABLED=1, no -buildmode in GOFLAGS)"
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
	if e, ok := errors.AsType[*baselock.MissingError](err); ok {
		return "pin it with: imgo base lock " + e.Name
	}
	if is[*base.PinError](err) {
		return "the registry has the pinned digest no more: imgo base update moves the pin"
	}
	if is[*baselock.FormatError](err) {
		return "repair it, or remove it and run imgo base lock"
	}
	if e, ok := errors.AsType[*build.LibcError](err); ok {
		return libcHint(e)
	}
	if is[*base.PlatformMissingError](err) {
		return "leave the platform out of --platform, or choose a base that has it"
	}
	if e, ok := errors.AsType[*base.ReferenceError](err); ok {
		return fmt.Sprintf("%q: bases are scratch, distroless, alpine, a reference such as alpine:3.24, FILE.tar or oci:DIR", e.Ref)
	}
	if e, ok := errors.AsType[*image.BaseError](err); ok && e.OnlyOCI {
		return "do without Docker's media types, which come with --media-types docker (mediaTypes: docker) and with a health check " +
			"(--healthcheck none drops the base's), or choose a base whose layers are compressed with gzip"
	}
	if is[*image.BaseError](err) {
		return "this base can't be built on: choose another, such as scratch, distroless or alpine"
	}
	return ""
}

const onlyStdlib = "only net and os/user need the C library here: leave out CGO_ENABLED=1, or add --tags netgo,osusergo"

func cgoHint(e *gobuild.CgoError) string {
	out := "build it with cgo: --build-env CGO_ENABLED=1, which takes a C compiler for the platform"
	if e.Alternative != "" {
		out = fmt.Sprintf("use %s instead, which needs no cgo; or %s", e.Alternative, out)
	}
	if is[*gobuild.CompileError](e) {
		return out
	}
	return out + "; --build-env CGO_ENABLED=0 builds it as it is"
}

func libcHint(e *build.LibcError) string {
	switch {
	case e.OnlyStdlib:
		return onlyStdlib
	case e.Musl:
		return "compile for musl with CC=musl-gcc in --build-env, link statically with --ldflags '-linkmode external -extldflags -static', " +
			"or choose a base with glibc, such as gcr.io/distroless/base-debian13 or debian:13-slim"
	}
	return "link statically with --ldflags '-linkmode external -extldflags -static', " +
		"or choose a base with the C library: gcr.io/distroless/base-debian13 or debian:13-slim for glibc, alpine for musl"
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
	if e, ok := errors.AsType[*publish.CertificateError](err); ok && e.Client {
		return fmt.Sprintf("name a client certificate that it knows with --registry-cert %s=CERT,KEY", e.Host)
	}
	if is[*publish.CertificateError](err) {
		return "if the registry's CA is a private one, name its certificate with --registry-ca HOST=FILE, or put it into certs.d/HOST/ca.crt as for docker and podman"
	}
	if e, ok := errors.AsType[*publish.PlainHTTPError](err); ok {
		return fmt.Sprintf("if the registry has no TLS on purpose, allow it with --plain-http %s", e.Host)
	}
	if e, ok := errors.AsType[*publish.DigestError](err); ok && e.Registry != "" {
		return fmt.Sprintf("%s sends something else than what was asked for: check any proxy between, and whom the registry belongs to", e.Registry)
	}
	if is[*publish.NotFoundError](err) {
		return "check the name and the tag; private images need a login (imgo login)"
	}
	if e, ok := errors.AsType[*publish.RegistryError](err); ok {
		return registryHint(e)
	}
	if e, ok := errors.AsType[*keychain.CloudError](err); ok {
		return fmt.Sprintf("%s; or imgo login %s; IMGO_CLOUD_LOGIN=off goes without", e.Login, e.Registry)
	}
	if e, ok := errors.AsType[*transport.SettingsError](err); ok {
		return fmt.Sprintf("repair or remove %s", e.Path)
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
	if is[*imgo.LayerError](err) {
		return "the layer is damaged or incomplete: build and push the image again"
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
