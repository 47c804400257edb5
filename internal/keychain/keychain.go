package keychain

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/imgo-build/imgo/internal/environ"
)

// Options say where credentials are. Empty directories are not looked into.
type Options struct {
	RegistryAuthFile string   // $REGISTRY_AUTH_FILE, podman's override
	DockerConfigDir  string   // $DOCKER_CONFIG, else ~/.docker
	XDGRuntimeDir    string   // $XDG_RUNTIME_DIR
	XDGConfigHome    string   // $XDG_CONFIG_HOME, else ~/.config
	Env              []string // of all programs, with the PATH that they are found in, and with the logins to clouds
	NoCloud          bool     // only files of credentials and what they name, no logins to clouds

	// Transport is used to ask Google for tokens; nil connects to the network.
	Transport http.RoundTripper
}

// FromEnv takes the options from an environment of the form KEY=VALUE. With
// IMGO_CLOUD_LOGIN=off there are no logins to clouds.
func FromEnv(env []string) Options {
	get, home := environ.Environ(env).Get, environ.Environ(env).Home()
	below := func(dir, name string) string {
		if dir != "" || home == "" {
			return dir
		}
		return filepath.Join(home, name)
	}
	return Options{
		RegistryAuthFile: get("REGISTRY_AUTH_FILE"),
		DockerConfigDir:  below(get("DOCKER_CONFIG"), ".docker"),
		XDGRuntimeDir:    get("XDG_RUNTIME_DIR"),
		XDGConfigHome:    below(get("XDG_CONFIG_HOME"), ".config"),
		Env:              env,
		NoCloud:          strings.EqualFold(get("IMGO_CLOUD_LOGIN"), "off"),
	}
}

// Keychain finds credentials. It is safe for concurrent use.
type Keychain struct {
	opts        Options
	productFile string // in which the firmware says whose machine it is

	mu       sync.Mutex
	files    []*file                     // nil until they are read
	errs     map[*file]error             // why a file can't be used
	answered map[string]authn.AuthConfig // by file, helper and registry
	failed   map[string]error            // likewise
	clouds   map[string]answer           // by registry, or by cloud where one login is good for all of its registries
}

var (
	_ authn.Keychain        = (*Keychain)(nil)
	_ authn.ContextKeychain = (*Keychain)(nil)
)

// New returns a Keychain. It reads nothing yet.
func New(opts Options) *Keychain {
	return &Keychain{opts: opts, productFile: "/sys/class/dmi/id/product_name"}
}

// Resolve implements [authn.Keychain].
func (k *Keychain) Resolve(target authn.Resource) (authn.Authenticator, error) {
	return k.ResolveContext(context.Background(), target)
}

// ResolveContext implements [authn.ContextKeychain]. It returns [authn.Anonymous]
// where nobody is logged in. Errors: [*ConfigError], [*HelperError], [*CloudError].
func (k *Keychain) ResolveContext(ctx context.Context, target authn.Resource) (authn.Authenticator, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var errs []error
	for _, f := range k.read() {
		if err := k.errs[f]; err != nil {
			errs = append(errs, err)
			continue
		}
		auth, err := k.find(ctx, f, target.String())
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if auth != (authn.AuthConfig{}) {
			return authn.FromConfig(auth), nil
		}
	}
	login, err := k.ambient(ctx, target.String())
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case login != nil:
		return login, nil
	case err != nil:
		errs = append(errs, err)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return authn.Anonymous, nil
}

// read returns the files in the order in which they are asked.
func (k *Keychain) read() []*file {
	if k.files != nil {
		return k.files
	}
	k.files, k.errs = []*file{}, map[*file]error{}
	k.answered, k.failed = map[string]authn.AuthConfig{}, map[string]error{}
	k.clouds = map[string]answer{}
	for _, path := range k.paths() {
		f, err := readFile(path)
		if err != nil {
			f = &file{path: path}
			k.errs[f] = err
		}
		k.files = append(k.files, f)
	}
	return k.files
}

func (k *Keychain) paths() []string {
	var out []string
	if k.opts.RegistryAuthFile != "" {
		out = append(out, k.opts.RegistryAuthFile)
	}
	for _, p := range []struct{ dir, name string }{
		{k.opts.DockerConfigDir, "config.json"},
		{k.opts.XDGRuntimeDir, "containers/auth.json"},
		{k.opts.XDGConfigHome, "containers/auth.json"},
	} {
		if p.dir != "" {
			out = append(out, filepath.Join(p.dir, filepath.FromSlash(p.name)))
		}
	}
	return out
}

// find returns what a file knows about a repository: the most specific entry, where
// helpers come before what is written down.
func (k *Keychain) find(ctx context.Context, f *file, repository string) (authn.AuthConfig, error) {
	keys := candidates(repository)
	registry := keys[len(keys)-1]
	for _, key := range keys {
		name := f.helpers[key]
		if name == "" && key == registry {
			name = f.store
		}
		if name != "" {
			auth, err := k.ask(ctx, helper{name: name, path: f.path, env: k.opts.Env}, key)
			if err != nil || auth != (authn.AuthConfig{}) {
				return auth, err
			}
		}
		if auth, ok := f.auths[key]; ok {
			return auth, nil
		}
	}
	return authn.AuthConfig{}, nil
}

// ask runs a helper, once for each registry.
func (k *Keychain) ask(ctx context.Context, h helper, registry string) (authn.AuthConfig, error) {
	key := h.path + "\x00" + h.name + "\x00" + registry
	if auth, ok := k.answered[key]; ok {
		return auth, k.failed[key]
	}
	auth, err := h.get(ctx, registry)
	if ctx.Err() == nil {
		k.answered[key], k.failed[key] = auth, err
	}
	return auth, err
}
