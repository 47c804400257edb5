package attest

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// NoTokenError says that nobody vouches for who signs.
type NoTokenError struct{}

func (*NoTokenError) Error() string {
	return "signing without a key needs an identity, and there is none: no token of GitHub Actions, no SIGSTORE_ID_TOKEN, and no terminal to log in from"
}

// keyless finds out by whose identity is signed.
func (a *Attester) keyless(ctx context.Context, s *signer) error {
	token, err := a.opts.Token(ctx)
	if err != nil {
		return fmt.Errorf("asking for an identity token: %w", err)
	}
	if token == "" {
		if !a.opts.Interactive {
			return &NoTokenError{}
		}
		s.Interactive = true
		return nil
	}
	s.Token = token
	// Who it is only spares signing again what is signed: Fulcio looks at it properly.
	s.identity.SAN, s.identity.Issuer = identityOf(token)
	return nil
}

// identityOf reads what Fulcio's certificates will say of an OIDC token's owner
// (https://github.com/sigstore/fulcio/blob/main/docs/oidc.md); nothing where that isn't
// certain. The token is not verified.
func identityOf(token string) (san, issuer string) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return "", ""
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return "", ""
	}
	var claims struct {
		Issuer   string `json:"iss"`
		Email    string `json:"email"`
		Workflow string `json:"job_workflow_ref"`
	}
	if json.Unmarshal(raw, &claims) != nil {
		return "", ""
	}
	switch {
	case claims.Workflow != "":
		return "https://github.com/" + claims.Workflow, claims.Issuer
	case claims.Email != "":
		return claims.Email, claims.Issuer
	}
	return "", ""
}

// audience is whom a token is for.
const audience = "sigstore"

// AmbientToken returns the identity token that a run has by itself: SIGSTORE_ID_TOKEN, or
// that of GitHub Actions, where the workflow has the permission id-token: write. It is
// empty where there is none.
func AmbientToken(ctx context.Context, getenv func(string) string, transport http.RoundTripper) (string, error) {
	if token := getenv("SIGSTORE_ID_TOKEN"); token != "" {
		return token, nil
	}
	address, secret := getenv("ACTIONS_ID_TOKEN_REQUEST_URL"), getenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
	if address == "" || secret == "" {
		return "", nil
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return "", errors.New("ACTIONS_ID_TOKEN_REQUEST_URL is no address")
	}
	query := u.Query()
	query.Set("audience", audience)
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return "", err
	}
	req.Header.Set("Authorization", "Bearer "+secret)
	client := http.Client{Transport: transport}
	resp, err := client.Do(req)
	if err != nil {
		return "", fmt.Errorf("asking GitHub for it: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("asking GitHub for it: %s", resp.Status)
	}
	var answer struct {
		Value string `json:"value"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&answer); err != nil || answer.Value == "" {
		return "", errors.New("GitHub's answer holds no token")
	}
	return answer.Value, nil
}
