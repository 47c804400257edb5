package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/imgo-build/imgo/internal/config"
	"github.com/imgo-build/imgo/internal/configfile"
	"github.com/imgo-build/imgo/internal/wholefile"
	"github.com/imgo-build/imgo/pkg/build"
)

func (a *app) initCommand() *cobra.Command {
	var chdir string
	var force bool
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Write a commented .imgo.yaml for the commands of the module",
		Long: `Write a .imgo.yaml with an image for each main package of the module in the current
directory. What else can be said about an image stands in comments.`,
		Example: `  imgo init
  imgo init -C services/api`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			req, err := config.Resolve(config.Input{Dir: a.Dir, Chdir: chdir, Config: os.DevNull, Jobs: 1, Given: map[string]string{}})
			if err != nil {
				return err
			}
			name := configfile.Name
			if _, err := os.Lstat(filepath.Join(req.Dir, configfile.AlternateName)); err == nil {
				name = configfile.AlternateName // a second one beside it would be an error
			}
			path := filepath.Join(req.Dir, name)
			if _, err := os.Lstat(path); err == nil && !force {
				return &existsError{Path: name}
			}
			client, err := a.client(clientOptions{dir: req.Dir, jobs: 1})
			if err != nil {
				return err
			}
			defer client.Close()
			req.Patterns = []string{"./..."}
			pkgs, err := client.Packages(cmd.Context(), &req.Default, req.Patterns)
			if err != nil {
				return err
			}
			if err := noneLoaded(pkgs); err != nil {
				return err
			}
			if err := writeNew(path, starter(req.Dir, pkgs), force); err != nil {
				return err
			}
			_, err = fmt.Fprintln(a.Stdout, name)
			return err
		},
	}
	cmd.Flags().StringVarP(&chdir, "chdir", "C", "", "change to `DIR` before anything else")
	cmd.Flags().BoolVar(&force, "force", false, "replace a .imgo.yaml that is there")
	return cmd
}

// noneLoaded says what is wrong with packages none of which could be loaded.
func noneLoaded(pkgs []build.Package) error {
	var errs []error
	for _, p := range pkgs {
		if p.Err == nil {
			return nil
		}
		errs = append(errs, p.Err)
	}
	return errors.Join(errs...)
}

// existsError is a file that would be lost.
type existsError struct{ Path string }

func (e *existsError) Error() string { return e.Path + " exists already" }

// writeNew writes a file that appears whole or not at all.
func writeNew(path, text string, replace bool) error {
	if replace {
		return wholefile.Write(path, []byte(text), 0o644)
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".imgo-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.WriteString(text)
	if err = errors.Join(err, tmp.Chmod(0o644), tmp.Close()); err != nil {
		return err
	}
	// A link, unlike a rename, never replaces what somebody wrote meanwhile.
	if err := os.Link(tmp.Name(), path); err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	return os.Rename(tmp.Name(), path) // not every file system has links
}

// starter is a configuration with an image for each package that can be built.
func starter(dir string, pkgs []build.Package) string {
	var b strings.Builder
	b.WriteString(starterHead)
	var taken []string
	for _, p := range pkgs {
		if p.Err != nil {
			continue
		}
		rel, err := filepath.Rel(dir, p.Dir)
		if err != nil {
			continue
		}
		pattern := "./" + filepath.ToSlash(rel)
		if rel == "." {
			pattern = "."
		}
		name := imageName(p.Name, taken)
		taken = append(taken, name)
		fmt.Fprintf(&b, "  %s:\n    package: %s\n", name, pattern)
		if len(taken) == 1 {
			b.WriteString(starterImage)
		}
	}
	b.WriteString(starterTail)
	return b.String()
}

// imageName makes a name for an image of a command's, and one of its own.
func imageName(command string, taken []string) string {
	name := strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return '-'
	}, command), "-")
	for strings.Contains(name, "--") {
		name = strings.ReplaceAll(name, "--", "-")
	}
	if name == "" {
		name = "app"
	}
	unique := name
	for n := 2; slices.Contains(taken, unique); n++ {
		unique = fmt.Sprintf("%s-%d", name, n)
	}
	return unique
}

const (
	starterHead = `# yaml-language-server: $schema=https://raw.githubusercontent.com/imgo-build/imgo/main/docs/imgo.schema.json
# What images look like. Everything is optional; flags of imgo build and imgo push
# override it. All keys: https://github.com/imgo-build/imgo/blob/main/docs/configuration.md

defaults:                          # for every image
  # base: distroless               # scratch (the default), distroless, alpine, or any reference
  # platforms: [linux/amd64, linux/arm64]
  # repo: ghcr.io/acme             # each image is pushed to ghcr.io/acme/NAME
  # user: appuser                  # 65534:65534 by default; a name is created where the base lacks it

images:
`
	starterImage = `    # repository: ghcr.io/acme/api # instead of repo
    # tags: [latest, "{{.Git.ShortCommit}}"]
    # ldflags: ["-X main.version={{.Version}}"]
    # env: {LOG_LEVEL: info}
    # ports: [8080]
    # args: [--config, /etc/app/config.yaml]
    # healthcheck: http://:8080/healthz
    # binaries: {migrate: ./cmd/migrate}
    # files:
    #   - {from: web/dist, to: /srv/www}
`
	starterTail = `
# profiles:                        # chosen with --profile
#   dev:
#     defaults: {platforms: [linux/amd64]}
`
)
