package keychain

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"golang.org/x/oauth2"
)

// metadataHost is the server in which a machine of Google's finds its own login, or ""
// elsewhere: it isn't looked for in networks that have none.
func (k *Keychain) metadataHost() string {
	if host := k.env("GCE_METADATA_HOST"); host != "" {
		return host
	}
	if product, err := os.ReadFile(k.productFile); err == nil && strings.HasPrefix(string(product), "Google") {
		return "metadata.google.internal"
	}
	return ""
}

// machineLogin is the login of the service account that the machine, or the pod, runs
// as. The server keeps its tokens fresh, so they are asked for whenever one is needed.
func machineLogin(ctx context.Context, host string) (authn.Authenticator, error) {
	login := &googleAuth{fetch: func(ctx context.Context) (*oauth2.Token, error) {
		return machineToken(ctx, host)
	}}
	_, err := login.AuthorizationContext(ctx)
	if errors.Is(err, errNoAccount) {
		return nil, nil
	}
	return login, err
}

// errNoAccount is a machine that has no service account, or one that its programs
// can't reach.
var errNoAccount = errors.New("the machine has no service account")

// machineToken asks without any proxy: the question is for this machine, and the answer
// for nobody else.
func machineToken(ctx context.Context, host string) (*oauth2.Token, error) {
	dialer := &net.Dialer{Timeout: 3 * time.Second}
	client := &http.Client{
		Transport:     &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       15 * time.Second,
	}
	url := "http://" + host + "/computeMetadata/v1/instance/service-accounts/default/token"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Metadata-Flavor", "Google")
	resp, err := client.Do(req)
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return nil, errNoAccount
	}
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return nil, errNoAccount
	default:
		return nil, errors.New(resp.Status)
	}
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return nil, err
	}
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if json.Unmarshal(raw, &answer) != nil || answer.AccessToken == "" {
		return nil, errors.New("its answer has no access_token")
	}
	// Without an expiry it would be taken for valid for ever.
	return &oauth2.Token{AccessToken: answer.AccessToken, Expiry: time.Unix(1, 0)}, nil
}
