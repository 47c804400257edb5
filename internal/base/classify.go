package base

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/imgo-build/imgo/pkg/publish"
)

// classify turns what came of a request for what into an error of pkg/publish,
// without any URL: those of blobs may carry tokens.
func (c *session) classify(what string, err error) error {
	host := c.repo.RegistryStr()
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return bare(err)
	}
	if bad, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return &publish.CertificateError{Host: host, Err: bad.Err}
	}
	if plain, ok := errors.AsType[*publish.PlainHTTPError](err); ok {
		return plain
	}
	if errors.Is(err, http.ErrSchemeMismatch) { // it answered HTTPS with HTTP
		return &publish.PlainHTTPError{Host: host}
	}
	if notFound(err) {
		return &publish.NotFoundError{Reference: what}
	}
	if answer, ok := errors.AsType[*transport.Error](err); ok {
		return c.answered(answer)
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok && dns.IsNotFound {
		return &publish.UnknownHostError{Host: dns.Name}
	}
	_, network := errors.AsType[*net.OpError](err)
	if network || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &publish.UnreachableError{Host: host, Err: bare(err)}
	}
	return bare(err)
}

// answered is classify for an answer that reports an error.
func (c *session) answered(e *transport.Error) error {
	var code, detail string
	if len(e.Errors) > 0 {
		code, detail = string(e.Errors[0].Code), strings.Join(strings.Fields(e.Errors[0].Message), " ")
	}
	if e.StatusCode == http.StatusUnauthorized || e.StatusCode == http.StatusForbidden {
		return &publish.AuthError{
			Registry: c.repo.RegistryStr(), Repository: c.repo.RepositoryStr(),
			Status: e.StatusCode, Anonymous: c.anonymous, Detail: detail,
		}
	}
	return &publish.RegistryError{Registry: c.repo.RegistryStr(), Status: e.StatusCode, Code: code, Detail: detail}
}

// bare returns the reason inside of the errors that name a URL.
func bare(err error) error {
	for {
		u, ok := errors.AsType[*url.Error](err)
		if !ok {
			return err
		}
		err = u.Err
	}
}
