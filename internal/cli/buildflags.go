package cli

import (
	"runtime"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/imgo-build/imgo/internal/config"
	"github.com/imgo-build/imgo/pkg/build"
)

// buildFlags are the flags that build and push share.
type buildFlags struct {
	in     config.Input
	json   bool
	dryRun bool
	locked bool

	noFastPath bool
	explain    bool
}

func (f *buildFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVarP(&f.in.Chdir, "chdir", "C", "", "change to `DIR` before anything else; all other paths are relative to it")
	flags.StringVar(&f.in.Config, "config", "", "configuration `FILE` instead of the .imgo.yaml found here or above")
	flags.Var(newList(&f.in.Profiles), "profile", "`NAME` of a profile of the configuration to apply (repeatable)")
	flags.StringVar(&f.in.Base, "base", config.DefaultBase, "base image: scratch, distroless, alpine, a `REFERENCE`, FILE.tar or oci:DIR")
	flags.StringVar(&f.in.VerifyBase, "verify-base", "", "`WHO` has to have signed the base: distroless, chainguard, the file of a public key, or none")
	flags.Var(newList(&f.in.Platforms, config.DefaultPlatform), "platform", "`OS/ARCH[/VARIANT]` to build for, several separated by commas, or all that the base has")
	flags.BoolVar(&f.locked, "locked", false, "fail where a base is not pinned by imgo.lock")
	flags.StringVar(&f.in.User, "user", config.DefaultUser, "`UID[:GID]` that the image runs as, or a name, which is created where the base lacks it")
	flags.StringVar(&f.in.Workdir, "workdir", config.DefaultWorkdir, "working `DIRECTORY` in the image")
	flags.VarP(newTexts(&f.in.Env), "env", "e", "`KEY=VALUE` in the environment of the image (repeatable)")
	flags.Var(newList(&f.in.Ports), "port", "`PORT[/PROTOCOL]` that the image listens on (repeatable)")
	flags.Var(newList(&f.in.Volumes), "volume", "`PATH` in the image that holds data (repeatable)")
	flags.Var(newTexts(&f.in.Args), "arg", "`ARGUMENT` of the binary in the entrypoint (repeatable)")
	flags.Var(newTexts(&f.in.Cmd), "cmd", "`ARGUMENT` after the entrypoint, which docker run ... replaces (repeatable)")
	flags.StringVar(&f.in.StopSignal, "stop-signal", "", "`SIGNAL` that asks the program to stop")
	flags.StringVar(&f.in.Healthcheck, "healthcheck", "", "`URL` that tells the image's health, such as http://:8080/healthz, or none to drop the base's check")
	flags.StringVar(&f.in.BinaryPath, "binary-path", "", "`PATH` of the binary in the image, instead of /app/NAME")
	flags.Var(newTexts(&f.in.Files), "file", "`FROM:TO[:MODE[:OWNER]]` adds a file, a directory's content or what a pattern matches (repeatable)")
	flags.Var(newTexts(&f.in.Labels), "label", "`KEY=VALUE` for the image's config (repeatable)")
	flags.Var(newTexts(&f.in.Annotations), "annotation", "`KEY=VALUE` for the image's manifest and index (repeatable)")
	flags.StringVar(&f.in.MediaTypes, "media-types", "oci", "media `TYPES` of the image: oci or docker")
	flags.StringVar(&f.in.Compression, "compression", "gzip", "`KIND` of compression of the layers on top of the base: gzip or zstd")
	flags.Var(newTexts(&f.in.Ldflags), "ldflags", "`FLAGS` for the linker, after -s -w and those of GOFLAGS (repeatable)")
	flags.Var(newTexts(&f.in.Gcflags), "gcflags", "`FLAGS` for the compiler, after those of GOFLAGS (repeatable)")
	flags.Var(newTexts(&f.in.BuildTags), "tags", "build `TAGS` for the go command, separated by commas, besides those of GOFLAGS")
	flags.Var(newTexts(&f.in.BuildEnv), "build-env", "`KEY=VALUE` in the environment of the go command (repeatable)")
	flags.BoolVar(&f.in.VCS, "vcs", false, "stamp binary and annotations with the state of the repository; the digest then changes from commit to commit")
	flags.Var(newList(&f.in.AllowSecrets), "allow-secret", "`NAME` of a variable or file that may look like a secret (repeatable)")
	f.registerAttest(flags)
	flags.VarP(newList(&f.in.Tags), "tag", "t", "`REPO[:TAG]` names the image, :TAG only its tag (repeatable)")
	flags.StringVar(&f.in.Repo, "repo", "", "put each image at `PREFIX`/NAME")
	flags.IntVarP(&f.in.Jobs, "jobs", "j", 0, "how many steps may run at once: `N`, or 0 for one a processor")
	flags.BoolVar(&f.noFastPath, "no-fast-path", false, "ask the go command even where nothing changed since the last build")
	flags.BoolVar(&f.explain, "explain", false, "say what the go command was needed for, and where it wasn't")
	flags.BoolVar(&f.dryRun, "dry-run", false, "print what would be built, where each setting comes from and where it would go, and do nothing")
	flags.BoolVar(&f.json, "json", false, "print one JSON document instead of references")
}

// registerAttest adds the flags of what is told of an image beside itself.
func (f *buildFlags) registerAttest(flags *pflag.FlagSet) {
	flags.Var(newList(&f.in.SBOM, config.DefaultSBOM), "sbom", "`FORMAT` of the lists of what is in the image, beside it in the registry: spdx and cyclonedx, separated by commas, or none")
	flags.StringVar(&f.in.SBOMDir, "sbom-dir", "", "write the SBOMs into `DIR` too")
	flags.BoolVar(&f.in.Provenance, "provenance", false, "say beside the image what it was built from and how; without it that is said of what is signed")
	flags.BoolVar(&f.in.Sign, "sign", false, "sign what is pushed, without a key by a certificate for your identity; =false signs nothing, whatever .imgo.yaml says")
	registerSigning(flags, &f.in.AttestInput)
}

// travels are the flags that also mean something for what was built before.
var travels = []string{
	"chdir", "tag", "repo", "jobs", "dry-run", "json", "quiet", "plain-http", "registry-ca", "registry-cert", "registry-mirror",
	"sign", "key", "no-tlog", "cosign-tags", "fulcio-url", "rekor-url", "tsa-url", "trusted-root",
}

// buildOnly returns a flag of the command line (not of the environment, which is
// there for all commands) that means something only while an image is built.
func (f *buildFlags) buildOnly(cmd *cobra.Command) string {
	found := ""
	cmd.Flags().Visit(func(flag *pflag.Flag) {
		if found == "" && !slices.Contains(travels, flag.Name) {
			found = flag.Name
		}
	})
	return found
}

// given has the flags that were given, by flag or variable, with how.
func (a *app) given(flags *pflag.FlagSet) map[string]string {
	out := map[string]string{}
	flags.VisitAll(func(flag *pflag.Flag) {
		if flag.Changed {
			out[flag.Name] = a.how(flag.Name)
		}
	})
	return out
}

// request checks the flags.
func (f *buildFlags) request(a *app, cmd *cobra.Command, args []string, push bool) (build.Request, error) {
	f.in.Given = a.given(cmd.Flags())
	f.in.Dir = a.Dir
	f.in.Patterns = args
	f.in.Push = push
	f.in.SourceDateEpoch = a.getenv("SOURCE_DATE_EPOCH")
	f.in.Goflags = a.getenv("GOFLAGS")
	if f.in.Jobs == 0 {
		f.in.Jobs = runtime.GOMAXPROCS(0)
	}
	return config.Resolve(f.in)
}
