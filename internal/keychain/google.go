package keychain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/authn"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"
)

// googleUser is the name that goes with an access token in place of a password.
const googleUser = "oauth2accesstoken"

// google are the registries of Google's customers. The order of its ways is that of
// Google's libraries, with the gcloud program as the last.
func (k *Keychain) google() *cloud {
	c := &cloud{
		Advice: Advice{Cloud: "Google Cloud", Programs: []string{"gcloud"}, Login: "gcloud auth login"},
		one:    true,
	}
	if path, login := k.googleFile(); path != "" {
		c.ways = append(c.ways, way{source: path, login: login, get: func(ctx context.Context, _ string) (authn.Authenticator, error) {
			return k.googleLogin(ctx, path)
		}})
	}
	if host := k.metadataHost(); host != "" {
		c.ways = append(c.ways, way{source: "the metadata server", get: func(ctx context.Context, _ string) (authn.Authenticator, error) {
			return machineLogin(ctx, host)
		}})
	}
	c.ways = append(c.ways, way{source: "gcloud", get: func(ctx context.Context, _ string) (authn.Authenticator, error) {
		out, err := tool{
			name: "gcloud", args: []string{"auth", "print-access-token", "--quiet"},
			absent: []string{"do not currently have an active account"}, env: k.opts.Env,
		}.run(ctx)
		return basic(googleUser, out), err
	}})
	return c
}

func googleRegistry(host string) bool {
	return host == "gcr.io" || strings.HasSuffix(host, ".gcr.io") || strings.HasSuffix(host, "-docker.pkg.dev") ||
		strings.HasPrefix(host, "docker.") && strings.HasSuffix(host, ".rep.pkg.dev")
}

// googleFile is where the "application default credentials" are: of a service
// account, of a person, or the description of how another provider's token is
// exchanged for one of Google's (as in GitHub Actions). With it comes how to renew
// them.
func (k *Keychain) googleFile() (path, login string) {
	if path = k.env("GOOGLE_APPLICATION_CREDENTIALS"); path != "" {
		return path, "let GOOGLE_APPLICATION_CREDENTIALS name a valid file, or unset it"
	}
	dir := k.env("CLOUDSDK_CONFIG")
	if appData := k.env("APPDATA"); dir == "" && runtime.GOOS == "windows" && appData != "" {
		dir = filepath.Join(appData, "gcloud")
	}
	if home := k.env("HOME"); dir == "" && home != "" {
		dir = filepath.Join(home, ".config", "gcloud")
	}
	if dir == "" {
		return "", ""
	}
	path = filepath.Join(dir, "application_default_credentials.json")
	if _, err := os.Stat(path); err != nil {
		return "", ""
	}
	return path, "gcloud auth application-default login"
}

func (k *Keychain) googleLogin(ctx context.Context, path string) (authn.Authenticator, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errors.New("there is no such file")
	}
	if err != nil {
		return nil, withoutPath(err)
	}
	var kind struct {
		Type google.CredentialsType `json:"type"`
	}
	if json.Unmarshal(raw, &kind) != nil || kind.Type == "" {
		return nil, errors.New("it is not a file of Google credentials")
	}
	client := k.client()
	login := &googleAuth{fetch: func(ctx context.Context) (*oauth2.Token, error) {
		ctx = context.WithValue(ctx, oauth2.HTTPClient, client)
		found, err := google.CredentialsFromJSONWithType(ctx, raw, kind.Type, "https://www.googleapis.com/auth/cloud-platform")
		if err != nil {
			return nil, err
		}
		return found.TokenSource.Token()
	}}
	_, err = login.AuthorizationContext(ctx)
	return login, err
}

// googleAuth holds an access token and fetches another when it has expired, since a
// build may take longer than a token lasts.
type googleAuth struct {
	fetch func(context.Context) (*oauth2.Token, error)

	mu    sync.Mutex
	token *oauth2.Token
}

var _ authn.ContextAuthenticator = (*googleAuth)(nil)

func (a *googleAuth) Authorization() (*authn.AuthConfig, error) {
	return a.AuthorizationContext(context.Background())
}

func (a *googleAuth) AuthorizationContext(ctx context.Context) (*authn.AuthConfig, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.token.Valid() {
		token, err := a.fetch(ctx)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil {
			return nil, tokenError(err)
		}
		a.token = token
	}
	return &authn.AuthConfig{Username: googleUser, Password: a.token.AccessToken}, nil
}

// tokenError leaves out what an answer contains beside the reason.
func tokenError(err error) error {
	if errors.Is(err, errNoAccount) {
		return err
	}
	reason := err.Error()
	if e, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		switch {
		case e.ErrorDescription != "":
			reason = e.ErrorDescription
		case e.ErrorCode != "":
			reason = e.ErrorCode
		case e.Response != nil:
			reason = e.Response.Status
		}
		return fmt.Errorf("no token for it: %s", presentable(reason))
	}
	return errors.New(presentable(reason))
}
