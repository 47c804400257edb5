package sign

import (
	"cmp"
	"context"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"os"
	"path"
	"strings"
	"time"

	"github.com/pkg/browser"
	rekorclient "github.com/sigstore/rekor/pkg/client"
	"github.com/sigstore/rekor/pkg/generated/client/entries"
	sgsign "github.com/sigstore/sigstore-go/pkg/sign"
	"github.com/sigstore/sigstore/pkg/oauthflow"

	"github.com/imgo-build/imgo/internal/attest/wire"
)

// The public services of sigstore's.
const (
	PublicFulcio = "https://fulcio.sigstore.dev"
	PublicRekor  = "https://rekor.sigstore.dev"
	PublicIssuer = "https://oauth2.sigstore.dev/auth"
	publicClient = "sigstore"
)

// requestCertificate asks Fulcio for a certificate.
func requestCertificate(ctx context.Context, url string, pair sgsign.Keypair, token string) (*x509.Certificate, error) {
	fulcio := sgsign.NewFulcio(&sgsign.FulcioOptions{BaseURL: url, Retries: 1})
	der, err := fulcio.GetCertificate(ctx, pair, &sgsign.CertificateProviderOptions{IDToken: token})
	if err != nil {
		return nil, failf(wire.CodeFulcio, "asking for a certificate: %s", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, failf(wire.CodeFulcio, "reading the certificate: %s", err)
	}
	return cert, nil
}

// logTimeout is how long the log may take for an entry. (Without one, sigstore-go sets
// its own while several signatures are made at once: a race.)
const logTimeout = time.Minute

// newLog is the transparency log at the address, by the first version of its protocol.
func newLog(url string) (sgsign.Transparency, error) {
	client, err := rekorclient.GetRekorClient(url, rekorclient.WithRetryCount(2), rekorclient.WithUserAgent("imgo-sigstore"))
	if err != nil {
		return nil, failf(wire.CodeRekor, "reading the address of the transparency log: %s", err)
	}
	return sgsign.NewRekor(&sgsign.RekorOptions{BaseURL: url, Client: &oneEntry{client.Entries}, Timeout: logTimeout}), nil
}

// oneEntry takes it for success that the log has the entry already. Keys whose
// signatures aren't random (RSA, Ed25519) make the same entry of the same statement.
type oneEntry struct {
	entries entries.ClientService
}

func (o *oneEntry) CreateLogEntry(params *entries.CreateLogEntryParams, opts ...entries.ClientOption) (*entries.CreateLogEntryCreated, error) {
	created, err := o.entries.CreateLogEntry(params, opts...)
	var conflict *entries.CreateLogEntryConflict
	if !errors.As(err, &conflict) {
		return created, err
	}
	get := entries.NewGetLogEntryByUUIDParamsWithContext(params.Context).
		WithEntryUUID(path.Base(conflict.Location.String()))
	got, err := o.entries.GetLogEntryByUUID(get)
	if err != nil {
		return nil, err
	}
	for id := range got.Payload {
		return &entries.CreateLogEntryCreated{ETag: id, Location: conflict.Location, Payload: got.Payload}, nil
	}
	return nil, errors.New("the log has the entry, but does not show it")
}

// identityToken is the token that was given, or one that the user gets in a browser.
func identityToken(ctx context.Context, req *wire.Signer, words io.Writer) (string, error) {
	if req.Token != "" {
		return req.Token, checkToken(req.Token)
	}
	if !req.Interactive {
		return "", failf(wire.CodeOIDC, "signing without a key needs an identity token, and there is none")
	}
	type answer struct {
		token *oauthflow.OIDCIDToken
		err   error
	}
	if err := quietBrowser(); err != nil {
		return "", err
	}
	// The flow doesn't know contexts. The process ends soon after this one does.
	done := make(chan answer, 1)
	go func() {
		token, err := oauthflow.OIDConnect(cmp.Or(req.OIDCIssuer, PublicIssuer), cmp.Or(req.OIDCClientID, publicClient), "", "",
			&oauthflow.InteractiveIDTokenGetter{HTMLPage: signedIn, Input: strings.NewReader(""), Output: words})
		done <- answer{token, err}
	}()
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case a := <-done:
		if a.err != nil {
			return "", failf(wire.CodeOIDC, "signing in: %s", a.err)
		}
		return a.token.RawString, nil
	}
}

// quietBrowser keeps the browser from writing into the response, and from holding the
// pipes to imgo open.
func quietBrowser() error {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	browser.Stdout, browser.Stderr = null, null
	return nil
}

const signedIn = `<!DOCTYPE html><html><head><title>imgo</title></head>
<body><p>You are signed in, and may close this window. imgo goes on signing.</p></body></html>`

// checkToken finds what cannot be a token, before it is sent anywhere. Whether it is
// genuine is for Fulcio to say.
func checkToken(token string) error {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return failf(wire.CodeOIDC, "the identity token is not a JSON web token")
	}
	claims, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return failf(wire.CodeOIDC, "the identity token is not a JSON web token")
	}
	if _, err := oauthflow.SubjectFromUnverifiedToken(claims); err != nil {
		return failf(wire.CodeOIDC, "reading the identity token: %s", err)
	}
	return nil
}
