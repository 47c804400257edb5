package publish

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	ggcr "github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/imgo-build/imgo/pkg/publish/transport"
)

// classify is [Classify] for the session's repository.
func (s *session) classify(err error) error {
	return Classify(s.repo, s.anonymous, s.plain, err)
}

// Classify turns what came of a request to a repository into an error of this
// package, without any URL: those may carry tokens. anonymous says that the request
// went without credentials, plain that plain HTTP is allowed for the registry.
func Classify(repo name.Repository, anonymous, plain bool, err error) error {
	if err == nil || ours(err) {
		return err
	}
	if errors.Is(err, context.Canceled) { // perhaps one of two attempts, the other of which failed before
		return context.Canceled
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return bare(err)
	}
	if settings, ok := errors.AsType[*transport.SettingsError](err); ok {
		return settings
	}
	host := repo.RegistryStr()
	if refusesClient(err) {
		return &CertificateError{Host: host, Err: errors.New("it demands a client certificate that it trusts"), Client: true}
	}
	// A ping of this machine tries HTTPS, then HTTP: the certificate is the better of
	// the two reasons.
	if cert := certificateProblem(err); cert != nil {
		return &CertificateError{Host: host, Err: cert}
	}
	if ph, ok := errors.AsType[*PlainHTTPError](err); ok {
		return ph
	}
	if slow, ok := errors.AsType[*SlowError](err); ok {
		return slow
	}
	if large, ok := errors.AsType[*transport.LargeError](err); ok {
		return &RegistryError{Registry: host, Status: http.StatusOK, Detail: fmt.Sprintf("an answer larger than %d MiB", large.Max>>20)}
	}
	if te, ok := errors.AsType[*ggcr.Error](err); ok {
		return answered(repo, anonymous, te)
	}
	if errors.Is(err, http.ErrSchemeMismatch) && !plain {
		return &PlainHTTPError{Host: host}
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok && dns.IsNotFound {
		return &UnknownHostError{Host: dns.Name}
	}
	if broken(err) {
		return &UnreachableError{Host: host, Err: bare(err)}
	}
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return &RegistryError{Registry: host, Detail: "broken JSON: " + syntax.Error()}
	}
	if strings.Contains(err.Error(), "no token in bearer response") { // ggcr's text goes on with the answer itself
		return &RegistryError{Registry: host, Detail: "the token server answered without a token"}
	}
	return bare(err)
}

// ours reports whether err has its final form.
func ours(err error) bool {
	for _, is := range []func(error) bool{
		isA[*AuthError], isA[*UnknownHostError], isA[*UnreachableError], isA[*CertificateError],
		isA[*NotFoundError], isA[*RegistryError], isA[*DigestError],
	} {
		if is(err) {
			return true
		}
	}
	return false
}

func isA[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// answered is classify for an answer that reports an error.
func answered(repo name.Repository, anonymous bool, te *ggcr.Error) error {
	code, detail := "", ""
	if len(te.Errors) > 0 {
		code, detail = string(te.Errors[0].Code), oneLine(te.Errors[0].Message)
	}
	host := repo.RegistryStr()
	if te.StatusCode == http.StatusUnauthorized || te.StatusCode == http.StatusForbidden {
		return &AuthError{
			Registry: host, Repository: repo.RepositoryStr(),
			Status: te.StatusCode, Anonymous: anonymous, Detail: detail,
		}
	}
	return &RegistryError{Registry: host, Status: te.StatusCode, Code: code, Detail: detail}
}

// refusesClient reports whether a registry ended the handshake over the client's
// certificate, or for want of one (RFC 8446, section 6.2; with older TLS a missing one is
// a bad one). crypto/tls has a type of its own for what the other side sends: only the
// text can be told.
func refusesClient(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	if !ok || op.Op != "remote error" {
		return false
	}
	for _, alert := range []tls.AlertError{42, 43, 44, 45, 46, 48, 49, 116} { // bad_certificate to access_denied, certificate_required
		if op.Err.Error() == alert.Error() {
			return true
		}
	}
	return false
}

func certificateProblem(err error) error {
	if e, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return e.Err
	}
	if e, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return e
	}
	if e, ok := errors.AsType[x509.HostnameError](err); ok {
		return e
	}
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		return e
	}
	return nil
}

// broken reports whether err is the network's.
func broken(err error) bool {
	if isA[*net.OpError](err) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return true
	}
	ne, ok := errors.AsType[net.Error](err)
	return ok && ne.Timeout()
}

// bare returns the reason inside of the errors that name a URL.
func bare(err error) error {
	for {
		ue, ok := errors.AsType[*url.Error](err)
		if !ok {
			return err
		}
		err = ue.Err
	}
}

// oneLine makes a registry's message fit into an error of ours.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	const limit = 300
	if len(s) > limit {
		s = strings.ToValidUTF8(s[:limit], "") + "…"
	}
	return s
}
