package cli

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/imgo-build/imgo/internal/config"
	"github.com/imgo-build/imgo/internal/configfile"
	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/imgo"
)

func (a *app) doctorCommand() *cobra.Command {
	var f buildFlags
	cmd := &cobra.Command{
		Use:   "doctor [flags] [PACKAGE... | IMAGE...]",
		Short: "Say what would stop a build or push here, and what to do about it",
		Long: `Look at everything that a build and a push need, and say what would stop them, each
with what to do about it: the configuration, the go command, git, the packages and what
they import, the bases, the registries (by an upload that is cancelled at once), the
cache and the disk. Nothing is compiled and nothing is pushed. Without arguments it is
about all images of .imgo.yaml or, where there is none, the commands of the module.

The report goes to standard output, a line each: ok, note, warning or error. imgo
doctor fails where there is an error.`,
		Example: `  imgo doctor
  imgo doctor ./cmd/server -t ghcr.io/acme/server
  imgo doctor --repo ghcr.io/acme --base alpine --json`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.runDoctor(cmd, &f, args) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVarP(&f.in.Chdir, "chdir", "C", "", "change to `DIR` before anything else; all other paths are relative to it")
	flags.StringVar(&f.in.Config, "config", "", "configuration `FILE` instead of the .imgo.yaml found here or above")
	flags.Var(newList(&f.in.Profiles), "profile", "`NAME` of a profile of the configuration to apply (repeatable)")
	flags.StringVar(&f.in.Base, "base", config.DefaultBase, "base image: scratch, distroless, alpine, a `REFERENCE`, FILE.tar or oci:DIR")
	flags.Var(newList(&f.in.Platforms, config.DefaultPlatform), "platform", "`OS/ARCH[/VARIANT]` to build for, several separated by commas, or all that the base has")
	flags.Var(newTexts(&f.in.BuildEnv), "build-env", "`KEY=VALUE` in the environment of the go command (repeatable)")
	flags.BoolVar(&f.in.VCS, "vcs", false, "stamp binary and annotations with the state of the repository")
	flags.VarP(newList(&f.in.Tags), "tag", "t", "`REPO[:TAG]` names the image, :TAG only its tag (repeatable)")
	flags.StringVar(&f.in.Repo, "repo", "", "put each image at `PREFIX`/NAME")
	flags.BoolVar(&f.json, "json", false, "print one JSON document")
	return cmd
}

// The JSON document of doctor. Fields are added, never renamed.
type (
	jsonDoctor struct {
		Checks []jsonCheck `json:"checks"`
	}
	jsonCheck struct {
		Name   string      `json:"name"`
		Status imgo.Status `json:"status"` // ok, note, warning or error
		Detail string      `json:"detail"`
		Fix    string      `json:"fix,omitempty"`
	}
)

// unfitError says that a doctor's report has errors. They were printed.
type unfitError struct{ count int }

func (e *unfitError) Error() string {
	if e.count == 1 {
		return "1 problem would stop a build or push"
	}
	return fmt.Sprintf("%d problems would stop a build or push", e.count)
}

func (a *app) runDoctor(cmd *cobra.Command, f *buildFlags, args []string) error {
	req, configErr := f.request(a, cmd, args, false)
	if configErr != nil {
		var err error
		if req, err = a.withoutConfig(f); err != nil {
			return err // there is no place to look at
		}
	}
	client, err := a.client(clientOptions{dir: req.Dir, jobs: req.Jobs, lock: req.Lock})
	if err != nil {
		return err
	}
	defer client.Close()
	doc := jsonDoctor{Checks: []jsonCheck{}}
	var printErr error
	errors := 0
	report := func(c imgo.Check) {
		for _, check := range checksOf(c) {
			doc.Checks = append(doc.Checks, check)
			if check.Status == imgo.StatusError {
				errors++
			}
			if !f.json && printErr == nil {
				printErr = a.printCheck(check)
			}
		}
	}
	report(a.configCheck(f, &req, configErr))
	o := imgo.DoctorOptions{Request: req, HostOnly: configErr != nil}
	if err := client.Doctor(cmd.Context(), o, report); err != nil {
		return err
	}
	if f.json {
		printErr = a.printJSON(doc)
	}
	if printErr != nil {
		return printErr
	}
	if errors > 0 {
		return &unfitError{errors}
	}
	return nil
}

// withoutConfig is a request that says nothing but where it is.
func (a *app) withoutConfig(f *buildFlags) (build.Request, error) {
	return config.Resolve(config.Input{Dir: a.Dir, Chdir: f.in.Chdir, Config: os.DevNull, Jobs: 1, Given: map[string]string{}})
}

// configCheck is the check of the configuration, which was read already.
func (a *app) configCheck(f *buildFlags, req *build.Request, err error) imgo.Check {
	c := imgo.Check{Name: "config", Status: imgo.StatusOK, Err: err}
	path := f.in.Config
	if path == "" {
		path, _, _ = configfile.Find(req.Dir)
	} else if !filepath.IsAbs(path) {
		path = filepath.Join(req.Dir, path)
	}
	switch {
	case err != nil:
		c.Status = imgo.StatusError
	case path == "":
		c.Detail = "no .imgo.yaml, and none is needed"
	case len(req.Images) == 1:
		c.Detail = fmt.Sprintf("%s, 1 image", path)
	default:
		c.Detail = fmt.Sprintf("%s, %d images", path, len(req.Images))
	}
	return c
}

// checksOf makes of a check what is printed: one for each error, with its hint.
func checksOf(c imgo.Check) []jsonCheck {
	one := jsonCheck{Name: c.Name, Status: c.Status, Detail: c.Detail, Fix: c.Fix}
	if c.Err == nil {
		return []jsonCheck{one}
	}
	var out []jsonCheck
	for _, err := range split(c.Err) {
		each := one
		each.Detail, each.Fix = cmp.Or(c.Detail, err.Error()), cmp.Or(c.Fix, hint(err))
		out = append(out, each)
	}
	return out
}

func (a *app) printCheck(c jsonCheck) error {
	text := fmt.Sprintf("%-8s %s: %s\n", c.Status, c.Name, indent(c.Detail))
	if c.Fix != "" {
		text += fmt.Sprintf("%8s hint: %s\n", "", c.Fix)
	}
	if _, err := fmt.Fprint(a.Stdout, printable(text)); err != nil {
		return fmt.Errorf("writing to standard output: %w", err)
	}
	return nil
}
