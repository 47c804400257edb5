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
}

func (f *buildFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVarP(&f.in.Chdir, "chdir", "C", "", "change to `DIR` before anything else; all other paths are relative to it")
	flags.StringVar(&f.in.Base, "base", config.DefaultBase, "base image: scratch, distroless, alpine, a `REFERENCE`, FILE.tar or oci:DIR")
	flags.Var(newList(&f.in.Platforms, config.DefaultPlatform), "platform", "`OS/ARCH[/VARIANT]` to build for, several separated by commas, or all that the base has")
	flags.StringVar(&f.in.User, "user", config.DefaultUser, "`UID[:GID]` or name that the image runs as")
	flags.StringArrayVar(&f.in.Labels, "label", nil, "`KEY=VALUE` for the image's config (repeatable)")
	flags.StringArrayVar(&f.in.Annotations, "annotation", nil, "`KEY=VALUE` for the image's manifest and index (repeatable)")
	flags.StringVar(&f.in.MediaTypes, "media-types", "oci", "media `TYPES` of the image: oci or docker")
	flags.StringArrayVar(&f.in.Ldflags, "ldflags", nil, "`FLAGS` for the linker, after -s -w and those of GOFLAGS (repeatable)")
	flags.StringArrayVar(&f.in.Gcflags, "gcflags", nil, "`FLAGS` for the compiler, after those of GOFLAGS (repeatable)")
	flags.StringArrayVar(&f.in.BuildTags, "tags", nil, "build `TAGS` for the go command, separated by commas, besides those of GOFLAGS")
	flags.StringArrayVar(&f.in.BuildEnv, "build-env", nil, "`KEY=VALUE` in the environment of the go command (repeatable)")
	flags.BoolVar(&f.in.VCS, "vcs", false, "stamp the binary with the state of the repository; the digest then changes from commit to commit")
	flags.VarP(newList(&f.in.Tags), "tag", "t", "`REPO[:TAG]` names the image, :TAG only its tag (repeatable)")
	flags.StringVar(&f.in.Repo, "repo", "", "put each image at `PREFIX`/NAME")
	flags.IntVarP(&f.in.Jobs, "jobs", "j", 0, "how many steps may run at once: `N`, or 0 for one a processor")
	flags.BoolVar(&f.dryRun, "dry-run", false, "print what would be built and where it would go, and do nothing")
	flags.BoolVar(&f.json, "json", false, "print one JSON document instead of references")
}

// travels are the flags that also mean something for what was built before.
var travels = []string{"chdir", "tag", "repo", "jobs", "dry-run", "json", "quiet", "plain-http"}

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

// request checks the flags.
func (f *buildFlags) request(a *app, args []string, push bool) (build.Request, error) {
	f.in.Dir = a.Dir
	f.in.Patterns = args
	f.in.Push = push
	f.in.SourceDateEpoch = a.getenv("SOURCE_DATE_EPOCH")
	if f.in.Jobs == 0 {
		f.in.Jobs = runtime.GOMAXPROCS(0)
	}
	return config.Resolve(f.in)
}
