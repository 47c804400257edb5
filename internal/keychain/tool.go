package keychain

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"github.com/imgo-build/imgo/internal/pattern"
)

// patience is how long a program of a cloud's may take, which asks its servers.
const patience = time.Minute

// tool is a cloud's own command line, which prints a login.
type tool struct {
	name   string
	args   []string
	absent []string // parts of what it says where nobody is logged in
	env    []string
}

// run returns what the tool prints, without white space around it, or "" where it is
// not installed or nobody is logged in.
func (t tool) run(ctx context.Context) (string, error) {
	path, err := findProgram(t.env, t.name)
	if err != nil {
		return "", nil
	}
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cmd := exec.CommandContext(limited, path, t.args...)
	apart(cmd, t.env)
	cmd.WaitDelay = time.Second // its own children may hold on to the pipes
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	switch {
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case limited.Err() != nil:
		return "", fmt.Errorf("it gave no answer within %gs", patience.Seconds())
	case err == nil:
		if out := strings.TrimSpace(stdout.String()); out != "" {
			return out, nil
		}
		return "", errors.New("it printed nothing")
	}
	for _, part := range t.absent {
		if strings.Contains(stderr.String(), part) {
			return "", nil
		}
	}
	if line := reason(stderr.String()); line != "" {
		return "", fmt.Errorf("%s (%w)", line, err)
	}
	return "", err
}

// apart lets a program that nobody configured run outside of the current directory,
// which may be a stranger's repository: az, for one, takes settings from there that
// make it run other programs.
func apart(cmd *exec.Cmd, env []string) {
	cmd.Dir = filepath.Dir(cmd.Path)
	cmd.Env = append(env[:len(env):len(env)], "PWD="+cmd.Dir)
}

// reason is the line that says why a program failed.
func reason(output string) string {
	last := ""
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(line)
		if strings.Contains(strings.ToLower(line), "error") {
			return presentable(line)
		}
		if line != "" {
			last = line
		}
	}
	return presentable(last)
}

// tokenLike is what may be a token or a key: few names are as long.
var tokenLike = pattern.New(`[A-Za-z0-9+/=_~-]{32,}`)

// presentable is the first line of what another program or server said, without
// anything in it that may be a secret, and of a length to be read.
func presentable(s string) string {
	const most = 300
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	s = tokenLike.ReplaceAllString(s, "…")
	if runes := []rune(s); len(runes) > most {
		s = string(runes[:most]) + "…"
	}
	return strings.TrimSpace(s)
}
