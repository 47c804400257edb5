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
}

// Default returns the RoundTripper at the bottom: it connects, through a proxy
// where the environment names one, and keeps connections for reuse. How
// long an answer may take is for [Limit].
func Default(opts Options) http.RoundTripper {
	dialer := &net.Dialer{Timeout: 15 * time.Second, KeepAlive: 30 * time.Second}
	base := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           dialer.DialContext,
		TLSClientConfig:       opts.TLS,
		TLSHandshakeTimeout:   15 * time.Second,
		ExpectContinueTimeout: time.Second,
		ForceAttemptHTTP2:     true, // a custom DialContext turns it off otherwise
		MaxIdleConns:          64,
		MaxIdleConnsPerHost:   16, // more than any job limit of ours: nothing is dialled twice
		IdleConnTimeout:       90 * time.Second,
		WriteBufferSize:       64 << 10, // fewer system calls for uploads
		ReadBufferSize:        32 << 10,
	}
	if opts.UserAgent == "" {
		return base
	}
	return &userAgent{base: base, value: opts.UserAgent}
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
