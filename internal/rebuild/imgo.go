package rebuild

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/mod/semver"
)

// program is the package of imgo itself.
const program = "github.com/imgo-build/imgo/cmd/imgo"

// Fetchable reports whether a version of imgo is a release, which the module proxy can
// have. Of others it has any commit that somebody brought into the repository, a pull
// request's too: whoever signs a provenance is not to choose which of these is run here.
func Fetchable(version string) bool {
	return semver.IsValid(version) && semver.Canonical(version) == version && semver.Prerelease(version) == ""
}

// Imgo is another version of imgo.
type Imgo struct {
	Run Run
	Env []string // of the rebuild; see [WithCredentials]
	Dir string   // for the program, its cache and work files; absolute

	path string
}

// Fetch compiles a version of imgo and makes sure that it assembles images in the way
// that was asked for.
func (i *Imgo) Fetch(ctx context.Context, g *Go, version, assembly string) error {
	bin := filepath.Join(i.Dir, "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return err
	}
	// Whatever Go it takes is fetched as well.
	env := append(slices.Clone(i.Env), "GOBIN="+bin, "GOTOOLCHAIN=auto", "GOWORK=off", "CGO_ENABLED=0")
	if _, err := g.command(ctx, env, "install", program+"@"+version); err != nil {
		return err
	}
	i.path = filepath.Join(bin, "imgo")
	if runtime.GOOS == "windows" {
		i.path += ".exe"
	}
	out, err := i.run(ctx, nil, "version", "--json")
	if err != nil {
		return err
	}
	var is struct {
		Assembly string `json:"assembly"`
	}
	if err := json.Unmarshal([]byte(out), &is); err != nil {
		return fmt.Errorf("reading what imgo %s says of itself: %w", version, err)
	}
	if is.Assembly != assembly {
		return fmt.Errorf("imgo %s has the assembly %s, not %s", version, is.Assembly, assembly)
	}
	return nil
}

// Order is what another imgo is to build.
type Order struct {
	Dir      string   // where the go command runs
	Config   string   // path of the configuration
	Name     string   // of the image in it, or an import path
	Layout   string   // directory that the image goes to
	Created  string   // SOURCE_DATE_EPOCH
	Settings []string // further flags: how registries are connected to
}

// Build builds.
func (i *Imgo) Build(ctx context.Context, o Order) error {
	args := []string{"build", "--quiet", "--chdir", o.Dir, "--config", o.Config, "--output", "oci:" + o.Layout}
	_, err := i.run(ctx, []string{"SOURCE_DATE_EPOCH=" + o.Created}, slices.Concat(args, o.Settings, []string{o.Name})...)
	return err
}

func (i *Imgo) run(ctx context.Context, more []string, args ...string) (string, error) {
	env := append(slices.Clone(i.Env), "IMGO_CACHE_DIR="+filepath.Join(i.Dir, "cache"))
	return i.Run(ctx, Command{Path: i.path, Args: args, Dir: i.Dir, Env: append(env, more...)})
}

// isOption keeps what a provenance names from being taken for a flag.
func isOption(arg string) bool { return strings.HasPrefix(arg, "-") }
