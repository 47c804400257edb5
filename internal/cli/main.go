// Package cli is imgo's command line: one file a command, each with an options
// struct, a constructor that holds flags and help, and a run function.
//
// The rules that hold for all of them: stdout is for programs (references, one a
// line, or one JSON document), stderr is for people. Exit codes: 0 done, 1 failed,
// 2 wrong usage, 130 interrupted. Each setting comes from its flag, else from the
// environment variable of the same name (IMGO_…), else from its default.
// What to do about an error is said in hints.go alone, and about flags of other tools
// in foreign.go. Text of others is made printable before it goes out.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/imgo-build/imgo/internal/base"
	"github.com/imgo-build/imgo/internal/config"
	"github.com/imgo-build/imgo/internal/configfile"
	"github.com/imgo-build/imgo/internal/environ"
	"github.com/imgo-build/imgo/internal/expand"
	"github.com/imgo-build/imgo/internal/gobuild"
	"github.com/imgo-build/imgo/internal/goflag"
	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/image"
	"github.com/imgo-build/imgo/pkg/imgo"
	"github.com/imgo-build/imgo/pkg/publish/transport"
)

// Exit codes.
const (
	ExitDone        = 0
	ExitFailed      = 1
	ExitUsage       = 2
	ExitInterrupted = 130
)

// Process is all that the command line takes from the operating system.
type Process struct {
	Args         []string // without the program's name
	Env          []string // KEY=VALUE
	Dir          string   // working directory, absolute
	Stdin        io.Reader
	Stdout       io.Writer
	Stderr       io.Writer
	StdinTTY     bool
	StderrWidth  int    // columns of the terminal that stderr is, 0 where it is none
	Executable   string // imgo's own file; may be empty
	Version      string // of the release, empty in other builds
	Now          func() time.Time
	ReadPassword func() ([]byte, error) // from the terminal, without echo
}

// getenv returns the value of an environment variable.
func (p *Process) getenv(key string) string { return environ.Environ(p.Env).Get(key) }

func (p *Process) lookupEnv(key string) (string, bool) { return environ.Environ(p.Env).Lookup(key) }

// app is what all commands share.
type app struct {
	Process
	quiet     bool
	plainHTTP []string
	registry  [3][]string     // values of the flags about registries, see registryFlags
	github    bool            // running as a step of GitHub Actions
	running   bool            // the command line was understood and the command itself began
	step      *cobra.Command  // what the action ran, nil in other commands
	fromEnv   map[string]bool // the flags that the environment set
}

// how says how a flag was given, as the user would look for it.
func (a *app) how(flag string) string {
	if a.fromEnv[flag] {
		return config.EnvVar(flag)
	}
	return "--" + flag
}

// Main runs the command that p.Args names and returns the exit code.
func Main(ctx context.Context, p Process) int {
	a := &app{Process: p}
	root := a.root()
	root.SetArgs(p.Args)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return ExitDone
	}
	if ctx.Err() != nil {
		fmt.Fprintln(p.Stderr, "interrupted")
		return ExitInterrupted
	}
	if a.step != nil {
		cmd = a.step
	}
	usage := !a.running || isUsage(err)
	a.report(cmd, err, usage)
	if usage {
		return ExitUsage
	}
	return ExitFailed
}

// isUsage reports whether the request itself was wrong, not what became of it.
func isUsage(err error) bool {
	if is[*imgo.RebuildError](err) {
		return false // the settings were those of whoever built the image
	}
	return is[*config.Error](err) || is[*image.PlatformError](err) || is[*build.UsageError](err) || is[*unknownCommandError](err) ||
		is[*base.ReferenceError](err) || is[*name.ErrBadName](err) ||
		is[*gobuild.BuildEnvError](err) || is[*gobuild.FlagError](err) || is[*gobuild.BuildModeError](err) ||
		is[*gobuild.GoFilesError](err) || is[*gobuild.UnsupportedPlatformError](err) ||
		is[*configfile.Error](err) || is[*build.SecretError](err) || is[*goflag.Error](err) || is[*expand.Error](err) ||
		is[*expand.MissingError](err) || is[*transport.ArgError](err)
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "imgo",
		Short: "Build OCI images from Go main packages, without Docker and Dockerfile",
		Long: `Build OCI images from Go main packages, without Docker and Dockerfile.

Standard output is for programs, standard error for people. Exit codes: 0 done,
1 failed, 2 wrong usage, 130 interrupted. Every flag has an environment variable,
such as IMGO_REPO for --repo; IMGO_CACHE_DIR says where the cache is.`,
		Example: `  imgo build ./cmd/server                           # writes server.tar
  imgo push ./cmd/server -t ghcr.io/acme/server:v1  # builds and pushes
  imgo push ./... --repo ghcr.io/acme               # every command of the module`,
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.applyEnv(cmd); err != nil {
				return err
			}
			a.running = true
			return nil
		},
	}
	flags := root.PersistentFlags()
	flags.BoolVarP(&a.quiet, "quiet", "q", false, "print nothing but errors and results")
	flags.Var(newList(&a.plainHTTP), "plain-http", "`HOST[:PORT]` of a registry that may be spoken to without TLS (loopback always may)")
	for i, f := range registryFlags {
		flags.Var(newTexts(&a.registry[i]), f.name, f.usage)
	}
	one := a.addCommands(root)
	root.SetIn(a.Stdin)
	root.SetOut(a.Stdout)
	root.SetErr(a.Stderr)
	if root.CompletionOptions.DisableDefaultCmd = one; !one {
		root.InitDefaultCompletionCmd() // which keeps the output it finds
	}
	root.SetFlagErrorFunc(a.flagError)
	a.checkArgs(root)
	a.versionFlag(root)
	root.InitDefaultHelpCmd()
	if help, _, err := root.Find([]string{"help"}); err == nil {
		help.Args = a.checkHelp
	}
	return root
}

// addCommands adds the commands or, where the first argument is the name of one, that
// one alone: a command that is not run needs no flags, and to make those of all is a
// tenth of what imgo version takes.
func (a *app) addCommands(root *cobra.Command) (one bool) {
	commands := []struct {
		name string
		make func() *cobra.Command
	}{
		{"build", a.buildCommand},
		{"push", a.pushCommand},
		{"init", a.initCommand},
		{"base", a.baseCommand},
		{"inspect", a.inspectCommand},
		{"sign", a.signCommand},
		{"verify", a.verifyCommand},
		{"sbom", a.sbomCommand},
		{"doctor", a.doctorCommand},
		{"login", a.loginCommand},
		{"cache", a.cacheCommand},
		{"version", a.versionCommand},
		{"action", a.actionCommand},
	}
	for _, c := range commands {
		if len(a.Args) > 0 && a.Args[0] == c.name {
			root.AddCommand(c.make())
			return true
		}
	}
	for _, c := range commands {
		root.AddCommand(c.make())
	}
	return false
}

// registryFlags say how registries are connected to.
var registryFlags = [3]struct{ name, usage string }{
	{transport.ArgCA, "`HOST=FILE` with the certificate of a CA to trust for a registry (repeatable)"},
	{transport.ArgCert, "`HOST=CERT,KEY`, the client certificate for a registry (repeatable)"},
	{transport.ArgMirror, "`HOST=MIRROR[/PREFIX]` to ask for bases before the registry itself (repeatable)"},
}

// connections are the settings of registries; paths begin in dir.
func (a *app) connections(dir string) (transport.RegistryArgs, error) {
	var out transport.RegistryArgs
	for i, f := range registryFlags {
		for _, arg := range a.registry[i] {
			if err := out.Add(f.name, arg); err != nil {
				return out, err
			}
		}
	}
	path := func(p string) string {
		if p == "" || filepath.IsAbs(p) {
			return p
		}
		return filepath.Join(dir, p)
	}
	for host, r := range out.Registries {
		for i := range r.CA {
			r.CA[i] = path(r.CA[i])
		}
		r.Cert, r.Key = path(r.Cert), path(r.Key)
		out.Registries[host] = r
	}
	return out, transport.CheckRegistries(out.Registries)
}

// applyEnv sets each flag that the command line left alone from its environment
// variable. Lists are separated as on the command line; where a value may hold
// commas, by newlines.
func (a *app) applyEnv(cmd *cobra.Command) error {
	var errs []error
	a.fromEnv = map[string]bool{}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Changed || f.Name == "help" || f.Name == "version" {
			return
		}
		name := config.EnvVar(f.Name)
		value, ok := a.lookupEnv(name)
		if !ok || value == "" {
			return
		}
		values := []string{value}
		if f.Value.Type() == "stringArray" {
			values = strings.Split(strings.TrimRight(value, "\n"), "\n")
		}
		for _, v := range values {
			if err := f.Value.Set(v); err != nil {
				errs = append(errs, fmt.Errorf("environment variable %s: %w", name, err))
			}
		}
		f.Changed, a.fromEnv[f.Name] = true, true
	})
	return errors.Join(errs...)
}
