package publish

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/pkg/publish/transport"
)

// AuthError says that a registry didn't accept the credentials, or accepts them but
// not for this repository.
type AuthError struct {
	Registry   string
	Repository string // empty where it is about the registry as such
	Status     int    // 401 or 403
	Anonymous  bool   // there were no credentials for the registry
	Detail     string // the registry's own words, may be empty
}

func (e *AuthError) Error() string {
	who := "the credentials"
	if e.Anonymous {
		who = "access without credentials"
	}
	what := ""
	if e.Repository != "" {
		what = " for " + e.Repository
	}
	return detailed(fmt.Sprintf("%s did not accept %s%s (%d %s)",
		e.Registry, who, what, e.Status, http.StatusText(e.Status)), e.Detail)
}

// UnknownHostError says that a registry's name doesn't resolve.
type UnknownHostError struct {
	Host string
}

func (e *UnknownHostError) Error() string { return "unknown host " + e.Host }

// UnreachableError says that a registry's host is known but no connection came
// about, or that it broke, at every attempt.
type UnreachableError struct {
	Host string
	Err  error
}

func (e *UnreachableError) Error() string {
	if op, ok := errors.AsType[*net.OpError](e.Err); ok && op.Op == "dial" {
		return fmt.Sprintf("no connection to %s: %v", e.Host, op.Err)
	}
	if errors.Is(e.Err, io.EOF) || errors.Is(e.Err, net.ErrClosed) {
		return fmt.Sprintf("the connection to %s broke", e.Host)
	}
	return fmt.Sprintf("the connection to %s broke: %v", e.Host, e.Err)
}
func (e *UnreachableError) Unwrap() error { return e.Err }

// CertificateError says that a registry's TLS certificate is not trusted or not
// for this host, or that the registry wants one of the client's.
type CertificateError struct {
	Host   string
	Err    error
	Client bool // it is the registry that doesn't accept ours, or that we have none
}

func (e *CertificateError) Error() string {
	if e.Client {
		return fmt.Sprintf("%s refuses the connection: %v", e.Host, e.Err)
	}
	return fmt.Sprintf("the certificate of %s is not accepted: %v", e.Host, e.Err)
}
func (e *CertificateError) Unwrap() error { return e.Err }

// PlainHTTPError says that a host would have to be spoken to without encryption.
type PlainHTTPError = transport.PlainHTTPError

// SlowError says that a host accepted a request and then kept silent.
type SlowError = transport.SlowError

// NotFoundError says that a registry has no such image.
type NotFoundError struct {
	Reference string
}

func (e *NotFoundError) Error() string { return "the registry has no such image" }

// RegistryError is any other answer that a request can't go on from: an error that
// the registry reports, or nonsense (an HTML page, another digest than that of what
// was sent, broken JSON), where Status is below 400.
type RegistryError struct {
	Registry string
	Status   int    // of HTTP
	Code     string // of the distribution specification (BLOB_UNKNOWN, …), if there was one
	Detail   string
}

func (e *RegistryError) Error() string {
	if e.Status < 400 {
		return fmt.Sprintf("%s answered nonsense: %s", e.Registry, e.Detail)
	}
	s := fmt.Sprintf("%s answered %d %s", e.Registry, e.Status, http.StatusText(e.Status))
	if e.Code != "" {
		s += " " + e.Code
	}
	return detailed(s, e.Detail)
}

// nonsense reports whether it is what the registry sent that is wrong, and not (Status 0)
// what a token server said.
func (e *RegistryError) nonsense() bool { return e.Status >= 200 && e.Status < 400 }

// DigestError says that the bytes of a blob or manifest are not those that its
// digest promises.
type DigestError struct {
	What     string // "layer", "config", "manifest"
	Want     v1.Hash
	Got      v1.Hash
	Size     int64  // of the bytes, if that is what is wrong
	Registry string // that sent them; empty for an archive, or where it isn't known
}

func (e *DigestError) Error() string {
	if e.Size != 0 || e.Got == (v1.Hash{}) {
		return fmt.Sprintf("%s %s is damaged: it has another size than its descriptor says (%d bytes)", e.What, e.Want, e.Size)
	}
	return fmt.Sprintf("%s %s is damaged: its bytes have the digest %s", e.What, e.Want, e.Got)
}

// OutputError says that a file or directory can't be written.
type OutputError struct {
	Path string
	Err  error
}

func (e *OutputError) Error() string { return fmt.Sprintf("writing %s: %v", e.Path, e.Err) }
func (e *OutputError) Unwrap() error { return e.Err }

// NotLayoutError says that a directory holds something else than an OCI layout, so
// that nothing is written into it.
type NotLayoutError struct {
	Dir     string
	Problem string
}

func (e *NotLayoutError) Error() string { return fmt.Sprintf("%s %s", e.Dir, e.Problem) }

// ArchiveError says that a tarball or layout can't be read as an image.
type ArchiveError struct {
	Path    string
	Problem string
	Err     error // may be nil
}

func (e *ArchiveError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("%s %s", e.Path, e.Problem)
	}
	return fmt.Sprintf("%s %s: %v", e.Path, e.Problem, e.Err)
}
func (e *ArchiveError) Unwrap() error { return e.Err }

func detailed(s, detail string) string {
	if detail == "" {
		return s
	}
	return s + ": " + detail
}
