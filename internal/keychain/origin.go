package keychain

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/go-containerregistry/pkg/authn"
)

// Origin says where credentials come from. It holds nothing secret.
type Origin struct {
	User  string // empty where there is none, as for tokens
	Where string // for people: a file, a helper and the file that names it, or a cloud's login; empty for no credentials
}

// Origin says where the answer of [Keychain.ResolveContext] comes from, which it asks
// for where that was not done yet. Errors are the same.
func (k *Keychain) Origin(ctx context.Context, target authn.Resource) (Origin, error) {
	login, err := k.ResolveContext(ctx, target)
	if err != nil || login == authn.Anonymous {
		return Origin{}, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	repository := target.String()
	for _, f := range k.read() {
		if k.errs[f] != nil {
			continue // which is no error where another file has an answer
		}
		auth, err := k.find(ctx, f, repository)
		if ctx.Err() != nil {
			return Origin{}, context.Cause(ctx)
		}
		if err == nil && auth != (authn.AuthConfig{}) {
			return Origin{User: userOf(auth), Where: k.place(ctx, f, repository, auth)}, nil
		}
	}
	c := k.cloudOf(repository)
	if c == nil {
		return Origin{}, errors.New("the credentials come from nowhere") // can't be: somebody gave them
	}
	if len(c.ways) == 1 {
		return Origin{Where: c.ways[0].source}, nil
	}
	return Origin{Where: "this machine's login to " + c.Cloud}, nil
}

func userOf(auth authn.AuthConfig) string {
	if auth.IdentityToken != "" || auth.RegistryToken != "" {
		return ""
	}
	return auth.Username
}

// place says what in a file has the answer. Helpers were asked before, and are not
// asked again.
func (k *Keychain) place(ctx context.Context, f *file, repository string, answer authn.AuthConfig) string {
	keys := candidates(repository)
	for _, key := range keys {
		name := f.helpers[key]
		if name == "" && key == keys[len(keys)-1] {
			name = f.store
		}
		if name != "" {
			if auth, err := k.ask(ctx, helper{name: name, path: f.path, env: k.opts.Env}, key); err == nil && auth == answer {
				return fmt.Sprintf("docker-credential-%s, which %s names", name, f.path)
			}
		}
		if f.auths[key] == answer {
			break
		}
	}
	return f.path
}
