package transport

import (
	"crypto/tls"
	"net"
	"net/http"
	"time"
)

// Options configures [Default].
type Options struct {
	UserAgent string      // sent with every request, "imgo/1.2.3"; empty leaves the caller's
	TLS       *tls.Config // nil trusts what the system trusts

	// CertDirs have a folder HOST[:PORT] for each registry that needs certificates, as
	// docker and podman have it (see [CertDirs]). The first that has one counts. They
	// are looked into when a connection to the host is made, once each.
	CertDirs []string
	// Registries are settings by host or host:port, where a host stands for all of its
	// ports. They come on top of those in CertDirs.
	Registries map[string]Registry
}

// Default returns the RoundTripper at the bottom: it connects, through a proxy
// where the environment names one, and keeps connections for reuse. How
// long an answer may take is for [Limit].
//
// What is set for one registry is for that one only, and for no other host that it
// redirects to or takes tokens from. A file that can't be used is a [*SettingsError]
// of the request.
func Default(opts Options) http.RoundTripper {
	if opts.TLS != nil {
		opts.TLS = opts.TLS.Clone() // every http.Transport changes its own
	}
	shared := newTransport(opts.TLS.Clone())
	var base http.RoundTripper = shared
	if len(opts.CertDirs) > 0 || len(opts.Registries) > 0 {
		base = &perHost{opts: opts, shared: shared, hosts: map[string]*hostTransport{}}
	}
	if opts.UserAgent == "" {
		return base
	}
	return &userAgent{base: base, value: opts.UserAgent}
}

const handshake = 15 * time.Second

func newDialer() *net.Dialer {
	return &net.Dialer{Timeout: 15 * time.Second, KeepAlive: 30 * time.Second}
}

func newTransport(config *tls.Config) *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           newDialer().DialContext,
		TLSClientConfig:       config,
		TLSHandshakeTimeout:   handshake,
		ExpectContinueTimeout: time.Second,
		ForceAttemptHTTP2:     true, // a custom DialContext turns it off otherwise
		MaxIdleConns:          64,
		MaxIdleConnsPerHost:   16, // more than any job limit of ours: nothing is dialled twice
		IdleConnTimeout:       90 * time.Second,
		WriteBufferSize:       64 << 10, // fewer system calls for uploads
		ReadBufferSize:        32 << 10,
	}
}

type userAgent struct {
	base  http.RoundTripper
	value string
}

func (u *userAgent) RoundTrip(req *http.Request) (*http.Response, error) {
	clone := req.Clone(req.Context())
	clone.Header.Set("User-Agent", u.value)
	resp, err := u.base.RoundTrip(clone)
	if resp != nil {
		resp.Request = req
	}
	return resp, err
}
