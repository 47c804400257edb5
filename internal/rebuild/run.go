package rebuild

import (
	"bytes"
	"context"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/imgo-build/imgo/internal/environ"
)

// Command is a program to be run.
type Command struct {
	Path  string // absolute
	Args  []string
	Dir   string
	Env   []string
	Stdin string
}

// Run runs a program and returns what it prints on standard output. An error of the
// program's is a [*CommandError]. Tests have others than [Exec].
type Run func(ctx context.Context, c Command) (stdout string, err error)

// grace is how long a program may take to clean up when it is interrupted.
const grace = 5 * time.Second

// longestOutput is how much of what a program says goes into an error: its end.
const longestOutput = 4 << 10

// Exec is the [Run] that starts processes.
func Exec(ctx context.Context, c Command) (string, error) {
	cmd := exec.CommandContext(ctx, c.Path, c.Args...)
	cmd.Dir, cmd.Env = c.Dir, c.Env
	if c.Stdin != "" {
		cmd.Stdin = strings.NewReader(c.Stdin)
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	ownGroup(cmd)
	cmd.WaitDelay = grace
	err := cmd.Run()
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	if err != nil {
		said := stderr.String()
		if len(said) > longestOutput {
			said = "…" + strings.ToValidUTF8(said[len(said)-longestOutput:], "")
		}
		return "", &CommandError{Command: c.name(), Output: said, Err: err}
	}
	return stdout.String(), nil
}

// name is the program with its subcommand.
func (c *Command) name() string {
	name := strings.TrimSuffix(filepath.Base(c.Path), ".exe")
	skip := false
	i := slices.IndexFunc(c.Args, func(arg string) bool {
		value := skip
		skip = arg == "-c"
		return !value && !strings.HasPrefix(arg, "-")
	})
	if i >= 0 {
		name += " " + c.Args[i]
	}
	return name
}

// find looks for a program in the PATH of an environment.
func find(env []string, name string) (string, error) {
	file := name
	if runtime.GOOS == "windows" {
		file += ".exe"
	}
	path, ok := environ.Environ(env).Program(file)
	if !ok {
		return "", &NoProgramError{Name: name}
	}
	return path, nil
}
