package git

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/imgo-build/imgo/internal/environ"
)

// runner runs git commands in one directory.
type runner struct {
	program string
	dir     string
	env     []string
}

func newRunner(o Options) (*runner, error) {
	name := "git"
	if runtime.GOOS == "windows" {
		name = "git.exe"
	}
	program, ok := environ.Environ(o.Env).Program(name)
	if !ok {
		return nil, &NoGitError{}
	}
	return &runner{program: program, dir: o.Dir, env: append(slices.Clone(o.Env), quiet...)}, nil
}

// quiet are variables that keep git from asking, translating, locking and calling.
var quiet = []string{
	"LC_ALL=C",
	"GIT_TERMINAL_PROMPT=0",
	"GIT_OPTIONAL_LOCKS=0",
	// A clone with a filter fetches what it lacks when it is looked at, with programs
	// that the repository's configuration may name.
	"GIT_NO_LAZY_FETCH=1",
	"GIT_ALLOW_PROTOCOL=none",
}

// run returns what a git command prints. args may begin with -c options.
func (r *runner) run(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, r.program, append(slices.Clone(distrust), args...)...)
	cmd.Dir, cmd.Env = r.dir, r.env
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	// What git has started must not outlive it, nor keep us waiting.
	ownGroup(cmd)
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if err == nil {
		return stdout.String(), nil
	}
	command := args[slices.IndexFunc(args, isCommand)]
	if _, gone := os.Stat(r.dir); errors.Is(gone, fs.ErrNotExist) {
		return "", &CommandError{Command: command, Err: gone}
	}
	return "", classify(r.dir, command, stderr.String(), err)
}

func isCommand(arg string) bool {
	return !strings.HasPrefix(arg, "-") && !strings.Contains(arg, "=")
}
