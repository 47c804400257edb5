package keychain

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"

	"github.com/docker/docker-credential-helpers/client"
	"github.com/docker/docker-credential-helpers/credentials"
	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/imgo-build/imgo/internal/environ"
)

// tokenUser is the user name by which helpers mark a secret as an identity token.
const tokenUser = "<token>"

// errMissing is a helper that is not installed.
var errMissing = errors.New("there is no such program in PATH")

// helper is a program docker-credential-NAME that keeps credentials.
type helper struct {
	name string
	path string   // of the file that names it; empty where it is used because it is there
	env  []string // of the program
}

// get asks for the credentials of a registry. None are no error.
func (h helper) get(ctx context.Context, registry string) (authn.AuthConfig, error) {
	p := h.program(ctx, "")
	found, err := client.Get(p.start, serverURL(registry))
	if registry == hub && credentials.IsErrCredentialsNotFound(err) {
		found, err = client.Get(p.start, hub) // as podman stores it
	}
	switch {
	case credentials.IsErrCredentialsNotFound(err):
		return authn.AuthConfig{}, nil
	case err != nil:
		return authn.AuthConfig{}, p.failed(registry, err)
	case found.Username == tokenUser:
		return authn.AuthConfig{Username: tokenUser, IdentityToken: found.Secret}, nil
	}
	return authn.AuthConfig{Username: found.Username, Password: found.Secret}, nil
}

func (h helper) store(ctx context.Context, registry, user, password string) error {
	p := h.program(ctx, password)
	err := client.Store(p.start, &credentials.Credentials{ServerURL: serverURL(registry), Username: user, Secret: password})
	return p.failed(registry, err)
}

func (h helper) erase(ctx context.Context, registry string) error {
	p := h.program(ctx, "")
	err := client.Erase(p.start, serverURL(registry))
	if p.line == credentials.NewErrCredentialsNotFound().Error() {
		return nil
	}
	return p.failed(registry, err)
}

func (h helper) lookPath() (string, error) {
	if strings.ContainsAny(h.name, `/\`) {
		return "", fmt.Errorf("%q is not a helper's name", h.name)
	}
	return findProgram(h.env, "docker-credential-"+h.name)
}

// findProgram finds a program in the PATH of an environment. The error is errMissing.
func findProgram(env []string, name string) (string, error) {
	if path, ok := environ.Environ(env).Program(name); ok {
		return path, nil
	}
	return "", errMissing
}

func (h helper) program(ctx context.Context, secret string) *program {
	return &program{ctx: ctx, helper: h, secret: secret}
}

// program is a run of a helper, as package client wants it.
type program struct {
	ctx    context.Context // of the call that the run is part of
	helper helper
	secret string // what the helper is given to keep
	action string
	in     io.Reader
	line   string // what the helper said when it failed, and may be shown
	err    error  // how it failed
}

// start is a [client.ProgramFunc].
func (p *program) start(args ...string) client.Program {
	p.action, p.line, p.err = args[0], "", nil
	return p
}

func (p *program) Input(in io.Reader) { p.in = in }

// Output returns what the helper printed.
func (p *program) Output() ([]byte, error) {
	path, err := p.helper.lookPath()
	if err != nil {
		p.err = err
		return nil, err
	}
	cmd := exec.CommandContext(p.ctx, path, p.action)
	cmd.Env = p.helper.env
	if p.helper.path == "" {
		apart(cmd, p.helper.env)
	}
	cmd.Stdin = p.in
	cmd.WaitDelay = time.Second // its own children may hold on to the pipes
	out, err := cmd.Output()
	if err != nil {
		p.err, p.line = err, p.presentable(out)
	}
	return out, err
}

// presentable is the first line of what a failed helper printed, where helpers say
// why, unless it may hold a credential.
func (p *program) presentable(out []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	if strings.ContainsAny(line, "{}") || (p.secret != "" && strings.Contains(line, p.secret)) {
		return "its output is left out, since it may hold credentials"
	}
	return line
}

// failed makes an error of what package client returned, which may quote all of the
// helper's output.
func (p *program) failed(registry string, err error) error {
	if err == nil {
		return nil
	}
	if p.ctx.Err() != nil {
		return context.Cause(p.ctx)
	}
	switch {
	case p.err != nil && p.line != "":
		err = fmt.Errorf("%s (%w)", p.line, p.err)
	case p.err != nil:
		err = p.err
	default:
		err = errors.New("its answer is not JSON")
	}
	return &HelperError{
		Helper: p.helper.name, Path: p.helper.path, Registry: registry,
		Missing: errors.Is(err, errMissing), Err: err,
	}
}
