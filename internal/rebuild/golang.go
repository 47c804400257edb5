package rebuild

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/imgo-build/imgo/internal/pattern"
)

// Go is the go command in PATH, which can be other versions of itself.
type Go struct {
	Run Run
	Env []string // the user's
	Dir string   // without a module

	program string
}

// Settings are what the go command says of itself (GOVERSION) and of where modules come
// from, as [Environment] takes it.
func (g *Go) Settings(ctx context.Context) (map[string]string, error) {
	env := append(slices.Clone(g.Env), "GOTOOLCHAIN=local", "GOFLAGS=", "GOWORK=off")
	out, err := g.command(ctx, env, append([]string{"env", "-json", "GOVERSION"}, moduleVariables...)...)
	if err != nil {
		return nil, err
	}
	settings := map[string]string{}
	if err := json.Unmarshal([]byte(out), &settings); err != nil {
		return nil, fmt.Errorf("reading what go env says: %w", err)
	}
	return settings, nil
}

func (g *Go) command(ctx context.Context, env []string, args ...string) (string, error) {
	if g.program == "" {
		var err error
		if g.program, err = find(g.Env, "go"); err != nil {
			return "", err
		}
	}
	return g.Run(ctx, Command{Path: g.program, Args: args, Dir: g.Dir, Env: append(slices.Clone(env), "PWD="+g.Dir)})
}

// release are the versions of Go that the go command can fetch, or find in PATH.
var release = pattern.New(`^go1\.[0-9]+(\.[0-9]+|rc[0-9]+|beta[0-9]+)?(-[A-Za-z0-9][A-Za-z0-9.]*)?$`)

// Toolchain makes sure that a version of Go can be had, and returns the value of
// GOTOOLCHAIN that selects it. env is that of the rebuild; have is the version in PATH.
// What is no release is tried with what is there, and the note says so. An error of type
// [*ToolchainError] says that it can't be had.
func (g *Go) Toolchain(ctx context.Context, env []string, want, have string) (value, note string, err error) {
	// "go1.26.1-X:jsonv2" was compiled with GOEXPERIMENT, which is a setting of its own.
	want, _, _ = strings.Cut(want, "-X:")
	have, _, _ = strings.Cut(have, "-X:")
	switch {
	case want == have:
		return "local", "", nil
	case !release.MatchString(want):
		return "local", fmt.Sprintf("it was compiled by %s, which is no release of Go, and is compiled by %s here", named(want), have), nil
	}
	out, err := g.command(ctx, append(slices.Clone(env), "GOTOOLCHAIN="+want), "version")
	if ctx.Err() != nil {
		return "", "", context.Cause(ctx)
	}
	if err == nil && !slices.Contains(strings.Fields(out), want) {
		err = fmt.Errorf("another answers: %s", strings.TrimSpace(out))
	}
	if err != nil {
		return "", "", &ToolchainError{Want: want, Have: have, Err: err}
	}
	return want, "", nil
}

func named(version string) string {
	if version == "" {
		return "an unknown version"
	}
	return version
}
